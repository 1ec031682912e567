"""Copies of the kubeconfig are recognised by what they name, and nothing else in the temporary folder is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from program.kubeconfig_copies import remove
from tests.support.stacks import ROOT

OWN = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "prod", "cluster": {"server": "https://prod.example.com"}}],
    "users": [{"name": "deployer", "user": {"token": "canary-token"}}],
    "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "deployer"}}],
    "current-context": "prod",
}
CONTENT = yaml.safe_dump(OWN)


def written_by_the_plugin(changed: object = None) -> str:
    """As client-go writes it: other order, further fields, and perhaps an older token."""
    users = [{"name": "deployer", "user": {"token": "canary-older"}}]
    return yaml.safe_dump({**OWN, "users": users, "preferences": {}, **(changed or {})})  # type: ignore[dict-item]


@pytest.mark.parametrize("as_path", [True, False])
def test_copies_are_removed(tmp_path: Path, as_path: bool) -> None:
    config = tmp_path / "config"
    config.write_text(CONTENT)
    for number in ("1", "4138072"):
        (tmp_path / f"kubeconfig{number}").write_text(written_by_the_plugin())
    remove(str(config) if as_path else CONTENT, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config"]


@pytest.mark.parametrize(
    "content",
    [
        written_by_the_plugin(
            {"clusters": [{"name": "prod", "cluster": {"server": "https://other.example.com"}}]}
        ),
        written_by_the_plugin({"users": [{"name": "somebody", "user": {}}]}),
        "",
        "- a list",
        "clusters: 3",
        "clusters: [{cluster: null}]",
        "\t{",
        "\x00",
        "a: &a [*a]",
    ],
)
def test_what_is_no_copy_stays(tmp_path: Path, content: str) -> None:
    (tmp_path / "kubeconfig12").write_text(content)
    remove(CONTENT, tmp_path)
    assert (tmp_path / "kubeconfig12").exists()


@pytest.mark.parametrize("name", ["kubeconfig", "kubeconfig.yaml", "kubeconfig12.bak", "my-kubeconfig12"])
def test_other_names_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(written_by_the_plugin())
    remove(CONTENT, tmp_path)
    assert (tmp_path / name).exists()


def test_links_folders_and_bytes_stay(tmp_path: Path) -> None:
    (tmp_path / "own").write_text(CONTENT)
    (tmp_path / "kubeconfig1").symlink_to(tmp_path / "own")
    (tmp_path / "kubeconfig2").mkdir()
    (tmp_path / "kubeconfig3").write_bytes(b"\xff\xfe")
    remove(CONTENT, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("kubeconfig", ["/nowhere/kubeconfig", "x" * 5000, "~nobody/config", "a: [", ""])
def test_an_unusable_kubeconfig_removes_nothing(tmp_path: Path, kubeconfig: str) -> None:
    (tmp_path / "kubeconfig1").write_text("")
    (tmp_path / "kubeconfig2").write_text(written_by_the_plugin())
    remove(kubeconfig, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("ends", ["", "raise SystemExit(1)", "raise ValueError"])
def test_it_happens_at_the_end_however_the_program_ends(tmp_path: Path, ends: str) -> None:
    config, folder = tmp_path / "config", tmp_path / "tmp"
    folder.mkdir()
    config.write_text(CONTENT)
    copied = f"""
from pathlib import Path
from program.kubeconfig_copies import remove_at_exit
remove_at_exit(None)
Path({str(folder / "kubeconfig7")!r}).write_text(Path({str(config)!r}).read_text())
{ends}
"""
    variables = {**os.environ, "KUBECONFIG": str(config), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", copied], env=variables, capture_output=True, check=False)
    assert list(folder.iterdir()) == []
