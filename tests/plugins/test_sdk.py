"""Generated SDKs in the trial's language host: the generator's mistakes, and requirements.txt."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from trial.language_host import sdk
from trial.language_host.processes import Children
from trial.language_host.toolchain import ToolchainError


def generated(program: Path, path: str = "sdks/astro-agents", package: str = "pulumi_astro_agents") -> str:
    folder = program / path / package
    folder.mkdir(parents=True)
    (folder / "pulumi-plugin.json").write_text('{"resource": true, "name": "astro-agents"}')
    return path


def generate(
    environment: dict[str, str], folder: Path, *, extra_files: dict[str, bytes] | None = None
) -> None:
    sdk.generate(
        Children(),
        environment,
        schema=json.dumps({"name": "p"}),
        loader="127.0.0.1:1",
        directory=folder,
        extra_files=extra_files or {},
    )


def with_generator(folder: Path, body: str) -> dict[str, str]:
    """An environment whose generator runs a few lines of Python on `request`."""
    program = folder / sdk.GENERATOR
    program.write_text(f"#!{sys.executable}\nimport json, sys\nrequest = json.load(sys.stdin)\n{body}\n")
    program.chmod(0o755)
    return {**os.environ, "PATH": str(folder)}


def test_the_generator_gets_the_whole_request(tmp_path: Path) -> None:
    environment = with_generator(
        tmp_path,
        "import pathlib; pathlib.Path(request['directory'], 'asked').write_text(json.dumps(request))",
    )
    generate(environment, tmp_path, extra_files={"a.txt": b"\xff" * 200_000})
    asked = json.loads((tmp_path / "asked").read_text())
    assert asked["schema"] == {"name": "p"}
    assert asked["loader"] == "127.0.0.1:1"
    assert len(asked["extraFiles"]["a.txt"]) > 200_000


def test_mistakes_in_the_schema_are_quoted(tmp_path: Path) -> None:
    environment = with_generator(tmp_path, "sys.exit('reading the schema: no version')")
    with pytest.raises(ToolchainError, match=r"^reading the schema: no version$"):
        generate(environment, tmp_path)


def test_without_the_generator(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=r"is not on PATH; run `make up`"):
        generate({"PATH": str(tmp_path)}, tmp_path)


def test_an_sdk_is_added_to_the_requirements_once(tmp_path: Path) -> None:
    path = generated(tmp_path)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pulumi")
    for _ in range(2):
        assert "import pulumi_astro_agents as astro_agents\n" in sdk.link(tmp_path, [path])
        assert requirements.read_text() == "pulumi\nsdks/astro-agents\n"


def test_the_package_of_a_repository_has_the_name_of_its_organisation(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    path = generated(tmp_path, "sdks/acme-astro-agents", "acme_astro_agents")
    assert "import acme_astro_agents as astro_agents\n" in sdk.link(tmp_path, [path])


def test_a_program_without_requirements(tmp_path: Path) -> None:
    with pytest.raises(
        ToolchainError, match=r"requirements\.txt does not exist; create it with the line `pulumi`"
    ):
        sdk.link(tmp_path, [generated(tmp_path)])
