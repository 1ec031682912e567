"""Rendering the stand-in charts with a real Helm, and reading the result."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parents[2] / "trial" / "chart"
KUBERNETES_VERSION = "1.36.3"

Manifest = dict[str, Any]


class RenderError(Exception):
    """Helm refused the values; the text is its message."""


class Rendered:
    """The objects of one rendering, by kind and name."""

    def __init__(self, text: str) -> None:
        self.objects: dict[tuple[str, str], Manifest] = {}
        for manifest in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if manifest is None:
                continue
            key = (manifest["kind"], manifest["metadata"]["name"])
            assert key not in self.objects, f"{key} is rendered twice"
            self.objects[key] = manifest

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self.objects.values())

    def names(self, kind: str) -> set[str]:
        """The names of all objects of a kind."""
        return {name for found, name in self.objects if found == kind}

    def get(self, kind: str, name: str) -> Manifest:
        """One object; KeyError when it is not there."""
        return self.objects[kind, name]

    def deployments(self) -> list[Manifest]:
        """Every Deployment."""
        return [manifest for (kind, _), manifest in self.objects.items() if kind == "Deployment"]

    def pod(self, deployment: str) -> Manifest:
        """The Pod's spec of a Deployment."""
        spec: Manifest = self.get("Deployment", deployment)["spec"]["template"]["spec"]
        return spec

    def container(self, deployment: str, name: str | None = None) -> Manifest:
        """A container of a Deployment: the first, or the one of that name."""
        containers: list[Manifest] = self.pod(deployment)["containers"]
        return next(each for each in containers if name in (None, each["name"]))

    def env(self, deployment: str, container: str | None = None) -> dict[str, Any]:
        """A container's variables: a plain value, or its valueFrom mapping."""
        variables = self.container(deployment, container).get("env", [])
        return {each["name"]: each.get("value", each.get("valueFrom")) for each in variables}


@dataclass(frozen=True)
class Chart:
    """One chart folder and the Helm that renders it."""

    helm: Path
    folder: Path

    def run(self, command: list[str], *, defaults: bool, values: Mapping[str, Any], scratch: Path) -> str:
        """Run a Helm command on the chart with the smallest values plus the given ones."""
        own = scratch / "values.yaml"
        own.write_text(yaml.safe_dump(dict(values)))
        minimal = self.folder / "ci" / "minimal-values.yaml"
        files = ([] if defaults else ["--values", str(minimal)]) + ["--values", str(own)]
        # It ends before collecting garbage pays, which is a third of its time.
        own_settings = {"GOGC": "off"} | {
            name: str(scratch) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        }
        ended = subprocess.run(
            [str(self.helm), *command, str(self.folder), *files, "--kube-version", KUBERNETES_VERSION],
            capture_output=True, text=True, env={**os.environ, **own_settings}, timeout=60, check=False,
        )  # fmt: skip
        if ended.returncode:
            raise RenderError(ended.stdout + ended.stderr)
        return ended.stdout


Render = Callable[..., Rendered]
Lint = Callable[..., str]
