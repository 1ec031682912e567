"""From settings to the arguments of the components."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pulumi
from pydantic import SecretStr

from clients.git import Cause, GitError, Mirrored, mirror
from clients.git import checkout as fetch
from components.agent_namespace import AgentNamespace, AgentNamespaceArgs
from components.agent_objects import AgentObjects, AgentObjectsArgs
from components.agent_release import AgentRelease, AgentReleaseArgs, AgentSecrets, ExistingSecret
from components.client_image import ClientImage, ClientImageArgs
from components.cluster_objects import ConfigMap, Secret
from components.git_connections import (
    GitConnections,
    GitConnectionsArgs,
    GitCredentials,
    GithubAppCredentials,
    HttpsCredentials,
    SshCredentials,
)
from components.marks import mark
from components.registry_login import RegistryLogin
from delivery.chart_values import chart_values
from delivery.connection_data import extra_for, repository_of
from delivery.git_access import config_map_name, opened_by, secret_name
from delivery.objects import objects
from delivery.plan import Plan
from delivery.recipe import Recipe, Source
from domain.build_context import BuildContext
from domain.names import NAMESPACE_COMPONENT, OBJECTS_COMPONENT, RELEASE_COMPONENT, STACK_LABEL
from preflight import Report
from preflight.connection import cluster_secrets, repository_access
from preflight.strictness import Levels
from program.base_image import base_image_hooks
from program.build_cache import cache_hooks, cache_tag
from program.build_context import StagingError, UnsafeLinkError, UnstagedPackageError, stage
from program.chart_source import is_out_of_reach
from program.presence import Found, checked_objects, namespace_check, release_check
from program.push_watch import push_hooks
from program.repair import Repair, repair_note
from program.rollout_watch import watch_hooks
from settings.connections import GithubAppConnection, HttpsConnection, SshConnection
from settings.image import ImageRegistry
from settings.stack import Settings

SecretInputs = Mapping[str, pulumi.Input[str]]
"""Stack key -> secret that is known to Pulumi alone, such as `credentials.git.password`; it beats the text in the settings."""
_NONE: SecretInputs = MappingProxyType({})


def _held(key: str, text: str, inputs: SecretInputs) -> pulumi.Output[str]:
    return pulumi.Output.secret(inputs.get(key, text))


def git_credentials(settings: Settings, inputs: SecretInputs = _NONE) -> Mapping[str, GitCredentials]:
    """Connections whose Secrets this stack creates; none if agents fetch nothing with Git."""
    found: dict[str, GitCredentials] = {}
    if not settings.fetched_bundles:
        return found
    for name, connection in settings.connections.items():
        if not connection.created_here:
            continue
        url = repository_of(settings, name)
        password, key = settings.password_of(name), settings.private_key_of(name)
        if isinstance(connection, HttpsConnection) and password is not None:
            found[name] = HttpsCredentials(
                url=url,
                login=connection.login,
                password=_held(f"credentials.{name}.password", password, inputs),
                extra=extra_for(settings, name),
            )
        elif isinstance(connection, SshConnection) and key is not None:
            held = _held(f"credentials.{name}.privateKey", key, inputs)
            found[name] = SshCredentials(private_key=held, known_hosts=connection.known_hosts)
        elif isinstance(connection, GithubAppConnection) and key is not None:
            found[name] = GithubAppCredentials(
                url=url,
                app_id=connection.app_id,
                installation_id=connection.installation_id,
                private_key=_held(f"credentials.{name}.privateKey", key, inputs),
            )
    return found


def pull_logins(settings: Settings, inputs: SecretInputs = _NONE) -> tuple[RegistryLogin, ...]:
    """Logins with which the cluster pulls images."""
    return tuple(
        _login(registry, _held(f"{section}Password", password.get_secret_value(), inputs))
        for section, registry, password in settings.logins_to_pull
    )


def _login(registry: ImageRegistry, password: pulumi.Output[str]) -> RegistryLogin:
    return RegistryLogin(server=registry.server, username=registry.username, password=password)


def agent_secrets(settings: Settings, inputs: SecretInputs = _NONE) -> AgentSecrets:
    """The chart's secrets: values of the stack, or names of existing Secrets."""
    agent = settings.agent
    pull = agent.image_pull_secret

    def one(
        key: str, value: SecretStr | None, existing: str | None
    ) -> pulumi.Output[str] | ExistingSecret | None:
        if existing:
            return ExistingSecret(existing)
        return _held(key, value.get_secret_value(), inputs) if value else None

    return AgentSecrets(
        agent_token=one("agentToken", settings.agent_token, agent.agent_token_secret),
        image_pull=ExistingSecret(pull) if pull else pull_logins(settings, inputs),
        sentinel_auth=one("sentinelAuth", settings.sentinel_auth, agent.sentinel_auth_secret),
        open_lineage_api_key=one(
            "openLineageApiKey", settings.open_lineage_api_key, agent.open_lineage.api_key_secret
        ),
    )


