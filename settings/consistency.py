"""Rules that involve several sections of the configuration.

Every rule works on the valid sections, so that one broken section does not hide mistakes in the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from domain.address import RepositoryAddress
from domain.connection_secret import connection_variable
from domain.git_variables import GIT_VARIABLES
from domain.image_reference import astro_tag
from domain.names import PROJECTS_VARIABLE, SUBDIR_VARIABLE
from domain.suggestions import nearest
from settings import bundle_rules
from settings.agent import Agent, Component
from settings.chart_keys import managed_paths, needless_escapes, too_new_paths, unknown_values
from settings.connections import Connection, GithubAppConnection, HttpsConnection
from settings.containers import only_raw
from settings.dags import Bundle, GitBundle, airflow_connections, home
from settings.dbt import DbtPackage, DbtProject
from settings.errors import Problem, known_keys
from settings.identity import Identity
from settings.image import Image
from settings.mirror import Mirror
from settings.preflight import Preflight

Found = Iterator[tuple[str, str]]
"""(path below the project, message) of every mistake."""


def check(values: Mapping[str, Any], *, broken: Set[str], project: str, root: Path) -> list[Problem]:
    """Apply every rule to the sections in ``values``.

    ``broken`` names the keys that already have mistakes; nothing that depends on them is reported as missing.
    """
    stack = _Stack(values, broken, root)
    return [Problem(f"{project}:{path}", message) for rule in _RULES for path, message in rule(stack)]


class _Stack:
    """The valid sections; an invalid one is None or empty."""

    def __init__(self, values: Mapping[str, Any], broken: Set[str], root: Path) -> None:
        self.values = values
        self.broken = broken
        self.root = root
        self.delivery: str | None = values.get(
            "delivery", "git-submodule" if "delivery" not in broken else None
        )
        self.dags: tuple[Bundle, ...] = values.get("dags", ())
        self.projects: tuple[DbtProject, ...] = values.get("dbt_projects", ())
        self.packages: tuple[DbtPackage, ...] = values.get("dbt_packages", ())
        self.connections: dict[str, Connection] = values.get("connections", {})
        self.agent: Agent | None = values.get("agent")
        self.image: Image | None = values.get("image")

    def asks_the_chart(self) -> bool:
        """Whether preflight reads the chart's package and checks keys against it."""
        preflight: Preflight = self.values.get("preflight") or Preflight()
        if preflight.level == "off":
            return False
        return not any(
            name in preflight.checks and preflight.checks[name].level == "off"
            for name in ("chart", "chart.values")
        )

    @property
    def git_bundles(self) -> tuple[GitBundle, ...]:
        """Bundles with a Dag repository."""
        return tuple(bundle_rules.git_bundles(self.dags))

    def bundle_at(self, path: str) -> GitBundle | None:
        """The bundle that a use of a connection belongs to; None if that is not certain."""
        if "dags" in self.broken:
            return None
        for index, project in enumerate(self.projects):
            if path.startswith(f"dbtProjects[{index}]."):
                return home(self.git_bundles, project.bundle)
        return next((bundle for bundle in self.git_bundles if path.startswith(f"{bundle.at}.")), None)

    def uses(self) -> Iterator[tuple[str, str, str | None]]:
        """(path of the key, connection id, URL of the repository) for every use of a connection."""
        for bundle in self.git_bundles:
            if bundle.connection:
                yield f"{bundle.at}.connection", bundle.connection, bundle.repo
            for index, submodule in enumerate(bundle.submodules):
                if submodule.connection:
                    yield (
                        f"{bundle.at}.submodules[{index}].connection",
                        submodule.connection,
                        submodule.repo,
                    )
        for index, project in enumerate(self.projects):
            if project.connection:
                yield f"dbtProjects[{index}].connection", project.connection, project.repo
        for index, package in enumerate(self.packages):
            yield f"dbtPackages[{index}].connection", package.connection, package.repo


def _host_of(url: str) -> str:
    """Host (with its port, unless it is the protocol's default) of a valid clone URL."""
    return RepositoryAddress.parse(url).authority


