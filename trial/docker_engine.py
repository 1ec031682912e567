"""A Docker engine for image builds: a running one, or else Debian's, started in the trial."""

import contextlib
import hashlib
import http.client
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from trial import cgroups, firewall, kept
from trial.commands import run
from trial.errors import TrialError
from trial.gobuild import locked
from trial.layout import Layout
from trial.packages import find_program, folders_of, install
from trial.processes import Identity, Service, Supervisor, is_alive, start_time
from trial.progress import Progress

DEFAULT_HOST = "unix:///var/run/docker.sock"
PING_SECONDS = 3.0
NAME = "dockerd"
_NEEDED = ("dockerd", "containerd", "runc", "iptables", "ip")
_OF_THE_TRIAL = ("containers", "network", "plugins", "swarm", "tmp", "trust", "volumes")
"""What belongs to an engine and not to its images, below its data folder."""
_ENGINE_PROGRAMS = (
    "dockerd",
    "docker-proxy",
    "containerd",
    "containerd-shim",
    "containerd-shim-runc-v2",
    "runc",
)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PING_SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PING_SECONDS)
        self.sock.connect(self.path)


def answers_at(host: str) -> bool:
    """Whether a Docker engine answers at a DOCKER_HOST (unix:// or tcp://)."""
    parts = urlsplit(host)
    if parts.scheme == "unix":
        connection: http.client.HTTPConnection = _UnixConnection(parts.path)
    elif parts.scheme == "tcp" and parts.hostname:
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=PING_SECONDS)
    else:
        return False
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class DockerEngine:
    """Finds or runs the Docker engine of one trial."""

    def __init__(self, layout: Layout, progress: Progress, supervisor: Supervisor) -> None:
        self.layout = layout
        self.progress = progress
        self.supervisor = supervisor
        # Bridge names have at most 15 bytes; several trials may run at once.
        digest = hashlib.sha256(os.fsencode(layout.state)).digest()
        self.bridge = f"astro-{digest.hex()[:8]}"
        self.subnet = f"10.{200 + digest[0] % 50}.{digest[1]}"
        self.exec_root = layout.runtime / "docker"
        self.data_root = layout.state / "docker"
        self.kept = layout.cache / "docker"
        self.pid_file = layout.runtime / "docker.pid"
        self.before = layout.state / "firewall-before.json"
        self.host = f"unix://{layout.runtime / 'docker.sock'}"

    def up(self) -> str:
        """The DOCKER_HOST of an engine that answers.

        Raises TrialError: none is running, and none can be started.
        """
        other = self.other()
        if other is not None:
            self.progress.say(f"✓ use the Docker engine at {other}")
            return other
        self.install()
        with self.progress.step("start the Docker engine") as step, self._alone():
            self.layout.private_folder(self.layout.runtime)
            firewall.remember(self.before)
            self._make_bridge()
            if self.layout.is_default and kept.take(self.kept, self.data_root):
                with contextlib.suppress(TrialError):
                    self._start()
                    step.done(f"{self.host}, with what an earlier trial built")
                    return self.host
                # An engine that is older than the one that wrote it, for example.
                step.update("starting without what an earlier trial built")
                self.supervisor.stop(NAME)
                end_leftovers(self.exec_root, self.data_root)
                unmount_below(self.data_root)
                shutil.rmtree(self.data_root)
            self._start()
            step.done(self.host)
        return self.host

    def _alone(self) -> AbstractContextManager[None]:
        """No two engines may change the firewall's chains, which they share, at once: one of them would not start."""
        return locked(self.layout.cache / "locks" / "firewall.lock")

    def _start(self) -> None:
        service = self._service()
        self.supervisor.start(service)
        self.supervisor.wait(service)

    def other(self) -> str | None:
        """The DOCKER_HOST of an engine outside this trial, unless this trial's own is running."""
        if self.supervisor.identity(NAME) is not None:
            return None
        hosts = [os.environ.get("DOCKER_HOST"), DEFAULT_HOST]
        return next((host for host in hosts if host and host != self.host and answers_at(host)), None)

    def install(self) -> None:
        """Ensure the programs of an engine, unless another engine answers.

        Raises TrialError: none answers, and starting one is not possible here.
        """
        if self.other() is not None:
            return
        if os.getuid() != 0:
            raise TrialError(
                "no Docker engine answers on DOCKER_HOST or /var/run/docker.sock, and starting one needs root; "
                "start Docker, or run with NO_DOCKER=1 and the delivery git-submodule."
            )
        install(
            self.layout,
            self.progress,
            programs=_NEEDED,
            packages=("docker.io", "iptables", "iproute2"),
            why="a Docker engine",
        )

    def down(self) -> None:
        """Stop the trial's own engine, with its containers, mounts, bridge and firewall rules."""
        if self.supervisor.identity(NAME) is None and not self.data_root.exists() and not self._has_bridge():
            return
        with self.progress.step("stop the Docker engine"):
            self.supervisor.stop(NAME, seconds=40)
            end_leftovers(self.exec_root, self.data_root)
            for group in cgroups.named(self.bridge):
                cgroups.remove(group)
            self._unmount()
            with self._alone():
                if self._has_bridge():
                    run(["ip", "link", "delete", self.bridge], purpose="removing the Docker engine's bridge")
                firewall.restore(self.before, bridge=self.bridge, subnet=f"{self.subnet}.0/24")

    def keep(self) -> None:
        """Keep images and build cache of the checkout's own trial for the next one, if the engine has stopped by itself.

        One that was killed leaves its file with the process ID, and what it was writing.
        """
        if self.layout.is_default and not self.pid_file.exists():
            kept.keep(self.data_root, self.kept, without=_OF_THE_TRIAL)

    def _service(self) -> Service:
        config = self.layout.state / "docker.json"
        # /etc/docker/daemon.json belongs to the machine's own engine.
        config.write_text("{}\n", encoding="ascii")
        dockerd = find_program("dockerd")
        assert dockerd is not None  # noqa: S101 - installed above
        argv: list[str | Path] = [
            dockerd,
            f"--config-file={config}",
            f"--host={self.host}",
            f"--data-root={self.data_root}",
            f"--exec-root={self.exec_root}",
            f"--pidfile={self.pid_file}",
            f"--bridge={self.bridge}",
            f"--cgroup-parent=/{self.bridge}",
            "--log-level=warn",
        ]
        return Service(
            NAME,
            argv,
            # The user's PATH may change while it runs, as `make env` does.
            env={"PATH": folders_of(_NEEDED)},
            prepare=partial(clear_after_kill, self.exec_root, self.data_root, self.pid_file),
            ready=_ping(self.host),
            ready_seconds=90,
        )

    def _has_bridge(self) -> bool:
        return Path("/sys/class/net", self.bridge).exists()

    def _make_bridge(self) -> None:
        if self._has_bridge():
            return
        purpose = "creating a bridge for the Docker engine"
        run(["ip", "link", "add", self.bridge, "type", "bridge"], purpose=purpose)
        run(["ip", "address", "add", f"{self.subnet}.1/24", "dev", self.bridge], purpose=purpose)
        run(["ip", "link", "set", self.bridge, "up"], purpose=purpose)

    def _unmount(self) -> None:
        unmount_below(self.data_root, self.exec_root)
        shutil.rmtree(self.exec_root, ignore_errors=True)
        # containerd always creates these; they are removed unless something else is in them.
        for folder in ("/opt/containerd/bin", "/opt/containerd/lib", "/opt/containerd"):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _ping(host: str) -> Callable[[], str | None]:
    return lambda: None if answers_at(host) else "its socket does not answer"


