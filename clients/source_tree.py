"""Files of a folder that belong in an image, where no link leads out of the repository."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from domain.links import check_upwards, follow
from domain.printable import printable

LEFT_OUT = frozenset({".git", ".gitmodules", ".venv", "__pycache__", ".user.yml", ".DS_Store"})
"""Names that never reach an image, in any folder: history, caches, and dbt's id of its user."""


class SourceTree:
    """A folder in a repository; links are followed only inside ``boundary``."""

    def __init__(self, boundary: Path, folder: str = "") -> None:
        """``folder`` is relative to ``boundary``, and may contain or be a link of the repository. Raises LinkError."""
        self.boundary = boundary.resolve()
        self._start = follow(folder, self._readlink)
        self.folder = self.boundary / self._start

    @classmethod
    def around(cls, folder: Path) -> SourceTree:
        """A local folder, whose links may lead anywhere in its Git work tree, or else only inside the folder."""
        real = folder.resolve()
        boundary = next((above for above in (real, *real.parents) if (above / ".git").exists()), real)
        return cls(boundary, real.relative_to(boundary).as_posix())

    def _readlink(self, path: str) -> str | None:
        place = self.boundary / path
        return str(place.readlink()) if place.is_symlink() else None

    def files(self, *, without: Collection[str] = ()) -> Iterator[tuple[str, Path]]:
        """(name relative to the folder, real path) of every file; ``without`` are paths relative to the folder.

        Raises LinkError for a link that leads out of the repository, or upwards. Broken links are skipped, as in dbt.
        """
        yield from self._walk(self._start, "", (self._start,), frozenset(without))

    def read(self, name: str) -> bytes | None:
        """Content of one file, ``name`` relative to the folder; None if it does not exist. Raises LinkError."""
        place = self.boundary / follow(f"{self._start}/{name}".lstrip("/"), self._readlink)
        return place.read_bytes() if place.is_file() else None

    def _walk(
        self, folder: str, name: str, above: tuple[str, ...], without: frozenset[str]
    ) -> Iterator[tuple[str, Path]]:
        with os.scandir(self.boundary / folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            below = f"{name}{_text(entry.name)}"
            if entry.name in LEFT_OUT or below in without:
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                real = follow(path, self._readlink)
                place = self.boundary / real
                if place.is_dir():
                    check_upwards(path, real, above)
                    yield from self._walk(real, f"{below}/", (*above, real), without)
                elif place.is_file():
                    yield below, place
            elif entry.is_dir():
                yield from self._walk(path, f"{below}/", (*above, path), without)
            elif entry.is_file():
                yield below, Path(entry.path)

    def tracks(self, path: str) -> bool:
        """Whether Git has committed (or staged) anything at ``path``, relative to the folder."""
        command = ["git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--", path]
        try:
            ended = subprocess.run(command, cwd=self.folder, capture_output=True, check=False)
        except OSError:
            return False
        return ended.returncode == 0 and bool(ended.stdout)


def _text(name: str) -> str:
    """The name of a file, which builders take as UTF-8 only. Raises OSError."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise OSError(errno.EILSEQ, "its name is not UTF-8", printable(name)) from None
    return name
