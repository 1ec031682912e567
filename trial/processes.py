"""Background programs of the trial: started, recognised in later runs, and stopped, without touching any other process."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trial.errors import TrialError
from trial.layout import write_private

STOP_SECONDS = 20.0
LOG_LINES = 15

# The shell records its process id and start time before it executes the program, so that no program ever runs without a
# record, however the trial is interrupted. Field 22 of /proc/<pid>/stat is the start time; the shell's name in field 2 has
# no space (proc_pid_stat(5)).
_LAUNCH = (
    "started() { shift 21; echo $1; }; read -r stat < /proc/$$/stat; "
    'printf "%s\\n%s\\n" $$ "$(started $stat)" > "$0.partial" && mv "$0.partial" "$0" && exec "$@"'
)


@dataclass(frozen=True)
class Identity:
    """A process id with its start time (clock ticks since boot), which together are unique within one boot."""

    pid: int
    started: int


def start_time(pid: int) -> int | None:
    """Start of a live process in clock ticks since boot; None if there is none or it has ended.

    A killed process whose first thread has ended, and looks like a zombie, holds its ports and files until its last one has.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    ended = fields[0] in "ZX" and int(fields[17]) <= 1
    return None if ended else int(fields[19])


def is_alive(identity: Identity) -> bool:
    """Whether this process is still running (and not another one with the same id)."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(identity.pid, os.WNOHANG)
    return start_time(identity.pid) == identity.started


def boot_id() -> str:
    """The kernel's id of this boot; start times are comparable only within one boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@dataclass(frozen=True)
class Service:
    """A program to keep running."""

    name: str
    """Name of its record and log."""
    argv: Sequence[str | Path]
    """Program and arguments, without secrets."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables in addition to those of this process."""
    prepare: Callable[[], None] = lambda: None
    """Called before each start, when its predecessor has ended."""
    ready: Callable[[], str | None] = lambda: None
    """Returns None if it serves, else what is still missing, in a few words."""
    ready_seconds: float = 60.0
    """Seconds that it may take to become ready."""
    reads: Sequence[Path] = ()
    """Files that it reads only at its start; it is restarted when one of them changes."""

    def fingerprint(self) -> str:
        """Digest of everything that the program was given."""
        read = [path.read_text(encoding="utf-8") for path in self.reads]
        parts = [[str(word) for word in self.argv], sorted(self.env.items()), read]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Supervisor:
    """Starts and stops the services of one trial; ``run`` is the folder for records, ``logs`` the one for logs."""

    def __init__(self, *, run: Path, logs: Path) -> None:
        self.run = run
        self.logs = logs
        self._started: set[str] = set()

    def log(self, name: str) -> Path:
        """The path of a service's log."""
        return self.logs / f"{name}.log"

    def identity(self, name: str) -> Identity | None:
        """The live process of a service; None if it is not running."""
        boot, record = self.run / f"{name}.boot", self.run / f"{name}.pid"
        try:
            if boot.read_text(encoding="ascii").split("\n")[0] != boot_id():
                return None
            lines = record.read_text(encoding="ascii").split()
            identity = Identity(int(lines[0]), int(lines[1]))
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return identity if is_alive(identity) else None

    def runs(self, service: Service) -> bool:
        """Whether the service is running as described."""
        try:
            started_as = (self.run / f"{service.name}.boot").read_text(encoding="ascii").split("\n")[1]
        except (FileNotFoundError, IndexError):
            return False
        return self.identity(service.name) is not None and started_as == service.fingerprint()

    def start(self, service: Service) -> bool:
        """Start a service unless it is running as described; return whether it was started. Does not wait for it."""
        if self.runs(service):
            return False
        self.stop(service.name)
        self.run.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        record = self.run / f"{service.name}.pid"
        record.unlink(missing_ok=True)
        service.prepare()
        write_private(self.run / f"{service.name}.boot", f"{boot_id()}\n{service.fingerprint()}\n")
        descriptor = os.open(self.log(service.name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as log:
            words = ["/bin/sh", "-c", _LAUNCH, str(record), *[str(word) for word in service.argv]]
            process = subprocess.Popen(
                words, env={**os.environ, **service.env}, cwd=self.run, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 10
        while not record.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        # It outlives this process; without this, Python warns that nothing waited for it.
        process.returncode = 0
        self._started.add(service.name)
        return True

    def wait(self, service: Service) -> None:
        """Wait until a started service is ready.

        One that was found running and ends meanwhile had been killed shortly before, and is started once more.

        Raises TrialError: it exited, or was not ready in time; with the last lines of its log.
        """
        deadline = time.monotonic() + service.ready_seconds
        pause = 0.02
        while True:
            alive = self.identity(service.name) is not None
            missing = service.ready() if alive else None
            if not alive and service.name not in self._started:
                self.start(service)
                continue
            if not alive:
                raise TrialError(f"{service.name} exited while starting.\n{self.last_lines(service.name)}")
            if missing is None:
                return
            if time.monotonic() > deadline:
                raise TrialError(
                    f"{service.name} was not ready after {service.ready_seconds:.0f} seconds: {missing}.\n"
                    f"{self.last_lines(service.name)}"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    def last_lines(self, name: str) -> str:
        """The end of a service's log, indented, and the path of the log."""
        try:
            lines = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        except FileNotFoundError:
            lines = []
        return "\n".join([*(f"  {line}" for line in lines), f"  (all of it: {self.log(name)})"])

    def stop(self, name: str, *, seconds: float = STOP_SECONDS) -> bool:
        """Stop a service and everything in its session; return whether it was running."""
        identity = self.identity(name)
        if identity is not None:
            _signal(identity, signal.SIGTERM)
            if not _ended(identity, seconds):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(identity.pid, signal.SIGKILL)
                _ended(identity, 5)
        for suffix in ("pid", "boot"):
            (self.run / f"{name}.{suffix}").unlink(missing_ok=True)
        return identity is not None

    def names(self) -> list[str]:
        """Names of the services that have a record."""
        return sorted(path.stem for path in self.run.glob("*.boot"))


def _signal(identity: Identity, number: signal.Signals) -> None:
    if is_alive(identity):
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, number)


def _ended(identity: Identity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
