"""The rules, as functions on a stack's resources, without Pulumi imports so that each can be tested separately.

A rule yields one message per violation. Each message says what is wrong, why that matters, and what to write instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.chart import AGENT_TOKEN, secret_name
from domain.credentials import in_clear
from domain.names import CHART_WORKER_GRACE, IMAGE_TYPE, NAMESPACE_TYPE, RELEASE_TYPE, SECRET_TYPE, STACK_TYPE

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_EXACT_VERSION = re.compile(r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$")


@dataclass(frozen=True)
class Resource:
    """What a rule sees of one resource; unknown and secret values are missing."""

    type: str
    """Type token."""
    name: str
    """Name in the program."""
    props: Mapping[str, Any]
    """Properties."""
    protect: bool = False
    """Whether Pulumi refuses to delete it."""
    provider: Mapping[str, Any] = field(default_factory=dict)
    """Properties of its provider."""

    @property
    def object_name(self) -> str:
        """Name of the Kubernetes object."""
        metadata = self.props.get("metadata")
        found = metadata.get("name") if isinstance(metadata, Mapping) else None
        return str(found or self.name)


@dataclass(frozen=True)
class PolicyInput:
    """One stack, as the rules get it."""

    stack: str
    """Name of the stack."""
    resources: Sequence[Resource]
    """Everything in it."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the rule that runs."""
    projects: Sequence[Mapping[str, Any]] = ()
    """`dbtProjects` of the stack file."""
    bundles: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"dags": {}})
    """Dag bundles of the stack file by their key, `dags` or `dags[0]`."""
    chart_version: str | None = None
    """`agent.chart.version` of the stack file."""

    def of(self, type_: str) -> Iterator[Resource]:
        """Resources of one type."""
        return (item for item in self.resources if item.type == type_)

    def values(self) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
        """Every Helm release with the values of its chart."""
        for release in self.of(RELEASE_TYPE):
            found = release.props.get("values")
            yield release, found if isinstance(found, Mapping) else {}


Check = Callable[[PolicyInput], Iterable[str]]


@dataclass(frozen=True)
class Rule:
    """One rule of the pack."""

    name: str
    """Name by which levels are set."""
    description: str
    """What it requires."""
    check: Check
    """Yields the violations."""
    mandatory: bool = True
    """Level unless the stack's file of levels sets another."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings that a file of levels may set, as JSON schemas."""


def no_credential_in_clear(inputs: PolicyInput) -> Iterator[str]:
    """Values and variables contain names of Secrets, never credentials."""
    for release, values in inputs.values():
        for path in in_clear(values):
            yield (
                f"{path} of the release {release.name} contains a credential in plain text. Helm stores values in every revision of "
                "its history, and Kubernetes shows a Pod's variables to everyone who may read Pods. Put it into a Secret and "
                "refer to it: `{secret: <name>, key: <key>}`."
            )


def images_by_digest(inputs: PolicyInput) -> Iterator[str]:
    """Images that agents run are pinned by digest."""
    for release, values in inputs.values():
        for path, image in _images(values):
            if not _DIGEST.search(image):
                yield (
                    f"{path} of the release {release.name} is {image}, without a digest. A tag can later point to another image, "
                    "and then two Pods of one worker run different code. Write repository@sha256:…"
                )


def base_by_digest(inputs: PolicyInput) -> Iterator[str]:
    """The image that agents' images are built on is pinned by digest."""
    for built in inputs.of(IMAGE_TYPE):
        base = _base(built)
        if base is not None and not _DIGEST.search(base):
            yield (
                f"image.base is {base}, without a digest. A tag can later point to another image, and then the same commit of "
                "this repository builds another one. Write repository:tag@sha256:…, or copy the base with mirror"
            )


def no_latest(inputs: PolicyInput) -> Iterator[str]:
    """No image has the tag latest: neither those that agents run, nor base images, nor pushed ones."""
    for release, values in inputs.values():
        for path, image in _images(values):
            if _is_latest(image):
                yield _latest(f"{path} of the release {release.name}", image)
    for built in inputs.of(IMAGE_TYPE):
        name = built.props.get("imageName")
        for what, reference in (("the image that is pushed", name), ("image.base", _base(built))):
            if isinstance(reference, str) and _is_latest(reference):
                yield _latest(what, reference)


def chart_version_pinned(inputs: PolicyInput) -> Iterator[str]:
    """The chart's version is exact, both in the stack's configuration and in the release.

    Pulumi's plugin replaces a range with the version that it finds once every value is known, so the release alone does
    not show it.
    """
    asked = {"agent.chart.version of the stack": inputs.chart_version}
    for release in inputs.of(RELEASE_TYPE):
        asked[f"the chart version of the release {release.name}"] = release.props.get("version")
    for what, version in asked.items():
        if version is not None and not _EXACT_VERSION.match(str(version)):
            yield (
                f"{what} is {version!r}, which is not exact. The next run could install another chart unnoticed. "
                "Write agent.chart.version: 2.3.3"
            )


