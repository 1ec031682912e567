"""Kills at chosen moments of real runs, and whether plain documented commands converge afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clients.errors import RemoteError
from clients.helm.history import PENDING, release_state
from drills import operations
from drills.inventory import leftovers_of, problems_of
from drills.place import Place
from drills.plan import DESTROYS, REVOKED, RUN, Kill
from drills.table import Table
from drills.victims import Run
from drills.watch import Watch, cluster_of
from tests.support.engine import Stack

_SERVICES = {"API server": "kube-apiserver", "etcd": "etcd", "Docker engine": "dockerd"}
_USUAL = 10.0
"""Seconds that an operation is taken to last where nobody has measured it."""
_ENDS = 3 * operations.TIMEOUT
"""Seconds within which an interrupted run that is still alive has to end, and the run after it."""
_STOPS = 20.0
"""Seconds within which a service that was asked to end has to; a node whose API server is away for 40 s counts as lost."""
_REFRESH = "`pulumi up --refresh`"
"""What a run says that sees what an interrupted destroy has left."""
_FIRST = re.compile(
    r"helm uninstall [a-z0-9-]+ --namespace [a-z0-9-]+|kubectl wait --for=delete namespace/[a-z0-9-]+"
)
"""What it says to do before that, where the cluster is still at it."""
_NO_LOCK = "no pending updates|not currently locked|not in progress"


@dataclass
class Outcome:
    """What became of one kill."""

    kill: Kill
    left: str = ""
    """Helm's newest record right after the kill."""
    seconds: float = 0.0
    """Duration of the run that converged."""
    fewest: int | None = None
    """Fewest ready workers."""
    problems: list[str] = field(default_factory=list)
    """What is wrong; empty if it converged."""
    ended_before: bool = False
    """Whether the run had ended before it could be killed."""
    lost: bool = False
    """Whether the stack is in a state that the documented commands did not get it out of."""

    def cells(self) -> tuple[object, ...]:
        """For the table."""
        moment = "after its end" if self.ended_before else self.kill.moment
        return (
            self.kill.number,
            self.kill.operation,
            f"{self.kill.victim}, {self.kill.how.name}",
            moment,
            self.left or "-",
            f"{self.seconds:.0f} s",
            "-" if self.fewest is None else self.fewest,
            "converged" if not self.problems else "; ".join(self.problems),
        )


