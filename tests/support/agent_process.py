"""A Pod of the agents as a process: exactly the environment and files that the live cluster holds for it, with real Airflow in it.

The process sees a root of its own (tests/support/sandbox.py). Beside the container's variables it gets PATH, HOME and LANG, and
the two that Airflow needs to stand alone: AIRFLOW_HOME, and a database of its own for running a Dag, which agents do not have.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.support.airflow_env import PythonEnvironment
from tests.support.pod_template import Container, Volume
from tests.support.sandbox import Sandbox, python_folders
from trial.proof import DRIVER

HARNESS = "/opt/harness"
HOME = "/home/astro"
AIRFLOW_HOME = "/usr/local/airflow"
DATABASE = "/opt/harness/state/airflow.db"
DBT_VENV = f"{HOME}/dbt_venv"
AGENT_GROUP = 0
"""The primary group of the image's user."""
START_SECONDS = 120.0

# Each is put in the place of the program and notes the arguments that it was called with.
WRAPPED = {
    "/usr/bin/git": "git",
    "/usr/lib/git-core/git": "git-core",
    "/usr/lib/git-core/git-remote-http": "git-remote-http",
    "/usr/bin/ssh": "ssh",
}
# Git goes by the name it is called with: `git-upload-pack` is a link to it, and `git-remote-https` one to git-remote-http.
_WRAPPER = """\
#!/bin/sh
printf '%s\\n' "{name} $*" >> {log}
case "{name}:${{0##*/}}" in
  git*:git-remote-*) ;;
  git*:git-*) set -- "${{0##*/git-}}" "$@" ;;
esac
exec {real} "$@"
"""


