"""From the values of a release to the configuration of a stack: typed where a stack has a key for it, the rest raw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adoption.clear import Clear, docker_logins
from adoption.components import FROM_CHART, add_components
from adoption.draft import Draft
from adoption.git import SecretReader, add_dags, fetches_submodules
from adoption.hand_made import HandMade
from adoption.variables import reference_of, sort
from domain.chart import (
    CHART_NAME,
    CHART_REPOSITORY,
    DEFAULT_NAME,
    IMAGE_PULL,
    IMAGE_PULL_KEY,
    IMAGE_PULL_TYPE,
    ChartAddress,
    has_sentinel,
    secret_name,
)
from domain.credentials import in_clear
from domain.image_reference import VENDOR
from settings.chart_keys import unknown_paths
from settings.stores import STATE_STORE, Xcom

XCOM = Xcom.model_fields["backend"].default
_IDS = {
    "ASTRO_ORGANIZATION_ID": "organization",
    "ASTRO_WORKSPACE_ID": "workspace",
    "ASTRO_DEPLOYMENT_ID": "deployment",
    "ASTRO_DEPLOYMENT_NAMESPACE": "deploymentNamespace",
}
_KWARGS = "AIRFLOW__SECRETS__BACKEND_KWARGS"
_XCOM = "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_"
_STATE = "AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_"
_TRANSLATED = frozenset(
    {
        "resourceNamePrefix", "createNamespace", "namespace", "astroDeploymentAPIURL", "image", "imagePullSecretName",
        "imagePullSecretData", "agentTokenSecretName", "agentToken", "agentTokenFile", "sentinelAuthSecretName",
        "sentinelAuthSecret", "dagBundleConfigList", "commonEnv", "openLineage", "secretBackend", "xcomBackend", "stateStoreBackend", "workers",
        "dagProcessor", "triggerer", "sentinel",
    }
)  # fmt: skip
"""Keys of the chart that are translated separately."""


@dataclass(frozen=True)
class Given:
    """What the user adds to the values."""

    chart: ChartAddress
    """The chart."""
    release: str = DEFAULT_NAME
    """Name of the Helm release."""
    context: str | None = None
    """Context of the kubeconfig."""
    dags_repository: str | None = None
    """Clone URL of the Dag repository."""
    secrets: SecretReader = lambda _: None
    """Reads the live Secrets."""


def translate(made: HandMade, given: Given, defaults: Mapping[str, Any]) -> Draft:
    """The stack of a release; ``defaults`` are the values of the chart itself."""
    values, defaults = without_nulls(made.values), without_nulls(defaults)
    draft = Draft()
    draft.config["delivery"] = "git-submodule"
    used = add_dags(draft, values, repository=given.dags_repository, secrets=given.secrets)
    agent = draft.agent
    if given.context:
        agent["cluster"] = {"context": given.context}
    agent["namespace"] = str(values.get("namespace") or made.namespace or "")
    agent["createNamespace"] = False
    if given.release != DEFAULT_NAME:
        agent["release"] = given.release
    if made.namespace and made.namespace != agent["namespace"]:
        agent["releaseNamespace"] = made.namespace
    prefix = str(values.get("resourceNamePrefix") or "")
    if prefix != DEFAULT_NAME:
        agent["prefix"] = prefix
    agent["apiUrl"] = str(values.get("astroDeploymentAPIURL") or "")
    chart = {"version": given.chart.version}
    if given.chart.repository != CHART_REPOSITORY:
        chart["repository"] = given.chart.repository
    if given.chart.name != CHART_NAME:
        chart["name"] = given.chart.name
    agent["chart"] = chart
    _namespace(draft, values, defaults)
    _images(draft, values, version=given.chart.version)
    _secrets(draft, values, prefix=prefix, sentinel=has_sentinel(given.chart.version))
    _common_environment(draft, values, defaults, used, prefix=prefix)
    _lineage(draft, values, defaults)
    add_components(
        draft, _without_images(draft, values), defaults, version=given.chart.version, prefix=prefix
    )
    _rest(draft, values, defaults)
    return draft


def without_nulls(values: Any) -> Any:
    """Values without keys that hold null, which Helm takes as left out where the chart has no default."""
    if isinstance(values, Mapping):
        return {key: without_nulls(value) for key, value in values.items() if value is not None}
    return [without_nulls(value) for value in values] if isinstance(values, list) else values


def _namespace(draft: Draft, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    if values.get("createNamespace", defaults.get("createNamespace")):
        draft.raw["createNamespace"] = True
        draft.agent.setdefault("withheld", {})["createNamespace"] = (
            "the namespace is an object of this release, and Helm would delete it with everything in it"
        )


def _images(draft: Draft, values: Mapping[str, Any], *, version: str) -> None:
    """One image for all agents where they run one; a worker's image otherwise."""
    image = values.get("image") if has_sentinel(version) else None
    found = [block.get("image") or image for block in _agents(values)]
    common = found[0] if found and len(set(map(str, found))) == 1 else image
    if common:
        draft.agent["image"] = str(common)
    elif not has_sentinel(version) and found:
        draft.notes.append(
            "agent.image: the components run different images; write the one that they should run"
        )


