"""Real processes in the places of an engine, its plugins and a program that it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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
    for started, file in zip(plugins, files.values()):
        if started.poll() is not None:
            Path(file).write_text("ended")
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

    def engine(self, program: str, plugins: dict[str, Path]) -> str:
        """What a program prints under an engine that started these plugins."""
        files = {self.named(name): str(file) for name, file in plugins.items()}
        task = json.dumps([PLUGIN, program, sys.executable, files])
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
