"""Generated files: written, or checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.generated import write


def test_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["program"])
    write({tmp_path / "a.md": "new\n"})
    assert (tmp_path / "a.md").read_text() == "new\n"


def test_a_check_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["program", "--check"])
    (tmp_path / "a.md").write_text("old\n")
    (tmp_path / "b.md").write_text("new\n")
    with pytest.raises(SystemExit, match=r"^a\.md: out of date; run `make docs`"):
        write({tmp_path / "a.md": "new\n", tmp_path / "b.md": "new\n"})
    assert (tmp_path / "a.md").read_text() == "old\n"
