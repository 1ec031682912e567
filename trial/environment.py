"""The whole trial environment as one object, for the command line and for tests."""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trial import orphans, ready_image
from trial.base_image import BaseImage
from trial.chart_repository import ChartRepository
from trial.cluster import CONTEXT, TrialCluster
from trial.commands import run
from trial.docker_engine import DockerEngine
from trial.downloads import Downloads
from trial.errors import TrialError
from trial.git_server import GitInfo, GitServer
from trial.gobuild import locked
from trial.kwok import SimulatedNode
from trial.layout import Layout, write_private
from trial.memory import LOOPBACK, Memory
from trial.processes import Supervisor
from trial.progress import Progress
from trial.pulumi_cli import PulumiHome, PulumiInfo
from trial.real_node import RealNode
from trial.registry_server import RegistryInfo, RegistryServer
from trial.tools import Toolbox


@dataclass(frozen=True)
class EnvironmentInfo:
    """The parts of a running trial; `.trial/environment.json` contains the same."""

    kubeconfig: str
    """Path of the administrator's kubeconfig."""
    context: str
    """Context in that file."""
    node: str
    """"kwok" (simulated) or "real"."""
    registry: RegistryInfo
    """The container registry."""
    git: GitInfo
    """The Git server."""
    chart_repository: str
    """URL of the Helm repository."""
    docker_host: str | None
    """DOCKER_HOST of the Docker engine; None without Docker."""
    base_image: str | None
    """Full reference of the agent base image in the trial's registry; None without Docker."""
    sentinel_image: str | None
    """Full reference of the sentinel's image there; None without Docker."""
    ready_image: str | None
    """Full reference of the ready image for a stack without Docker; None with Docker."""
    pulumi: PulumiInfo
    """The engine's folders."""
    bin: str
    """Folder with the tools."""

    @classmethod
    def read(cls, path: Path) -> "EnvironmentInfo":
        """Read the file that `Environment.up` wrote.

        Raises TrialError: there is none, or another version of this project wrote it.
        """
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise TrialError("the trial environment is not up; run 'make up' first.") from None
        try:
            content["registry"] = RegistryInfo(**content["registry"])
            content["git"] = GitInfo(**content["git"])
            content["pulumi"] = PulumiInfo(**content["pulumi"])
            return cls(**content)
        except (KeyError, TypeError):
            raise TrialError(
                f"{path} was written by another version of this project; run 'make up' again."
            ) from None


