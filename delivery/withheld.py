"""Values that the program would add to a release and that a stack withholds, so that an adopted release keeps its Pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.plan import EnvVar, Plan
from domain.git_variables import GIT_VARIABLES
from domain.names import DBT_VARIABLE, PROJECTS_VARIABLE, SECRETS_MARK, SUBDIR_VARIABLE
from settings.agent import Agent, Component
from settings.stack import Settings

COMMON = "commonEnv."
"""Path of a variable of workers, Dag processor and triggerer, before its name."""
MARK = f"{COMMON}{SECRETS_MARK}"
SENTINEL_MARK = f"env.{SECRETS_MARK}"
SENTINEL_AUTH = "sentinelAuthSecretName"
GIT_CONFIG = f"{COMMON}{GIT_VARIABLES}COUNT"
"""Placeholder for all variables of Git's configuration, which are meaningless one by one."""

_RELEASE: Mapping[str, str] = {
    "createNamespace": "the chart leaves the namespace alone; it deletes one that it created when this turns false",
    SENTINEL_AUTH: "the sentinel's Secret is this stack's, and keeps its content from one upgrade to the next",
    "openLineage.enabled": "the stack sets it",
    "openLineage.namespace": "lineage goes to the Deployment's namespace",
    "openLineage.url": "the stack sets the receiver",
    "openLineage.endpoint": "charts of 2.2.0 fail without it",
    "openLineage.facetsEnvironmentVariables": "charts of 2.2.0 fail without it",
    MARK: "a changed Secret rolls the Pods that read it",
}
_VARIABLES: Mapping[str, str] = {
    PROJECTS_VARIABLE: "Dags find the dbt projects by it under either option",
    SUBDIR_VARIABLE: "Dags find the dbt projects by it under either option",
    DBT_VARIABLE: "Dags find dbt by it",
    "AIRFLOW__COSMOS__CACHE_DIR": "Cosmos' cache needs a folder that agents may write to",
    "AIRFLOW__COSMOS__ENABLE_CACHE_DBT_LS": "Cosmos would fail at each parse to store its cache in an Airflow Variable",
    "AIRFLOW__COSMOS__ENABLE_CACHE_DBT_YAML_SELECTORS": "Cosmos would store it in an Airflow Variable as well",
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "the first parse of a commit reads whole dbt projects",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "the first parse of a commit reads whole dbt projects",
    "GIT_TERMINAL_PROMPT": "Git fails at once where it would wait for a password",
    f"{GIT_VARIABLES}COUNT": "Git opens submodules by it, and the first refresh after a commit does not fail over SSH",
}
_WORKER: Mapping[str, str] = {
    "replicas": "workers is a list, which Helm replaces as a whole, so an entry carries every key",
    "syncSlots": "workers is a list, which Helm replaces as a whole, so an entry carries every key",
    "hpa": "workers is a list, which Helm replaces as a whole, so an entry carries every key",
    "resources": "a Pod without requests is the first to be evicted",
    "terminationGracePeriodSeconds": "running tasks get time to finish",
    "livenessProbe": "a worker that hangs is started again",
    "readinessProbe": "Helm waits until new workers are ready",
    "canUseKubernetesPodOperator": "the stack sets it",
}
_COMPONENTS: Mapping[str, Mapping[str, str]] = {
    "dagProcessor": {},
    "triggerer": {"replicas": "the stack sets it"},
    "sentinel": {
        "enabled": "the stack sets it",
        SENTINEL_MARK: "a changed Secret rolls the Pods that read it",
    },
}


def additions(settings: Settings, plan: Plan) -> Iterator[tuple[str, dict[str, str]]]:
    """(stack key, path below it -> why the program adds it) of every place with values that can be withheld."""
    agent = settings.agent
    asked = (*(item.name for item in plan.environment), *plan.withheld)
    variables = dict.fromkeys(_shown(name) for name in asked if name not in agent.env)
    own = {f"{COMMON}{name}": _VARIABLES.get(name, "Git opens the repositories by it") for name in variables}
    yield "agent", {**_RELEASE, **own}
    for index, _ in enumerate(agent.workers):
        yield f"agent.workers[{index}]", dict(_WORKER)
    for name in agent.components:
        yield f"agent.{name}", dict(_COMPONENTS[name])


def needless(settings: Settings, plan: Plan) -> Iterator[tuple[str, str]]:
    """(stack key, what is wrong) of every entry of `withheld` that names nothing that the program adds."""
    holders = dict(_holders(settings.agent))
    for at, known in additions(settings, plan):
        for path in holders[at].withheld:
            if path not in known:
                yield (
                    f"{at}.withheld.{path}",
                    f"is not a value that this program adds; remove it, or write one of {', '.join(sorted(known)) or 'none'}",
                )


def kept_back(agent: Agent) -> dict[str, str]:
    """Stack key -> reason of everything that is withheld."""
    return {
        f"{at}.withheld.{path}": reason
        for at, holder in _holders(agent)
        for path, reason in holder.withheld.items()
    }


def _holders(agent: Agent) -> Iterator[tuple[str, Agent | Component]]:
    yield "agent", agent
    yield from ((f"agent.workers[{index}]", worker) for index, worker in enumerate(agent.workers))
    yield from ((f"agent.{name}", component) for name, component in agent.components.items())


def let_through(environment: tuple[EnvVar, ...], agent: Agent) -> tuple[EnvVar, ...]:
    """The variables of a plan that are not withheld."""
    return tuple(item for item in environment if f"{COMMON}{_shown(item.name)}" not in agent.withheld)


def _shown(variable: str) -> str:
    return GIT_CONFIG.removeprefix(COMMON) if variable.startswith(GIT_VARIABLES) else variable


def without_withheld(decided: Mapping[str, Any], agent: Agent) -> dict[str, Any]:
    """The values that the typed settings decide, without those that are withheld."""
    left = _without(decided, agent.withheld)
    left["workers"] = [
        _without(block, worker.withheld)
        for block, worker in zip(decided["workers"], agent.workers, strict=True)
    ]
    for name, component in agent.components.items():
        if name in left:
            left[name] = _without(left[name], component.withheld)
    return left


def _without(values: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    left = dict(values)
    for path in paths:
        first, _, rest = path.partition(".")
        if not rest:
            left.pop(first, None)
        elif isinstance(left.get(first), Mapping):
            left[first] = _without(left[first], {rest: ""})
    return left
