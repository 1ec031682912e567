"""What Docker engine and registry have stored, kept in the user's cache from `make down` to the next `make up`.

Otherwise each new trial would install the agents' Python packages and push the image again, which takes longer than all the rest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

LARGEST = 8 << 30
"""Bytes; more than that is not kept, so that what nobody builds any more goes at some time."""


def keep(data: Path, store: Path, *, without: Sequence[str] = ()) -> bool:
    """Move the data of a service that has stopped into the cache, without some folders; return whether it is there now.

    It stays where it is, and can be removed, if the cache has some already or is on another file system, or if it is too large.
    """
    if not data.is_dir() or store.exists() or _size(data) > LARGEST:
        return False
    for name in without:
        shutil.rmtree(data / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        store.parent.mkdir(parents=True, exist_ok=True)
        data.rename(store)
        return True
    return False


def take(store: Path, data: Path) -> bool:
    """Move what was kept to a service that has nothing yet; return whether it has it now. Of two trials one gets it."""
    if data.exists():
        return False
    with contextlib.suppress(OSError):
        data.parent.mkdir(parents=True, exist_ok=True)
        store.rename(data)
        return True
    return False


def _size(folder: Path) -> int:
    """Bytes on disk of all files below a folder."""
    found = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                found += os.lstat(os.path.join(path, name)).st_blocks * 512  # noqa: PTH118 - there are 100,000
    return found
