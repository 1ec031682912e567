"""AgentRelease: the Helm release of the Remote Execution Agents and the Secrets that its chart reads."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi.output import UNKNOWN

from domain.fingerprint import fingerprint
from domain.names import FORCE_PATCH

MARK = "ASTRO_DBT_SECRETS"
"""Environment variable with the mark of the Secrets that a Pod reads: a changed Secret changes the Pod's template."""


@dataclass(frozen=True, kw_only=True)
class ChartArgs:
    """Which chart."""

    repository: str
    """Chart repository, https:// or oci://."""
    name: str
    """Name of the chart."""
    version: str
    """Exact version."""

    @property
    def generation(self) -> int:
        """Major version."""
        return int(self.version.split(".")[0])


@dataclass(frozen=True, kw_only=True)
class RegistryLogin:
    """User and password of a container registry."""

    server: str
    """Host name, with port when it is not the standard one."""
    username: str
    """User name."""
    password: pulumi.Input[str]
    """Password."""


@dataclass(frozen=True)
class ExistingSecret:
    """A Secret that somebody else made in the agents' namespace."""

    name: str
    """Its name."""


@dataclass(frozen=True, kw_only=True)
class AgentSecrets:
    """The secrets of the chart: each made here from a value, or the name of one that exists."""

    agent_token: pulumi.Input[str] | ExistingSecret | None
    """Agent token of the Astro Deployment; None when the environment injects it."""
    image_pull: Sequence[RegistryLogin] | ExistingSecret = ()
    """Logins of the registries that images come from."""
    sentinel_auth: pulumi.Input[str] | ExistingSecret | None = None
    """What the sentinel authenticates with; None: one made at random, once."""
    open_lineage_api_key: pulumi.Input[str] | ExistingSecret | None = None
    """OpenLineage API key; None when OpenLineage is off or the environment injects it."""


