"""The trial's Helm in one namespace, and releases left as a killed Helm leaves them."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.kube_objects import kubectl
from trial.environment import Environment

NAME = "astro-agent"
_TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data: {{ toYaml .Values.data | nindent 2 }}
{{- range .Values.more }}
---
apiVersion: v1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
{{- with .spec }}
spec: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}
"""


class Helm:
    """Runs Helm and reads its records."""

    def __init__(self, environment: Environment, namespace: str, folder: Path) -> None:
        self.environment, self.namespace, self.folder = environment, namespace, folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Helm."""
        command = ["helm", "--namespace", self.namespace, *arguments]
        variables = dict(self.environment.variables())
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    def upgrade(self, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Install or upgrade a release of a small chart: one ConfigMap with `data`, and objects of `more`."""
        folder = self.folder / "chart"
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 1.0.0\n")
        (folder / "templates" / "objects.yaml").write_text(_TEMPLATE)
        (folder / "values.json").write_text(json.dumps(values or {}))
        return self.run("upgrade", "--install", NAME, str(folder), "--values", str(folder / "values.json"))

    def break_off(self, status: str) -> None:
        """Turn the newest revision into what a killed Helm leaves: its record says that it is working."""
        newest = self.secrets()[-1]
        self._mark(newest, status)

    def kill(self, values: dict[str, Any]) -> None:
        """Upgrade, and leave what a Helm that was killed at its end leaves: the objects changed, the record pending."""
        before = self.secrets()
        done = self.upgrade(values)
        assert done.returncode == 0, done.stderr
        self._mark(self.secrets()[-1], "pending-upgrade" if before else "pending-install")
        if before:
            self._mark(before[-1], "deployed")

    def _mark(self, secret: Any, status: str) -> None:
        record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
        record["info"]["status"] = status
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
        patch = {"metadata": {"labels": {"status": status}}, "data": {"release": packed}}
        kubectl(
            self.environment, "patch", "secret", secret["metadata"]["name"], "--namespace", self.namespace,
            "--type=merge", f"--patch={json.dumps(patch)}",
        )  # fmt: skip

    def secrets(self) -> list[Any]:
        """The records of all revisions, the oldest first."""
        text = kubectl(
            self.environment, "get", "secrets", "--namespace", self.namespace,
            f"--selector=owner=helm,name={NAME}", "--output=json",
        )  # fmt: skip
        return sorted(json.loads(text)["items"], key=lambda item: int(item["metadata"]["labels"]["version"]))

    def names(self, kind: str) -> set[str]:
        """Names of the objects of a kind."""
        found = kubectl(self.environment, "get", kind, "--namespace", self.namespace, "--output=name")
        return {line.partition("/")[2] for line in found.split()}

    def data(self) -> dict[str, str]:
        """What the release's ConfigMap holds."""
        found = kubectl(
            self.environment, "get", "configmap", NAME, "--namespace", self.namespace, "--output=json"
        )
        return dict(json.loads(found).get("data") or {})
