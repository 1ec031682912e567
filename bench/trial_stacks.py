"""Stacks and hand-made releases next to each other in the running trial (`make up`), with a separate state backend."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import memory
from tests.support.engine import Stack, copy_program
from tests.support.kube_objects import kubectl
from trial.environment import Environment
from trial.errors import TrialError

ROOT = Path(__file__).resolve().parents[1]
STATE = "TRIAL_STATE"
"""Variable with the folder of a trial other than the checkout's."""


class Apart(Environment):
    """The running trial with a separate state backend."""

    def __init__(self, backend: Path) -> None:
        state = os.environ.get(STATE)
        super().__init__(repo=ROOT, state=Path(state) if state else None)
        self._backend = backend

    def exports(self) -> dict[str, str]:
        """Variables of the trial, with the other backend."""
        return {**super().exports(), "PULUMI_BACKEND_URL": f"file://{self._backend}"}


class Bench:
    """A scratch folder, and what is started in the trial; all of it is removed at the end."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.folder, self.environment = folder, environment
        self.info = environment.info()
        # Where this is set, as in many images, Python would compile the program at each start.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self.variables = {**environment.variables(), "NO_COLOR": "1"}
        self._stacks: list[Stack] = []
        self._releases: list[HandMade] = []

    def stack(self, name: str, config: Mapping[str, Any] | None = None) -> Stack:
        """A stack in a copy of the program, with its configuration written; nothing is provisioned yet."""
        stack = Stack(self.environment, copy_program(self.folder / name), f"bench-{name}")
        self._stacks.append(stack)
        stack.write({**stack.config, **(config or {})})
        return stack

    def described(self, program: Path, name: str) -> str:
        """A stack that is only configured, in a program's folder that several share; returns its name."""
        stack = Stack(self.environment, program, f"bench-{name}")
        stack.write()
        return stack.name

    def by_hand(self, stack: Stack, name: str) -> HandMade:
        """The same release as a stack's, made with kubectl and Helm in a namespace next to it."""
        release = HandMade(self, stack, f"bench-{name}")
        self.keep(release)
        return release

    def keep(self, release: HandMade) -> None:
        """Remove this release at the end."""
        self._releases.append(release)

    def run(self, *command: str, cwd: Path | None = None, stdin: str = "") -> str:
        """Run a command with the trial's variables; raises SystemExit with its output when it fails."""
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.variables,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return _output(done, command[0])

    def memory(self, *command: str, cwd: Path) -> int:
        """Run a command like `run`; the most bytes of memory that it and what it started held at one time."""
        done, peak = memory.run(command, cwd=cwd, env=self.variables)
        _output(done, command[0])
        return peak

    def remove(self) -> None:
        """Remove every stack and release."""
        for release in self._releases:
            release.remove()
        for stack in self._stacks:
            stack.remove()