class AgentRelease(pulumi.ComponentResource):
    """`helm.v3.Release` of the agents: Helm's own history, waiting and rollback.

    Only names of Secrets reach the values, because Helm keeps values in clear in its history. The values also carry a mark
    of what each Pod's Secrets hold, so that a rotated credential rolls exactly the Pods that read it.
    """

    release: kubernetes.helm.v3.Release
    """The release."""
    status: pulumi.Output[dict[str, Any]]
    """name, chart, version, revision and status of the release."""

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        release_name: str,
        prefix: str,
        chart: ChartArgs,
        values: Mapping[str, Any],
        agent_secrets: AgentSecrets,
        connection_marks: Sequence[pulumi.Input[str]] = (),
        timeout_seconds: int = 900,
        max_history: int = 10,
        before_change: pulumi.ResourceHook | None = None,
        load_chart: bool = True,
        description: str | None = None,
        protect: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install or upgrade the agents.

        ``values`` are the chart's values but for the names of the Secrets; ``connection_marks`` are the marks of the Git
        connections that the agents read; ``timeout_seconds`` must exceed the longest grace period of the workers, or Helm
        rolls back while tasks drain; ``before_change`` runs before the release is made or changed; ``load_chart`` False
        lets a preview do without the chart, because its repository is out of reach; ``description`` is what Helm's
        history says of the revision.
        """
        super().__init__("astro-dbt:components:AgentRelease", resource_name, None, opts)
        self._resource_name, self._namespace, self._prefix, self._protect = (
            resource_name,
            namespace,
            prefix,
            protect,
        )
        self._made: list[pulumi.Resource] = []
        self._marks: dict[str, pulumi.Output[str]] = {}
        secret_values = self._secret_values(agent_secrets, chart.generation)
        common = ("agent-token", "openlineage")
        merged = _merge(values, secret_values)
        merged["commonEnv"] = [*merged.get("commonEnv", []), self._mark(common, connection_marks)]
        if chart.generation >= 2:
            sentinel = merged.get("sentinel", {})
            mark = self._mark(("sentinel-auth",), ())
            merged["sentinel"] = {**sentinel, "env": [*sentinel.get("env", []), mark]}
        hooks = None
        if before_change is not None:
            hooks = pulumi.ResourceHookBinding(before_create=[before_change], before_update=[before_change])
        in_registry = chart.repository.startswith("oci://")
        self.release = kubernetes.helm.v3.Release(
            resource_name,
            name=release_name,
            namespace=namespace,
            chart=f"{chart.repository.rstrip('/')}/{chart.name}" if in_registry else chart.name,
            version=chart.version if load_chart else _not_known(),
            repository_opts=None
            if in_registry
            else kubernetes.helm.v3.RepositoryOptsArgs(repo=chart.repository),
            values=merged,
            atomic=True,
            cleanup_on_fail=True,
            timeout=timeout_seconds,
            description=description,
            max_history=max_history,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._made, hooks=hooks),
        )
        self.status = pulumi.Output.all(status=self.release.status, version=chart.version).apply(_summary)
        self.register_outputs({"status": self.status})

    def _secret_values(self, given: AgentSecrets, generation: int) -> dict[str, Any]:
        values: dict[str, Any] = {"imagePullSecretName": self._pull_secret(given.image_pull)}
        token = self._secret("agent-token", "token", given.agent_token)
        if token is not None:
            values["agentTokenSecretName"] = token
        if generation >= 2:
            values["sentinelAuthSecretName"] = (
                self._random_secret("sentinel-auth", "secret")
                if given.sentinel_auth is None
                else self._secret("sentinel-auth", "secret", given.sentinel_auth)
            )
        lineage = self._secret("openlineage", "api-key", given.open_lineage_api_key)
        if lineage is not None:
            values["openLineage"] = {"apiKeySecret": lineage}
        return values

    def _secret(self, suffix: str, key: str, given: pulumi.Input[str] | ExistingSecret | None) -> str | None:
        if given is None:
            return None
        if isinstance(given, ExistingSecret):
            return given.name
        value = pulumi.Output.secret(given)
        name = self._make(suffix, string_data={key: value})
        marked = value.apply(lambda text: fingerprint({key: text}, salt=name))
        self._marks[suffix] = pulumi.Output.unsecret(marked)
        return name

    def _random_secret(self, suffix: str, key: str) -> str:
        """Made once and kept: the chart alone would draw a new one at every rendering, and roll the sentinel."""
        value = base64.b64encode(secrets.token_urlsafe(24).encode()).decode()
        return self._make(suffix, data={key: pulumi.Output.secret(value)}, ignore_changes=["data"])

    def _pull_secret(self, given: Sequence[RegistryLogin] | ExistingSecret) -> str:
        if isinstance(given, ExistingSecret):
            return given.name
        passwords = pulumi.Output.all(*[pulumi.Output.secret(login.password) for login in given])
        content = passwords.apply(lambda found: _docker_config(given, found))
        return self._make(
            "image-pull", string_data={".dockerconfigjson": content}, type_="kubernetes.io/dockerconfigjson"
        )

    def _make(
        self,
        suffix: str,
        *,
        string_data: Mapping[str, pulumi.Input[str]] | None = None,
        data: Mapping[str, pulumi.Input[str]] | None = None,
        type_: str | None = None,
        ignore_changes: list[str] | None = None,
    ) -> str:
        name = f"{self._prefix}-{suffix}"
        made = kubernetes.core.v1.Secret(
            f"{self._resource_name}-{suffix}",
            metadata={"name": name, "namespace": self._namespace, "annotations": FORCE_PATCH},
            string_data=string_data,
            data=data,
            type=type_,
            opts=pulumi.ResourceOptions(parent=self, protect=self._protect, ignore_changes=ignore_changes),
        )
        self._made.append(made)
        return name

    def _mark(self, suffixes: Sequence[str], more: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
        marks = [self._marks[suffix] for suffix in suffixes if suffix in self._marks]
        joined = pulumi.Output.all(*marks, *more).apply(
            lambda found: "-".join(str(mark) for mark in found) or "none"
        )
        return {"name": MARK, "value": joined}


def _merge(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**values, **more}
    if "openLineage" in more:
        merged["openLineage"] = {**values.get("openLineage", {}), **more["openLineage"]}
    return merged


def _docker_config(logins: Sequence[RegistryLogin], passwords: Sequence[str]) -> str:
    """Content of a `.dockerconfigjson` (Kubernetes docs, pull-image-private-registry); no logins make an empty one."""
    auths = {}
    for login, password in zip(logins, passwords, strict=True):
        auth = base64.b64encode(f"{login.username}:{password}".encode()).decode()
        auths[login.server] = {"username": login.username, "password": password, "auth": auth}
    return json.dumps({"auths": auths}, sort_keys=True)


def _summary(found: Mapping[str, Any]) -> dict[str, Any]:
    status = found["status"]
    fields = {key: _field(status, key) for key in ("name", "chart", "version", "revision", "status")}
    return {**fields, "version": fields["version"] or found["version"]}


def _field(status: Any, key: str) -> Any:
    return status.get(key) if isinstance(status, Mapping) else getattr(status, key, None)


def _not_known() -> pulumi.Output[str]:
    return pulumi.Output.from_input(cast("str", UNKNOWN))