def _command_lines() -> list[tuple[int, list[str]]]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                found.append((int(folder.name), words))
    return found


def end_leftovers(*folders: Path) -> None:
    """Kill what a killed engine leaves behind: containerd and its shims, which have the trial's folders in their arguments."""
    left = [
        Identity(pid, started)
        for pid, words in _command_lines()
        if Path(words[0]).name in _ENGINE_PROGRAMS
        and any(str(folder) in word for word in words for folder in folders)
        and (started := start_time(pid)) is not None
    ]
    for identity in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(is_alive(identity) for identity in left) and time.monotonic() < deadline:
        time.sleep(0.1)
    for identity in filter(is_alive, left):
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, signal.SIGKILL)


def clear_after_kill(exec_root: Path, data_root: Path, pid_file: Path) -> None:
    """Let nothing of a killed engine pass for a part of the next one.

    A process ID that was written down counts as long as it exists: also when the process is about to end, or has ended and nobody
    has waited for it. With that of the killed engine a new one gives up, and with that of its containerd it waits for an answer.
    """
    end_leftovers(exec_root, data_root)
    for noted in (pid_file, exec_root / "containerd" / "containerd.pid"):
        noted.unlink(missing_ok=True)


def unmount_below(*folders: Path) -> None:
    """Unmount everything under the folders, the deepest first, and the folders, which a killed engine leaves mounted."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    below = [path for path in mounts if any(f"{path}/".startswith(f"{folder}/") for folder in folders)]
    for path in sorted(below, key=len, reverse=True):
        run(["umount", "--lazy", path], purpose=f"unmounting {path}")
