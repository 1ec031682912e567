"""Which Deployments of the agents' chart roll when its values change.

Each Deployment has a surface: the values that reach its Pod template. It rolls if the surface changes. Which values reach
which template was read from the chart; an unknown top-level key counts for all agents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from domain.chart import DEFAULT_NAME, object_name
from domain.names import CHART_WORKER_GRACE
from review.causes import Causes
from review.differences import differences

KUBERNETES_GRACE = 30
"""Seconds that Kubernetes gives a Pod to stop by default."""
AFTER_BUILD = "(known after the build)"
"""Placeholder for the digest of an image that is not built yet."""

Component = Literal["worker", "dagProcessor", "triggerer", "sentinel"]
Fate = Literal["starts", "rolls", "scales", "goes", "stays"]
"""What happens to a Deployment: its Pods start, roll, change in number, are removed, or stay unchanged."""

_WORDS: Mapping[Component, str] = {
    "worker": "worker",
    "dagProcessor": "Dag processor",
    "triggerer": "triggerer",
    "sentinel": "sentinel",
}
_BLOCKS = ("workers", "dagProcessor", "triggerer", "sentinel")
_NO_POD = ("createNamespace",)
"""Values that reach no Pod template."""
_NOT_OF_POD = ("replicas", "hpa", "name", "canUseKubernetesPodOperator")
"""Keys of a component's block that change its Deployment, its autoscaler or its role, but no Pod template."""
_AGENTS_ONLY = (
    "commonEnv",
    "dagBundleConfigList",
    "openLineage",
    "secretBackend",
    "xcomBackend",
    "stateStoreBackend",
    "logLevel",
    "agentToken",
    "agentTokenSecretName",
    "agentTokenFile",
    "image",
    "imagePullPolicy",
)
"""Values that the sentinel does not read."""
_SENTINEL_ONLY = ("sentinelAuthSecretName", "sentinelAuthSecret", "sentinelAuthSecretFile")
_SIDECARS = ("worker", "triggerer")
"""Components that run the logging sidecar."""


@dataclass(frozen=True)
class Deployment:
    """Change of one Deployment of the release."""

    name: str
    """Name of the object in Kubernetes."""
    component: Component
    """Component of the agents."""
    fate: Fate
    """What happens to it."""
    pods_before: int
    """Number of Pods before; with an autoscaler, the maximum."""
    pods_after: int
    """Number of Pods afterwards, likewise."""
    autoscaled: bool
    """Whether an autoscaler sets the number."""
    grace: int
    """Seconds that each stopping Pod has to finish."""
    reasons: tuple[str, ...] = ()
    """The reasons, as phrases or keys of values."""

    @property
    def disturbed(self) -> bool:
        """Whether running Pods are stopped."""
        return self.fate in ("rolls", "goes")


def deployments(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    every: str | None = None,
    causes: Causes | None = None,
) -> tuple[Deployment, ...]:
    """Every Deployment of the release, before or after, by name.

    ``before`` and ``after`` are the chart's values, None for a release that does not exist. ``every`` is a reason for
    every Deployment to count as rolling: a new chart version changes the templates in ways that values do not show.
    ``causes`` finds the reasons; by default from the values alone.
    """
    causes = causes or Causes.of(before, after)
    old, new = dict(_present(before)), dict(_present(after))
    found = []
    for name in sorted({*old, *new}):
        if name in old and name in new:
            found.append(_kept(name, old[name], new[name], every=every, causes=causes))
        else:
            part = new.get(name) or old[name]
            pods, scaled = _pods(part)
            found.append(
                Deployment(
                    name=name,
                    component=part.component,
                    fate="starts" if name in new else "goes",
                    pods_before=0 if name in new else pods,
                    pods_after=pods if name in new else 0,
                    autoscaled=scaled,
                    grace=_grace(part),
                    reasons=_come_or_gone(part, added=name in new) if before and after else (),
                )
            )
    return tuple(found)


