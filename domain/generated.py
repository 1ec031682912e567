"""Files that are generated from code and kept in the repository."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def write(files: Mapping[Path, str]) -> None:
    """Write the files, or with `--check` among the program's arguments exit with 1 if one is out of date."""
    if "--check" not in sys.argv[1:]:
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
        return
    old = [path.name for path, text in files.items() if path.read_text(encoding="utf-8") != text]
    if old:
        sys.exit(f"{', '.join(old)}: out of date; run `make docs` and commit the result.")
