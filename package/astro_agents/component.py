"""AstroAgents: the namespace, the Secrets and the Helm release of the agents, as one component.

Annotations are read when the schema is generated, so they are not strings here.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi.errors import InputPropertiesError

import delivery
from components.agent_namespace import AgentNamespace
from components.agent_objects import AgentObjects, AgentObjectsArgs
from components.agent_release import AgentRelease
from components.git_connections import GitConnections
from delivery.objects import objects
from domain.errors import ReportedError
from program import debug_output, wiring
from settings import RawValue, Settings, parse
from settings.authorities import authorities

_HELD = "known-to-pulumi"
_KEY = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----"
_IMAGE = "known-to-pulumi.invalid/image:0"
"""Placeholders for secrets and images that only the engine knows, while the settings are checked."""
_PLAIN = {
    "delivery": "delivery",
    "dags": "dags",
    "dbt_projects": "dbtProjects",
    "connections": "connections",
    "agent": "agent",
    "pull_registry": "pullRegistry",
    "base_registry": "baseRegistry",
}
_SECRET = {
    "agent_token": "agentToken",
    "sentinel_auth": "sentinelAuth",
    "open_lineage_api_key": "openLineageApiKey",
    "pull_registry_password": "pullRegistryPassword",
    "base_registry_password": "baseRegistryPassword",
    "kubeconfig": "kubeconfig",
}
"""Argument -> key of a stack file."""


class AstroAgentsArgs(TypedDict):
    """The keys of a stack file (docs/settings.md), without what builds or copies images, and without `preflight`."""

    dags: Any
    """The Dag repository, or a list of Dag bundles."""
    dbt_projects: list[dict[str, Any]]
    """The dbt projects."""
    agent: dict[str, Any]
    """The agents' release: where it is installed, what it runs and how large it is."""
    delivery: NotRequired[str]
    """How dbt projects reach the agents: git-submodule (default), or agent-image with the projects in `agentImage`."""
    connections: NotRequired[dict[str, Any]]
    """Git connections by id."""
    credentials: NotRequired[pulumi.Input[dict[str, Any]]]
    """Secret: credentials by connection id, each with `password` or `privateKey`."""
    agent_image: NotRequired[pulumi.Input[str]]
    """The image that agents run, for example the digest of an image that the same program builds; beats `agent.image`."""
    agent_token: NotRequired[pulumi.Input[str]]
    """Secret: the agent token of the Astro Deployment."""
    sentinel_auth: NotRequired[pulumi.Input[str]]
    """Secret: what the sentinel authenticates with."""
    open_lineage_api_key: NotRequired[pulumi.Input[str]]
    """Secret: Deployment API token for OpenLineage."""
    pull_registry: NotRequired[dict[str, Any]]
    """Login with which the cluster pulls the agents' image: server and username."""
    pull_registry_password: NotRequired[pulumi.Input[str]]
    """Secret: its password."""
    base_registry: NotRequired[dict[str, Any]]
    """Login for a second registry, such as the one of the sentinel's image."""
    base_registry_password: NotRequired[pulumi.Input[str]]
    """Secret: its password."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """Secret: content of a kubeconfig; without it agent.cluster or the environment decides."""


class AstroAgents(pulumi.ComponentResource):
    """Astro Remote Execution Agents with a Dag repository and dbt projects, on an existing Kubernetes cluster."""

    namespace: pulumi.Output[str]
    """Namespace of the agents."""
    release: pulumi.Output[dict[str, Any]]
    """name, chart, version, revision and status of the Helm release."""
    image: pulumi.Output[str]
    """What agents run."""
    dag_bundle_config_list: pulumi.Output[str]
    """The Dag bundles, as the agents get them."""

    def __init__(self, name: str, args: AstroAgentsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Provision the agents."""
        super().__init__("astro-agents:index:AstroAgents", name, {}, opts)
        root = Path.cwd()
        settings = _settings(name, args, root)
        plan = delivery.plan(settings, authorities=authorities(settings, root))
        inputs = _secret_inputs(settings, args)
        image = args.get("agent_image") or settings.agent.image
        child = pulumi.ResourceOptions(parent=self)
        namespace = AgentNamespace(f"{name}-namespace", wiring.namespace_args(settings, inputs), child)
        inside = pulumi.ResourceOptions(parent=self, provider=namespace.provider)
        git = GitConnections(
            f"{name}-git", wiring.connections_args(settings, plan, namespace.name, inputs), inside
        )
        agents = AgentRelease(
            f"{name}-release",
            wiring.release_args(
                settings, plan, namespace=namespace.name, git=git, image=image, inputs=inputs
            ),
            pulumi.ResourceOptions(parent=self, provider=namespace.provider, depends_on=[git]),
        )
        manifests = tuple(objects(settings.agent))
        if manifests:
            AgentObjects(
                f"{name}-objects",
                AgentObjectsArgs(namespace=namespace.name, manifests=manifests),
                pulumi.ResourceOptions(parent=self, provider=namespace.provider, depends_on=[agents]),
            )
        self.namespace = pulumi.Output.from_input(namespace.name)
        self.release = agents.status
        self.image = pulumi.Output.from_input(image or "")
        self.dag_bundle_config_list = pulumi.Output.from_input(plan.bundle_config_list())
        self.register_outputs(
            {
                "namespace": self.namespace,
                "release": self.release,
                "image": self.image,
                "dagBundleConfigList": self.dag_bundle_config_list,
            }
        )


