"""Looking for secrets where none may be: spellings in which one could leak, files, and what processes show while they run."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, quote_plus

PAUSE = 0.2
"""Seconds between two samples."""
LARGEST = 4 * 1024 * 1024
"""Bytes of the largest temporary file that a sample reads."""


def spellings(secret: str) -> set[bytes]:
    """A secret as it is, URL-quoted, within JSON, and within any Base64 text, whatever stands before and after it there.

    >>> base64.b64encode(b"user:canary-x:more")[8:20] in spellings("canary-xyz12")
    False
    >>> any(found in base64.b64encode(b"user:canary-xyz12:more") for found in spellings("canary-xyz12"))
    True
    """
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote_plus(secret).encode(), quote(secret).encode()}
    found.add(json.dumps(secret)[1:-1].encode())
    for before in range(3):
        # The letters that also hold bits of the neighbours are left out.
        text = base64.b64encode(b"\0" * before + raw)
        begin = (8 * before + 5) // 6
        end = (8 * (before + len(raw))) // 6
        found |= {text[begin:end], base64.b64encode(b"\0" * before + raw, altchars=b"-_")[begin:end]}
    return found


class Canaries:
    """A set of secrets, and where they were found."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._names = {
            spelled: f"secret {number}"
            for number, secret in enumerate(secrets)
            for spelled in spellings(secret)
        }
        self._pattern = re.compile(b"|".join(map(re.escape, sorted(self._names, key=len, reverse=True))))

    def of(self, content: str | bytes) -> str | None:
        """Which secret is in a text, and what surrounds it; None if there is none."""
        raw = content.encode() if isinstance(content, str) else content
        if raw[:2] == b"\x1f\x8b":
            with contextlib.suppress(OSError, EOFError):
                raw = gzip.decompress(raw)
        found = self._pattern.search(raw)
        if found is None:
            return None
        around = raw[max(0, found.start() - 120) : found.end() + 40]
        return f"{self._names[found[0]]} in …{around.decode(errors='replace')}…"

    def below(self, folder: Path, *, since: float = 0) -> Iterator[str]:
        """`file: secret` of every file below a folder that was written since a moment; see `written`."""
        for path in written(folder, since=since):
            with contextlib.suppress(OSError):
                if found := self.of(path.read_bytes()):
                    yield f"{path}: {found}"


def written(folder: Path, *, since: float = 0) -> list[Path]:
    """Files below a folder that were written, copied or unpacked since a moment, in seconds since the epoch."""
    found = []
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(OSError):
            # A copy keeps the time of the content, but its inode has another time.
            if path.is_file() and not path.is_symlink() and path.stat().st_ctime >= since:
                found.append(path)
    return found


class Watch(threading.Thread):
    """Reads the arguments of all processes, and new files of a temporary folder, until it is left."""

    def __init__(self, canaries: Canaries, folder: Path) -> None:
        super().__init__(daemon=True)
        self.canaries, self.folder = canaries, folder
        self.found: set[str] = set()
        self.commands: set[bytes] = set()
        """Command lines that were seen."""
        self.files: set[tuple[str, int, int]] = set()
        """(path, size, time of its last change) of the files that were read."""
        self._ended = threading.Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(PAUSE):
            self._arguments()
            self._temporary()

    def _arguments(self) -> None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes()
                    if words not in self.commands:
                        self.commands.add(words)
                        if found := self.canaries.of(words):
                            self.found.add(f"arguments of {words[:60]!r}: {found}")

    def _temporary(self) -> None:
        # Unlike Path.rglob, os.walk does not fail when a folder is removed meanwhile.
        for path in (Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names):
            with contextlib.suppress(OSError):
                known = path.lstat()
                seen = (str(path), known.st_size, known.st_mtime_ns)
                if (
                    not path.is_symlink()
                    and path.is_file()
                    and known.st_size <= LARGEST
                    and seen not in self.files
                ):
                    self.files.add(seen)
                    if found := self.canaries.of(path.read_bytes()):
                        self.found.add(f"{path}: {found}")
