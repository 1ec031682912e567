"""The whole configuration of one stack, validated and immutable."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from settings.agent import Agent
from settings.base import Section
from settings.connections import Connection, Credential
from settings.dags import Bundles, ConnectionId, GitBundle, home
from settings.dbt import DbtPackage, DbtProject
from settings.image import Image, ImageRegistry
from settings.mirror import Mirror
from settings.preflight import Preflight

DeliveryOption = Literal["git-submodule", "agent-image"]
"""How dbt projects reach the agents."""


class Settings(Section):
    """One stack's configuration; each field is one key of the stack file."""

    delivery: DeliveryOption = "git-submodule"
    """How dbt projects reach the agents."""
    dags: Bundles
    """The Dag repository; a list of several bundles, if there is more than one."""
    dbt_projects: Annotated[tuple[DbtProject, ...], Field(min_length=1)]
    """The dbt projects."""
    dbt_packages: tuple[DbtPackage, ...] = ()
    """Private dbt packages that the projects install from Git, and what opens them; public ones need no entry."""
    connections: dict[ConnectionId, Connection] = {}
    """Git connections by id."""
    credentials: dict[ConnectionId, Credential] = {}
    """Secret: credentials by connection id."""
    agent: Agent
    """The agents' release."""
    agent_token: SecretStr | None = None
    """Secret: the agent token of the Astro Deployment."""
    sentinel_auth: SecretStr | None = None
    """Secret: what the sentinel authenticates with; by default generated at random."""
    open_lineage_api_key: SecretStr | None = None
    """Secret: Deployment API token for OpenLineage."""
    registry: ImageRegistry | None = None
    """Registry that the client image is pushed to, and pulled from unless `pullRegistry` is set."""
    registry_password: SecretStr | None = None
    """Secret: its password."""
    pull_registry: ImageRegistry | None = None
    """Login with which the cluster pulls the client image, if it differs from the one for the push."""
    pull_registry_password: SecretStr | None = None
    """Secret: its password, preferably one that does not expire."""
    base_registry: ImageRegistry | None = None
    """Registry of the base image, if it is a different one."""
    base_registry_password: SecretStr | None = None
    """Secret: its password."""
    image: Image | None = None
    """The image that agents run under both options: built and pushed. Without it, agent.image names a ready image."""
    mirror: Mirror | None = None
    """Copies of the vendor's images in your own registry; none by default."""
    package_index: SecretStr | None = None
    """Secret: URL of a package index with credentials."""
    proxy: SecretStr | None = None
    """Secret: URL of a build proxy with credentials."""
    kubeconfig: SecretStr | None = None
    """Secret: content of a kubeconfig."""
    preflight: Preflight = Preflight()
    """The checks before a change."""

    @property
    def logins_to_pull(self) -> tuple[tuple[str, ImageRegistry, SecretStr], ...]:
        """(stack key, registry, password) of every login that the cluster gets for pulling images."""
        client = ("pullRegistry", self.pull_registry, self.pull_registry_password)
        if self.pull_registry is None:
            client = ("registry", self.registry, self.registry_password)
        base = ("baseRegistry", self.base_registry, self.base_registry_password)
        return tuple(
            (key, registry, password) for key, registry, password in (client, base) if registry and password
        )

    @property
    def projects_delivered_as_submodules(self) -> tuple[DbtProject, ...]:
        """dbt projects that the Git bundle must fetch as submodules under the active option."""
        if self.delivery != "git-submodule":
            return ()
        return tuple(project for project in self.dbt_projects if project.submodule)

    @property
    def git_bundles(self) -> tuple[GitBundle, ...]:
        """Bundles with a Dag repository, whichever way their Dags reach the agents."""
        return tuple(bundle for bundle in self.dags if isinstance(bundle, GitBundle))

    @property
    def baked_bundles(self) -> tuple[GitBundle, ...]:
        """Bundles whose Dags are in the image under the active option."""
        if self.delivery != "agent-image":
            return ()
        return tuple(bundle for bundle in self.git_bundles if bundle.source)

    @property
    def fetched_bundles(self) -> tuple[GitBundle, ...]:
        """Bundles that agents fetch with Git under the active option."""
        return tuple(bundle for bundle in self.git_bundles if bundle not in self.baked_bundles)

    def bundle_of(self, project: DbtProject) -> GitBundle | None:
        """Bundle whose repository contains a dbt project; None if no bundle is named, which only agent-image permits."""
        return home(self.git_bundles, project.bundle)

    def projects_in(self, bundle: GitBundle) -> tuple[DbtProject, ...]:
        """dbt projects that are in the repository of a bundle."""
        return tuple(project for project in self.dbt_projects if self.bundle_of(project) == bundle)

    def fetches_submodules(self, bundle: GitBundle) -> bool:
        """Whether agents fetch the submodules of a bundle's repository under the active option."""
        delivered = (project in self.projects_delivered_as_submodules for project in self.projects_in(bundle))
        return bool(bundle.submodules) or any(delivered)

    @property
    def kubeconfig_in_use(self) -> str | None:
        """Content or path of the kubeconfig; None for the one of the environment. The secret key overrides agent.cluster."""
        return self.kubeconfig.get_secret_value() if self.kubeconfig else self.agent.cluster.kubeconfig

    def password_of(self, connection: str) -> str | None:
        """Token of an https connection in plain text; None if this stack does not have it."""
        credential = self.credentials.get(connection)
        return credential.password.get_secret_value() if credential and credential.password else None

    def private_key_of(self, connection: str) -> str | None:
        """Private key of a connection in plain text; None if this stack does not have it."""
        credential = self.credentials.get(connection)
        return credential.private_key.get_secret_value() if credential and credential.private_key else None


def config_key(field: str) -> str:
    """Key in the stack file of a field of :class:`Settings`: `dbt_projects` -> `dbtProjects`."""
    return Settings.model_fields[field].alias or field


def secret_fields() -> frozenset[str]:
    """Fields that must be stored encrypted."""
    return frozenset(name for name, info in Settings.model_fields.items() if _is_secret(info.annotation)) | {
        "credentials"
    }


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())
