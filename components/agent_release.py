"""AgentRelease: the Helm release of the Remote Execution Agents and the Secrets that its chart reads."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.output import UNKNOWN

from components.cluster_objects import Release, Secret
from components.confirmation import once_confirmed
from components.marks import mark
from components.registry_login import RegistryLogin
from domain.chart import (
    AGENT_TOKEN,
    AGENT_TOKEN_KEY,
    IMAGE_PULL,
    IMAGE_PULL_KEY,
    IMAGE_PULL_TYPE,
    OPEN_LINEAGE,
    OPEN_LINEAGE_KEY,
    SENTINEL_AUTH,
    SENTINEL_AUTH_KEY,
    ChartAddress,
    SecretNames,
    has_sentinel,
    secret_name,
    with_secret_names,
)
from domain.names import AGENT_RELEASE, FORCE_PATCH, SECRETS_MARK


@dataclass(frozen=True)
class ExistingSecret:
    """A Secret in the agents' namespace that is not managed by this stack."""

    name: str
    """Its name."""


@dataclass(frozen=True, kw_only=True)
class AgentSecrets:
    """The secrets of the chart: each a value, from which a Secret is created, or an existing Secret."""

    agent_token: pulumi.Input[str] | ExistingSecret | None
    """Agent token of the Astro Deployment; None if the environment provides it."""
    image_pull: Sequence[RegistryLogin] | ExistingSecret = ()
    """Logins for the registries that images come from."""
    sentinel_auth: pulumi.Input[str] | ExistingSecret | None = None
    """Secret with which the sentinel authenticates; None: generated once at random."""
    open_lineage_api_key: pulumi.Input[str] | ExistingSecret | None = None
    """OpenLineage API key; None if OpenLineage is off or the environment provides it."""


@dataclass(frozen=True, kw_only=True)
class AgentReleaseArgs:
    """What to release, and how Helm does it."""

    namespace: pulumi.Input[str]
    """Namespace of the agents."""
    release_name: str
    """Name of the Helm release."""
    release_namespace: str | None = None
    """Namespace of Helm's records, if it is another one."""
    prefix: str
    """Prefix of the names of created Secrets."""
    chart: ChartAddress
    """Which chart."""
    values: Mapping[str, Any]
    """The chart's values, without the names of the Secrets."""
    agent_secrets: AgentSecrets
    """The chart's secrets."""
    connection_marks: Sequence[pulumi.Input[str]] = ()
    """Marks of the Git connections that the agents read."""
    withheld: Collection[str] = ()
    """Values that are left as they are: `sentinelAuthSecretName`, and the marks `commonEnv.ASTRO_DBT_SECRETS` and
    `sentinel.env.ASTRO_DBT_SECRETS`."""
    timeout_seconds: int = 900
    """How long Helm waits: longer than the workers' longest grace period, or Helm rolls back while tasks drain."""
    max_history: int = 10
    """Revisions that Helm keeps."""
    confirm: Callable[[Sequence[Secret]], pulumi.Output[Any]] | None = None
    """Called with the created Secrets; in an update the release waits for what it returns, which may fail."""
    hooks: pulumi.ResourceHookBinding | None = None
    """Hooks that the engine calls around a change of the release."""
    load_chart: bool = True
    """False: a preview works without the chart, because its repository is unreachable."""
    description: str | None = None
    """Description of the revision in Helm's history."""
    protect: bool = False
    """Whether Pulumi refuses to delete the Secrets."""


