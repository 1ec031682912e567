"""Content of the Secrets that a stack creates for its Git connections."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.git_access import ssh_options
from domain.connection_secret import github_app_secret, https_secret, ssh_secret
from settings.connections import GithubAppConnection, HttpsConnection
from settings.stack import Settings


def repository_of(settings: Settings, connection: str) -> str:
    """URL in the Airflow connection: a Dag repository's, or the first repository that uses the connection."""
    opened = [bundle.repo for bundle in settings.git_bundles if bundle.connection == connection]
    opened += [
        project.repo for project in settings.dbt_projects if project.connection == connection and project.repo
    ]
    opened += [
        submodule.repo
        for bundle in settings.git_bundles
        for submodule in bundle.submodules
        if submodule.connection == connection
    ]
    opened += [package.repo for package in settings.dbt_packages if package.connection == connection]
    opened += [bundle.repo for bundle in settings.git_bundles]
    return opened[0] if opened else ""


def extra_for(settings: Settings, connection: str) -> dict[str, str]:
    """Extra of an https connection: those of Dag repositories carry the ssh options of submodules."""
    used = {bundle.connection for bundle in settings.git_bundles}
    return ssh_options(settings) if connection in used else {}


def created_secret(settings: Settings, connection: str) -> Mapping[str, str]:
    """Data of the Secret that this stack creates for a connection, in plain text; empty without credentials."""
    found = settings.connections[connection]
    url = repository_of(settings, connection)
    if isinstance(found, HttpsConnection):
        password = settings.password_of(connection)
        if password is None:
            return {}
        return https_secret(url, login=found.login, password=password, extra=extra_for(settings, connection))
    key = settings.private_key_of(connection) or ""
    if isinstance(found, GithubAppConnection):
        return github_app_secret(
            url, app_id=found.app_id, installation_id=found.installation_id, private_key=key
        )
    return ssh_secret(key, known_hosts=found.known_hosts)