class KillDrill:
    """One stack, interrupted again and again."""

    def __init__(self, place: Place, stack: Stack) -> None:
        self.place, self.stack = place, stack
        self.logs = place.folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self._usual: dict[str, float] = {}
        stack.write(operations.prepared(stack.config))

    def rehearse(self, lap: Sequence[str]) -> None:
        """Do operations without a kill and measure them, so that shares of their time lie within it. Raises SystemExit."""
        if lap[0] != "install":
            self._start_over()
        for operation in lap:
            operations.change(self.stack, operation, 0)
            run = self._start(_command(operation), f"000-{operation.replace(' ', '-')}")
            code = run.wait(_ENDS)
            self._usual[operation] = time.monotonic() - run.started
            run.end()
            if code != 0:
                raise SystemExit(f"error: {operation} fails without a kill: {_last(run.output)}")

    def run(self, kills: Sequence[Kill]) -> list[Outcome]:
        """Do all kills in turn, printing a row for each."""
        table = Table(
            "#", "interrupted", "killed", "at", "Helm's record then", "next run", "workers ≥", "result"
        )
        outcomes: list[Outcome] = []
        with Watch(self.stack) as watch:
            for kill in kills:
                if kill.operation != "install" and (not outcomes or outcomes[-1].lost):
                    self._start_over()
                    watch.settle()
                outcome = self._one(kill, watch)
                table.row(*outcome.cells())
                outcomes.append(outcome)
                watch.settle()
        lowest = "-" if watch.fewest_of_all is None else watch.fewest_of_all
        sys.stdout.write(
            f"\n{sum(not item.problems for item in outcomes)} of {len(outcomes)} converged; "
            f"{watch.samples} samples, fewest ready workers {lowest}.\n"
        )
        return outcomes

    def _start_over(self) -> None:
        """Install the stack anew, so that one failure spoils nothing after it."""
        self.stack.pulumi("destroy", "--yes", "--skip-preview", "--continue-on-error")
        self.stack.run("kubectl", "delete", "namespace", self.stack.namespace, "--ignore-not-found")
        self.stack.pulumi("stack", "rm", "--yes", "--force", "--preserve-config")
        self.stack.pulumi("stack", "init")
        done = self.stack.pulumi("up", "--yes", "--skip-preview")
        if done.returncode:
            raise SystemExit(
                f"error: the stack of the drill cannot be installed: {_last(done.stdout + done.stderr)}"
            )

    def _one(self, kill: Kill, watch: Watch) -> Outcome:
        outcome = Outcome(kill)
        operations.change(self.stack, kill.operation, kill.number)
        watch.begin(
            workers=kill.operation not in {"install", *DESTROYS}, secrets=kill.operation not in DESTROYS
        )
        run = self._start(_command(kill.operation), f"{kill.number:03}-killed")
        try:
            self._interrupt(kill, run, outcome)
            watch.killed(run.process.pid)
            if run.wait(_ENDS) is None:
                outcome.problems.append(f"the interrupted run did not end within {_ENDS} s")
            self._recover(kill, outcome)
        finally:
            left = run.end()
        if left and kill.victim not in RUN and not outcome.problems:
            outcome.problems.append(f"{left} processes of a run that ended by itself were left")
        outcome.fewest = watch.fewest
        if outcome.fewest == 0:
            outcome.problems.append("no worker was ready")
        outcome.problems += watch.problems
        return outcome

    def _again(self, kill: Kill, title: str) -> tuple[Run, int | None]:
        """Finish or revoke an operation; with the exit code, None if it hung."""
        command = ("up", "--refresh") if kill.operation == REVOKED else _command(kill.operation)
        run = self._start(command, f"{kill.number:03}-{title}")
        code = run.wait(_ENDS)
        run.end()
        return run, code

    def _start(self, command: Sequence[str], name: str) -> Run:
        words = [
            "pulumi",
            *command,
            "--yes",
            "--skip-preview",
            "--non-interactive",
            "--stack",
            self.stack.name,
        ]
        return Run(words, cwd=self.stack.folder, env=self.stack.variables, log=self.logs / f"{name}.log")

    def _interrupt(self, kill: Kill, run: Run, outcome: Outcome) -> None:
        usual = self._usual.get(kill.operation, _USUAL)
        if kill.at == "share":
            run.sleep_until(lambda: False, seconds=usual * kill.share)
        else:
            helm_works, pushed = self._helm_works, self._push_begins()
            run.sleep_until(helm_works if kill.at == "helm" else pushed, seconds=_ENDS)
            run.sleep_until(lambda: False, seconds=kill.share / (1 if kill.at == "helm" else 4))
        outcome.ended_before = run.ended
        if kill.victim in RUN:
            run.kill(kill.victim, kill.how)
        else:
            self._kill_service(kill)
        outcome.left = self._record()
        if kill.victim not in RUN:
            time.sleep(2 * kill.share)
            self.place.restore()

    def _kill_service(self, kill: Kill) -> None:
        supervisor, service = self.place.environment.supervisor, _SERVICES[kill.victim]
        found = supervisor.identity(service)
        if found is None:
            raise SystemExit(
                f"error: the trial does not run its {kill.victim} itself; drills need one that they may kill"
            )
        if kill.how is signal.SIGKILL:
            os.kill(found.pid, kill.how)
        # As by a service manager: one that was asked to end and does not is killed, and only then started again.
        supervisor.stop(service, seconds=_STOPS)

    def _helm_works(self) -> bool:
        return self._record().partition(" ")[2] in PENDING

    def _record(self) -> str:
        try:
            state = release_state(cluster_of(self.stack), namespace=self.stack.namespace, name="astro-agent")
        except RemoteError:
            return ""
        return f"{state.revision} {state.status}" if state.revisions else ""

    def _push_begins(self) -> _NewFile:
        return _NewFile(self.place.environment.layout.state / "registry" / "images")

    def _recover(self, kill: Kill, outcome: Outcome) -> None:
        """The documented commands: `pulumi cancel`, then the same command again, or `pulumi up --refresh` to revoke a destroy."""
        if kill.victim in RUN:
            cancelled = self.stack.pulumi("cancel", "--yes")
            if cancelled.returncode and not re.search(_NO_LOCK, cancelled.stderr + cancelled.stdout):
                outcome.problems.append(f"pulumi cancel: {_last(cancelled.stderr)}")
        began = time.monotonic()
        again, code = self._again(kill, "next")
        if code and kill.operation == REVOKED and _REFRESH in again.output:
            if first := _FIRST.search(again.output):
                self.stack.run(*first[0].split())
            again, code = self._again(kill, "then")
        outcome.seconds = time.monotonic() - began
        if code != 0:
            outcome.lost = True
            outcome.problems.append(
                f"the next run {'hung' if code is None else 'failed'}: {_last(again.output)} ({again.log})"
            )
            return
        if kill.operation == "destroy":
            outcome.problems += leftovers_of(self.stack)
            return
        third = self.stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        if third.returncode:
            outcome.problems.append(
                f"the run after it has something to do: {_last(third.stdout + third.stderr)}"
            )
        outcome.problems += problems_of(self.stack)


class _NewFile:
    """Whether a file has appeared in a folder since the first call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = self._files()

    def __call__(self) -> bool:
        return bool(self._files() - self._before)

    def _files(self) -> set[str]:
        return {str(path) for path in self._folder.rglob("*") if path.is_file()}


def _command(operation: str) -> tuple[str, ...]:
    """What of `pulumi` does an operation."""
    return ("destroy",) if operation in DESTROYS else ("up",)


def _last(text: str) -> str:
    """The line that says what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return (errors or lines or ["no output"])[-1][:300]


def drill(place: Place, kills: Sequence[Kill], *, logs: Path | None = None) -> list[Outcome]:
    """Do the kills on a separate stack, and remove it; ``logs`` gets the output of all runs. Raises SystemExit."""
    stack = place.stack("drill")
    found = KillDrill(place, stack)
    try:
        found.rehearse(list(dict.fromkeys(kill.operation for kill in kills)))
        return found.run(kills)
    finally:
        if logs is not None:
            shutil.copytree(found.logs, logs, dirs_exist_ok=True)