def _connections_exist(stack: _Stack) -> Found:
    if "connections" in stack.broken:
        return
    for path, connection, _ in stack.uses():
        if connection not in stack.connections:
            near = nearest(connection, stack.connections)
            remedy = f"write {near}" if near else f"add connections.{connection}"
            yield path, f"names the connection {connection}, which does not exist; {remedy}"


_SIMPLE_ID = re.compile(r"^[a-z][a-z0-9_]{0,39}$")


def _connection_ids(stack: _Stack) -> Found:
    """An id that becomes part of an environment variable and of Secret names has to fit into both."""
    for name, connection in stack.connections.items():
        if not connection.backend and not _SIMPLE_ID.match(name):
            yield (
                f"connections.{name}",
                "has an id that cannot be part of an environment variable; write at most 40 lowercase letters, digits and underscores, "
                "for example git_dbt (a connection from the secrets backend may have any id: backend: true)",
            )


def _credentials_fit(stack: _Stack) -> Found:
    credentials = stack.values.get("credentials", {})
    if "credentials" in stack.broken:
        return
    for name in credentials:
        if name not in stack.connections and "connections" not in stack.broken:
            yield f"credentials.{name}", f"belongs to no connection; add connections.{name} or remove it"
    for name, connection in stack.connections.items():
        given = credentials.get(name)
        needed = "password" if isinstance(connection, HttpsConnection) else "privateKey"
        wants = connection.created_here and not (
            isinstance(connection, HttpsConnection) and connection.anonymous
        )
        has = (
            given is not None and (given.password if needed == "password" else given.private_key) is not None
        )
        surplus = (
            given is not None and (given.private_key if needed == "password" else given.password) is not None
        )
        at = f"credentials.{name}"
        if wants and not has:
            yield (
                f"{at}.{needed}",
                f"is missing; set it with `pulumi config set --secret --path 'credentials.{name}.{needed}'`, "
                f"or name a Secret in connections.{name}.existingSecret",
            )
        elif not wants and given is not None:
            yield (
                at,
                f"is not used, because connections.{name} names another source of credentials; remove it",
            )
        if wants and surplus:
            wrong = "privateKey" if needed == "password" else "password"
            yield (
                f"{at}.{wrong}",
                f"does not belong to a connection of type {connection.type}; write {needed} instead",
            )


def _connections_fit_urls(stack: _Stack) -> Found:
    for path, name, url in stack.uses():
        connection = stack.connections.get(name)
        if connection is None or url is None:
            continue
        https = not RepositoryAddress.parse(url).fetched_over_ssh
        where = path.removesuffix(".connection") + ".repo"
        if connection.type == "ssh" and https:
            yield (
                where,
                f"is an https address, but its connection {name} is of type ssh; write git@{_host_of(url)}:…",
            )
        elif connection.type != "ssh" and not https:
            yield (
                where,
                f"is an SSH address, but its connection {name} is of type {connection.type}; write https://{_host_of(url)}/…",
            )


def _one_host_per_key(stack: _Stack) -> Found:
    """An ssh alias has one host, so a deploy key cannot be used for two."""
    hosts: dict[str, str] = {}
    for path, name, url in stack.uses():
        if url is None or name not in stack.connections or not RepositoryAddress.parse(url).fetched_over_ssh:
            continue
        host = RepositoryAddress.parse(url).served_by
        first = hosts.setdefault(name, host)
        if first != host:
            yield (
                path,
                f"names {name}, which is already used for repositories on {first}; add a connection for {host}",
            )


def _one_connection_per_repository(stack: _Stack) -> Found:
    ids = airflow_connections(stack.git_bundles)
    owned = {f"{bundle.at}.connection": ids[bundle.name] for bundle in stack.git_bundles}
    yield from bundle_rules.one_connection_per_repository(list(stack.uses()), owned)


