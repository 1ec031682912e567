"""A Pod of the agents on a Docker engine: the image, environment and files that the live cluster holds for it, and real Airflow in it.

In addition to the container's variables, its processes get only what Airflow needs to run a Dag on its own: a database, which agents do not have.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.support.docker_client import Docker
from tests.support.pod_template import Container, Volume
from trial.proof import DRIVER

HARNESS = "/opt/harness"
DATABASE = f"{HARNESS}/state/airflow.db"
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
    """One Pod: what Kubernetes gives its container, and storage that lives as long as the Pod."""

    container: Container
    """Read from the cluster; its image is on the engine."""
    folder: Path
    """For the Pod's storage and logs."""
    docker: Docker
    """The engine."""
    programs: Path
    """The image's own programs of WRAPPED, as `copy_programs` left them."""
    database: Path | None = None
    """A migrated database that runs start from; None when no Dag is run."""
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for name, mode in (("tmp", 0o1777), ("volumes", 0o755), ("state", 0o755), ("noted", 0o755)):
            path = self.folder / name
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
            os.chown(path, self.container.uid, AGENT_GROUP)
        self.folder.chmod(0o755)
        if self.database is not None:
            shutil.copy(self.database, self.folder / "state" / "airflow.db")
            os.chown(self.folder / "state" / "airflow.db", self.container.uid, AGENT_GROUP)
        for name in WRAPPED.values():
            script = self.folder / "noted" / f"wrap-{name}"
            script.write_text(
                _WRAPPER.format(
                    name=name, log=f"{HARNESS}/arguments.log", real=f"{HARNESS}/programs/real-{name}"
                )
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
        """Folder of the first bundle, as this machine sees it."""
        return self.on_machine(f"/tmp/airflow/dag_bundles/{self.bundle['name']}")

    @property
    def bundle(self) -> dict[str, Any]:
        """The first bundle in the container's environment."""
        entries = json.loads(self.container.environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
        return dict(entries[0])

    def on_machine(self, path: str) -> Path:
        """A path below the Pod's /tmp as this machine sees it."""
        assert path.startswith("/tmp/"), path
        return self.folder / path.removeprefix("/")

    def written(self) -> Iterator[Path]:
        """Every file that its processes left, as this machine sees it."""
        empty = [
            self.folder / "volumes" / str(number)
            for number, volume in enumerate(self.container.volumes)
            if volume.writable
        ]
        for folder in (self.folder / "tmp", *empty, self.folder / "written"):
            yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

    def environment(self) -> dict[str, str]:
        """The container's variables and the database; PATH, HOME and the like are the image's."""
        own = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{DATABASE}"}
        twice = set(own) & set(self.container.environment)
        assert not twice, f"the stack sets {twice}, which this harness sets as well"
        return {**self.container.environment, **own}

    @contextlib.contextmanager
    def process(self) -> Iterator[Process]:
        """Start the container's process; it ends with the block, the Pod's storage stays."""
        self._count += 1
        name = f"proof-{uuid.uuid4().hex[:12]}"
        with (self.folder / f"process-{self._count}.log").open("wb") as log, self._start(name, log) as child:
            try:
                process = Process(self, child)
                process.answer(START_SECONDS)
                yield process
            finally:
                self._collect(name)
                self.docker.call("rm", "--force", "--volumes", name)
                child.kill()

    def _start(self, name: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        variables = self.environment()
        mounts = [(self.folder / "tmp", "/tmp")]
        for number, volume in enumerate(self.container.volumes):
            mounts = [pair for pair in mounts if pair[1] != volume.path]
            mounts.append(
                (self.materialise(number, volume), volume.path + ("" if volume.writable else ":ro"))
            )
        mounts += [
            (DRIVER, f"{HARNESS}/agent_driver.py:ro"),
            (self.programs, f"{HARNESS}/programs:ro"),
            (self.folder / "state", f"{HARNESS}/state"),
            (self.folder / "arguments.log", f"{HARNESS}/arguments.log"),
            *((self.folder / "noted" / f"wrap-{name}", f"{path}:ro") for path, name in WRAPPED.items()),
        ]
        return self.docker.popen(
            "run", "--name", name, "--interactive", "--pull", "never", "--network", "host",
            "--user", f"{self.container.uid}:{AGENT_GROUP}", "--group-add", str(self.container.gid),
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            *(["--read-only"] if self.container.read_only_root else []),
            *(word for source, target in mounts for word in ("--volume", f"{source}:{target}")),
            # Names alone: the client takes the values from its own environment, so that none is an argument.
            *(word for name in variables for word in ("--env", name)),
            "--entrypoint", "python", self.container.image, f"{HARNESS}/agent_driver.py",
            variables=variables, log=log,
        )  # fmt: skip

    def _collect(self, name: str) -> None:
        """Copy what a process wrote outside of mounted folders, so that it can be searched."""
        if self.container.read_only_root:
            return
        target = self.folder / "written" / str(self._count)
        added: list[str] = []
        mounted = [HARNESS, *(volume.path for volume in self.container.volumes)]
        for line in self.docker.call("diff", name).splitlines():
            kind, _, path = line.partition(" ")
            # The engine makes the folders above a mount; the container's user cannot write to them.
            of_mount = any(
                f"{mount}/".startswith(f"{path}/") or path.startswith(f"{mount}/") for mount in mounted
            )
            if kind == "A" and not of_mount and not any(path.startswith(f"{above}/") for above in added):
                added.append(path)
        for number, path in enumerate(added):
            target.mkdir(parents=True, exist_ok=True)
            self.docker.call("cp", f"{name}:{path}", str(target / str(number)))

    def materialise(self, number: int, volume: Volume) -> Path:
        """The folder of this machine that takes the place of a volume, with the owner and modes that the kubelet gives."""
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
        """Wait for an answer; raises AgentError when it reports a failure or does not come."""
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

    def do(self, operation: str, *, limit: float = 600.0, **arguments: Any) -> Answer:
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
