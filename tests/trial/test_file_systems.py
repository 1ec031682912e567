"""The base image's file system, made both ways on the trial's own Docker engine."""

from __future__ import annotations

import os
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from trial import base_image, file_systems
from trial.environment import Environment
from trial.errors import TrialError
from trial.file_systems import DockerCli, FileSystem

pytestmark = pytest.mark.engine

SMALL = ("six==1.17.0",)


def finished(system: FileSystem, folder: Path) -> tarfile.TarFile:
    """The archive of a base image with one small package instead of Airflow."""
    agent = folder / "agent"
    agent.write_text("#!/bin/sh\n")
    base_image.install_python(system, requirements=SMALL)
    base_image.finish(system, agent)
    layer, digest = system.archive(folder / "layer.tar.gz")
    assert layer.size == (folder / "layer.tar.gz").stat().st_size
    assert digest.startswith("sha256:")
    return tarfile.open(folder / "layer.tar.gz")


def check(archive: tarfile.TarFile) -> None:
    """What both ways must give."""
    with archive:
        found = {member.name.removeprefix("./").rstrip("/"): member for member in archive.getmembers()}
        assert found["usr/local/bin/agent"].mode & 0o777 == 0o755
        assert found["usr/local/bin/agent"].uid == 0
        assert found["usr/local/airflow"].uid == found["home/astro"].uid == base_image.UID
        assert found["tmp"].mode & 0o7777 == 0o1777
        assert "usr/bin/git" in found
        assert any(name.startswith("opt/agent/lib/") and name.endswith("/six.py") for name in found)
        lent = ("etc/pip.conf", "tmp/ca.pem")
        assert not [name for name in lent if name in found], "what was lent must not become part of an image"
        compiled = {name for name in found if name.endswith(".cpython-311.pyc")}
        assert {"usr/lib/python3.11/__pycache__/subprocess.cpython-311.pyc"} < compiled
        assert [name for name in sorted(compiled) if is_stale(archive, found, name)] == []


def is_stale(archive: tarfile.TarFile, found: Mapping[str, tarfile.TarInfo], compiled: str) -> bool:
    """Whether Python compiles a module anew at each start: the compiled one names another time or size than it has."""
    file = archive.extractfile(found[compiled])
    assert file is not None
    flags, time, size = struct.unpack("<4xIII", file.read(16))
    folder, _, name = compiled.rpartition("/__pycache__/")
    module = found[f"{folder}/{name.partition('.')[0]}.py"]
    return module.isreg() and flags == 0 and (time, size) != (int(module.mtime), module.size)


def test_debian_by_debootstrap_and_in_a_container(environment: Environment, tmp_path: Path) -> None:
    """The container starts from what debootstrap made here, because no image can be pulled without a network."""
    docker_host = environment.info().docker_host
    assert docker_host is not None
    docker, image = DockerCli(docker_host), "trial/debian:small"
    with file_systems.folder(("ca-certificates",), scratch=tmp_path) as bare:
        layer, _ = bare.archive(tmp_path / "bare.tar.gz")
        bare.run("true", purpose="test")
    docker.run("import", layer.path, image, purpose="test")
    try:
        with file_systems.container(base_image.PACKAGES, docker_host=docker_host, image=image) as system:
            check(finished(system, tmp_path))
            with pytest.raises(TrialError, match="ended with code 1"):
                system.run("false", purpose="test")
    finally:
        docker.run("image", "rm", "--force", image, purpose="test")
    assert docker.run("ps", "--all", "--quiet", f"--filter=ancestor={image}", purpose="test") == ""


def test_without_root_there_must_be_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_systems.docker_host_without_root("unix:///x.sock") is None
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert file_systems.docker_host_without_root("unix:///x.sock") == "unix:///x.sock"
    with pytest.raises(TrialError, match="start Docker"):
        file_systems.docker_host_without_root(None)