class Environment:
    """A trial environment: everything that the stack needs, on this machine.

    Several can run at once, each with a separate state folder.

    ``repo`` is the checkout. ``state`` is the folder for everything that belongs to this trial, by default `.trial` in the
    checkout; ``cache`` is shared by all trials, by default the user's cache folder. ``node`` is "kwok" or "real"; None keeps
    the last choice, at first "kwok". ``docker=False`` leaves out the Docker engine and the base image, ``engine=False``
    Pulumi's resource plugins.
    """

    def __init__(
        self,
        *,
        repo: Path,
        state: Path | None = None,
        cache: Path | None = None,
        node: str | None = None,
        docker: bool = True,
        engine: bool = True,
        progress: Progress | None = None,
    ) -> None:
        self.layout = Layout.of(repo=repo, state=state, cache=cache)
        self.progress = progress or Progress()
        self.node = node
        self.docker = docker
        self.engine = engine
        self.downloads = Downloads()
        self.toolbox = Toolbox(self.layout, self.progress, self.downloads)
        self.supervisor = Supervisor(run=self.layout.run, logs=self.layout.logs)

    def up(self) -> EnvironmentInfo:
        """Bring everything up; what is running is left alone, what died is restarted.

        Raises TrialError: a part is unavailable or did not become ready.
        """
        self.layout.private_folder(self.layout.state)
        with locked(
            self.layout.state / "lock", lambda: self.progress.say("waiting for another run of the trial")
        ):
            return self._up()

    def _up(self) -> EnvironmentInfo:
        memory = Memory(self.layout.state / "memory.json")
        node = memory.choice("node", self.node, "kwok")
        if node == "real" and not self.docker:
            raise TrialError(
                "NODE=real needs images that can run, which NO_DOCKER leaves out; unset one of them."
            )
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="image") as pool:
            # Compiling is limited by the CPU, the base image by the network.
            image = pool.submit(self._make_base_image) if self.docker else None
            self.toolbox.ensure()
            if image is not None:
                image.result()
        parts = (self.layout, self.progress, self.supervisor, memory)
        cluster = TrialCluster(*parts)
        control_plane = cluster.up()
        simulated = SimulatedNode(self.layout, self.progress, self.supervisor, cluster)
        real = RealNode(*parts, cluster, self.toolbox)
        if node != "real" and real.down():
            # Stopping the real node's Pods also stopped the controllers that would start new ones.
            cluster.up()
        git_host = real.network() if node == "real" else LOOPBACK
        registry = RegistryServer(*parts).up()
        git = GitServer(*parts, cluster.authority).up(git_host)
        charts = ChartRepository(*parts).up()
        if node == "real":
            simulated.down()
            real.up()
        else:
            simulated.up(self.toolbox.kwok_stages())
        docker_host = base_image = sentinel_image = None
        ready = None if self.docker else ready_image.put(registry)
        if self.docker:
            docker_host = DockerEngine(self.layout, self.progress, self.supervisor).up()
            base_image, sentinel_image = BaseImage(self.layout, self.progress).up(registry)
        pulumi = PulumiHome(self.layout, self.progress, self.toolbox, memory).up(plugins=self.engine)
        info = EnvironmentInfo(
            kubeconfig=str(control_plane.kubeconfig),
            context=CONTEXT,
            node=node,
            registry=registry,
            git=git,
            chart_repository=charts,
            docker_host=docker_host,
            base_image=base_image,
            sentinel_image=sentinel_image,
            ready_image=ready,
            pulumi=pulumi,
            bin=str(self.layout.bin),
        )
        write_private(self.layout.environment_file, json.dumps(asdict(info), indent=2) + "\n")
        return info

    def _make_base_image(self) -> None:
        engine = DockerEngine(self.layout, self.progress, self.supervisor)
        engine.install()
        BaseImage(self.layout, self.progress, other_engine=engine.other).make()

    def info(self) -> EnvironmentInfo:
        """The parts of the running trial. Raises TrialError: it is not up."""
        return EnvironmentInfo.read(self.layout.environment_file)

    def exports(self) -> dict[str, str]:
        """Variables with which pulumi, kubectl, helm and docker use the trial."""
        info = self.info()
        variables = {
            "PULUMI_HOME": info.pulumi.home,
            "PULUMI_BACKEND_URL": info.pulumi.backend_url,
            "PULUMI_CONFIG_PASSPHRASE_FILE": info.pulumi.passphrase_file,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KUBECONFIG": info.kubeconfig,
            # The stand-in plugins run only with this.
            "ASTRO_DBT_TRIAL": str(self.layout.state),
        }
        if info.docker_host is not None:
            variables["DOCKER_HOST"] = info.docker_host
        first = [info.bin, str(self.layout.repo / ".venv" / "bin")]
        rest = [
            folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder not in first
        ]
        variables["PATH"] = os.pathsep.join([*first, *rest])
        return variables

    def kubectl(self, *arguments: str, stdin: str | None = None, purpose: str, seconds: float = 60.0) -> str:
        """Run kubectl as the administrator and return what it prints. Raises TrialError: it failed."""
        argv = [f"{self.layout.bin}/kubectl", f"--kubeconfig={self.info().kubeconfig}", *arguments]
        return run(argv, stdin=stdin, purpose=purpose, seconds=seconds)

    def variables(self) -> Mapping[str, str]:
        """Variables of this process and, on top, the trial's; for a child process."""
        return {**os.environ, **self.exports()}

    def stop(self) -> None:
        """Stop everything that is running, and keep the state; `up` continues from there."""
        memory = Memory(self.layout.state / "memory.json")
        parts = (self.layout, self.progress, self.supervisor, memory)
        left = orphans.plugins_below(self.layout.state / "pulumi" / "home")
        if left:
            with self.progress.step(f"stop {len(left)} Pulumi plugins, left by an engine that was killed"):
                orphans.end(left)
        RealNode(*parts, TrialCluster(*parts), self.toolbox).down()
        DockerEngine(self.layout, self.progress, self.supervisor).down()
        names = self.supervisor.names()
        order = ["kubelet", "kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"]
        for name in sorted(names, key=lambda name: order.index(name) if name in order else len(order)):
            with self.progress.step(f"stop {name}") as step:
                if not self.supervisor.stop(name):
                    step.done("was not running")

    def down(self) -> None:
        """Stop everything and remove the trial's state. Caches stay."""
        if not self.layout.state.exists():
            return
        with locked(self.layout.state / "lock"):
            self.stop()
            memory = Memory(self.layout.state / "memory.json")
            DockerEngine(self.layout, self.progress, self.supervisor).keep()
            RegistryServer(self.layout, self.progress, self.supervisor, memory).keep()
            with self.progress.step("remove the trial's state"):
                for folder in (self.layout.runtime, self.layout.state):
                    with contextlib.suppress(FileNotFoundError):
                        shutil.rmtree(folder)