def resources_set(inputs: PolicyInput) -> Iterator[str]:
    """Every worker has requests for CPU and memory, and a memory limit."""
    for release, values in inputs.values():
        for worker in _workers(values):
            resources = worker.get("resources")
            resources = resources if isinstance(resources, Mapping) else {}
            for kind, names in (("requests", ("cpu", "memory")), ("limits", ("memory",))):
                given = resources.get(kind)
                missing = [name for name in names if not (isinstance(given, Mapping) and given.get(name))]
                if missing:
                    yield (
                        f"the worker {worker.get('name')} of the release {release.name} has no {kind} for "
                        f"{' and '.join(missing)}. Without them one dbt run can starve every other Pod on its node. Write "
                        f"agent.workers[].resources.{kind}"
                    )


def grace_below_timeout(inputs: PolicyInput) -> Iterator[str]:
    """Helm waits longer than the longest grace period of a worker."""
    for release, values in inputs.values():
        timeout = release.props.get("timeout")
        if not isinstance(timeout, int | float):
            continue
        for worker in _workers(values):
            grace = worker.get("terminationGracePeriodSeconds", CHART_WORKER_GRACE)
            if isinstance(grace, int | float) and grace >= timeout:
                yield (
                    f"the worker {worker.get('name')} may take {grace:.0f} s to stop, but Helm waits {timeout:.0f} s for the "
                    f"release {release.name}. Helm would roll back while tasks still drain. Write an agent.timeout above "
                    f"{grace:.0f}, or leave it out"
                )


def submodules_match_projects(inputs: PolicyInput) -> Iterator[str]:
    """Each bundle fetches submodules if and only if dbt projects of it are submodules or the stack lists some for it."""
    outputs: Mapping[str, Any] = next((item.props for item in inputs.of(STACK_TYPE)), {})
    option = outputs.get("delivery")
    for release, values in inputs.values():
        for entry in _git_bundles(values.get("dagBundleConfigList")):
            for at, bundle in inputs.bundles.items():
                if option is not None and entry.get("name") == _name(bundle):
                    problem = _submodules_of(inputs, str(option), at, entry, bundle)
                    if problem:
                        yield f"the Dag bundle {_name(bundle)} of the release {release.name} {problem}"


def _submodules_of(
    inputs: PolicyInput, option: str, at: str, entry: Mapping[str, Any], bundle: Mapping[str, Any]
) -> str | None:
    """What is wrong with a bundle, as the rest of a sentence."""
    fetches = bool(entry.get("kwargs", {}).get("submodules"))
    projects = [item for item in inputs.projects if item.get("bundle", _name(bundle)) == _name(bundle)]
    names = [str(item.get("name")) for item in projects if item.get("submodule", True)]
    if bundle.get("submodules"):
        if fetches:
            return None
        return (
            f"does not fetch submodules, but {at}.submodules lists some. "
            "Agents would find empty folders. Set kwargs.submodules of the bundle to true"
        )
    if option == "agent-image" and fetches:
        return (
            "fetches submodules, but under agent-image the dbt projects are in the image. Every agent would clone them once "
            "more, with credentials that it does not need. Remove kwargs.submodules from the bundle, or list the submodules "
            f"that Dags need in {at}.submodules"
        )
    if option == "git-submodule" and names and not fetches:
        return (
            f"does not fetch submodules, but dbtProjects lists submodules: {', '.join(names)}. "
            "Agents would find empty folders. Set kwargs.submodules of the bundle to true"
        )
    if option == "git-submodule" and not names and inputs.projects and fetches:
        return (
            "fetches submodules, but no dbt project is one. Every refresh makes needless requests. "
            "Remove kwargs.submodules from the bundle"
        )
    return None


def no_secret_replaced(inputs: PolicyInput) -> Iterator[str]:
    """Secrets are changed in place, never replaced."""
    for secret in inputs.of(SECRET_TYPE):
        if str(secret.provider.get("enableSecretMutable", "")).lower() != "true":
            yield (
                f"the Secret {secret.object_name} would be replaced if its content changes, because its provider has no "
                "enableSecretMutable. A Pod that starts in between fails. Create it with the provider of AgentNamespace"
            )


