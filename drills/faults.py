"""Faults of each dependency in a real run: what it says, how soon, what happens to running agents, and the next run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drills.dependencies import (
    CHARTS,
    CLUSTER,
    DOCKER,
    GIT,
    REGISTRY,
    STATE,
    Surroundings,
    surroundings,
)
from drills.place import Place
from drills.proxy import Fault
from drills.table import Table
from drills.victims import Run
from drills.watch import cluster_of
from tests.support.engine import Stack

BUILD_DISK = "disk of the build"
_FULL_ENGINE = b'{"errorDetail":{"message":"write /layer.tar: no space left on device"},"error":"write /layer.tar: no space left on device"}\r\n'
"""How a Docker engine whose disk is full ends a build or a push: an error in a stream that began well."""

STATUSES = tuple(Fault("status", status) for status in (401, 403, 404, 429, 500))
_BROKEN = (Fault("down"), Fault("hanging"), Fault("slow"))
_HALF, _CERTIFICATE = Fault("half"), Fault("certificate")
DISK_FULL = Fault("disk full", 200, _FULL_ENGINE)

FAULTS: dict[str, tuple[Fault, ...]] = {
    GIT: (*_BROKEN, *STATUSES, _HALF, _CERTIFICATE),
    REGISTRY: (*_BROKEN, *STATUSES, _HALF, _CERTIFICATE),
    CHARTS: (*_BROKEN, *STATUSES, _HALF, _CERTIFICATE),
    CLUSTER: (*_BROKEN, *STATUSES, _HALF, _CERTIFICATE),
    DOCKER: (*_BROKEN, Fault("status", 403), Fault("status", 500), _HALF, _CERTIFICATE),
    STATE: (*_BROKEN, *STATUSES, _HALF, _CERTIFICATE),
    BUILD_DISK: (DISK_FULL,),
}
"""Dependency -> its faults from the start of a run."""
LATER: dict[str, tuple[Fault, ...]] = {
    REGISTRY: (Fault("hanging"), *STATUSES, _HALF),
    CLUSTER: (Fault("hanging"), Fault("status", 403), Fault("status", 429), Fault("status", 500), _HALF),
    DOCKER: (Fault("hanging", whole=True), Fault("status", 500), _HALF, DISK_FULL),
    STATE: (Fault("status", 403), Fault("status", 500)),
}
"""Dependency -> its faults that begin with the first change."""

BOUND = 90.0
"""Seconds within which a run must report a fault from the start."""
BOUND_LATER = 300.0
"""Seconds for a fault in the middle of a change, where Helm may wait for `agent.timeout` twice, and for a slow host."""
UNLIMITED = {(STATE, "hanging")}
"""Where the engine itself waits, before any program of a project runs, and sets no limit (its S3 client bounds only connecting)."""
_INTERRUPT = 30.0
"""Seconds within which such a run must end once it is interrupted."""
_INTERRUPTED = "(Pulumi waits for its state backend without a limit; SIGTERM ended it)"
_NEEDS_BUILD = {REGISTRY, DOCKER, BUILD_DISK}


@dataclass(frozen=True)
class Cell:
    """One dependency with one fault."""

    dependency: str
    """Who is broken."""
    fault: Fault
    """How."""
    later: bool = False
    """Whether the fault begins with the first change."""

    @property
    def name(self) -> str:
        """For --only."""
        return f"{self.dependency}: {self.fault.name}{', at the first change' if self.later else ''}"


@dataclass
class Result:
    """What a run with a fault did."""

    seconds: float = 0.0
    """Duration."""
    sentence: str = ""
    """What it said."""
    problems: list[str] = field(default_factory=list)
    """What did not hold."""


def cells() -> list[Cell]:
    """All cells, in the order of the table."""
    found = [Cell(dependency, fault) for dependency, faults in FAULTS.items() for fault in faults]
    return found + [
        Cell(dependency, fault, later=True) for dependency, faults in LATER.items() for fault in faults
    ]


class FaultDrill:
    """One stack behind proxies, broken again and again."""

    def __init__(self, place: Place, around: Surroundings, logs: Path) -> None:
        self.place, self.around, self.stack, self.logs = place, around, around.stack, logs
        self._number = 0

    def install(self) -> None:
        """Provision the stack without any fault. Raises SystemExit."""
        run = self._up("install")
        code = run.wait(600)
        run.end()
        if code != 0:
            raise SystemExit(f"error: the stack of the drill cannot be installed: {run.output[-3000:]}")

    def one(self, cell: Cell, *, again: bool = True) -> Result:
        """Break, run, heal, and (``again``) run once more; a run that something unexpected happened to is always followed by one."""
        self._number += 1
        self._change(cell)
        before, result = running(self.stack), Result()
        bound = BOUND_LATER if cell.later or cell.fault.kind == "slow" else BOUND
        with self._broken(cell) as hits:
            run = self._up("broken")
            code = run.wait(bound)
            interrupted = code is None and (cell.dependency, cell.fault.kind) in UNLIMITED
            if interrupted:
                run.kill("engine", signal.SIGTERM)
                code = run.wait(_INTERRUPT)
            result.seconds = time.monotonic() - run.started
            run.end()
            met = hits()
        result.sentence = _INTERRUPTED if interrupted else sentence_of(run.output)
        if code is None:
            result.problems.append(f"it did not end within {bound:.0f} s")
            self.stack.pulumi("cancel", "--yes")
        elif code == 0 and cell.fault.kind != "slow" and met:
            result.problems.append("it succeeded")
        if not met:
            result.problems.append("nothing met the fault")
        if "Traceback" in run.output or "panic:" in run.output:
            result.problems.append("it ended in a traceback")
        if code and not result.sentence:
            result.problems.append("it said nothing")
        if code and running(self.stack) != before:
            result.problems.append("running agents were touched")
        if again or result.problems:
            result.problems += self._next()
        return result

    def _next(self) -> Iterator[str]:
        run = self._up("next")
        if (code := run.wait(BOUND_LATER)) != 0:
            yield f"the next run {'hung' if code is None else 'failed'}: {sentence_of(run.output)}"
        run.end()

    def _up(self, name: str) -> Run:
        words = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", self.stack.name]
        log = self.logs / f"{self._number:03}-{name}.log"
        return Run(words, cwd=self.stack.folder, env=self.stack.variables, log=log)

    def _change(self, cell: Cell) -> None:
        """Something to do, which needs the dependency; a build costs more, so only some cells get one."""
        config = self.stack.config
        self.stack.write({**config, "agent": {**config["agent"], "env": {"DRILL": str(self._number)}}})
        if cell.dependency in _NEEDS_BUILD:
            model = sorted((self.stack.folder / "examples/dbt-project/models").rglob("*.sql"))[0]
            model.write_text(
                f"{model.read_text().split('-- drill')[0]}-- drill {self._number}\n", encoding="utf-8"
            )

    @contextmanager
    def _broken(self, cell: Cell) -> Iterator[Callable[[], int]]:
        if cell.dependency == BUILD_DISK:
            with _full_folder(self.stack.folder / ".build"):
                yield lambda: 1
            return
        proxy = self.around.proxies[cell.dependency]
        proxy.break_with(cell.fault, self.around.applies(cell.dependency, at_first_change=cell.later))
        try:
            yield lambda: 1 if cell.fault.kind == "down" else proxy.hits
        finally:
            proxy.heal()


def running(stack: Stack) -> dict[str, object]:
    """Pods by UID and Deployments by generation."""
    cluster, namespace = cluster_of(stack, timeout=30), f"namespaces/{stack.namespace}"
    pods = cluster.get(f"/api/v1/{namespace}/pods")["items"]
    deployments = cluster.get(f"/apis/apps/v1/{namespace}/deployments")["items"]
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in pods} | {
        item["metadata"]["name"]: item["metadata"]["generation"] for item in deployments
    }


@contextmanager
def _full_folder(folder: Path) -> Iterator[None]:
    """A file system of 64 KiB in the place of a folder. Raises SystemExit without root."""
    if os.getuid() != 0:
        raise SystemExit("error: a full disk needs root; leave that cell out with --only")
    kept = folder.with_name(f"{folder.name}-kept")
    if folder.exists():
        folder.rename(kept)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "drill", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()
        if kept.exists():
            kept.rename(folder)


def sentence_of(output: str) -> str:
    """The error that a reader sees first: one of this program's if there is any, else the first one of all."""
    diagnostics = re.findall(r"^\s*error: (\S.*)$", output, re.MULTILINE)
    found = diagnostics or re.findall(r"\berror: (\S.*)$", output, re.MULTILINE)
    own = [sentence for sentence in found if sentence.startswith("astro-dbt:")]
    telling = [sentence for sentence in found if sentence.strip() != "update failed"]
    return str((own or telling or found or [""])[0]).strip()


def drill(place: Place, chosen: Sequence[Cell], *, logs: Path | None = None) -> list[Result]:
    """Do the cells on a separate stack, printing a row for each; ``logs`` gets the output of all runs."""
    folder = place.folder / "logs"
    folder.mkdir(exist_ok=True)
    results = []
    try:
        with surroundings(place) as around:
            found = FaultDrill(place, around, folder)
            found.install()
            table = Table("dependency", "fault", "begins", "seconds", "sentence", "result")
            for cell, following in zip(chosen, [*chosen[1:], None], strict=True):
                # A fault from the start changes nothing, so one run after all of a dependency's faults proves enough.
                same = following is not None and following.dependency == cell.dependency
                result = found.one(cell, again=cell.later or not same)
                results.append(result)
                table.row(
                    cell.dependency, cell.fault.name, "first change" if cell.later else "start",
                    f"{result.seconds:.0f}", result.sentence or "-", "; ".join(result.problems) or "as expected",
                )  # fmt: skip
            around.stack.remove()
    finally:
        if logs is not None:
            shutil.copytree(folder, logs, dirs_exist_ok=True)
    good = sum(not item.problems for item in results)
    sys.stdout.write(f"\n{good} of {len(results)} as expected.\n")
    return results