def _output(done: subprocess.CompletedProcess[str], name: str) -> str:
    if done.returncode:
        raise SystemExit(f"error: {name} failed: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


class HandMade:
    """What a careful script does: kubectl for Secrets, `docker build` and push, `helm upgrade --install --wait`."""

    def __init__(self, bench: Bench, stack: Stack, namespace: str) -> None:
        self.bench, self.stack, self.namespace = bench, stack, namespace
        self.values = bench.folder / f"{namespace}.json"
        self.secrets: list[dict[str, Any]] = []
        self._values = "{}"

    def take_values(self) -> None:
        """Write down the values and Secrets of the stack's release, as a hand-made one has them."""
        self._values = json.dumps(self.stack.helm("get", "values", "astro-agent"))
        self._write_values()
        names = [name for name in self.stack.uids() if name != "namespace"]
        self.secrets = json.loads(self.stack.kubectl("get", "secret", *names, "-o", "json"))["items"]

    def another(self, name: str) -> HandMade:
        """The same release for another namespace."""
        found = HandMade(self.bench, self.stack, f"bench-{name}")
        self.bench.keep(found)
        found._values, found.secrets = self._values, self.secrets
        found._write_values()
        return found

    def _write_values(self) -> None:
        self.values.write_text(self._values.replace(self.stack.namespace, self.namespace))

    def install_secrets(self) -> None:
        """Namespace and Secrets by kubectl."""
        objects: list[dict[str, Any]] = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        ]
        objects += [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": item["type"],
                "data": item["data"],
                "metadata": {"name": item["metadata"]["name"], "namespace": self.namespace},
            }
            for item in self.secrets
        ]
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        kubectl(self.bench.environment, "apply", "-f", "-", stdin=content)

    def upgrade(self, *arguments: str) -> None:
        """`helm upgrade --install --wait` with the chart of the trial's repository."""
        chart = self.stack.config["agent"]["chart"]
        self.bench.run(
            "helm", "upgrade", "astro-agent", "astro-remote-execution-agent", "--install", "--wait", "--timeout=10m",
            "--repo", chart["repository"], "--version", chart["version"], "--namespace", self.namespace,
            "--values", str(self.values), *arguments,
        )  # fmt: skip

    def build(self, context: Path, image: str, *arguments: str) -> str:
        """`docker build` and push; returns the reference with its digest."""
        self.bench.run("docker", "build", "--quiet", "--tag", image, *arguments, str(context))
        self.bench.run("docker", "push", "--quiet", image)
        return self.bench.run("docker", "inspect", "--format={{index .RepoDigests 0}}", image).strip()

    def uninstall(self) -> None:
        """`helm uninstall`, and wait until the Pods are gone."""
        self.bench.run("helm", "uninstall", "astro-agent", "--wait", "--namespace", self.namespace)
        wait = ("wait", "--for=delete", "pod", "--all", "--timeout=5m", "--namespace", self.namespace)
        kubectl(self.bench.environment, *wait, seconds=330)

    def remove(self) -> None:
        """Remove the namespace."""
        delete = ("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=true")
        kubectl(self.bench.environment, *delete, seconds=300)


@contextmanager
def bench() -> Iterator[Bench]:
    """A place to measure in the running trial; raises SystemExit where there is none."""
    with TemporaryDirectory(prefix="astro-dbt-bench-") as name:
        folder = Path(name)
        (folder / "backend").mkdir()
        environment = Apart(folder / "backend")
        try:
            found = Bench(folder, environment)
        except TrialError as error:
            raise SystemExit(f"error: the trial does not run; start it with make up ({error})") from None
        os.environ.update(environment.variables())
        login(found)
        try:
            yield found
        finally:
            found.remove()


def login(found: Bench) -> None:
    """Let the Docker client of the scripts know the trial's registry, in a folder that goes with the bench."""
    folder = found.folder / "docker"
    folder.mkdir(mode=0o700)
    found.variables["DOCKER_CONFIG"] = str(folder)
    registry = found.info.registry
    found.run(
        "docker", "login", registry.server, "--username", registry.username, "--password-stdin",
        stdin=registry.password,
    )  # fmt: skip


def pulumi_up(found: Bench, stack: Stack) -> None:
    """`pulumi up` without a preview, as a pipeline runs it."""
    found.run(
        "pulumi",
        "up",
        "--yes",
        "--skip-preview",
        "--stack",
        stack.name,
        "--non-interactive",
        cwd=stack.folder,
    )


def write_dockerfile(context: Path, runtime: str) -> None:
    """What a careful script builds: the project on the stack's runtime image, as the program does for these stacks."""
    (context / "Dockerfile").write_text(
        f"FROM {runtime}\nUSER 50000\nCOPY --chown=50000:50000 dbt /usr/local/airflow/dbt\n"
    )


def touch_model(project: Path, text: str) -> None:
    """Change one model of a dbt project."""
    model = sorted((project / "models").rglob("*.sql"))[0]
    model.write_text(f"{model.read_text().split('-- bench')[0]}-- bench {text}\n")


def copy_project(stack: Stack, target: Path) -> Path:
    """A second copy of a stack's dbt project."""
    shutil.copytree(stack.folder / "examples" / "dbt-project", target)
    return target