@dataclass(frozen=True)
class _Part:
    component: Component
    block: Mapping[str, Any]
    values: Mapping[str, Any]


def _present(values: Mapping[str, Any] | None) -> Iterator[tuple[str, _Part]]:
    if values is None:
        return
    prefix = values.get("resourceNamePrefix", DEFAULT_NAME)
    for worker in values.get("workers") or ():
        yield object_name(prefix, "workers", str(worker.get("name"))), _Part("worker", worker, values)
    yield object_name(prefix, "dagProcessor"), _Part("dagProcessor", values.get("dagProcessor") or {}, values)
    yield object_name(prefix, "triggerer"), _Part("triggerer", values.get("triggerer") or {}, values)
    sentinel = values.get("sentinel")
    # Charts before 2.0 have no sentinel, and this program leaves its block out for them.
    if isinstance(sentinel, Mapping) and sentinel.get("enabled", True):
        yield object_name(prefix, "sentinel"), _Part("sentinel", sentinel, values)


def _come_or_gone(part: _Part, *, added: bool) -> tuple[str, ...]:
    name = part.block.get("name")
    what = f"worker `{name}`" if part.component == "worker" else f"the {_WORDS[part.component]}"
    return (f"{'adding' if added else 'removing'} {what}",)


def _kept(name: str, old: _Part, new: _Part, *, every: str | None, causes: Causes) -> Deployment:
    left, right = _surface(old), _surface(new)
    (pods_before, scaled_before), (pods_after, scaled) = _pods(old), _pods(new)
    fate: Fate = "stays"
    reasons: tuple[str, ...] = ()
    if every or left != right:
        fate = "rolls"
        reasons = causes.reasons(differences(left, right))
        reasons = (every, *reasons) if every else reasons or ("the order of a list",)
    elif (pods_before, scaled_before) != (pods_after, scaled):
        fate, reasons = "scales", ("autoscaling" if scaled or scaled_before else "the number of Pods",)
    return Deployment(
        name=name,
        component=new.component,
        fate=fate,
        pods_before=pods_before,
        pods_after=pods_after,
        autoscaled=scaled,
        # Pods that stop have the old template.
        grace=_grace(old),
        reasons=reasons,
    )


def _surface(part: _Part) -> dict[str, Any]:
    shared = {key: value for key, value in part.values.items() if key not in (*_BLOCKS, *_NO_POD)}
    if part.component == "sentinel":
        left_out: tuple[str, ...] = _AGENTS_ONLY
    else:
        left_out = (*_SENTINEL_ONLY, *(("image",) if part.block.get("image") else ()), "namespace")
    if part.component not in _SIDECARS:
        left_out = (*left_out, "loggingSidecar")
    left_out = (*left_out, "serviceAccount")
    own = {key: value for key, value in part.block.items() if key not in (*_NOT_OF_POD, "serviceAccount")}
    kept = {key: value for key, value in shared.items() if key not in left_out}
    return {**kept, **_account(part), part.component: own}


def _account(part: _Part) -> dict[str, Any]:
    """The name of its service account, the only part of it that a Pod template holds: annotations restart nothing."""
    kind = "workers" if part.component == "worker" else part.component
    accounts = part.values.get("serviceAccount")
    shared = accounts.get(kind) if isinstance(accounts, Mapping) else None
    for account in (part.block.get("serviceAccount"), shared):
        if isinstance(account, Mapping) and account.get("name"):
            return {"serviceAccount": {"name": account["name"]}}
    return {}


def _pods(part: _Part) -> tuple[int, bool]:
    hpa = part.block.get("hpa")
    if isinstance(hpa, Mapping) and hpa.get("enabled"):
        return int(hpa.get("maxReplicaCount", 1)), True
    return int(part.block.get("replicas", 1)), False


def _grace(part: _Part) -> int:
    standard = CHART_WORKER_GRACE if part.component == "worker" else KUBERNETES_GRACE
    return int(part.block.get("terminationGracePeriodSeconds", standard))
