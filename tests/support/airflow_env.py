"""Real Airflow and real dbt for tests: virtual environments made once, kept in the user's cache.

An environment is known by what it was asked to hold and by the Python that made it, so an edited requirements file makes
a new one and an unchanged one costs nothing. Two test runs at once wait for each other.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.terminal import visible
from trial.commands import run
from trial.gobuild import locked
from trial.layout import cache_folder
from trial.progress import Progress

REQUIREMENTS = Path(__file__).parents[1] / "examples"
INSTALL_SECONDS = 1800.0
_ASK = (
    "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall())"
)

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

    def rows(self, database: Path, query: str) -> str:
        """Rows of a query on a DuckDB database, as Python prints them."""
        ended = self.run([self.python, "-c", _ASK, database, query], env={})
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()


def kept_environment(name: str) -> PythonEnvironment:
    """The environment `airflow` or `dbt`, made if it is not there yet. Raises TrialError: pip could not install it."""
    requirements, constraints = (
        REQUIREMENTS / f"{kind}-{name}.txt" for kind in ("requirements", "constraints")
    )

    def install(root: Path) -> None:
        run([sys.executable, "-m", "venv", root], purpose=f"making {root}", seconds=120)
        _pip(PythonEnvironment(root).python, requirements, "--constraint", constraints)

    return PythonEnvironment(
        _once(
            name,
            f"Installing {requirements.name}",
            install,
            requirements.read_bytes(),
            constraints.read_bytes(),
        )
    )


def modules(name: str) -> Path:
    """A folder with the pinned packages of `requirements-<name>.txt` for PYTHONPATH, next to the environment `airflow`.

    pip resolves nothing: a provider asks for far more packages than the few modules that a test imports. Raises TrialError.
    """
    requirements, airflow = REQUIREMENTS / f"requirements-{name}.txt", kept_environment("airflow")

    def install(root: Path) -> None:
        _pip(airflow.python, requirements, "--no-deps", "--target", root)

    return _once(
        name,
        f"Installing {requirements.name}",
        install,
        requirements.read_bytes(),
        airflow.root.name.encode(),
    )


def migrated_database() -> Path:
    """A SQLite database that Airflow has migrated, to copy; next to the environment `airflow`.

    Raises TrialError: pip could not install Airflow. Raises AssertionError: the migration failed.
    """
    airflow = kept_environment("airflow")

    def migrate(root: Path) -> None:
        root.mkdir(parents=True)
        ended = airflow.run([airflow.program("airflow"), "db", "migrate"], env={"AIRFLOW_HOME": str(root)})
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return (
        _once("database", "Migrating Airflow's database", migrate, airflow.root.name.encode()) / "airflow.db"
    )


def _once(name: str, step: str, fill: Callable[[Path], None], *content: bytes) -> Path:
    """The folder for a content; where it is not complete yet, `fill` fills it, shown as a step."""
    made_by = f"{platform.python_version()} {platform.machine()} {sys.base_prefix}".encode()
    key = hashlib.sha256(b"\0".join([made_by, *content])).hexdigest()[:16]
    folder = cache_folder() / "venvs" / f"{name}-{key}"
    with locked(folder.with_suffix(".lock")):
        if not (folder / "complete").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            with Progress() as progress, progress.step(step):
                fill(folder)
            (folder / "complete").touch()
    return folder


def _pip(python: Path, requirements: Path, *options: str | Path) -> None:
    command = [python, "-m", "pip", "install", "--quiet", *options, "--requirement", requirements]
    run(command, purpose=f"installing {requirements.name}", seconds=INSTALL_SECONDS)


def _kept(config: pytest.Config, name: str) -> PythonEnvironment:
    with visible(config):
        return kept_environment(name)


@pytest.fixture(scope="session")
def airflow_environment(request: pytest.FixtureRequest) -> PythonEnvironment:
    """Airflow with the Git provider and Cosmos, as in the agent's Python."""
    return _kept(request.config, "airflow")


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> Path:
    """A database that Airflow has migrated, to start from."""
    with visible(request.config):
        return migrated_database()


@pytest.fixture(scope="session")
def dbt_environment(request: pytest.FixtureRequest) -> PythonEnvironment:
    """Dbt and its DuckDB adapter, as in the agent's /home/astro/dbt_venv."""
    return _kept(request.config, "dbt")
