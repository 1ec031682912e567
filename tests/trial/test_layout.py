"""Where the trial keeps its files."""

import os
import stat
from pathlib import Path

import pytest

from trial.errors import TrialError
from trial.layout import LONGEST_RUNTIME_FOLDER, Layout, cache_folder, write_private


def test_the_cache_follows_the_users_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/astro-dbt")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "astro-dbt"


def test_sockets_get_a_short_folder_also_for_a_deep_state(tmp_path: Path) -> None:
    deep = Layout.of(repo=tmp_path, state=tmp_path / ("deep" * 30))
    assert len(os.fsencode(deep.runtime)) <= LONGEST_RUNTIME_FOLDER
    other = Layout.of(repo=tmp_path, state=tmp_path / ("deeper" * 30))
    assert deep.runtime != other.runtime
    assert Layout.of(repo=tmp_path, state=Path("/t")).runtime == Path("/t/rt")


def test_private_files_are_private_from_the_first_byte_and_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old", encoding="ascii")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text(encoding="ascii") == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_a_folder_not_managed_here_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with pytest.raises(TrialError, match="belongs to another user"):
        Layout.of(repo=tmp_path).private_folder(tmp_path / "rt")
