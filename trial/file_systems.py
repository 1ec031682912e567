"""The file system of an image under construction: Debian in a folder (as root), or in a Docker container."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from trial.commands import run
from trial.errors import TrialError
from trial.layers import pack, write_layer
from trial.registry_client import Blob

SUITE = "bookworm"
DOCKER_IMAGE = "debian:bookworm-slim"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LANGUAGE = ("HOME=/root", "LANG=C.UTF-8")

OnLine = Callable[[str], None]


class FileSystem(Protocol):
    """A Debian file system. Every method raises TrialError if a program fails."""

    def run(
        self, *words: str, purpose: str, variables: Mapping[str, str] = {}, on_line: OnLine | None = None
    ) -> None:
        """Run a program in it as root, with only ``variables`` as its environment."""

    def put(self, source: Path, target: str, mode: int) -> None:
        """Copy a file to an absolute path in it."""

    def archive(self, target: Path) -> tuple[Blob, str]:
        """Write all of it as a compressed layer; return the layer and the digest before compression."""


@contextmanager
def folder(
    packages: Sequence[str], *, scratch: Path, on_line: OnLine | None = None
) -> Iterator["FolderSystem"]:
    """Debian from debootstrap in a folder under ``scratch``; needs root. Raises TrialError."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix="rootfs-") as temporary:
        root = Path(temporary) / "root"
        argv = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, str(root)]
        run(argv, purpose="making a Debian file system", on_line=on_line)
        # Later steps need this machine's name resolution.
        shutil.copyfile("/etc/resolv.conf", root / "etc" / "resolv.conf")
        yield FolderSystem(root)


class FolderSystem:
    """A file system in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def run(
        self, *words: str, purpose: str, variables: Mapping[str, str] = {}, on_line: OnLine | None = None
    ) -> None:
        """Run a program by chroot."""
        settings = (f"PATH={_PATH}", *_LANGUAGE, *(f"{name}={value}" for name, value in variables.items()))
        argv: list[str | Path] = ["chroot", self._root, "env", "-i", *settings, *words]
        run(argv, purpose=purpose, on_line=on_line)

    def put(self, source: Path, target: str, mode: int) -> None:
        """Copy a file."""
        path = self._root / target.lstrip("/")
        shutil.copyfile(source, path)
        path.chmod(mode)

    def archive(self, target: Path) -> tuple[Blob, str]:
        """Archive the folder."""
        (self._root / "etc" / "resolv.conf").unlink(missing_ok=True)
        return write_layer(self._root, target)


@contextmanager
def container(
    packages: Sequence[str],
    *,
    docker_host: str,
    image: str = DOCKER_IMAGE,
    variables: Mapping[str, str] = {},
    on_line: OnLine | None = None,
) -> Iterator["ContainerSystem"]:
    """Debian in a container that is removed at the end; the engine pulls ``image`` if it is missing.

    ``variables`` are for apt-get to reach its mirror. Raises TrialError.
    """
    docker = DockerCli(docker_host)
    purpose = f"starting a container of {image}"
    if not docker.has(image):
        docker.run("pull", "--quiet", image, purpose=f"pulling {image}")
    name = docker.run(
        "run", "--detach", "--rm", "--init", image, "sleep", "infinity", purpose=purpose
    ).strip()
    try:
        system = ContainerSystem(docker, name)
        purpose = "installing Debian packages into the base image"
        quiet = {"DEBIAN_FRONTEND": "noninteractive", **variables}
        system.run("apt-get", "update", "-q", purpose=purpose, variables=quiet, on_line=on_line)
        words = ("apt-get", "install", "-y", "-q", "--no-install-recommends", *packages)
        system.run(*words, purpose=purpose, variables=quiet, on_line=on_line)
        yield system
    finally:
        docker.run("rm", "--force", "--volumes", name, purpose="removing the container")


class DockerCli:
    """The Docker command line on one engine."""

    def __init__(self, host: str) -> None:
        self._variables = {"DOCKER_HOST": host}

    def run(self, *words: str | Path, purpose: str, on_line: OnLine | None = None) -> str:
        """Run a command and return what it printed. Raises TrialError."""
        return run(["docker", *words], purpose=purpose, env=self._variables, on_line=on_line)

    def has(self, image: str) -> bool:
        """Whether the engine has an image. Raises TrialError."""
        listed = self.run("image", "ls", "--quiet", image, purpose="listing the engine's images")
        return bool(listed.strip())

    def export(self, name: str) -> "subprocess.Popen[bytes]":
        """Start writing a container's files as a tar archive to standard output."""
        environment = {**os.environ, **self._variables}
        return subprocess.Popen(["docker", "export", name], env=environment, stdout=subprocess.PIPE)


class ContainerSystem:
    """A file system in a running container."""

    def __init__(self, docker: DockerCli, name: str) -> None:
        self._docker, self._name = docker, name

    def run(
        self, *words: str, purpose: str, variables: Mapping[str, str] = {}, on_line: OnLine | None = None
    ) -> None:
        """Run a program by `docker exec`."""
        settings = [f"PATH={_PATH}", *_LANGUAGE, *(f"{name}={value}" for name, value in variables.items())]
        argv = ("exec", "--user=0", self._name, "env", "-i", *settings, *words)
        self._docker.run(*argv, purpose=purpose, on_line=on_line)

    def put(self, source: Path, target: str, mode: int) -> None:
        """Copy a file by `docker cp`."""
        purpose = f"copying {target} into the base image"
        self._docker.run("cp", source, f"{self._name}:{target}", purpose=purpose)
        self.run("chown", "0:0", target, purpose=purpose)
        self.run("chmod", f"{mode:o}", target, purpose=purpose)

    def archive(self, target: Path) -> tuple[Blob, str]:
        """Export the container."""
        return pack(self._docker.export(self._name), target)


def docker_host_without_root(other: str | None) -> str | None:
    """DOCKER_HOST of the engine to use in place of root; None with root.

    ``other`` is the DOCKER_HOST of an engine that answers. Raises TrialError: neither root nor an engine.
    """
    if os.getuid() == 0:
        return None
    if other is None:
        raise TrialError(
            "building the trial's base image needs root or a Docker engine; start Docker, or run with NO_DOCKER=1 and the "
            "delivery git-submodule."
        )
    return other