def _agents(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    workers = values.get("workers")
    blocks = [
        *(workers if isinstance(workers, list) else []),
        values.get("dagProcessor"),
        values.get("triggerer"),
    ]
    yield from (block if isinstance(block, Mapping) else {} for block in blocks)


def _without_images(draft: Draft, values: Mapping[str, Any]) -> dict[str, Any]:
    """The components without the image that `agent.image` gives them."""
    common = draft.agent.get("image")

    def left(block: Any) -> Any:
        if not isinstance(block, Mapping) or block.get("image") != common:
            return block
        return {key: value for key, value in block.items() if key != "image"}

    found = dict(values)
    for name in ("dagProcessor", "triggerer"):
        if name in found:
            found[name] = left(found[name])
    if isinstance(found.get("workers"), list):
        found["workers"] = [left(item) for item in found["workers"]]
    return found


def _secrets(draft: Draft, values: Mapping[str, Any], *, prefix: str, sentinel: bool) -> None:
    agent = draft.agent
    if values.get("agentTokenSecretName"):
        agent["agentTokenSecret"] = values["agentTokenSecretName"]
    elif values.get("agentToken"):
        draft.clear.append(Clear("agentToken", key="agentToken"))
    elif values.get("agentTokenFile"):
        agent.setdefault("env", {})["ASTRO_AGENT_CLIENT_API_TOKEN_FILE"] = str(values["agentTokenFile"])
    if values.get("imagePullSecretName"):
        agent["imagePullSecret"] = values["imagePullSecretName"]
    elif values.get("imagePullSecretData"):
        _pull_logins(draft, str(values["imagePullSecretData"]), prefix=prefix)
    if not sentinel:
        return
    if values.get("sentinelAuthSecretName"):
        agent["sentinelAuthSecret"] = values["sentinelAuthSecretName"]
    elif values.get("sentinelAuthSecret"):
        draft.clear.append(Clear("sentinelAuthSecret", key="sentinelAuth"))
    else:
        agent.setdefault("withheld", {})["sentinelAuthSecretName"] = (
            "the chart draws it itself; the stack's own Secret would restart the sentinel once"
        )
        if values.get("sentinelAuthSecretFile"):
            draft.raw["sentinelAuthSecretFile"] = values["sentinelAuthSecretFile"]


def _pull_logins(draft: Draft, text: str, *, prefix: str) -> None:
    """Typed for Astronomer's registry and one more; otherwise the whole becomes a Kubernetes Secret."""
    logins = docker_logins(text)
    others = [server for server in logins if server != VENDOR]
    plain = all(re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", server) for server in logins)
    if not logins or len(others) > 1 or not plain:
        name = secret_name(prefix, IMAGE_PULL)
        draft.agent["imagePullSecret"] = name
        draft.clear.append(
            Clear(
                "imagePullSecretData",
                secret=name,
                entry=IMAGE_PULL_KEY,
                kind=IMAGE_PULL_TYPE,
            )
        )
        return
    for server, (user, _) in logins.items():
        section = "baseRegistry" if server == VENDOR else "pullRegistry"
        draft.config[section] = {"server": server, "username": user}
        draft.clear.append(Clear(f"imagePullSecretData#{server}", key=f"{section}Password"))


def _common_environment(
    draft: Draft, values: Mapping[str, Any], defaults: Mapping[str, Any], used: frozenset[str], *, prefix: str
) -> None:
    entries = values.get("commonEnv") or []
    by_name = {str(item.get("name")): item for item in entries if isinstance(item, Mapping)}
    plain = {name: item.get("value") for name, item in by_name.items()}
    draft.agent["ids"] = {}
    for variable, key in _IDS.items():
        if not isinstance(plain.get(variable), str):
            draft.notes.append(
                f"agent.ids.{key}: commonEnv lacks {variable}; write it as the Astro UI shows it"
            )
        draft.agent["ids"][key] = str(plain.get(variable) or "unknown")
    taken = {*_IDS, *used, *_backend(draft, values, by_name, defaults)}
    taken |= {*_xcom(draft, values, plain, defaults), *_state_store(draft, values, plain, defaults)}
    variables = sort(entries, place="commonEnv", prefix=prefix, skip=taken)
    draft.clear += variables.clear
    if variables.env:
        draft.agent.setdefault("env", {}).update(variables.env)
    if variables.raw:
        draft.raw["commonEnv"] = variables.raw


def _backend(
    draft: Draft,
    values: Mapping[str, Any],
    by_name: Mapping[str, Mapping[str, Any]],
    defaults: Mapping[str, Any],
) -> Iterator[str]:
    """`agent.secretsBackend`, with its arguments where the stack writes the very same text."""
    if not values.get("secretBackend") or (
        values["secretBackend"] == defaults.get("secretBackend") and _KWARGS not in by_name
    ):
        return
    backend: dict[str, Any] = {"class": str(values["secretBackend"])}
    draft.agent["secretsBackend"] = backend
    entry = by_name.get(_KWARGS, {})
    reference, text = reference_of(entry), entry.get("value")
    if reference is not None:
        backend["kwargsSecret"] = reference
        yield _KWARGS
        return
    try:
        kwargs = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return
    if isinstance(kwargs, dict) and any(in_clear(kwargs)):
        name = f"{draft.agent.get('prefix', DEFAULT_NAME)}-secrets-backend"
        backend["kwargsSecret"] = {"secret": name, "key": "kwargs"}
        draft.clear.append(Clear(f"commonEnv.{_KWARGS}", secret=name, entry="kwargs"))
        yield _KWARGS
    elif isinstance(kwargs, dict) and json.dumps(kwargs, sort_keys=True) == text:
        backend["kwargs"] = kwargs
        yield _KWARGS


def _xcom(
    draft: Draft, values: Mapping[str, Any], plain: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[str]:
    """`agent.xcom`, which always says where and from which size on."""
    path, threshold = plain.get(f"{_XCOM}PATH"), plain.get(f"{_XCOM}THRESHOLD")
    backend = values.get("xcomBackend", defaults.get("xcomBackend"))
    if not (isinstance(path, str) and isinstance(threshold, str) and threshold.isdigit() and backend):
        if backend != defaults.get("xcomBackend"):
            draft.raw["xcomBackend"] = backend
        return
    xcom: dict[str, Any] = {"path": path, "threshold": int(threshold)}
    yield from (f"{_XCOM}PATH", f"{_XCOM}THRESHOLD")
    if plain.get(f"{_XCOM}COMPRESSION"):
        xcom["compression"] = plain[f"{_XCOM}COMPRESSION"]
        yield f"{_XCOM}COMPRESSION"
    if backend != XCOM:
        xcom["backend"] = backend
    draft.agent["xcom"] = xcom


def _state_store(
    draft: Draft, values: Mapping[str, Any], plain: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[str]:
    """`agent.stateStore`, where it is not the chart's default without a path."""
    backend = values.get("stateStoreBackend", defaults.get("stateStoreBackend"))
    path = plain.get(f"{_STATE}PATH")
    if not backend or (not isinstance(path, str) and backend == defaults.get("stateStoreBackend")):
        return
    store: dict[str, Any] = {} if backend == STATE_STORE else {"class": backend}
    for name, key in (("PATH", "path"), ("THRESHOLD", "threshold"), ("COMPRESSION", "compression")):
        value = plain.get(f"{_STATE}{name}")
        if isinstance(value, str):
            store[key] = int(value) if key == "threshold" and value.lstrip("-").isdigit() else value
            yield f"{_STATE}{name}"
    draft.agent["stateStore"] = store


def _lineage(draft: Draft, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    given = values.get("openLineage")
    block = dict(given) if isinstance(given, Mapping) else {}
    known = defaults.get("openLineage")
    merged = {**(known if isinstance(known, Mapping) else {}), **block}
    lineage: dict[str, Any] = {"enabled": bool(merged.get("enabled"))}
    if lineage["enabled"]:
        lineage |= {key: merged[key] for key in ("namespace", "url") if merged.get(key)}
    if block.get("apiKeySecret"):
        lineage["apiKeySecret"] = block["apiKeySecret"]
    elif block.get("apiKey"):
        draft.clear.append(Clear("openLineage.apiKey", key="openLineageApiKey"))
    draft.agent["openLineage"] = lineage


def _rest(draft: Draft, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Everything without a separate key, unless it equals the chart's default."""
    rest = {
        key: value
        for key, value in values.items()
        if key not in _TRANSLATED
        and value not in ([], {})
        and defaults.get(key) != value
        and key not in draft.raw
    }
    rest.pop("sentinelAuthSecretFile", None)
    rest = {key: _changed(value, defaults.get(key)) for key, value in rest.items()}
    draft.raw.update({key: value for key, value in rest.items() if value not in ([], {})})
    unknown = [path for path, _ in unknown_paths(rest)]
    if unknown:
        draft.agent["unknownValues"] = dict.fromkeys(unknown, FROM_CHART)
    for path in in_clear(rest):
        draft.notes.append(
            f"agent.values.{path} looks like a credential in plain text; put it into a Kubernetes Secret and name that"
        )


def _changed(value: Any, default: Any) -> Any:
    """A mapping without the chart's defaults."""
    if not (isinstance(value, Mapping) and isinstance(default, Mapping)):
        return value
    changed = {
        key: _changed(item, default.get(key)) for key, item in value.items() if default.get(key) != item
    }
    return {key: item for key, item in changed.items() if item not in ([], {})}


def submodules(values: Mapping[str, Any]) -> bool:
    """Whether the release's agents fetch submodules."""
    return fetches_submodules(values)
