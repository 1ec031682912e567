"""Programs of Debian's packages, wherever they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trial.packages import find_program, folders_of


def test_an_administrators_program_is_found_on_a_users_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_program("sh") is not None
    assert find_program("no-such-program") is None


def test_a_path_for_programs_stays_when_the_users_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "engine" / "dockerd"
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    usual = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{program.parent}:{usual}")
    before = folders_of(("dockerd", "sh", "no-such-program"))
    assert str(program.parent) in before.split(":")
    monkeypatch.setenv("PATH", f"{tmp_path / 'environment'}:{program.parent}:{usual}")
    assert folders_of(("dockerd", "sh", "no-such-program")) == before
