"""The hooks on the real engine: a plugin of the test is in the place of Helm, and waits until it is cancelled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.kube_objects import kubeconfig
from tests.support.release_api import ReleaseApi, pod_of, release_api
from tests.support.stacks import ROOT, stack
from trial.downloads import Downloads
from trial.gobuild import PROGRAMS
from trial.layout import Layout
from trial.progress import Progress
from trial.tools import Toolbox

pytestmark = pytest.mark.engine

PLUGIN = """
import sys, threading
from concurrent import futures
import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2 as pb, provider_pb2_grpc

cancelled = threading.Event()

class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def Handshake(self, request, context): return pb.ProviderHandshakeResponse()
    def GetPluginInfo(self, request, context): return plugin_pb2.PluginInfo(version="4.25.0")
    def CheckConfig(self, request, context): return pb.CheckResponse(inputs=request.news)
    def DiffConfig(self, request, context): return pb.DiffResponse()
    def Configure(self, request, context): return pb.ConfigureResponse()
    def Check(self, request, context): return pb.CheckResponse(inputs=request.news)
    def Diff(self, request, context): return pb.DiffResponse()

    def Create(self, request, context):
        reason = "context canceled" if cancelled.wait(60) else "context deadline exceeded"
        context.abort(grpc.StatusCode.UNKNOWN, f"release astro-agent failed: {reason}")

    def Cancel(self, request, context):
        cancelled.set()
        return Empty()

server = grpc.server(futures.ThreadPoolExecutor(8))
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""

PROGRAM = """
import json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import pulumi
import program.rollout_watch as rollout_watch
from program.interruption import leave_quietly
from tests.support.stacks import settings_of

leave_quietly()
rollout_watch._PATIENCE = 4.0
settings = settings_of(json.loads(Path("config.json").read_text()))
hooks = rollout_watch.watch_hooks(settings, Path())

class Release(pulumi.CustomResource):
    def __init__(self):
        options = pulumi.ResourceOptions(hooks=hooks, version="4.25.0")
        super().__init__("kubernetes:helm.sh/v3:Release", "astro-agent", {{}}, options)

Release()
"""


@dataclass(frozen=True)
class Engine:
    """The engine with the test's plugin, and a program that has only the hooks."""

    pulumi: Path
    folder: Path

    def write(self, api: ReleaseApi) -> None:
        """Write program, plugin and settings."""
        runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(ROOT / ".venv")}}
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "astro-dbt", "runtime": runtime}))
        (self.folder / "__main__.py").write_text(PROGRAM.format(root=str(ROOT)))
        (self.folder / "config.json").write_text(json.dumps(stack(kubeconfig=kubeconfig(api.url()))))
        (self.folder / "plugin.py").write_text(PLUGIN)
        plugin = self.folder / "home/plugins/resource-kubernetes-v4.25.0/pulumi-resource-kubernetes"
        plugin.parent.mkdir(parents=True)
        plugin.write_text(
            "#!/bin/bash\n"
            f"exec -a pulumi-resource-kubernetes {Path(sys.executable).resolve()} {self.folder / 'plugin.py'}\n"
        )
        plugin.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The CLI."""
        path = [str(self.pulumi.parent), str(ROOT / "trial/language_host"), os.environ["PATH"]]
        variables = {
            "PATH": os.pathsep.join(path),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder}",
            "PULUMI_CONFIG_PASSPHRASE": "p",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            executable=self.pulumi,
            cwd=self.folder,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    linked = Layout.of(repo=ROOT).bin / "pulumi"
    if not linked.exists():
        with Progress() as progress:
            linked = Toolbox(Layout.of(repo=ROOT), progress, Downloads()).builder().build(PROGRAMS["pulumi"])
    return Engine(linked, tmp_path)


@pytest.fixture
def api() -> Iterator[ReleaseApi]:
    with release_api() as made:
        made.revisions = [(1, "pending-install")]
        yield made


def happen(api: ReleaseApi, seconds: float) -> None:
    """A Pod appears after the watch has begun, and the rollback ends some seconds later."""
    while not any("/pods" in path for path in api.asked):
        time.sleep(0.05)
    leak = "canary-agent-token"
    api.logs = {"worker": f"token {leak}\n"}
    api.pods = [
        pod_of("set-1", {"waiting": {"reason": "ErrImagePull", "message": f"manifest unknown, token {leak}"}})
    ]
    time.sleep(seconds)
    api.revisions = []


def test_the_engine_reports_the_pods_before_helms_own_error(engine: Engine, api: ReleaseApi) -> None:
    engine.write(api)
    assert engine.run("stack", "init", "test").returncode == 0
    threading.Thread(target=happen, args=(api, 10), daemon=True).start()
    started = time.monotonic()
    done = engine.run("up", "--yes", "--skip-preview", "--stack", "test")
    assert time.monotonic() - started < 60, done.stdout
    assert done.returncode != 0
    where = "Deployment agent-worker, Pod agent-worker-set-1-1, container worker: ErrImagePull: manifest unknown, token ***"
    warning, report = (done.stdout.index(f"{prefix}{where}") for prefix in ("astro-agent: ", "- "))
    assert warning < report
    assert "unless that changes, the wait ends in 4 s" in done.stdout
    assert "did not get ready; its wait was ended after" in done.stdout
    assert "release astro-agent failed: context canceled" in done.stdout
    for unwanted in ("canary", "Traceback", "error hooks execution failed"):
        assert unwanted not in done.stdout
