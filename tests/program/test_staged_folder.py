"""The staged folder: exactly the files that are wanted, read once and written only when they differ."""

from __future__ import annotations

import hashlib
import os

import pytest

from program.staged_folder import Staged, sync


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "source.sql"
    file.write_text("select 1\n")
    return file


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_text_and_copies_with_their_digests(tmp_path, source):
    source.chmod(0o700)
    staged = sync(tmp_path / "context", {"a/b.txt": b"text", "c.sql": source})
    assert staged == {
        "a/b.txt": Staged(hashlib.sha256(b"text").hexdigest(), executable=False),
        "c.sql": Staged(hashlib.sha256(b"select 1\n").hexdigest(), executable=True),
    }
    assert content(tmp_path / "context") == {"a/b.txt": b"text", "c.sql": b"select 1\n"}
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "context").rglob("*")}
    assert modes == {"a": 0o755, "b.txt": 0o644, "c.sql": 0o755}


def test_an_unchanged_file_keeps_its_inode_and_time(tmp_path, source):
    sync(tmp_path / "context", {"c.sql": source})
    before = (tmp_path / "context/c.sql").stat()
    os.utime(source, (1, 1))
    sync(tmp_path / "context", {"c.sql": source})
    assert (tmp_path / "context/c.sql").stat() == before


@pytest.mark.parametrize("text", ["select 2\n", "select 22\n"])
def test_a_changed_source_is_copied_also_at_the_same_size_and_time(tmp_path, source, text):
    sync(tmp_path / "context", {"c.sql": source})
    time = source.stat().st_mtime_ns
    source.write_text(text)
    os.utime(source, ns=(time, time))
    staged = sync(tmp_path / "context", {"c.sql": source})
    assert staged["c.sql"].digest == hashlib.sha256(text.encode()).hexdigest()
    assert (tmp_path / "context/c.sql").read_text() == text


def test_an_edit_in_the_folder_is_undone(tmp_path, source):
    sync(tmp_path / "context", {"c.sql": source})
    (tmp_path / "context/c.sql").write_text("select 9\n")
    sync(tmp_path / "context", {"c.sql": source})
    assert (tmp_path / "context/c.sql").read_text() == "select 1\n"


@pytest.mark.parametrize("record", ["", "[]", "{", '{"c.sql": 1}', '{"c.sql": ["x", 9, 1]}'])
def test_a_record_that_says_nothing_true_costs_a_copy(tmp_path, source, record):
    sync(tmp_path / "context", {"c.sql": source})
    (tmp_path / "context/c.sql").write_text("wrong and of another length")
    (tmp_path / "context.json").write_text(record)
    sync(tmp_path / "context", {"c.sql": source})
    assert (tmp_path / "context/c.sql").read_text() == "select 1\n"


def test_what_is_not_wanted_goes_and_links_are_not_written_through(tmp_path, source):
    folder, outside = tmp_path / "context", tmp_path / "outside.txt"
    outside.write_text("not ours")
    sync(folder, {"old/a.txt": b"a", "b.txt": b"b"})
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to(outside)
    (folder / "link").symlink_to(tmp_path)
    sync(folder, {"b.txt": b"new"})
    assert content(folder) == {"b.txt": b"new"}
    assert [path.name for path in folder.iterdir()] == ["b.txt"]
    assert outside.read_text() == "not ours"


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round(tmp_path):
    folder = tmp_path / "context"
    sync(folder, {"a/b.txt": b"1", "c": b"2"})
    sync(folder, {"a": b"3", "c/d.txt": b"4"})
    assert content(folder) == {"a": b"3", "c/d.txt": b"4"}
