"""Rendering a chart by Helm's own program, so that templates mean what they mean to a release. Nothing is sent to a cluster.

Values are passed on Helm's standard input, because a chart takes secrets in plain text, and others can read arguments and files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.errors import Cause, RemoteError
from clients.private_folder import private_folder
from domain.plain_yaml import PlainYamlError, load_all

Manifest = Mapping[str, Any]
"""One rendered object."""

_AT_ONCE = 400
"""APIs in one argument; Linux takes 128 KiB."""


class RenderError(RemoteError):
    """The chart did not render (INVALID), Helm did not finish in time (TIMEOUT), or there is no Helm (UNVERIFIED).

    `value` is the chart value that the failing template reads, if Helm reports it, for example ("openLineage", "url").
    """

    def __init__(self, cause: Cause, text: str, *, value: tuple[str, ...] = ()) -> None:
        super().__init__(cause, text)
        self.value = value


@dataclass(frozen=True)
class Capabilities:
    """What templates can ask of the cluster."""

    version: str
    """Version of Kubernetes, for example 1.36.3."""
    apis: Sequence[str] = ()
    """Served versions and kinds, for example apps/v1 and apps/v1/Deployment."""


def render(
    package: bytes,
    values: Mapping[str, Any],
    *,
    release: str,
    namespace: str,
    capabilities: Capabilities | None = None,
    upgrade: bool = False,
    timeout: float,
) -> tuple[Manifest, ...]:
    """Objects of a release in the chart's order, hooks included and tests left out.

    ``package`` is the chart's archive; without ``capabilities`` Helm assumes a cluster as old as itself; ``upgrade`` is what
    templates see as `.Release.IsUpgrade`; ``timeout`` is in seconds. Raises RenderError.
    """
    helm = shutil.which("helm")
    if helm is None:
        raise RenderError(Cause.UNVERIFIED, "there is no helm on PATH")
    with tempfile.TemporaryDirectory(prefix="chart-", dir=private_folder()) as folder:
        archive = Path(folder) / "chart.tgz"
        archive.write_bytes(package)
        command = [helm, "template", release, str(archive), "--namespace", namespace, "--values", "-"]
        command += ["--skip-tests", *_arguments(capabilities), *(["--is-upgrade"] if upgrade else [])]
        try:
            ended = subprocess.run(
                command,
                input=json.dumps(values),
                env=_variables(Path(folder)),
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RenderError(Cause.TIMEOUT, f"helm did not end within {timeout:.0f} s") from None
        except OSError as error:
            raise RenderError(Cause.UNVERIFIED, f"helm cannot be run: {error.strerror}") from None
    if ended.returncode:
        raise _failure(ended.stderr)
    return tuple(_manifests(ended.stdout))


def _arguments(capabilities: Capabilities | None) -> Iterator[str]:
    if capabilities is None:
        return
    yield f"--kube-version={capabilities.version}"
    for start in range(0, len(capabilities.apis), _AT_ONCE):
        yield f"--api-versions={','.join(capabilities.apis[start : start + _AT_ONCE])}"


def _variables(folder: Path) -> dict[str, str]:
    """Helm without the user's plugins, repositories and defaults, and without a cluster."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")}
    homes = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS")
    return {**kept, **{name: str(folder / name.lower()) for name in homes}, "KUBECONFIG": os.devnull}


def _manifests(text: str) -> Iterator[Manifest]:
    try:
        documents = load_all(text)
    except PlainYamlError:
        raise RenderError(Cause.INVALID, "a template renders text that is not YAML") from None
    for document in documents:
        if isinstance(document, dict) and document.get("kind") and document.get("metadata"):
            yield document


def hook_of(document: Manifest) -> str:
    """When Helm creates the object as a hook, for example `pre-install`; empty for an object of the release."""
    return str((document["metadata"].get("annotations") or {}).get("helm.sh/hook") or "")


def _failure(stderr: str) -> RenderError:
    """Helm's message in one line: the template's own message, else what failed and where."""
    text = " ".join(stderr.split("Use --debug flag")[0].split())
    text = re.sub(r"^.*?\bError: ", "", text)
    found = re.search(r"<[^>]*?\.Values((?:\.\w+)+)[^>]*>", text)
    value = tuple(found[1].strip(".").split(".")) if found else ()
    said = re.fullmatch(r"execution error at \((?P<at>[^)]+)\): (?P<text>.+)", text)
    if said:
        return RenderError(Cause.INVALID, said["text"], value=value)
    broken = re.search(r"(?P<at>templates/[\w./-]+:\d+)(?::\d+)?: executing .* at (?P<text><.+)$", text)
    if broken:
        return RenderError(Cause.INVALID, f"{broken['text']}, in {broken['at']}", value=value)
    return RenderError(Cause.INVALID, text or "helm template failed without a message", value=value)