def _submodule_credentials_reach(stack: _Stack) -> Found:
    own = {f"{bundle.at}.connection" for bundle in stack.git_bundles}
    for path, name, url in stack.uses():
        connection = stack.connections.get(name)
        if path in own or connection is None:
            continue
        if url is None:
            yield (
                path.removesuffix(".connection") + ".repo",
                "is missing; a connection needs the clone URL of its repository",
            )
            continue
        if not (connection.backend or isinstance(connection, GithubAppConnection)):
            continue
        if path.startswith("dbtPackages"):
            if connection.backend or stack.delivery == "git-submodule":
                kind = "held by the secrets backend" if connection.backend else "a GitHub App"
                yield (
                    path,
                    f"names {name}, which is {kind} and opens nothing for `dbt deps`; use an https or ssh connection created here",
                )
            continue
        bundle = stack.bundle_at(path)
        if bundle and (name != bundle.connection or _host_of(url) != _host_of(bundle.repo)):
            kind = "in the secrets backend" if connection.backend else "a GitHub App"
            yield (
                path,
                f"names {name}, which is {kind} and can fetch submodules only on the Dag repository's host and with the "
                "Dag repository's connection; use an https or ssh connection with credentials in this stack",
            )


def _projects(stack: _Stack) -> Found:
    names = [project.name for project in stack.projects]
    for index, project in enumerate(stack.projects):
        at = f"dbtProjects[{index}]"
        if project.name in names[:index]:
            yield f"{at}.name", f"repeats {project.name}; give every project a different name"
        if stack.delivery == "git-submodule" and project.path is None:
            yield (
                f"{at}.path",
                "is missing; write the project's folder in the Dag repository, for example dags/dbt/"
                + project.name,
            )
        if stack.delivery == "agent-image" and project.source is None and project.repo is None:
            yield f"{at}.source", "is missing; write a local folder, or the project's repository in repo"
    yield from bundle_rules.project_paths(stack.dags, stack.projects)


def _bundles(stack: _Stack) -> Found:
    yield from bundle_rules.bundle_names(stack.dags)
    yield from bundle_rules.bundle_arguments(stack.dags)
    yield from bundle_rules.bundle_connections(stack.dags, stack.connections)
    if "dags" not in stack.broken:
        submodules = stack.delivery == "git-submodule"
        yield from bundle_rules.project_bundles(stack.dags, stack.projects, submodules=submodules)
        yield from bundle_rules.sparse_folders(stack.dags, stack.projects)
    if stack.delivery == "agent-image":
        yield from bundle_rules.dag_sources(
            stack.dags, lambda folder: _exists(stack.root / folder, Path.is_dir)
        )


def _local_files(stack: _Stack) -> Found:
    for name, connection in stack.connections.items():
        if isinstance(connection, HttpsConnection | GithubAppConnection) and connection.ca_bundle:
            yield from _pem(f"connections.{name}.caBundle", stack.root, connection.ca_bundle)
    if stack.image and stack.image.ca_bundle:
        yield from _pem("image.caBundle", stack.root, stack.image.ca_bundle)
    if (
        stack.image
        and stack.image.dockerfile
        and not _exists(stack.root / stack.image.dockerfile, Path.is_file)
    ):
        yield (
            "image.dockerfile",
            f"names {stack.image.dockerfile}, which is not a file; write a path relative to Pulumi.yaml",
        )
    if stack.image and stack.image.dockerfile and (stack.root / stack.image.dockerfile).parent == stack.root:
        yield (
            "image.dockerfile",
            "is next to Pulumi.yaml, and its folder becomes the build context; move it into a separate folder",
        )
    for index, project in enumerate(stack.projects):
        if project.source is None or stack.delivery != "agent-image":
            continue
        folder = stack.root / project.source
        at = f"dbtProjects[{index}].source"
        if not _exists(folder, Path.is_dir):
            yield at, f"names {project.source}, which is not a folder; write a path relative to Pulumi.yaml"
        elif not _exists(folder / "dbt_project.yml", Path.is_file):
            yield (
                at,
                f"names {project.source}, which contains no dbt_project.yml; write the folder of the dbt project",
            )


def _exists(path: Path, kind: Callable[[Path], bool]) -> bool:
    """Whether the file or folder exists; False for a path that no file system allows."""
    try:
        return kind(path)
    except (OSError, ValueError):
        return False