class AgentRelease(pulumi.ComponentResource):
    """The Helm release of the agents, with Helm's own history, waiting and rollback.

    The values contain only the names of Secrets, because Helm stores values in plain text in its history. They also contain
    a mark of the Secrets that each Pod reads, so that a rotated credential rolls exactly these Pods.
    """

    release: Release
    """The release."""
    status: pulumi.Output[dict[str, Any]]
    """name, chart, version, revision and status of the release."""

    def __init__(
        self, resource_name: str, args: AgentReleaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Install or upgrade the agents."""
        super().__init__(AGENT_RELEASE, resource_name, None, opts)
        self._resource_name, self._args = resource_name, args
        self._created: list[Secret] = []
        self._marks: dict[str, pulumi.Output[str]] = {}
        chart, values = args.chart, self._values()
        namespace = _records(args)
        if args.confirm is not None:
            namespace = once_confirmed(namespace, args.confirm(self._created))
        self.release = Release(
            resource_name,
            name=args.release_name,
            namespace=namespace,
            chart=f"{chart.repository.rstrip('/')}/{chart.name}" if chart.in_registry else chart.name,
            version=chart.version if args.load_chart else _not_known(),
            repository=None if chart.in_registry else chart.repository,
            values=values,
            timeout=args.timeout_seconds,
            description=args.description,
            max_history=args.max_history,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._created, hooks=args.hooks),
        )
        self.status = pulumi.Output.all(status=self.release.status, version=chart.version).apply(_summary)
        self.register_outputs({"status": self.status})

    def _values(self) -> dict[str, Any]:
        """The chart's values with the names and marks of the Secrets; creates those Secrets."""
        version = self._args.chart.version
        values = with_secret_names(dict(self._args.values), self._secret_names(), version=version)
        if f"commonEnv.{SECRETS_MARK}" not in self._args.withheld:
            entry = self._mark((AGENT_TOKEN, OPEN_LINEAGE), self._args.connection_marks)
            values["commonEnv"] = [*values.get("commonEnv", []), entry]
        if has_sentinel(version) and f"sentinel.env.{SECRETS_MARK}" not in self._args.withheld:
            sentinel = values.get("sentinel", {})
            entry = self._mark((SENTINEL_AUTH,), ())
            values["sentinel"] = {**sentinel, "env": [*sentinel.get("env", []), entry]}
        return values

    def _secret_names(self) -> SecretNames:
        given = self._args.agent_secrets
        sentinel: str | None = None
        if has_sentinel(self._args.chart.version) and "sentinelAuthSecretName" not in self._args.withheld:
            sentinel = (
                self._random_secret(SENTINEL_AUTH, SENTINEL_AUTH_KEY)
                if given.sentinel_auth is None
                else self._secret(SENTINEL_AUTH, SENTINEL_AUTH_KEY, given.sentinel_auth)
            )
        return SecretNames(
            image_pull=self._pull_secret(given.image_pull),
            agent_token=self._secret(AGENT_TOKEN, AGENT_TOKEN_KEY, given.agent_token),
            sentinel_auth=sentinel,
            open_lineage=self._secret(OPEN_LINEAGE, OPEN_LINEAGE_KEY, given.open_lineage_api_key),
        )

    def _secret(self, suffix: str, key: str, given: pulumi.Input[str] | ExistingSecret | None) -> str | None:
        if given is None:
            return None
        if isinstance(given, ExistingSecret):
            return given.name
        value = pulumi.Output.secret(given)
        name = self._create(suffix, string_data={key: value})
        self._marks[suffix] = mark({key: value}, salt=name)
        return name

    def _random_secret(self, suffix: str, key: str) -> str:
        """Created once and kept: the chart would generate a new one at every rendering, and roll the sentinel.

        As the chart's, it is 32 letters and digits.
        """
        value = base64.b64encode(secrets.token_hex(16).encode()).decode()
        return self._create(suffix, data={key: pulumi.Output.secret(value)}, ignore_changes=["data"])

    def _pull_secret(self, given: Sequence[RegistryLogin] | ExistingSecret) -> str:
        if isinstance(given, ExistingSecret):
            return given.name
        passwords = pulumi.Output.all(*[pulumi.Output.secret(login.password) for login in given])
        content = passwords.apply(lambda found: _docker_config(given, found))
        return self._create(IMAGE_PULL, string_data={IMAGE_PULL_KEY: content}, type_=IMAGE_PULL_TYPE)

    def _create(
        self,
        suffix: str,
        *,
        string_data: Mapping[str, pulumi.Input[str]] | None = None,
        data: Mapping[str, pulumi.Input[str]] | None = None,
        type_: str | None = None,
        ignore_changes: list[str] | None = None,
    ) -> str:
        name = secret_name(self._args.prefix, suffix)
        created = Secret(
            f"{self._resource_name}-{suffix}",
            metadata={"name": name, "namespace": self._args.namespace, "annotations": FORCE_PATCH},
            string_data=string_data,
            data=data,
            type=type_,
            opts=pulumi.ResourceOptions(
                parent=self, protect=self._args.protect, ignore_changes=ignore_changes
            ),
        )
        self._created.append(created)
        return name

    def _mark(self, suffixes: Sequence[str], more: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
        marks = [self._marks[suffix] for suffix in suffixes if suffix in self._marks]
        joined = pulumi.Output.all(*marks, *more).apply(
            lambda found: "-".join(str(mark) for mark in found) or "none"
        )
        return {"name": SECRETS_MARK, "value": joined}


def _records(args: AgentReleaseArgs) -> pulumi.Input[str]:
    """Namespace of Helm's records; known only after that of the agents exists."""
    if args.release_namespace is None:
        return args.namespace
    return pulumi.Output.all(args.namespace, args.release_namespace).apply(lambda names: str(names[1]))


def _docker_config(logins: Sequence[RegistryLogin], passwords: Sequence[str]) -> str:
    """Content of a `.dockerconfigjson` (Kubernetes docs, pull-image-private-registry); empty without logins."""
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