def build_secrets(settings: Settings, *, package_index: bool) -> Mapping[str, pulumi.Output[str]]:
    """Build arguments with credentials; ``package_index`` is for a build that installs Python packages."""
    found = {}
    if settings.package_index and package_index:
        found["PIP_INDEX_URL"] = pulumi.Output.secret(settings.package_index.get_secret_value())
    if settings.proxy:
        proxy = settings.proxy.get_secret_value()
        found |= {name: pulumi.Output.secret(proxy) for name in ("HTTP_PROXY", "HTTPS_PROXY")}
    return found


def checkout(settings: Settings, root: Path, source: Source, target: Path) -> None:
    """Fetch the repository of a dbt project or Dag bundle at its ref into ``target``, which is empty. Raises StagingError."""
    try:
        secrets = cluster_secrets(settings, root=root)
        access = repository_access(settings, source.connection, root=root, secrets=secrets)
        # The whole repository, because links under `subdir` may lead to its other folders.
        fetch(str(source.repo), source.ref, target, access=access)
        if source.subdir and not (target / source.subdir).is_dir():
            raise GitError(Cause.MISSING_PATH, f"{source.ref} has no folder {source.subdir}")
    except GitError as error:
        raise StagingError(
            f"{pulumi.get_project()}:{source.at}.repo is {source.repo}, which cannot be fetched for the image "
            f"({error}); correct repo, ref, subdir or connection, and run again."
        ) from None


def mirror_package(
    settings: Settings,
    root: Path,
    source: Source,
    url: str,
    revisions: Collection[str | None],
    target: Path,
    read: Collection[str],
) -> Mapping[str | None, Mirrored]:
    """Mirror a dbt package of ``source`` into ``target`` with the connection that opens it. Raises StagingError."""
    repo, connection = opened_by(settings, url) or (url, None)
    try:
        secrets = cluster_secrets(settings, root=root)
        access = repository_access(settings, connection, root=root, secrets=secrets)
        return mirror(repo, revisions, target, access=access, read=read)
    except GitError as error:
        remedy = (
            f"correct its entry in packages.yml, or the connection {connection}"
            if connection
            else "correct its address or revision in packages.yml, or add its repo and connection to dbtPackages if it is private"
        )
        raise StagingError(
            f"{pulumi.get_project()}:{source.at} needs the dbt package {url}, which cannot be fetched for the image "
            f"({error}); {remedy}, and run again."
        ) from None


def agent_namespace(settings: Settings, root: Path, found: Found) -> AgentNamespace:
    """The provider for the cluster, and the agents' namespace."""
    args = replace(namespace_args(settings), confirm=namespace_check(settings, root, found))
    return AgentNamespace(NAMESPACE_COMPONENT, args)


def namespace_args(settings: Settings, inputs: SecretInputs = _NONE) -> AgentNamespaceArgs:
    """What the namespace is, and how the cluster is reached."""
    agent = settings.agent
    kubeconfig: pulumi.Input[str] | None = settings.kubeconfig_in_use
    if settings.kubeconfig:
        kubeconfig = _held("kubeconfig", settings.kubeconfig.get_secret_value(), inputs)
    return AgentNamespaceArgs(
        namespace=agent.namespace,
        create=agent.create_namespace,
        labels={
            "app.kubernetes.io/managed-by": "pulumi",
            STACK_LABEL: f"{pulumi.get_project()}.{pulumi.get_stack()}",
        },
        pod_security=agent.pod_security,
        kubeconfig=kubeconfig,
        context=agent.cluster.context,
        protect=agent.protect,
    )


def git_connections(settings: Settings, plan: Plan, namespace: AgentNamespace) -> GitConnections:
    """The Secrets with which agents access Git repositories."""
    return GitConnections(
        "git",
        connections_args(settings, plan, namespace.name),
        opts=pulumi.ResourceOptions(provider=namespace.provider),
    )


def connections_args(
    settings: Settings, plan: Plan, namespace: pulumi.Input[str], inputs: SecretInputs = _NONE
) -> GitConnectionsArgs:
    """The connections of a stack and the names of their Secrets."""
    credentials = git_credentials(settings, inputs)
    return GitConnectionsArgs(
        namespace=namespace,
        connections=credentials,
        secret_names={name: secret_name(settings, name) for name in credentials},
        config_map_name=config_map_name(settings),
        config_files=plan.config_files,
        protect=settings.agent.protect,
    )


