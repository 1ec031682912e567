"""A Pod of the agents on a Docker engine: the image, environment and files that the live cluster holds for it, and real Airflow in it.

In addition to the container's variables, its processes get only what Airflow needs to run a Dag on its own: a database, which agents do not have.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import uuid
from collections.abc import Iterator
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
printf '%s\\n' "{name} $*" >> {harness}/arguments.log
case "{name}:${{0##*/}}" in
  git*:git-remote-*) ;;
  git*:git-*) set -- "${{0##*/git-}}" "$@" ;;
esac
exec {harness}/programs/real-{name} "$@"
"""


class AgentError(Exception):
    """An operation of the agent failed; the text holds the exception and its causes."""


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
    """The image's own programs of WRAPPED, as `real-<name>`."""
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
            script.write_text(_WRAPPER.format(name=name, harness=HARNESS))
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
        bundles = json.loads(self.container.environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
        return self.on_machine(f"/tmp/airflow/dag_bundles/{bundles[0]['name']}")

    def on_machine(self, path: str) -> Path:
        """A path below the Pod's /tmp as this machine sees it."""
        assert path.startswith("/tmp/"), path
        return self.folder / path.removeprefix("/")

    def written(self) -> list[Path]:
        """Folders with all that its processes left, as this machine sees them."""
        numbered = enumerate(self.container.volumes)
        empty = [self.folder / "volumes" / str(number) for number, volume in numbered if volume.writable]
        return [self.folder / "tmp", *empty, self.folder / "written"]

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
                process = Process(self, child, name)
                process.answer(START_SECONDS)
                yield process
            finally:
                self._collect(name)
                self.docker.call("rm", "--force", "--volumes", name)
                child.kill()

    def _start(self, name: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        variables = self.environment()
        mounts = {"/tmp": self.folder / "tmp"}
        for number, volume in enumerate(self.container.volumes):
            target = volume.path + ("" if volume.writable else ":ro")
            mounts[target] = self.materialise(number, volume)
        mounts |= {
            f"{HARNESS}/agent_driver.py:ro": DRIVER,
            f"{HARNESS}/programs:ro": self.programs,
            f"{HARNESS}/state": self.folder / "state",
            f"{HARNESS}/arguments.log": self.folder / "arguments.log",
            **{f"{path}:ro": self.folder / "noted" / f"wrap-{name}" for path, name in WRAPPED.items()},
        }
        return self.docker.popen(
            "run", "--name", name, "--interactive", "--pull", "never", "--network", "host",
            "--user", f"{self.container.uid}:{AGENT_GROUP}", "--group-add", str(self.container.gid),
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            *(["--read-only"] if self.container.read_only_root else []),
            *(word for target, source in mounts.items() for word in ("--volume", f"{source}:{target}")),
            # Names alone: the client takes the values from its own environment, so that none is an argument.
            *(word for name in variables for word in ("--env", name)),
            "--entrypoint", "python", self.container.image, f"{HARNESS}/agent_driver.py",
            variables=variables, log=log,
        )  # fmt: skip

    def _collect(self, name: str) -> None:
        """Copy what a process wrote outside of mounted folders, so that it can be searched."""
        if self.container.read_only_root:
            return
        # `docker diff` would compare the whole image, for seconds.
        layer = Path(self.docker.call("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", name).strip())
        assert layer.is_dir(), f"the engine's storage driver is not overlay2: {layer}"
        target = self.folder / "written" / str(self._count)
        for path in layer.rglob("*"):
            if path.is_file() and not path.is_symlink():
                copy = target / path.relative_to(layer)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)

    def materialise(self, number: int, volume: Volume) -> Path:
        """The folder of this machine that takes the place of a volume, with the owner and modes that the kubelet gives."""
        folder = self.folder / "tmp" if volume.path == "/tmp" else self.folder / "volumes" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, 0, self.container.gid)
        folder.chmod(0o2775 if volume.writable else 0o755)
        for name, file in volume.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_bytes(file.content)
            os.chown(path, 0, self.container.gid)
            path.chmod(file.mode | 0o440)
        return folder


class Process:
    """A running process of a Pod; each method is one operation of trial/agent_driver.py."""

    def __init__(self, pod: Pod, child: subprocess.Popen[bytes], name: str) -> None:
        self.pod = pod
        self.name = name
        """Name of its container on the Docker engine."""
        self._child = child

    def answer(self, seconds: float) -> dict[str, Any]:
        """Wait for an answer; raises AgentError when it reports a failure or does not come."""
        assert self._child.stdout is not None
        limit = threading.Timer(seconds, self._child.kill)
        limit.start()
        line = self._child.stdout.readline()
        limit.cancel()
        if not line.endswith(b"\n"):
            raise AgentError(f"the process ended, or took {seconds:.0f} s\n{self.pod.log[-4000:]}")
        data: dict[str, Any] = json.loads(line)
        if not data["ok"]:
            raise AgentError(data["error"])
        return data

    def do(self, operation: str, *, limit: float = 600.0, **arguments: Any) -> dict[str, Any]:
        """Results of an operation, and the `seconds` it took; raises AgentError when it fails or takes more than `limit`."""
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
