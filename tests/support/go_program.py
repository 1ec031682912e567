"""Programs of Go modules that tests use."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from trial.commands import run
from trial.gobuild import COMPILE_FLAGS, locked
from trial.layout import cache_folder


def go_program(package: str) -> Path:
    """A program of a pinned module, `<package>@<version>`, built once into the user's cache.

    The flags are those of the trial's programs, so that packages that both have are compiled once. Raises TrialError.
    """
    name = package.rpartition("/")[2]
    folder = cache_folder() / "tools"
    program = folder / name
    with locked(cache_folder() / "locks" / f"{name}.lock"):
        if not program.exists():
            assert shutil.which("go"), f"Go is needed to build {name}; install it"
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                run(
                    ["go", "install", *COMPILE_FLAGS, package],
                    purpose=f"building {name}",
                    env={"GOBIN": scratch, "GOWORK": "off", "GOFLAGS": "", "CGO_ENABLED": "0"},
                    cwd=Path(scratch),
                )
                (built,) = Path(scratch).iterdir()
                built.rename(program)
    return program