@dataclass(frozen=True)
class BuildContexts:
    """Staged contexts of the images that the stack builds."""

    runtime: BuildContext | None
    """Of the image that agents run under both options; None if the stack names a ready image."""
    projects: BuildContext | None
    """Of the dbt projects on top of it; None unless the option adds them to the image."""


def build_contexts(settings: Settings, plan: Plan, root: Path) -> BuildContexts:
    """Stage the build contexts of the images. Raises StagingError."""

    def staged(recipe: Recipe | None, below: BuildContext | None = None) -> BuildContext | None:
        if recipe is None:
            return None
        folder = f".build/{pulumi.get_stack()}/{recipe.name}"
        fetch = partial(checkout, settings, root)
        mirror = partial(mirror_package, settings, root)
        tag = below.tag if below else None
        return stage(recipe, root=root, folder=folder, checkout=fetch, mirror=mirror, below=tag)

    try:
        runtime = staged(plan.runtime)
        return BuildContexts(runtime, staged(plan.projects, runtime))
    except OSError as error:
        raise StagingError.of(error, project=pulumi.get_project()) from None
    except UnstagedPackageError as error:
        raise StagingError(
            f"{pulumi.get_project()}:{error.at} needs the dbt package {error}, so nothing was built; "
            "move it into the project's repository, or name it by Git."
        ) from None
    except UnsafeLinkError as error:
        raise StagingError(
            f"{pulumi.get_project()}:{error.at} contains the link {error.path}, which {error.reason}, so nothing was built; replace it "
            "with the file itself, or with a relative link inside the repository."
        ) from None


def agents_image(
    settings: Settings, plan: Plan, contexts: BuildContexts, *, namespace: AgentNamespace
) -> pulumi.Input[str] | None:
    """The agents' image: built here, the ready one that the stack names, or None for the chart's default.

    Nothing is built for a namespace that turns out to be gone.
    """
    if plan.runtime is None or contexts.runtime is None:
        return settings.agent.image
    confirmed = namespace.name.apply(lambda _: namespace)
    opts = pulumi.ResourceOptions(depends_on=[confirmed])
    runtime = _image("runtime", settings, plan.runtime, contexts.runtime, opts=opts)
    if plan.projects is None or contexts.projects is None:
        return runtime.reference
    return _image("client", settings, plan.projects, contexts.projects, below=runtime).reference