class AgentsError(InputPropertiesError, pulumi.RunError):
    """Mistakes in the arguments, as sentences: of the plugin's caller, or of the program itself."""


def _settings(name: str, args: AstroAgentsArgs, root: Path) -> Settings:
    """The arguments as settings. Raises AgentsError with the sentences that a program with a stack file would get."""
    config: dict[str, Any] = {
        key: _whole(args[argument])  # type: ignore[literal-required]
        for argument, key in _PLAIN.items()
        if args.get(argument) is not None
    }
    agent = config.get("agent")
    if args.get("agent_image") is not None and isinstance(agent, dict):
        config["agent"] = {**agent, "image": _IMAGE}
    secret: dict[str, Any] = {
        key: _HELD for argument, key in _SECRET.items() if args.get(argument) is not None
    }
    credentials = _placeholders(config.get("connections"))
    if credentials:
        secret["credentials"] = credentials
    raw = {key: RawValue(_text(value)) for key, value in config.items()}
    raw |= {key: RawValue(_text(value), secret=True) for key, value in secret.items()}
    try:
        debug_output.refuse()
        settings = parse(raw, project=name, root=root)
        delivery.check(
            settings, delivery.plan(settings, authorities=authorities(settings, root)), project=name
        )
    except ReportedError as error:
        raise AgentsError(str(error)) from None
    return settings


def _placeholders(connections: Any) -> dict[str, Any]:
    """Credentials for every connection that needs some; what they are is known to the engine."""
    found = {}
    for name, connection in (connections if isinstance(connections, dict) else {}).items():
        if not isinstance(connection, dict) or connection.get("existingSecret") or connection.get("backend"):
            continue
        if connection.get("type") == "https" and not connection.get("anonymous"):
            found[name] = {"password": _HELD}
        elif connection.get("type") in {"ssh", "github-app"}:
            found[name] = {"privateKey": _KEY}
    return found


def _secret_inputs(settings: Settings, args: AstroAgentsArgs) -> dict[str, pulumi.Input[str]]:
    """Stack key -> secret, as the engine knows it."""
    found: dict[str, pulumi.Input[str]] = {
        key: args[argument]  # type: ignore[literal-required]
        for argument, key in _SECRET.items()
        if args.get(argument) is not None
    }
    given = pulumi.Output.secret(args.get("credentials") or {})
    for name, credential in settings.credentials.items():
        part = "password" if credential.password else "privateKey"
        found[f"credentials.{name}.{part}"] = given.apply(partial(_part, name=name, part=part))
    return found


def _part(credentials: Mapping[str, Any], *, name: str, part: str) -> str:
    entry = credentials.get(name)
    value = entry.get(part) if isinstance(entry, Mapping) else None
    if not isinstance(value, str) or not value:
        raise AgentsError(
            f"credentials.{name}.{part} is missing; add it, or name a Secret in connections.{name}.existingSecret"
        )
    return f"{value.strip()}\n" if part == "privateKey" else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _whole(value: Any) -> Any:
    """Whole numbers as such: they arrive as floats."""
    if isinstance(value, Mapping):
        return {str(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