def _pem(at: str, root: Path, name: str) -> Found:
    try:
        content = (root / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        content = ""
    except (OSError, ValueError):
        yield at, f"names {name}, which cannot be read; write a path relative to Pulumi.yaml"
        return
    if "-----BEGIN CERTIFICATE-----" not in content:
        yield (
            at,
            f"names {name}, which is not a PEM certificate; write the file of your certificate authority",
        )


def _image(stack: _Stack) -> Found:
    ready = stack.agent is not None and stack.agent.image is not None
    if stack.delivery == "agent-image" and stack.image is None and not ready and "image" not in stack.broken:
        yield (
            "image",
            "is missing, and delivery is agent-image; add repository and base, or set delivery to git-submodule",
        )
    if stack.image and stack.agent and stack.agent.image:
        yield (
            "agent.image",
            "is set, and so is image; keep image to build the agents' image, or agent.image to use a ready one",
        )


def _registries(stack: _Stack) -> Found:
    sections = (
        ("registry", "registry"),
        ("pullRegistry", "pull_registry"),
        ("baseRegistry", "base_registry"),
    )
    for field, section in sections:
        present, password = section in stack.values, f"{section}_password" in stack.values
        if present and not password and f"{field}Password" not in stack.broken:
            yield (
                f"{field}Password",
                f"is missing; set it with `pulumi config set --secret {field}Password`",
            )
        if password and not present and field not in stack.broken:
            yield (
                field,
                "is missing, but its password is set; add server and username, or remove the password",
            )
    pulling = stack.values.get("pull_registry")
    if pulling and stack.agent and stack.agent.image_pull_secret:
        yield (
            "pullRegistry",
            "is set, and so is agent.imagePullSecret, which the cluster pulls with; keep one of them",
        )
    if stack.image and pulling and stack.image.repository.split("/")[0] != pulling.server:
        yield (
            "pullRegistry.server",
            f"is not the registry of image.repository; write {stack.image.repository.split('/')[0]}, or remove pullRegistry",
        )
    registry = stack.values.get("registry")
    if stack.image and registry and stack.image.repository.split("/")[0] != registry.server:
        yield (
            "image.repository",
            f"is on another registry than registry.server; write {registry.server}/…, or correct registry.server",
        )


def _mirror(stack: _Stack) -> Found:
    mirror: Mirror | None = stack.values.get("mirror")
    if mirror is None:
        return
    server = mirror.repository.split("/")[0]
    registry = stack.values.get("registry")
    if registry and server != registry.server:
        yield (
            "mirror.repository",
            f"is on another registry than registry.server; write {registry.server}/…, or correct registry.server",
        )
    base = stack.image.base if stack.image else stack.agent.image if stack.agent else None
    if base is None and not {"image", "agent"} & stack.broken:
        yield (
            "mirror",
            "has nothing to copy, because the stack names neither image.base nor agent.image; remove it",
        )
    agent = stack.agent
    wants_sentinel = mirror.sentinel and agent and agent.chart.has_sentinel and agent.sentinel.enabled
    if base and wants_sentinel and agent and agent.sentinel.image is None and astro_tag(base) is None:
        yield (
            "agent.sentinel.image",
            f"is missing, and {base} does not contain the agent's version; name the sentinel's image here, or set mirror.sentinel to "
            "false",
        )


def _build_network(stack: _Stack) -> Found:
    if stack.image:
        for secret, plain in (("package_index", "packageIndex"), ("proxy", "proxy")):
            if secret in stack.values and getattr(stack.image, secret) is not None:
                yield f"image.{plain}", f"is set, and so is the secret key {plain}; keep one of them"
    for secret, key in (("package_index", "packageIndex"), ("proxy", "proxy")):
        if secret in stack.values and not re.match(
            r"^https?://[^\s/]+", stack.values[secret].get_secret_value()
        ):
            yield key, "is not an http(s) URL; write https://user:password@host/path"


def _tokens(stack: _Stack) -> Found:
    if stack.agent is None:
        return
    agent = stack.agent
    pairs = (
        ("agentToken", "agent_token", agent.agent_token_secret, "agent.agentTokenSecret"),
        ("sentinelAuth", "sentinel_auth", agent.sentinel_auth_secret, "agent.sentinelAuthSecret"),
        (
            "openLineageApiKey",
            "open_lineage_api_key",
            agent.open_lineage.api_key_secret,
            "agent.openLineage.apiKeySecret",
        ),
    )
    for key, field, existing, setting in pairs:
        if field in stack.values and existing:
            yield setting, f"is set, and so is the secret key {key}; keep one of them"
    injected = {"ASTRO_AGENT_CLIENT_API_TOKEN", "ASTRO_AGENT_CLIENT_API_TOKEN_FILE"} & set(agent.env)
    if (
        "agent_token" not in stack.values
        and "agentToken" not in stack.broken
        and not agent.agent_token_secret
        and not injected
    ):
        yield (
            "agentToken",
            "is missing; set it with `pulumi config set --secret agentToken`, or name a Secret in agent.agentTokenSecret",
        )
    lineage = agent.open_lineage
    keyed = (
        "open_lineage_api_key" in stack.values or lineage.api_key_secret or "OPENLINEAGE_API_KEY" in agent.env
    )
    if lineage.enabled and not keyed and "openLineageApiKey" not in stack.broken:
        yield (
            "openLineageApiKey",
            "is missing, and agent.openLineage is enabled; set it with `pulumi config set --secret openLineageApiKey`",
        )
    if "kubeconfig" in stack.values and agent.cluster.kubeconfig:
        yield "agent.cluster.kubeconfig", "is set, and so is the secret key kubeconfig; keep one of them"


def _chart_values(stack: _Stack) -> Found:
    if stack.agent is None:
        return
    agent, release = stack.agent, stack.agent.chart.release
    # The package of the pinned chart decides which keys exist (preflight.chart), unless that check is off.
    decided_by_package = stack.asks_the_chart()
    for value in unknown_values(agent):
        if value.reason is None and not decided_by_package:
            near = nearest(value.name, value.known)
            remedy = f"write {near} if you meant that" if near else "remove it"
            yield (
                value.key,
                "is not a known value of the agent's chart, and preflight.checks switches off the check of the chart "
                f"itself; {remedy}, or give a reason in {value.escape} to send it anyway",
            )
    yield from needless_escapes(agent)
    equal = {
        "resourceNamePrefix": agent.prefix,
        "createNamespace": False,
        "namespace": agent.namespace,
        "astroDeploymentAPIURL": agent.api_url,
        "openLineage.enabled": agent.open_lineage.enabled,
    }
    for path, setting in managed_paths(agent.values):
        if path in equal and equal[path] == _at(agent.values, path):
            continue  # a values file from the Astro UI repeats values of the stack
        if (
            path == "dagBundleConfigList"
            or path in agent.withheld
            or (path == "xcomBackend" and not agent.xcom)
        ):
            continue  # delivery compares the bundles; what is withheld is the stack's to say
        yield f"agent.values.{path}", f"is managed by this program; remove it and use {setting}"
    for path, since in too_new_paths(agent.values, release):
        yield f"agent.values.{path}", f"needs chart {since} or later; remove it or raise agent.chart.version"
    for at, component in _components(agent):
        for name in sorted(set(component.values) & set(_SETTING)):
            setting = _SETTING[name]
            typed = setting in known_keys(type(component), ())
            if typed and not only_raw(name, component.values[name]):
                yield (
                    f"agent.{at}.values.{name}",
                    f"has a typed setting; remove it and use agent.{at}.{setting}",
                )
        if not agent.chart.has_sentinel and (component.tolerations or component.affinity or component.spread):
            yield (
                f"agent.{at}",
                "sets tolerations, affinity or spread, which need chart 2.0.0 or later; raise agent.chart.version",
            )


_SETTING = {
    "syncSlots": "slots",
    "asyncSlots": "slots",
    "canUseKubernetesPodOperator": "kubernetesPodOperator",
    **{
        name: name
        for name in (
            "name",
            "queues",
            "replicas",
            "env",
            "resources",
            "terminationGracePeriodSeconds",
            "nodeSelector",
            "affinity",
            "tolerations",
            "image",
            "enabled",
        )
    },
}
"""Key of a component in the chart -> the setting for it, if the component has one."""


def _components(agent: Agent) -> Iterator[tuple[str, Component]]:
    """(path below `agent`, component) of every component."""
    yield from ((f"workers[{index}]", worker) for index, worker in enumerate(agent.workers))
    yield from agent.components.items()


def _at(values: Mapping[str, Any], path: str) -> Any:
    node: Any = values
    for part in path.split("."):
        node = node[part]
    return node


def _chart_version(stack: _Stack) -> Found:
    if stack.agent is None:
        return
    agent, release = stack.agent, stack.agent.chart.release
    if agent.state_store and release < (2, 3, 0):
        yield "agent.stateStore", "needs chart 2.3.0 or later; raise agent.chart.version"
    sidecar = agent.logs.sidecar if agent.logs else None
    if sidecar and sidecar.pre_stop_seconds is not None and not agent.chart.has_sentinel:
        yield "agent.logs.sidecar.preStopSeconds", "needs chart 2.0.0 or later; raise agent.chart.version"
    if agent.sentinel_auth_secret and not agent.chart.has_sentinel:
        yield (
            "agent.sentinelAuthSecret",
            "needs chart 2.0.0 or later, which added the sentinel; raise agent.chart.version",
        )
    for index, worker in enumerate(agent.workers):
        if worker.kubernetes_pod_operator and not agent.chart.has_sentinel:
            yield (
                f"agent.workers[{index}].kubernetesPodOperator",
                "needs chart 2.0.0 or later; raise agent.chart.version",
            )
    if agent.timeout is not None and agent.timeout <= agent.longest_grace_period:
        yield (
            "agent.timeout",
            f"is {agent.timeout} s, but a worker may take {agent.longest_grace_period} s to stop, so an upgrade would be "
            f"rolled back while tasks drain; write {agent.longest_grace_period + 300} or more, or leave it out",
        )
    for key, reference in (
        ("agent.image", agent.image),
        ("image.base", stack.image.base if stack.image else None),
    ):
        runtime = re.search(r":(\d+)\.(\d+)-\d+(-ubi\d*)?-python-", reference or "")
        if runtime and (int(runtime[1]), int(runtime[2])) >= (3, 3) and release < (2, 3, 0):
            yield (
                key,
                "contains Runtime 3.3 or later, which needs the state store of chart 2.3.0; raise agent.chart.version",
            )


def _scaling(stack: _Stack) -> Found:
    if stack.agent is None:
        return
    agent = stack.agent
    for index, worker in enumerate(agent.workers):
        keda = worker.values.get("keda")
        if worker.autoscaling and isinstance(keda, Mapping) and keda.get("enabled") is not False:
            yield (
                f"agent.workers[{index}].values.keda",
                f"scales the same Pods as agent.workers[{index}].autoscaling; keep one of them",
            )
    for at, component in _components(agent):
        if component.spread and "podAntiAffinity" in component.affinity:
            yield f"agent.{at}.spread", "is next to an affinity.podAntiAffinity; keep one of them"
    if agent.sentinel.spread:
        yield "agent.sentinel.spread", "spreads a component that has one Pod; remove it"


def _identity_variables(identity: Identity) -> Iterator[tuple[str, str, str]]:
    """(variable, setting, value) of everything with which a component would use another identity than its own."""
    if identity.azure:
        yield "AZURE_CLIENT_ID", "azure.clientId", identity.azure.client_id
        if identity.azure.tenant_id:
            yield "AZURE_TENANT_ID", "azure.tenantId", identity.azure.tenant_id
    if identity.aws:
        yield "AWS_ROLE_ARN", "aws.roleArn", identity.aws.role_arn


def _identities(stack: _Stack) -> Found:
    agent = stack.agent
    if agent is None:
        return
    differ = len({worker.identity for worker in agent.workers}) > 1
    if differ and not agent.chart.has_sentinel:
        yield (
            "agent.workers",
            "have different identities, which needs chart 2.0.0 or later; raise agent.chart.version",
        )
    for at, component in _components(agent):
        if at == "sentinel" and component.identity and not agent.chart.has_sentinel:
            yield "agent.sentinel.identity", "needs chart 2.0.0 or later; raise agent.chart.version"
        own = component.identity is not None
        identity = component.identity or (None if at == "sentinel" else agent.identity)
        for name, field, wanted in _identity_variables(identity) if identity else ():
            variable = component.env.get(name, agent.env.get(name))
            if isinstance(variable, str) and variable.lower() != wanted.lower():
                decided = f"agent.{at}.identity" if own else "agent.identity"
                key = f"agent.{at}.env" if name in component.env else "agent.env"
                yield (
                    f"{key}.{name}",
                    f"differs from {decided}.{field}; remove it, or use the same value for both",
                )


def _environment(stack: _Stack) -> Found:
    if stack.agent is None:
        return
    reserved = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": "dags",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": "agent.secretsBackend.kwargs",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": "agent.xcom.path",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "agent.xcom.threshold",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_COMPRESSION": "agent.xcom.compression",
        "AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH": "agent.stateStore.path",
        "AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_THRESHOLD": "agent.stateStore.threshold",
        "AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_COMPRESSION": "agent.stateStore.compression",
        "ASTRO_ORGANIZATION_ID": "agent.ids",
        "ASTRO_WORKSPACE_ID": "agent.ids",
        "ASTRO_DEPLOYMENT_ID": "agent.ids",
        "ASTRO_DEPLOYMENT_NAMESPACE": "agent.ids",
        PROJECTS_VARIABLE: "dbtProjects",
        SUBDIR_VARIABLE: "dags.subdir",
        **{
            connection_variable(name): bundle.at
            for bundle in stack.git_bundles
            if (name := airflow_connections(stack.git_bundles)[bundle.name]) not in stack.connections
        },
        **{
            connection_variable(name): f"connections.{name}"
            for name, connection in stack.connections.items()
            if not connection.backend
        },
    }
    backend = stack.agent.secrets_backend
    if backend is None or not (backend.kwargs or backend.kwargs_secret):
        del reserved["AIRFLOW__SECRETS__BACKEND_KWARGS"]
    if stack.agent.xcom is None:
        reserved = {name: key for name, key in reserved.items() if not key.startswith("agent.xcom.")}
    if stack.agent.logs and stack.agent.logs.remote:
        reserved |= {
            "AIRFLOW__LOGGING__REMOTE_LOGGING": "agent.logs.remote",
            "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": "agent.logs.remote.folder",
            "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID": "agent.logs.remote.connection",
        }
    places = [("agent.env", agent_env(stack.agent))]
    places += [
        (f"agent.workers[{index}].env", dict(worker.env)) for index, worker in enumerate(stack.agent.workers)
    ]
    places += [
        ("agent.dagProcessor.env", dict(stack.agent.dag_processor.env)),
        ("agent.triggerer.env", dict(stack.agent.triggerer.env)),
    ]
    for at, env in places:
        for name in env:
            if name in reserved:
                yield f"{at}.{name}", f"is managed by this program; remove it and use {reserved[name]}"
            elif name.startswith(GIT_VARIABLES) or name in {"GIT_SSH_COMMAND", "GIT_SSH", "GIT_ASKPASS"}:
                yield f"{at}.{name}", "would interfere with the Git settings of this program; remove it"


def agent_env(agent: Agent) -> dict[str, Any]:
    """Environment of every component: `agent.env` and what `agent.values.commonEnv` adds."""
    common = agent.values.get("commonEnv", [])
    names = (
        [item.get("name") for item in common if isinstance(item, dict)] if isinstance(common, list) else []
    )
    return {**{str(name): None for name in names}, **agent.env}


_RULES: tuple[Callable[[_Stack], Found], ...] = (
    _connections_exist,
    _connection_ids,
    _credentials_fit,
    _connections_fit_urls,
    _one_host_per_key,
    _one_connection_per_repository,
    _submodule_credentials_reach,
    _projects,
    _bundles,
    _local_files,
    _image,
    _registries,
    _mirror,
    _build_network,
    _tokens,
    _chart_values,
    _chart_version,
    _environment,
    _identities,
    _scaling,
)