def _image(
    name: str,
    settings: Settings,
    recipe: Recipe,
    context: BuildContext,
    *,
    below: ClientImage | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> ClientImage:
    push: RegistryLogin | None = None
    if settings.registry and settings.registry_password:
        password = _held("registryPassword", settings.registry_password.get_secret_value(), _NONE)
        push = _login(settings.registry, password)
    return ClientImage(
        name,
        ClientImageArgs(
            repository=recipe.repository,
            context=context,
            platform=recipe.platform,
            arguments={**recipe.arguments, **({"RUNTIME_IMAGE": below.reference} if below else {})},
            secret_arguments=build_secrets(settings, package_index=recipe.uses_package_index),
            registry=push,
            cache_tags=[cache_tag(name)] if settings.image and settings.image.cache else (),
            hooks=_joined(
                base_image_hooks(settings, project=pulumi.get_project()) if recipe.base else None,
                cache_hooks(settings, name),
                push_hooks(settings, recipe.repository, name=name),
            ),
            engine=settings.image.engine if settings.image else None,
        ),
        opts=opts,
    )


def _joined(*bindings: pulumi.ResourceHookBinding | None) -> pulumi.ResourceHookBinding | None:
    """All hooks of the bindings there are."""
    found = [binding for binding in bindings if binding is not None]
    names = ("before_create", "after_create", "before_update", "after_update", "on_error")
    hooks = {name: [hook for binding in found for hook in getattr(binding, name) or ()] for name in names}
    return pulumi.ResourceHookBinding(**hooks) if found else None


def agent_release(
    settings: Settings,
    plan: Plan,
    root: Path,
    *,
    namespace: AgentNamespace,
    git: GitConnections,
    image: pulumi.Input[str] | None,
    found: Found,
) -> AgentRelease:
    """The agents' release."""
    args = release_args(settings, plan, namespace=namespace.name, git=git, image=image)
    repair = Repair(settings, root)
    for_git: list[Secret | ConfigMap] = [*git.secrets.values(), *filter(None, [git.config_map])]
    agents = AgentRelease(
        RELEASE_COMPONENT,
        replace(
            args,
            confirm=lambda secrets: checked_objects(settings, root, found, (*for_git, *secrets)),
            hooks=pulumi.ResourceHookBinding.merge(repair.hooks(), watch_hooks(settings, root)),
            load_chart=_load_chart(settings),
            description=repair_note(found),
        ),
        opts=pulumi.ResourceOptions(provider=namespace.provider, depends_on=[git]),
    )
    agents.release.id.apply(release_check(settings, root, found))
    if not pulumi.runtime.is_dry_run():
        agents.status.apply(lambda _: repair.finish())
    return agents


def release_args(
    settings: Settings,
    plan: Plan,
    *,
    namespace: pulumi.Input[str],
    git: GitConnections,
    image: pulumi.Input[str] | None,
    inputs: SecretInputs = _NONE,
) -> AgentReleaseArgs:
    """What is released, without anything that reads the cluster first."""
    agent = settings.agent
    marks = [git.fingerprints[name] for name in sorted(plan.connections_read) if name in git.fingerprints]
    files = [mark(plan.config_files, salt=agent.prefix)] if plan.config_files else []
    return AgentReleaseArgs(
        namespace=namespace,
        release_name=agent.release,
        release_namespace=agent.release_namespace,
        prefix=agent.prefix,
        chart=agent.chart.address,
        values=chart_values(settings, plan, image=image),
        agent_secrets=agent_secrets(settings, inputs),
        connection_marks=[*marks, *files],
        withheld={*agent.withheld, *(f"sentinel.{path}" for path in agent.sentinel.withheld)},
        timeout_seconds=agent.helm_timeout,
        max_history=agent.history,
        protect=agent.protect,
    )


def agent_objects(
    settings: Settings, *, namespace: AgentNamespace, release: AgentRelease
) -> AgentObjects | None:
    """The objects next to the release, if the stack asks for any."""
    manifests = tuple(objects(settings.agent))
    if not manifests:
        return None
    return AgentObjects(
        OBJECTS_COMPONENT,
        AgentObjectsArgs(namespace=namespace.name, manifests=manifests),
        opts=pulumi.ResourceOptions(provider=namespace.provider, depends_on=[release]),
    )


def _load_chart(settings: Settings) -> bool:
    """Whether the chart is loaded: a preview with the check of the chart switched off may work without it."""
    repository = settings.agent.chart.repository
    if Levels(settings.preflight).enabled("chart") or not is_out_of_reach(settings.agent.chart.address):
        return True
    pulumi.log.warn(
        f"the chart repository {repository} is unreachable, so this preview does not check the chart"
    )
    return False


def project_outputs(plan: Plan, report: Report) -> dict[str, dict[str, object]]:
    """dbt project -> path on the agent, repository, commit that agents get, and how far it is behind."""
    outputs: dict[str, dict[str, object]] = {}
    for name, path in plan.project_paths.items():
        facts = report.projects.get(name)
        outputs[name] = {
            "path": path,
            "repository": facts.repository if facts else None,
            "commit": facts.commit if facts else None,
            "behind": facts.behind if facts else None,
        }
    return outputs


def bundle_outputs(settings: Settings, plan: Plan, report: Report) -> dict[str, dict[str, object]]:
    """Dag bundle -> class, and for a repository its URL, ref, commit and whether its Dags are in the image."""
    repositories = {bundle.name: bundle for bundle in settings.git_bundles}
    baked = {bundle.name for bundle in settings.baked_bundles}
    outputs: dict[str, dict[str, object]] = {}
    for bundle in plan.bundles:
        outputs[bundle.name] = {"class": bundle.class_path}
        git, facts = repositories.get(bundle.name), report.bundles.get(bundle.name)
        if git is not None:
            commit = facts.commit if facts else None
            outputs[bundle.name] |= {"repository": git.repo, "ref": git.ref, "commit": commit}
            outputs[bundle.name]["baked"] = bundle.name in baked
    return outputs


def connection_outputs(settings: Settings, git: GitConnections) -> dict[str, dict[str, object]]:
    """Connection -> type and location of its credentials; nothing secret."""
    outputs: dict[str, dict[str, object]] = {}
    for name, connection in settings.connections.items():
        made = git.secrets.get(name)
        outputs[name] = {
            "type": connection.type,
            "airflowConnection": name,
            "secret": made.metadata["name"] if made else connection.existing_secret,
        }
    return outputs
