"""Programs from the machine's own Debian packages."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from trial.commands import run
from trial.errors import TrialError
from trial.gobuild import locked
from trial.layout import Layout
from trial.progress import Progress

# Debian's packages start their services unless this script refuses (exit code 101, see invoke-rc.d(8)).
_POLICY = Path("/usr/sbin/policy-rc.d")
_SEARCH = os.pathsep.join((os.defpath, "/usr/sbin", "/sbin", "/usr/local/sbin"))


def find_program(name: str) -> Path | None:
    """Find a program on PATH or in the folders for the administrator's programs."""
    found = shutil.which(name) or shutil.which(name, path=_SEARCH)
    return Path(found) if found else None


def folders_of(programs: Sequence[str]) -> str:
    """A PATH on which these programs, and those of every system, are found; the same whatever else is on the user's."""
    found = [str(program.parent) for name in programs if (program := find_program(name)) is not None]
    return os.pathsep.join(dict.fromkeys([*found, *_SEARCH.split(os.pathsep)]))


def install(
    layout: Layout, progress: Progress, *, programs: Sequence[str], packages: Sequence[str], why: str
) -> None:
    """Ensure ``programs``, installing Debian ``packages`` if one is missing, without starting services.

    ``layout`` is for a lock against other trials; ``why`` is for the error message: "a Docker engine".

    Raises TrialError: they are missing and cannot be installed here; names what to install.
    """
    missing = [name for name in programs if find_program(name) is None]
    if not missing:
        return
    listing = " ".join(packages)
    if os.getuid() != 0 or find_program("apt-get") is None:
        raise TrialError(
            f"{why} needs {', '.join(missing)}; install it (Debian's packages: {listing}), or run as root on Debian."
        )
    with (
        locked(layout.cache / "locks" / "apt.lock"),
        progress.step(f"install {listing} (Debian packages)") as step,
    ):
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        step.update("reading the package lists")
        run(["apt-get", "update", "-q"], purpose="apt-get update", env=environment, seconds=600)

        def unpacked(line: str) -> None:
            if line.startswith(("Unpacking ", "Setting up ", "Get:")):
                step.update(" ".join(line.split()[:3]).rstrip(":. "))

        quiet = not _POLICY.exists()
        if quiet:
            _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
            _POLICY.chmod(0o755)
        try:
            run(
                ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
                purpose=f"installing {listing}",
                env=environment,
                on_line=unpacked,
            )
        finally:
            if quiet:
                _POLICY.unlink(missing_ok=True)
