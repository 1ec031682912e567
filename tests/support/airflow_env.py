"""Real Airflow and real dbt for tests: virtual environments made once, kept in the user's cache.

An environment is known by what it was asked to hold and by the Python that made it, so an edited requirements file makes
a new one and an unchanged one costs nothing. Two test runs at once wait for each other.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.terminal import visible
from trial.commands import run
from trial.layout import cache_folder
from trial.progress import Progress, Step

REQUIREMENTS = Path(__file__).parents[1] / "examples"
INSTALL_SECONDS = 1800.0

QUIET = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "NO_COLOR": "1",
    "SCARF_NO_ANALYTICS": "true",
}
"""Variables that keep Airflow, Cosmos and dbt from calling home, which costs seconds per task without a network."""

INHERITED = ("HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""What a program under test takes over from this process; all else is what the test gives it."""


@dataclass(frozen=True)
class PythonEnvironment:
    """A virtual environment that holds everything it was asked to."""

    root: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    def program(self, name: str) -> Path:
        """One of its programs, for example `dbt`."""
        return self.root / "bin" / name

    def variables(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The whole environment for a program of it: this Python first on PATH, quiet, then `extra`."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        path = os.pathsep.join([str(self.root / "bin"), os.defpath, "/usr/local/bin"])
        return {**kept, "PATH": path, **QUIET, **extra}

    def run(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        seconds: float = 300.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end with exactly `variables(env)`; output and errors are returned, a failure does not raise."""
        return subprocess.run(
            [str(word) for word in command], env=self.variables(env), cwd=cwd, timeout=seconds,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip


def environment(
    requirements: Path, *, constraints: Path | None = None, progress: Progress | None = None
) -> PythonEnvironment:
    """The virtual environment for a requirements file, making it when it is not there yet.

    Args:
        requirements: what to install, as pip reads it.
        constraints: versions of whatever comes along; None lets pip choose.
        progress: where to say that it takes a while.

    Raises TrialError: pip could not install it; with its last lines.
    """
    texts = [path.read_bytes() for path in (requirements, constraints) if path is not None]
    made_by = f"{platform.python_version()} {platform.machine()} {sys.base_prefix}".encode()
    key = hashlib.sha256(b"\0".join([made_by, *texts])).hexdigest()[:16]
    folder = cache_folder() / "venvs"
    folder.mkdir(parents=True, exist_ok=True)
    found = PythonEnvironment(folder / f"{requirements.stem.removeprefix('requirements-')}-{key}")
    complete = found.root / "complete"
    with (folder / f"{found.root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.is_file():
            shutil.rmtree(found.root, ignore_errors=True)
            with progress or Progress() as shown, shown.step(f"Installing {requirements.name}") as step:
                _install(found, requirements, constraints, step)
            complete.touch()
    return found


def _install(wanted: PythonEnvironment, requirements: Path, constraints: Path | None, step: Step) -> None:
    run([sys.executable, "-m", "venv", wanted.root], purpose=f"making {wanted.root}", seconds=120)
    seen = 0

    def count(line: str) -> None:
        nonlocal seen
        if line.startswith(("Collecting ", "Installing collected")):
            seen += 1
            step.update(f"{seen} packages" if line.startswith("Coll") else "unpacking")

    limits: list[str | Path] = ["--constraint", constraints] if constraints else []
    run(
        [
            wanted.python,
            "-m",
            "pip",
            "install",
            "--progress-bar",
            "off",
            "--requirement",
            requirements,
            *limits,
        ],
        purpose=f"installing {requirements.name}",
        on_line=count,
        seconds=INSTALL_SECONDS,
    )


def modules(name: str) -> Path:
    """A folder with the pinned packages of `requirements-<name>.txt` for PYTHONPATH, next to the environment `airflow`.

    pip resolves nothing: a provider asks for far more packages than the few modules that a test imports. Raises TrialError.
    """
    requirements = REQUIREMENTS / f"requirements-{name}.txt"
    made_by = (
        f"{platform.python_version()} {platform.machine()} {kept_environment('airflow').root.name}".encode()
    )
    key = hashlib.sha256(made_by + b"\0" + requirements.read_bytes()).hexdigest()[:16]
    folder = cache_folder() / "venvs" / f"{name}-{key}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            making = folder.with_suffix(".new")
            shutil.rmtree(making, ignore_errors=True)
            command: list[str | Path] = [
                kept_environment("airflow").python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
            ]
            options: list[str | Path] = [
                "--progress-bar",
                "off",
                "--target",
                making,
                "--requirement",
                requirements,
            ]
            run([*command, *options], purpose=f"installing {requirements.name}", seconds=INSTALL_SECONDS)
            making.rename(folder)
    return folder


def kept_environment(name: str) -> PythonEnvironment:
    """The environment `airflow` or `dbt`, made if it is not there yet."""
    return environment(
        REQUIREMENTS / f"requirements-{name}.txt", constraints=REQUIREMENTS / f"constraints-{name}.txt"
    )


def _kept(config: pytest.Config, name: str) -> PythonEnvironment:
    with visible(config):
        return kept_environment(name)


@pytest.fixture(scope="session")
def airflow_environment(request: pytest.FixtureRequest) -> PythonEnvironment:
    """Airflow with the Git provider and Cosmos, as in the agent's Python."""
    return _kept(request.config, "airflow")


@pytest.fixture(scope="session")
def dbt_environment(request: pytest.FixtureRequest) -> PythonEnvironment:
    """Dbt and its DuckDB adapter, as in the agent's /home/astro/dbt_venv."""
    return _kept(request.config, "dbt")
