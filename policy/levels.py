"""Which file in `levels/` applies to a stack."""

from __future__ import annotations

from pathlib import Path


def levels_for(pack: Path, stack: str) -> Path | None:
    """File in `levels/` of the pack: `prod.json` applies to the stacks `prod` and `prod-…`, and the longest name wins.

    `default.json` applies to all other stacks; None if there is no such file.
    """
    folder = pack / "levels"
    fitting = [
        file
        for file in folder.glob("*.json")
        if stack == file.stem or stack.startswith(f"{file.stem}-")
    ]  # fmt: skip
    if fitting:
        return max(fitting, key=lambda file: len(file.stem))
    default = folder / "default.json"
    return default if default.is_file() else None
