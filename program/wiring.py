"""From settings to the arguments of the components."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pulumi

from clients.git import Access
from clients.git import checkout as fetch
from clients.helm.repair import repair_hook, repair_note
from components.agent_namespace import AgentNamespace
from components.agent_release import AgentRelease, AgentSecrets, ChartArgs, ExistingSecret, RegistryLogin
from components.client_image import ClientImage
from components.git_connections import (
    GitConnections,
    GitCredentials,
    GithubAppCredentials,
    HttpsCredentials,
    SshCredentials,
)
from delivery.chart_values import chart_values
from delivery.git_access import config_map_name, dags_connection, secret_name, ssh_options
from delivery.plan import Plan
from delivery.recipe import Source
from domain.fingerprint import fingerprint
from preflight import Report
from preflight.levels import Levels
from program.build_context import BuildContext, stage
from program.chart_source import is_out_of_reach
from settings.connections import GithubAppConnection, HttpsConnection, SshConnection
from settings.stack import Settings


def authorities(settings: Settings, root: Path) -> Mapping[str, str]:
    """Connection id -> PEM text of the certificate authority of its Git host."""
    return {
        name: (root / connection.ca_bundle).read_text(encoding="utf-8")
        for name, connection in settings.connections.items()
        if isinstance(connection, HttpsConnection) and connection.ca_bundle
    }


def git_credentials(settings: Settings) -> Mapping[str, GitCredentials]:
    """Connections whose Secrets this stack makes."""
    found: dict[str, GitCredentials] = {}
    for name, connection in settings.connections.items():
        if not connection.made_here:
            continue
        url = _url(settings, name)
        password, key = settings.password_of(name), settings.private_key_of(name)
        if isinstance(connection, HttpsConnection) and password is not None:
            found[name] = HttpsCredentials(
                url=url,
                login=connection.login,
                password=pulumi.Output.secret(password),
                extra=ssh_options(settings) if name == dags_connection(settings) else {},
            )
        elif isinstance(connection, SshConnection) and key is not None:
            found[name] = SshCredentials(
                private_key=pulumi.Output.secret(key), known_hosts=connection.known_hosts
            )
        elif isinstance(connection, GithubAppConnection) and key is not None:
            found[name] = GithubAppCredentials(
                url=url,
                app_id=connection.app_id,
                installation_id=connection.installation_id,
                private_key=pulumi.Output.secret(key),
            )
    return found


def _url(settings: Settings, connection: str) -> str:
    """The repository that the Airflow connection names: the Dag repository's, or the first one opened with it."""
    if connection == dags_connection(settings):
        return settings.dags.repo
    opened = [
        project.repo for project in settings.dbt_projects if project.connection == connection and project.repo
    ]
    opened += [submodule.repo for submodule in settings.dags.submodules if submodule.connection == connection]
    return opened[0] if opened else settings.dags.repo


def registries(settings: Settings) -> tuple[RegistryLogin, ...]:
    """Logins of the registries that images go to and come from."""
    pairs = (
        (settings.registry, settings.registry_password),
        (settings.base_registry, settings.base_registry_password),
    )
    return tuple(
        RegistryLogin(
            server=registry.server,
            username=registry.username,
            password=pulumi.Output.secret(password.get_secret_value()),
        )
        for registry, password in pairs
        if registry and password
    )


def agent_secrets(settings: Settings) -> AgentSecrets:
    """The chart's secrets: values of the stack, or names of Secrets that exist."""
    agent = settings.agent
    pull = agent.image_pull_secret
    lineage = _secret(settings.open_lineage_api_key, agent.open_lineage.api_key_secret)
    return AgentSecrets(
        agent_token=_secret(settings.agent_token, agent.agent_token_secret),
        image_pull=ExistingSecret(pull) if pull else registries(settings),
        sentinel_auth=_secret(settings.sentinel_auth, agent.sentinel_auth_secret),
        open_lineage_api_key=lineage,
    )


def _secret(value: object, existing: str | None) -> pulumi.Output[str] | ExistingSecret | None:
    if existing:
        return ExistingSecret(existing)
    reveal = getattr(value, "get_secret_value", None)
    return pulumi.Output.secret(reveal()) if reveal else None


def chart(settings: Settings) -> ChartArgs:
    """The agent's chart."""
    found = settings.agent.chart
    return ChartArgs(repository=found.repository, name=found.name, version=found.version)


def build_secrets(settings: Settings) -> Mapping[str, pulumi.Output[str]]:
    """Build arguments with credentials in them."""
    found = {}
    if settings.package_index:
        found["PIP_INDEX_URL"] = pulumi.Output.secret(settings.package_index.get_secret_value())
    if settings.proxy:
        proxy = settings.proxy.get_secret_value()
        found |= {name: pulumi.Output.secret(proxy) for name in ("HTTP_PROXY", "HTTPS_PROXY")}
    return found


