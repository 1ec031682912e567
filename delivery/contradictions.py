"""Raw chart values that contradict typed settings: typed settings win, and contradictions are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from delivery.chart_values import JOINED, decided_values
from delivery.mirror import copies, with_copies
from delivery.plan import Plan
from delivery.withheld import needless
from domain.merge import Path, contradictions, render
from settings.errors import Problem, SettingsError
from settings.stack import Settings

_COMPONENT: Mapping[str, str] = {
    "replicas": "{at}.replicas",
    "syncSlots": "{at}.slots",
    "asyncSlots": "{at}.slots",
    "env": "{at}.env",
    "resources": "{at}.resources",
    "nodeSelector": "{at}.nodeSelector",
    "affinity": "{at}.affinity",
    "tolerations": "{at}.tolerations",
    "name": "{at}.name",
    "queues": "{at}.queues",
    "hpa": "{at}.autoscaling",
    "terminationGracePeriodSeconds": "{at}.terminationGracePeriodSeconds",
    "canUseKubernetesPodOperator": "{at}.kubernetesPodOperator",
    "enabled": "{at}.enabled",
    "image": "{at}.image",
    "containerSecurityContext": "agent.podSecurity",
    "serviceAccount": "{at}.identity",
    "priorityClassName": "{at}.priorityClass",
}
"""Key of a component's block -> the setting that determines it."""
_TOP: Mapping[str, str] = {
    "resourceNamePrefix": "agent.prefix",
    "createNamespace": "agent.createNamespace",
    "namespace": "agent.namespace",
    "astroDeploymentAPIURL": "agent.apiUrl",
    "dagBundleConfigList": "dags",
    "commonEnv": "agent.env",
    "image": "agent.image or image",
    "secretBackend": "agent.secretsBackend",
    "xcomBackend": "agent.xcom",
    "stateStoreBackend": "agent.stateStore",
    "podSecurityContext": "agent.podSecurity",
    "containerSecurityContext": "agent.podSecurity",
    "serviceAccount": "agent.identity",
    "labels": "agent.identity",
    "loggingSidecar": "agent.logs.sidecar",
    "openLineage": "agent.openLineage",
    "openLineage.enabled": "agent.openLineage.enabled",
    "openLineage.namespace": "agent.openLineage.namespace",
    "openLineage.url": "agent.openLineage.url",
    "openLineage.endpoint": "agent.ids",
    "openLineage.facetsEnvironmentVariables": "agent.ids",
}
"""Value of the chart -> the setting that determines it."""
_NAMED = frozenset({"commonEnv", "env", "volumes", "volumeMounts"})
"""Lists to which this program adds entries with names that it needs."""


def check(settings: Settings, plan: Plan, *, project: str) -> None:
    """Raise SettingsError with every raw value that contradicts a typed setting, and every `withheld` without effect."""
    found = [
        Problem(f"{project}:{at}", _sentence(settings, path))
        for at, path in contradicting_values(settings, plan)
    ]
    found += [Problem(f"{project}:{at}", sentence) for at, sentence in needless(settings, plan)]
    if found:
        raise SettingsError(found)


def contradicting_values(settings: Settings, plan: Plan) -> Iterator[tuple[str, Path]]:
    """(stack key, path in the chart) of every raw value that differs from what the typed settings determine."""
    # The digest of a copy is known after preflight only, and no raw value can name it.
    settings = with_copies(settings, {item.name: item.repository for item in copies(settings)})
    agent = settings.agent
    image = agent.image or (plan.runtime.repository if plan.runtime else None)
    decided = decided_values(settings, plan, image=image)
    for path in contradictions(agent.values, decided, join=JOINED):
        yield f"agent.values.{render(path)}", path
    for name, component in agent.components.items():
        for path in contradictions(component.values, decided.get(name, {}), join=JOINED):
            yield f"agent.{name}.values.{render(path)}", (name, *path)
    for index, (typed, worker) in enumerate(zip(decided["workers"], agent.workers, strict=True)):
        for path in contradictions(worker.values, typed, join=JOINED):
            yield f"agent.workers[{index}].values.{render(path)}", ("workers", index, *path)


def setting_of(settings: Settings, path: Path) -> str:
    """The stack key that determines a value of the chart.

    Raises KeyError for an unknown value; the tests check that none is missing.
    """
    first = str(path[0])
    own = first == "workers" or first in settings.agent.components
    if not own or len(path) == 1:
        both = ".".join(map(str, path[:2]))
        return f"agent.{first}" if own else _TOP.get(both) or _TOP[first]
    at = f"agent.workers[{path[1]}]" if first == "workers" else f"agent.{first}"
    key = str(path[2 if first == "workers" else 1]) if len(path) > 1 + (first == "workers") else ""
    if key in {"", "volumes", "volumeMounts"}:
        return at
    if key == "image" and first in {"dagProcessor", "triggerer"}:
        return _TOP["image"]
    return _COMPONENT[key].format(at=at)


def _sentence(settings: Settings, path: Path) -> str:
    listed = next((str(part) for part in path[:-1] if part in _NAMED), None)
    if listed in {"volumes", "volumeMounts"}:
        return f"uses the name of one of the program's own {listed}; use another name or path"
    if listed is not None:
        return (
            f"contradicts the variable {path[-1]}, which other settings determine; remove it, and change those "
            f"settings (or {setting_of(settings, path)})"
        )
    setting = setting_of(settings, path)
    return f"contradicts {setting}, which determines this value; remove it and set {setting} instead"
