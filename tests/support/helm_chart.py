"""Rendering the stand-in charts with a real Helm, and reading the result."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import delivery
from delivery.chart_values import chart_values
from domain.chart import SecretNames, with_secret_names
from settings import Settings
from tests.support.stacks import ROOT, settings_of

CHARTS = ROOT / "trial" / "chart"
KUBERNETES_VERSION = "1.36.3"
NAMES = SecretNames(image_pull="pull", agent_token="token", sentinel_auth="sentinel", open_lineage=None)

Manifest = dict[str, Any]


def chart_folder(generation: int) -> Path:
    """The stand-in of a generation of the chart."""
    return CHARTS / ("astro-remote-execution-agent" + ("-1" if generation == 1 else ""))


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
    """The stand-in of one generation of the chart, and the Helm that renders it."""

    helm: Path
    generation: int
    scratch: Path
    """For values and Helm's own files."""

    def render(self, *, defaults: bool = False, **values: Any) -> Rendered:
        """The objects for the smallest values (or none) with the given ones; raises RenderError."""
        return Rendered(self._run(["template", "trial", "--namespace", "elsewhere"], defaults, values))

    def lint(self, *, defaults: bool = False, **values: Any) -> str:
        """What a strict lint prints; raises RenderError."""
        return self._run(["lint", "--strict"], defaults, values)

    def _run(self, command: list[str], defaults: bool, values: Mapping[str, Any]) -> str:
        own, folder = self.scratch / "values.yaml", chart_folder(self.generation)
        own.write_text(yaml.safe_dump(dict(values)))
        minimal: list[Path | str] = ["--values", folder / "ci" / "minimal-values.yaml"]
        files = [*([] if defaults else minimal), "--values", own]
        # It ends before collecting garbage pays, which is a third of its time.
        variables = {"GOGC": "off"} | {
            f"HELM_{name}_HOME": str(self.scratch) for name in ("CACHE", "CONFIG", "DATA")
        }
        ended = subprocess.run(
            [self.helm, *command, folder, *files, "--kube-version", KUBERNETES_VERSION],
            capture_output=True, text=True, env={**os.environ, **variables}, timeout=60, check=False,
        )  # fmt: skip
        if ended.returncode:
            raise RenderError(ended.stdout + ended.stderr)
        return ended.stdout


Render = Callable[..., Rendered]
Lint = Callable[..., str]


def stack_values(config: dict[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """Settings of a stack, and what it sends to Helm."""
    settings = settings_of(config)
    values = chart_values(settings, delivery.plan(settings, authorities={}), image="r.example.com/a:1")
    return settings, with_secret_names(values, NAMES, version=settings.agent.chart.version)


def render_stack(helm: Path, scratch: Path, config: dict[str, Any]) -> Rendered:
    """The objects that Helm renders for a stack."""
    settings, values = stack_values(config)
    return Chart(helm, int(settings.agent.chart.version[0]), scratch).render(defaults=True, **values)