def checkout(settings: Settings, root: Path, source: Source, target: Path) -> None:
    """Fetch a dbt project's repository at its ref into ``target``; raises git.GitError."""
    access = Access.of(settings, source.connection, root=root)
    fetch(str(source.repo), source.ref, target, access=access)


def agent_namespace(settings: Settings) -> AgentNamespace:
    """The way to the cluster and the agents' namespace."""
    agent = settings.agent
    content = settings.kubeconfig
    return AgentNamespace(
        "agents",
        namespace=agent.namespace,
        create=agent.create_namespace,
        labels={
            "app.kubernetes.io/managed-by": "pulumi",
            "astro-dbt/stack": f"{pulumi.get_project()}.{pulumi.get_stack()}",
        },
        pod_security=agent.pod_security,
        kubeconfig=pulumi.Output.secret(content.get_secret_value()) if content else agent.cluster.kubeconfig,
        context=agent.cluster.context,
        protect=agent.protect,
    )


def git_connections(settings: Settings, plan: Plan, cluster: AgentNamespace) -> GitConnections:
    """The Secrets with which agents open Git repositories."""
    credentials = git_credentials(settings)
    return GitConnections(
        "git",
        namespace=cluster.name,
        connections=credentials,
        secret_names={name: secret_name(settings, name) for name in credentials},
        config_map_name=config_map_name(settings),
        config_files=plan.config_files,
        protect=settings.agent.protect,
        opts=pulumi.ResourceOptions(provider=cluster.provider),
    )


def build_context(settings: Settings, plan: Plan, root: Path) -> BuildContext | None:
    """Stage what the client image is built from, when the option builds one; raises git.GitError."""
    if plan.recipe is None:
        return None
    folder = f".build/{pulumi.get_stack()}/context"
    return stage(plan.recipe, root=root, folder=folder, checkout=partial(checkout, settings, root))


def client_image(settings: Settings, plan: Plan, context: BuildContext | None) -> ClientImage | None:
    """The client image, when the option builds one."""
    if plan.recipe is None or context is None:
        return None
    logins = registries(settings)
    return ClientImage(
        "client",
        repository=plan.recipe.repository,
        context=context,
        platform=plan.recipe.platform,
        arguments=plan.recipe.arguments,
        secret_arguments=build_secrets(settings),
        registry=logins[0] if settings.registry else None,
        base=plan.recipe.base if settings.base_registry else None,
        base_registry=logins[-1] if settings.base_registry else None,
        engine=settings.image.engine if settings.image else None,
    )


def agent_release(
    settings: Settings, plan: Plan, cluster: AgentNamespace, git: GitConnections, image: ClientImage | None
) -> AgentRelease:
    """The agents' release."""
    agent = settings.agent
    marks = [git.fingerprints[name] for name in sorted(plan.connections_read) if name in git.fingerprints]
    files = [fingerprint(plan.config_files, salt=agent.prefix)] if plan.config_files else []
    return AgentRelease(
        "agent",
        namespace=cluster.name,
        release_name=agent.release,
        prefix=agent.prefix,
        chart=chart(settings),
        values=chart_values(settings, plan, image=image.reference if image else agent.image),
        agent_secrets=agent_secrets(settings),
        connection_marks=[*marks, *files],
        timeout_seconds=agent.helm_timeout,
        max_history=agent.history,
        before_change=repair_hook(settings),
        load_chart=_load_chart(settings),
        description=repair_note(settings),
        protect=agent.protect,
        opts=pulumi.ResourceOptions(
            provider=cluster.provider,
            depends_on=[git],
        ),
    )


def _load_chart(settings: Settings) -> bool:
    """Whether the chart is there to be checked: a preview with the look at the chart turned off may go without."""
    repository = settings.agent.chart.repository
    if Levels(settings.preflight).looks("chart") or not is_out_of_reach(settings.agent.chart):
        return True
    pulumi.log.warn(
        f"the chart repository {repository} is out of reach, so this preview knows nothing of the chart"
    )
    return False


def project_outputs(plan: Plan, looked: Report) -> dict[str, dict[str, object]]:
    """dbt project -> its path on the agent, its repository, the commit that agents get and how far that is behind."""
    outputs: dict[str, dict[str, object]] = {}
    for name, path in plan.project_paths.items():
        facts = looked.projects.get(name)
        outputs[name] = {
            "path": path,
            "repository": facts.repository if facts else None,
            "commit": facts.commit if facts else None,
            "behind": facts.behind if facts else None,
        }
    return outputs


def connection_outputs(settings: Settings, git: GitConnections) -> dict[str, dict[str, object]]:
    """Connection -> its type and where its credentials are; nothing secret."""
    outputs: dict[str, dict[str, object]] = {}
    for name, connection in settings.connections.items():
        made = git.secrets.get(name)
        outputs[name] = {
            "type": connection.type,
            "airflowConnection": name,
            "secret": made.metadata["name"] if made else connection.existing_secret,
        }
    return outputs
