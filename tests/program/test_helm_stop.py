"""Cancelling the plugin of this run's engine, with real processes in the places of engine, plugins and program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import running
from tests.support.stacks import ROOT

KUBERNETES, DOCKER = "pulumi-resource-kubernetes", "pulumi-resource-docker"

PLUGIN = """
import sys
from concurrent import futures
from pathlib import Path
import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc

class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="4.25.0")

    def Cancel(self, request, context):
        Path(sys.argv[1]).write_text("cancelled")
        return Empty()

server = grpc.server(futures.ThreadPoolExecutor())
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
server.add_insecure_port("127.0.0.1:0")
server.start()
Path(sys.argv[1]).write_text("ready")
server.wait_for_termination()
"""

PROGRAM = """
from program.helm_stop import cancel_helm
print(cancel_helm("pulumi-resource-kubernetes"))
"""

ENGINE = """
import json, subprocess, sys, time
from pathlib import Path
plugin, program, python, files = json.loads(sys.argv[1])
plugins = [
    subprocess.Popen([name, "-c", plugin, file], stdout=subprocess.DEVNULL) for name, file in files.items()
]
try:
    while not all(Path(file).exists() and Path(file).read_text() == "ready" for file in files.values()):
        time.sleep(0.05)
    # Pulumi starts the program through its language host.
    host = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    subprocess.run([python, "-c", host, program], check=True)
finally:
    for started in plugins:
        started.kill()
"""


@dataclass(frozen=True)
class Programs:
    """Python under the names of other programs."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Their packages, which Python does not find under another name."""
        packages = os.pathsep.join([str(ROOT), *(path for path in sys.path if path)])
        return {**os.environ, "PYTHONPATH": packages}

    def named(self, name: str) -> str:
        """Path of the program of that name."""
        path = self.folder / name
        if not path.exists():
            path.symlink_to(Path(sys.executable).resolve())
        return str(path)

    def engine(self, plugins: dict[str, Path]) -> str:
        """What the program prints under an engine that started these plugins."""
        files = {self.named(name): str(file) for name, file in plugins.items()}
        task = json.dumps([PLUGIN, PROGRAM, sys.executable, files])
        command = [self.named("pulumi"), "-c", ENGINE, task]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    (tmp_path / "bin").mkdir()
    return Programs(tmp_path / "bin")


def test_only_the_plugin_of_this_runs_engine_is_cancelled(programs: Programs, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.txt" for name in (KUBERNETES, DOCKER, "stranger")}
    command = [programs.named(KUBERNETES), "-c", PLUGIN, str(files["stranger"])]
    with running(command, cwd=ROOT, env=programs.environment):
        plugins = {name: files[name] for name in (KUBERNETES, DOCKER)}
        assert programs.engine(plugins) == "True"
        while not files["stranger"].exists():
            time.sleep(0.05)
        # An ancestor of the program that is not its engine started the stranger.
        assert {name: file.read_text() for name, file in files.items()} == {
            KUBERNETES: "cancelled",
            DOCKER: "ready",
            "stranger": "ready",
        }


def test_without_a_plugin_nothing_is_cancelled(programs: Programs) -> None:
    assert programs.engine({}) == "False"