class AgentError(Exception):
    """An operation of the agent failed; the text holds the exception and its causes."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Answer:
    """What an operation returned."""

    seconds: float
    """Time it took."""
    data: Mapping[str, Any]
    """Its results."""

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


@dataclass
class Pod:
    """One Pod: what Kubernetes gives its container, and storage that lives as long as the Pod.

    Attributes:
        container: read from the cluster.
        folder: for the Pod's storage and logs.
        airflow: the agents' Python.
        dbt: dbt's own Python; None leaves it out.
        database: a migrated database that runs start from; None when no Dag is run.
    """

    container: Container
    folder: Path
    airflow: PythonEnvironment
    dbt: PythonEnvironment | None = None
    database: Path | None = None
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for name, mode in (
            ("tmp", 0o1777),
            ("airflow", 0o755),
            ("home", 0o755),
            ("volumes", 0o755),
            ("state", 0o755),
            ("noted", 0o755),
        ):
            path = self.folder / name
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
            os.chown(path, self.container.uid, AGENT_GROUP)
        self.folder.chmod(0o755)
        if self.database is not None:
            shutil.copy(self.database, self.folder / "state" / "airflow.db")
            os.chown(self.folder / "state" / "airflow.db", self.container.uid, AGENT_GROUP)
        for place, name in enumerate(WRAPPED.values()):
            script = self.folder / "noted" / f"wrap-{name}"
            script.write_text(
                _WRAPPER.format(name=name, log=f"{HARNESS}/arguments.log", real=f"{HARNESS}/real-{place}")
            )
            script.chmod(0o755)
        arguments = self.folder / "arguments.log"
        arguments.touch()
        arguments.chmod(0o666)

    @property
    def log(self) -> str:
        """Everything that its processes printed."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("process-*.log")))

    @property
    def arguments(self) -> str:
        """The arguments of every git, git-remote-http and ssh that ran in it, a line each."""
        return (self.folder / "arguments.log").read_text(errors="replace")

    @property
    def storage(self) -> Path:
        """Folder of the bundle, as this machine sees it."""
        return self.on_machine(f"/tmp/airflow/dag_bundles/{self.bundle['name']}")

    @property
    def bundle(self) -> dict[str, Any]:
        """The bundle that the container is told of."""
        (entry,) = json.loads(self.container.environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
        return dict(entry)

    def on_machine(self, path: str) -> Path:
        """A path below the Pod's /tmp as this machine sees it."""
        assert path.startswith("/tmp/"), path
        return self.folder / path.removeprefix("/")

    def environment(self) -> dict[str, str]:
        """All variables of its processes."""
        own = {
            "PATH": f"{self.airflow.root}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": HOME,
            "LANG": "C.UTF-8",
            "AIRFLOW_HOME": AIRFLOW_HOME,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{DATABASE}",
        }
        twice = set(own) & set(self.container.environment) - {"PATH", "HOME", "LANG"}
        assert not twice, f"the stack sets {twice}, which this harness sets as well"
        return {**own, **self.container.environment}

    @contextlib.contextmanager
    def process(self) -> Iterator[Process]:
        """Start the container's process; it ends with the block, the Pod's storage stays."""
        self._count += 1
        with (self.folder / f"process-{self._count}.log").open("wb") as log:
            child = self._start(log)
            with child:
                try:
                    process = Process(self, child)
                    process.answer(START_SECONDS)
                    yield process
                finally:
                    child.kill()

    def _start(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return self._sandbox().popen(
            [str(self.airflow.python), f"{HARNESS}/agent_driver.py"],
            root=self.folder / f"root-{self._count}",
            env=self.environment(),
            uid=self.container.uid,
            gid=AGENT_GROUP,
            groups=[self.container.gid],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    def _sandbox(self) -> Sandbox:
        shown: dict[Path, str] = {**python_folders(self.airflow.root)}
        if self.dbt is not None:
            shown |= python_folders(self.dbt.root)
        writable = {
            self.folder / "airflow": AIRFLOW_HOME,
            self.folder / "home": HOME,
            self.folder / "tmp": "/tmp",
        }
        if self.container.read_only_root:
            writable = {}
        for number, volume in enumerate(self.container.volumes):
            source = self.materialise(number, volume)
            if volume.writable:
                writable[source] = volume.path
            else:
                shown[source] = volume.path
        # Some of these lie below a folder that is shown: they come after it.
        last: dict[Path, str] = {DRIVER: f"{HARNESS}/agent_driver.py"}
        if self.dbt is not None:
            last[self.dbt.root] = DBT_VENV
        for place, path in enumerate(WRAPPED):
            if Path(path).exists():
                real = self.folder / "noted" / f"real-{place}"
                if not real.exists():
                    shutil.copy2(Path(path).resolve(), real)
                last[real] = f"{HARNESS}/real-{place}"
                shown[self.folder / "noted" / f"wrap-{WRAPPED[path]}"] = path
        writable |= {
            self.folder / "state": f"{HARNESS}/state",
            self.folder / "arguments.log": f"{HARNESS}/arguments.log",
        }
        return Sandbox(
            users=[
                f"astro:x:{self.container.uid}:{AGENT_GROUP}::{HOME}:/bin/sh",
                "root:x:0:0::/root:/bin/sh",
            ],
            groups=["root:x:0:", f"mounted:x:{self.container.gid}:"],
            shown=shown,
            writable=writable,
            last=last,
            read_only_root=self.container.read_only_root,
        )

    def materialise(self, number: int, volume: Volume) -> Path:
        """The folder of this machine that stands for a volume, with the owner and modes that the kubelet gives."""
        folder = self.folder / "tmp" if volume.path == "/tmp" else self.folder / "volumes" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, 0, self.container.gid)
        folder.chmod(0o2775 if volume.writable else 0o755)
        for name, file in volume.files.items():
            path = folder / name
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(file.content)
            os.chown(path, 0, self.container.gid)
            path.chmod(file.mode | 0o440)
        return folder


class Process:
    """A running process of a Pod; each method is one operation of trial/agent_driver.py."""

    def __init__(self, pod: Pod, child: subprocess.Popen[bytes]) -> None:
        self.pod = pod
        self._child = child
        self._buffer = b""

    def answer(self, seconds: float) -> Answer:
        """Wait for an answer; raises AgentError when it tells of a failure or does not come."""
        assert self._child.stdout is not None
        end = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            ready, _, _ = select.select([self._child.stdout], [], [], max(0.0, left))
            if not ready:
                raise AgentError("Timeout", f"no answer within {seconds:.0f} s\n{self.pod.log[-4000:]}")
            block = os.read(self._child.stdout.fileno(), 65536)
            if not block:
                raise AgentError("Ended", f"the process ended\n{self.pod.log[-4000:]}")
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\n")
        data = json.loads(line)
        if not data.pop("ok"):
            raise AgentError(data["type"], data["error"])
        return Answer(data.pop("seconds"), data)

    def do(self, operation: str, *, limit: float = 180.0, **arguments: Any) -> Answer:
        """Do an operation; raises AgentError when it fails or takes more than `limit` seconds."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"do": operation, **arguments}).encode() + b"\n")
        self._child.stdin.flush()
        return self.answer(limit)

    def failure(self, operation: str, **arguments: Any) -> str:
        """Do an operation that must fail, and return the exception with its causes."""
        try:
            done = self.do(operation, **arguments)
        except AgentError as error:
            return str(error)
        raise AssertionError(f"{operation} did not fail: {done}")