def protected(inputs: PolicyInput) -> Iterator[str]:
    """Namespace and agent token cannot be deleted by mistake."""
    for item in (*inputs.of(NAMESPACE_TYPE), *inputs.of(SECRET_TYPE)):
        if item.type == SECRET_TYPE and not item.object_name.endswith(secret_name("", AGENT_TOKEN)):
            continue
        if not item.protect:
            kind = "Namespace" if item.type == NAMESPACE_TYPE else "agent token's Secret"
            yield (
                f"the {kind} {item.object_name} is not protected. Deleting it stops every agent and every running task. "
                "Write agent.protect: true"
            )


def workers_at_least(inputs: PolicyInput) -> Iterator[str]:
    """Every worker has enough Pods to lose one."""
    least = int(inputs.config.get("minimum", 1))
    for release, values in inputs.values():
        for worker in _workers(values):
            pods, key = worker.get("replicas", 1), "replicas"
            scaling = worker.get("hpa")
            if isinstance(scaling, Mapping) and scaling.get("enabled"):
                pods, key = scaling.get("minReplicaCount", 1), "autoscaling.minReplicas"
            if isinstance(pods, int | float) and pods < least:
                yield (
                    f"the worker {worker.get('name')} of the release {release.name} has {pods:.0f} Pods, fewer than the "
                    f"{least} that {inputs.stack} requires. If its node fails, its queues wait. Write "
                    f"agent.workers[].{key}: {least}"
                )


RULES: tuple[Rule, ...] = (
    Rule("no-credential-in-clear", "No credential in plain text in any value or variable", no_credential_in_clear),
    Rule("images-by-digest", "Images that agents run are pinned by digest", images_by_digest, mandatory=False),
    Rule("base-by-digest", "The base of the built image is pinned by digest", base_by_digest, mandatory=False),
    Rule("no-latest", "No image has the tag latest", no_latest),
    Rule("chart-version-pinned", "The chart's version is exact", chart_version_pinned),
    Rule("resources-set", "Workers have requests and a memory limit", resources_set),
    Rule("grace-below-timeout", "Helm waits longer than the longest grace period", grace_below_timeout),
    Rule("submodules-match-projects", "The bundle fetches submodules if projects need them", submodules_match_projects),
    Rule("no-secret-replaced", "Secrets change in place", no_secret_replaced),
    Rule("protected", "Namespace and agent token are protected", protected, mandatory=False),
    Rule(
        "workers-at-least",
        "Every worker has a minimum number of Pods",
        workers_at_least,
        settings={"minimum": {"type": "integer", "minimum": 0, "default": 1}},
    ),
)  # fmt: skip
"""All rules of the pack."""


def _workers(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    workers = values.get("workers")
    if isinstance(workers, Sequence) and not isinstance(workers, str):
        yield from (worker for worker in workers if isinstance(worker, Mapping))


def _images(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, reference) of every image in the values; unknown ones have a digest by construction."""
    if isinstance(values.get("image"), str):
        yield "image", values["image"]
    for worker in _workers(values):
        yield from _named(worker, f"workers.{worker.get('name')}")
    for name in ("dagProcessor", "triggerer", "sentinel", "loggingSidecar"):
        if isinstance(values.get(name), Mapping):
            yield from _named(values[name], name)


def _named(block: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if isinstance(block.get("image"), str) and block["image"]:
        yield f"{path}.image", block["image"]
    for kind in ("initContainers", "extraContainers"):
        for container in block.get(kind) or ():
            if isinstance(container, Mapping) and isinstance(container.get("image"), str):
                yield f"{path}.{kind}.{container.get('name')}.image", container["image"]


def _base(built: Resource) -> str | None:
    """The base of a built image, as far as it is known."""
    build = built.props.get("build")
    arguments = build.get("args") if isinstance(build, Mapping) else None
    base = arguments.get("BASE_IMAGE") if isinstance(arguments, Mapping) else None
    return base if isinstance(base, str) else None


def _is_latest(image: str) -> bool:
    if _DIGEST.search(image):
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in ("", "latest")


def _latest(what: str, image: str) -> str:
    return (
        f"{what} is {image}, which stands for the last pushed image. Nobody can tell later what ran, and a rollback is "
        "impossible. Write an exact tag or a digest"
    )


def _git_bundles(bundles: Any) -> list[Mapping[str, Any]]:
    """Entries of a `dagBundleConfigList` that read Git repositories; none when it is not known."""
    if not isinstance(bundles, str):
        return []
    try:
        found = json.loads(bundles)
    except ValueError:
        return []
    entries = [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
    return [
        entry for entry in entries if str(entry.get("classpath", "GitDagBundle")).endswith("GitDagBundle")
    ]


def _name(bundle: Mapping[str, Any]) -> str:
    return str(bundle.get("name", bundle.get("bundleName", "dags")))
