"""Small Pulumi programs on the real engine, for tests of what the engine runs on: plugins and language host."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any

from tests.support.stacks import ROOT
from trial.environment import Environment

HEADER = """\
import json, os
import pulumi
import pulumi_kubernetes as k8s
config = pulumi.Config()
trial = json.load(open(os.environ["ASTRO_DBT_TRIAL"] + "/environment.json"))
"""


class Scratch:
    """One program with one stack, `dev`; its project is named after the test."""

    def __init__(self, environment: Environment, folder: Path, name: str) -> None:
        self.info, self.folder, self.name = environment.info(), folder, name
        self.variables = {**environment.variables(), "NO_COLOR": "1"}
        folder.mkdir(parents=True)
        runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": name, "runtime": runtime}))
        self.require("stack", "init", "dev")

    def program(self, body: str, *, header: str = HEADER) -> None:
        """Write the program; `body` may use k8s, config, trial and pulumi."""
        (self.folder / "__main__.py").write_text(header + textwrap.dedent(body))

    def set(self, **values: object) -> None:
        """Write configuration, through the file as the CLI does, at the cost of no process."""
        file = self.folder / "Pulumi.dev.yaml"
        lines = file.read_text().splitlines() if file.exists() else []
        kept = [
            line for line in lines if not line.startswith(tuple(f"  {self.name}:{key}:" for key in values))
        ]
        if "config:" not in kept:
            kept.append("config:")
        at = kept.index("config:") + 1
        kept[at:at] = [f"  {self.name}:{key}: {json.dumps(str(value))}" for key, value in values.items()]
        file.write_text("\n".join(kept) + "\n")

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI; its two streams are joined in stdout."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    def require(self, *arguments: str) -> str:
        """Run the CLI, which must succeed, and return what it printed."""
        done = self.pulumi(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def up(self) -> str:
        """Update without a preview."""
        return self.require("up", "--yes", "--skip-preview")

    def fail(self) -> str:
        """Update, which must fail."""
        done = self.pulumi("up", "--yes", "--skip-preview")
        assert done.returncode != 0, done.stdout
        return done.stdout

    def start(self) -> subprocess.Popen[bytes]:
        """Start an update and return while it runs, in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def changes(self) -> dict[str, dict[str, str]]:
        """Steps of a preview that are not `same`: "<operation> <resource>" -> {path: kind}."""
        done = subprocess.run(
            ["pulumi", "preview", "--json", "--non-interactive"],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        steps = json.loads(done.stdout)["steps"]
        return {
            f"{step['op']} {step['urn'].rpartition('::')[2]}": {
                path: change["kind"] for path, change in (step.get("detailedDiff") or {}).items()
            }
            for step in steps
            if step["op"] != "same"
        }

    def outputs(self) -> dict[str, Any]:
        """Outputs of the stack, secrets shown."""
        found: dict[str, Any] = json.loads(self.require("stack", "output", "--json", "--show-secrets"))
        return found

    def state(self) -> str:
        """The state as it is stored."""
        return self.require("stack", "export")

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl against the trial's cluster."""
        return subprocess.run(
            ["kubectl", *arguments],
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def history(self, namespace: str, release: str) -> list[tuple[int, str]]:
        """Revisions of a release with their status."""
        done = subprocess.run(
            ["helm", "--namespace", namespace, "history", release, "--output", "json"],
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return [(item["revision"], item["status"]) for item in json.loads(done.stdout or "[]")]

    def remove(self) -> None:
        """Destroy what the test left."""
        self.pulumi("cancel", "--yes")
        self.pulumi("destroy", "--yes", "--skip-preview")
        self.pulumi("stack", "rm", "--yes", "--force", "dev")


def signalled(process: subprocess.Popen[bytes], number: signal.Signals) -> float:
    """Send a signal and return the seconds until the process is gone."""
    started = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=60)
    return time.monotonic() - started


def slug(name: str) -> str:
    """A project's and namespace's name from a test's."""
    return re.sub(r"[^a-z0-9]+", "-", name.removeprefix("test_").lower()).strip("-")[:30].strip("-")


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: small\nversion: 0.1.0\nappVersion: '9'\n",
    "values.yaml": "replicas: 1\ncpu: 1m\n",
    "templates/deployment.yaml": """\
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: {{ .Release.Name }}
        spec:
          replicas: {{ .Values.replicas }}
          selector: {matchLabels: {release: {{ .Release.Name }}}}
          template:
            metadata: {labels: {release: {{ .Release.Name }}}}
            spec:
              containers:
                - name: main
                  image: example.invalid/none:1
                  resources: {requests: {cpu: {{ .Values.cpu }}}}
        """,
    "templates/configmap.yaml": """\
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: {{ .Release.Name }}-map
          namespace: {{ .Release.Namespace }}
        data:
          nested: {{ .Values.nested | toJson | quote }}
        """,
}
"""A chart whose Deployment becomes ready, unless `cpu` asks for more than the node has."""


def write_chart(folder: Path) -> Path:
    """Write CHART into a folder and return it."""
    for name, content in CHART.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(content))
    return folder
