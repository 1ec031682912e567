"""A folder with exactly the wanted files, and their digests: unchanged files are read once and not written.

A file next to the folder (`<folder>.json`) remembers size and time of each staged file, so that a second run only has to read
the sources. Anything that does not fit it is staged anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Staged:
    """A file of the folder."""

    digest: str
    """SHA-256 of its content, hexadecimal."""
    executable: bool
    """Whether its owner may run it; all other mode bits are normalised."""


_Record = dict[str, list[str | int]]
"""Name -> digest, size in bytes and time of the last change in nanoseconds of the staged file."""


def sync(folder: Path, wanted: Mapping[str, bytes | Path]) -> dict[str, Staged]:
    """Write exactly the wanted files (name with slashes -> content or file to copy) into ``folder``.

    Modes are 0644 or 0755, whatever the umask. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder.with_name(f"{folder.name}.json")
    known = _recall(record)
    present = dict(_present(folder, wanted))
    for parent in {dirname(name) for name in wanted if name not in present}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    staged: dict[str, Staged] = {}
    remembered: _Record = {}
    for name, source in wanted.items():
        found, before = present.get(name), known.get(name)
        digest, executable = _digest(source)
        if found is None or before != [digest, found.st_size, found.st_mtime_ns]:
            digest = _write(source, folder / name)
            found = (folder / name).stat()
        mode = 0o755 if executable else 0o644
        if stat.S_IMODE(found.st_mode) != mode:
            (folder / name).chmod(mode)
        staged[name] = Staged(digest, executable)
        remembered[name] = [digest, found.st_size, found.st_mtime_ns]
    if remembered != known:
        _remember(record, remembered)
    for above in map(Path, (above for above, _, _ in os.walk(folder))):
        if stat.S_IMODE(above.stat().st_mode) != 0o755:
            above.chmod(0o755)
    return staged


def _present(folder: Path, wanted: Mapping[str, object]) -> Iterator[tuple[str, os.stat_result]]:
    """Wanted files that are there; everything else is removed."""
    folders = set(_above({dirname(name) for name in wanted}))

    def walk(place: str | Path, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(place) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name in folders:
                        yield from walk(entry.path, f"{name}/")
                    else:
                        shutil.rmtree(entry.path)
                elif name in wanted and entry.is_file(follow_symlinks=False):
                    yield name, entry.stat(follow_symlinks=False)
                else:
                    (folder / name).unlink()

    return walk(folder, "")


def _above(folders: set[str]) -> Iterator[str]:
    """The folders, and those that they are in."""
    for folder in folders:
        while folder:
            yield folder
            folder = dirname(folder)


def _digest(source: bytes | Path) -> tuple[str, bool]:
    """SHA-256, and whether the file's owner may run it."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), False
    digest = hashlib.sha256()
    file = os.open(source, os.O_RDONLY)  # half the cost of open() for files as small as most of dbt's are
    try:
        found = os.fstat(file)
        left = found.st_size
        while left > 0 and (chunk := os.read(file, _CHUNK)):
            digest.update(chunk)
            left -= len(chunk)
    finally:
        os.close(file)
    return digest.hexdigest(), bool(found.st_mode & stat.S_IXUSR)


def _write(source: bytes | Path, target: Path) -> str:
    """Write a file and return the digest of what was written, whatever happens to the source meanwhile."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        if isinstance(source, bytes):
            digest.update(source)
            out.write(source)
        else:
            with source.open("rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
    return digest.hexdigest()


def _recall(record: Path) -> _Record:
    try:
        found = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(record: Path, files: _Record) -> None:
    partial = record.with_name(f"{record.name}.partial")
    partial.write_text(json.dumps(files), encoding="utf-8")
    partial.replace(record)
