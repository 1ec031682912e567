"""Which Python the language host takes, and what it finds there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROOT
from trial.language_host.server import split_port
from trial.language_host.toolchain import Toolchain, ToolchainError, installed, plugin_packages


def test_virtual_environment_is_relative_to_the_project(tmp_path: Path) -> None:
    toolchain = Toolchain.of(tmp_path, {"virtualenv": "../.venv"})
    assert toolchain.python == tmp_path.parent / ".venv" / "bin" / "python"
    assert toolchain.environment()["VIRTUAL_ENV"] == str(tmp_path.parent / ".venv")
    with pytest.raises(ToolchainError, match="pulumi install"):
        toolchain.require()


def test_without_a_virtual_environment(tmp_path: Path) -> None:
    assert Toolchain.of(tmp_path, {}).python == Path(sys.executable)


def test_other_package_managers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="write pip"):
        Toolchain.of(tmp_path, {"toolchain": "poetry"})


def test_plugins_of_the_installed_packages() -> None:
    found = {
        package.name: package.version
        for package in plugin_packages(Toolchain.of(ROOT, {"virtualenv": ".venv"}))
    }
    assert found["kubernetes"] == "4.25.0"
    assert found["docker"] == "5.1.0"


def test_plugin_file(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "python3.11" / "site-packages" / "pulumi_some_cloud"
    package.mkdir(parents=True)
    content = {"resource": True, "version": "v1.2.3", "server": "https://plugins.example.com"}
    (package / "pulumi-plugin.json").write_text(json.dumps(content))
    (package.parent / "other").mkdir()
    (package.parent / "other" / "pulumi-plugin.json").write_text('{"resource": false}')
    [found] = plugin_packages(Toolchain.of(tmp_path, {"virtualenv": "."}))
    assert (found.name, found.version, found.server) == ("some-cloud", "1.2.3", "https://plugins.example.com")


def test_only_what_nothing_else_needs_is_listed() -> None:
    toolchain = Toolchain.of(ROOT, {"virtualenv": ".venv"})
    every = {name for name, _ in installed(toolchain, all_of_them=True)}
    top = {name for name, _ in installed(toolchain, all_of_them=False)}
    assert "grpcio" in every
    assert "grpcio" not in top
    assert top < every


def test_port_is_taken_from_the_first_line() -> None:
    ports: list[int | None] = []
    rest: list[tuple[str, bytes]] = []
    chunks = [("stderr", b"warn\n"), ("stdout", b"12"), ("stdout", b"34\nhello\n"), ("stdout", b"more")]
    split_port(iter(chunks), ports.append, rest.append)
    assert ports == [1234]
    assert rest == [("stderr", b"warn\n"), ("stdout", b"hello\n"), ("stdout", b"more")]
    split_port(iter([("stderr", b"broken")]), ports.append, rest.append)
    assert ports == [1234, None]
