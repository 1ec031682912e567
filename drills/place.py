"""A trial that drills may damage, and stacks in it."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.engine import Stack, copy_program
from trial.environment import Environment
from trial.errors import TrialError
from trial.progress import Progress

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".trial-drills"
"""Trial of the drills, next to that of `make up`, because they kill its parts."""


class Place:
    """A scratch folder and the stacks of a drill."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self._stacks: list[Stack] = []

    def stack(self, name: str, environment: Environment | None = None) -> Stack:
        """A stack in a copy of the program; nothing is provisioned yet."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        self._stacks.append(Stack(environment or self.environment, copy_program(folder), name))
        return self._stacks[-1]

    def restore(self) -> None:
        """Start what was killed. Raises TrialError."""
        with Progress(io.StringIO()) as progress:
            Environment(
                repo=self.environment.layout.repo, state=self.environment.layout.state, progress=progress
            ).up()

    def remove(self) -> None:
        """Remove the stacks."""
        for stack in self._stacks:
            stack.remove()


@contextmanager
def place(state: Path | None, *, keep: bool) -> Iterator[Place]:
    """A running trial for a drill; it is taken down at the end, unless ``keep``. Raises SystemExit where there is none."""
    with Progress() as progress, TemporaryDirectory(prefix="astro-dbt-drill-") as name:
        environment = Environment(repo=ROOT, state=state or STATE, progress=progress)
        try:
            environment.up()
            found = Place(environment, Path(name))
            try:
                yield found
            finally:
                if keep:
                    found.remove()
        except TrialError as error:
            raise SystemExit(f"error: {error}") from None
        finally:
            if not keep:
                environment.down()
        sys.stdout.flush()
