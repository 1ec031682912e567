"""The credential matrix: per case the repositories on real hosts, and the stack configuration that a user would write for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.delivery_proof.hosts import Hosts
from tests.support.repositories import Repository

BRANCH = "main"

DAG = '''\
"""One Dag per dbt project beside this file, one task per model."""

from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

for project in sorted((Path(__file__).parent / "dbt").iterdir()):
    if not (project / "dbt_project.yml").is_file():
        raise FileNotFoundError(f"No dbt project in {project}")
    with DAG(dag_id=project.name, schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        for model in sorted(project.rglob("*.sql")):
            EmptyOperator(task_id=model.stem)
    globals()[project.name] = dag
'''


def dbt_files(name: str) -> dict[str, str | None]:
    """A small dbt project."""
    return {
        "dbt_project.yml": f"name: {name}\nversion: '1.0.0'\nprofile: {name}\nmodel-paths: [models]\n",
        "profiles.yml": f"{name}:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: /tmp/{name}.duckdb}}\n",
        "models/first.sql": "select 1 as id\n",
    }


@dataclass
class Project:
    """A dbt project and its submodule."""

    name: str
    repository: Repository
    commit: str
    url: str
    """As .gitmodules spells it."""
    nested: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Its own submodules: path -> (URL, commit)."""

    @property
    def path(self) -> str:
        """Where it lies in the Dag repository."""
        return f"dags/dbt/{self.name}"

    def add_model(self, name: str) -> None:
        """Commit a further model to its own repository."""
        self.commit = self.repository.commit(
            {f"models/{name}.sql": "select 2 as id\n"}, submodules=self.nested
        )


@dataclass
class Setup:
    """One case, set up: what a test needs to go on from."""

    dags: Repository
    projects: list[Project]
    config: dict[str, Any]
    """Keys of the stack to replace."""
    existing: dict[str, dict[str, str]] = field(default_factory=dict)
    """Secrets that somebody else made: name -> data."""
    tokens: list[str] = field(default_factory=list)
    """What must show up nowhere."""
    models: dict[str, list[str]] = field(default_factory=dict)
    """Project -> models of the newest commit of the Dag repository."""

    def publish(self, message: str = "Pin the dbt projects", **pins: str) -> str:
        """Commit the Dag file and the newest commit of every project, or the one in `pins`; returns the commit."""
        submodules = {
            project.path: (project.url, pins.get(project.name, project.commit)) for project in self.projects
        }
        self.models = {project.name: _models(project) for project in self.projects}
        return self.dags.commit({"dags/proof.py": DAG}, submodules=submodules, message=message)


def _models(project: Project) -> list[str]:
    found = [path.stem for path in project.repository.tree.rglob("*.sql")]
    return sorted([*found, *(["nested"] if project.nested else [])])


@dataclass(frozen=True)
class Case:
    """One line of the matrix."""

    name: str
    build: Callable[[Hosts, str], Setup]
    credentials: str
    """Kind of credentials, for the documentation."""


def https(authority: Path, login: str, **more: Any) -> dict[str, Any]:
    """A connection of type https."""
    return {"type": "https", "login": login, "caBundle": str(authority), **more}


def _config(
    dags_url: str,
    dags_connection: str | None,
    projects: Mapping[str, tuple[str, str | None]],
    connections: Mapping[str, Any],
    credentials: Mapping[str, Any],
    submodules: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    dags: dict[str, Any] = {"repo": dags_url, "subdir": "dags", "ref": BRANCH, "refreshInterval": 30}
    if dags_connection:
        dags["connection"] = dags_connection
    if submodules:
        dags["submodules"] = submodules
    listed = []
    for name, (url, connection) in projects.items():
        project = {"name": name, "path": f"dags/dbt/{name}", "repo": url}
        listed.append(project | ({"connection": connection} if connection else {}))
    return {
        "dags": dags,
        "dbtProjects": listed,
        "connections": dict(connections),
        "credentials": dict(credentials),
    }


def _project(hosts: Hosts, root: Path, path: str, name: str, url: str) -> Project:
    repository = hosts.repository(root, path)
    return Project(name, repository, repository.commit(dbt_files(name)), url)


def _token(slug: str, what: str) -> str:
    """A token that opens nothing but this case's repositories."""
    return f"canary-{slug}-{what}"


def _password(token: str) -> dict[str, str]:
    return {"password": token}


def public_submodule(hosts: Hosts, slug: str) -> Setup:
    """The submodule is public on another host, whose certificate is privately signed."""
    token, dags_path, path = _token(slug, "dags"), f"{slug}/dags.git", f"{slug}/sales.git"
    dags = hosts.repository(hosts.trial.root, dags_path)
    hosts.trial.grant(dags_path, token)
    project = _project(hosts, hosts.other.root, path, "sales", hosts.other.url(path))
    return Setup(
        dags,
        [project],
        _config(
            hosts.trial.url(dags_path),
            "git",
            {"sales": (project.url, "open")},
            {
                "git": https(hosts.trial.authority, hosts.trial.login),
                "open": {"type": "https", "anonymous": True, "caBundle": str(hosts.other.authority)},
            },
            {"git": _password(token)},
        ),
        tokens=[token],
    )


def same_host_same_token(hosts: Hosts, slug: str, *, token: str | None = None, name: str = "sales") -> Setup:
    """One token opens both repositories."""
    token = token or _token(slug, "both")
    dags_path, path = f"{slug}/dags.git", f"{slug}/{name}.git"
    dags = hosts.repository(hosts.trial.root, dags_path)
    project = _project(hosts, hosts.trial.root, path, name, hosts.trial.url(path))
    hosts.trial.grant(dags_path, token)
    hosts.trial.grant(path, token)
    return Setup(
        dags,
        [project],
        _config(
            hosts.trial.url(dags_path),
            "git",
            {name: (project.url, "git")},
            {"git": https(hosts.trial.authority, hosts.trial.login)},
            {"git": _password(token)},
        ),
        tokens=[token],
    )


def same_host_other_token(hosts: Hosts, slug: str) -> Setup:
    """Each repository has a token of its own on one host."""
    first, second = _token(slug, "dags"), _token(slug, "dbt")
    dags_path, path = f"{slug}/dags.git", f"{slug}/sales.git"
    dags = hosts.repository(hosts.trial.root, dags_path)
    project = _project(hosts, hosts.trial.root, path, "sales", hosts.trial.url(path))
    hosts.trial.grant(dags_path, first)
    hosts.trial.grant(path, second)
    connection = https(hosts.trial.authority, hosts.trial.login)
    return Setup(
        dags,
        [project],
        _config(
            hosts.trial.url(dags_path),
            "git",
            {"sales": (project.url, "dbt")},
            {"git": dict(connection), "dbt": dict(connection)},
            {"git": _password(first), "dbt": _password(second)},
        ),
        tokens=[first, second],
    )


def other_host_other_token(
    hosts: Hosts, slug: str, *, spelled: str | None = None, name: str = "sales"
) -> Setup:
    """The submodule is on another host, with a token of its own."""
    first, second = _token(slug, "dags"), _token(slug, "dbt")
    dags_path, path = f"{slug}/dags.git", f"{slug}/{name}.git"
    dags = hosts.repository(hosts.trial.root, dags_path)
    url = hosts.other.url(path)
    project = _project(hosts, hosts.other.root, path, name, spelled.format(path=path) if spelled else url)
    hosts.trial.grant(dags_path, first)
    hosts.other.grant(path, second)
    return Setup(
        dags,
        [project],
        _config(
            hosts.trial.url(dags_path),
            "git",
            {name: (url, "dbt")},
            {
                "git": https(hosts.trial.authority, hosts.trial.login),
                "dbt": https(hosts.other.authority, hosts.other.login),
            },
            {"git": _password(first), "dbt": _password(second)},
        ),
        tokens=[first, second],
    )


def ssh_shared_key(hosts: Hosts, slug: str) -> Setup:
    """One deploy key opens both repositories; the host's key is accepted at the first contact."""
    dags_path, path = f"{slug}/dags.git", f"{slug}/sales.git"
    dags = hosts.repository(hosts.ssh.root, dags_path)
    project = _project(hosts, hosts.ssh.root, path, "sales", hosts.ssh.url(path))
    key = hosts.ssh.key(dags_path, path)
    return Setup(
        dags,
        [project],
        _config(
            hosts.ssh.url(dags_path),
            "deploy",
            {"sales": (project.url, "deploy")},
            {"deploy": {"type": "ssh"}},
            {"deploy": {"privateKey": key}},
        ),
        tokens=[_body(key)],
    )


def ssh_key_per_repository(hosts: Hosts, slug: str, *, name: str = "sales") -> Setup:
    """Each repository has a deploy key of its own on one host, whose key is known."""
    dags_path, path = f"{slug}/dags.git", f"{slug}/{name}.git"
    dags = hosts.repository(hosts.ssh.root, dags_path)
    project = _project(hosts, hosts.ssh.root, path, name, hosts.ssh.url(path))
    first, second = hosts.ssh.key(dags_path), hosts.ssh.key(path)
    connection = {"type": "ssh", "knownHosts": hosts.ssh.known_hosts}
    return Setup(
        dags,
        [project],
        _config(
            hosts.ssh.url(dags_path),
            "deploy_dags",
            {name: (project.url, "deploy_dbt")},
            {"deploy_dags": connection, "deploy_dbt": connection},
            {"deploy_dags": {"privateKey": first}, "deploy_dbt": {"privateKey": second}},
        ),
        tokens=[_body(first), _body(second)],
    )


def https_dags_ssh_submodule(hosts: Hosts, slug: str) -> Setup:
    """The Dag repository by token, the submodule by deploy key."""
    token, dags_path, path = _token(slug, "dags"), f"{slug}/dags.git", f"{slug}/sales.git"
    dags = hosts.repository(hosts.trial.root, dags_path)
    hosts.trial.grant(dags_path, token)
    project = _project(hosts, hosts.ssh.root, path, "sales", hosts.ssh.url(path))
    key = hosts.ssh.key(path)
    return Setup(
        dags,
        [project],
        _config(
            hosts.trial.url(dags_path),
            "git",
            {"sales": (project.url, "deploy")},
            {
                "git": https(hosts.trial.authority, hosts.trial.login),
                "deploy": {"type": "ssh", "knownHosts": hosts.ssh.known_hosts},
            },
            {"git": _password(token), "deploy": {"privateKey": key}},
        ),
        tokens=[token, _body(key)],
    )


def ssh_dags_https_submodule(hosts: Hosts, slug: str) -> Setup:
    """The Dag repository by deploy key, the submodule by token."""
    token, dags_path, path = _token(slug, "dbt"), f"{slug}/dags.git", f"{slug}/sales.git"
    dags = hosts.repository(hosts.ssh.root, dags_path)
    key = hosts.ssh.key(dags_path)
    project = _project(hosts, hosts.other.root, path, "sales", hosts.other.url(path))
    hosts.other.grant(path, token)
    return Setup(
        dags,
        [project],
        _config(
            hosts.ssh.url(dags_path),
            "deploy",
            {"sales": (project.url, "dbt")},
            {
                "deploy": {"type": "ssh", "knownHosts": hosts.ssh.known_hosts},
                "dbt": https(hosts.other.authority, hosts.other.login),
            },
            {"deploy": {"privateKey": key}, "dbt": _password(token)},
        ),
        tokens=[token, _body(key)],
    )


def ssh_spelling_over_https(hosts: Hosts, slug: str) -> Setup:
    """.gitmodules says git@host:path, the agents fetch it over HTTPS."""
    return other_host_other_token(hosts, slug, spelled="git@localhost:{path}")


def special_characters(hosts: Hosts, slug: str) -> Setup:
    """A token with every character that means something in a URL, a shell or JSON."""
    return same_host_same_token(hosts, slug, token="ca@na/ry:%41#?&=+\"'\\$(x) `y`~")


def two_submodules(hosts: Hosts, slug: str) -> Setup:
    """Two dbt projects, on two hosts, each with a token of its own."""
    setup = same_host_other_token(hosts, slug)
    token, path = _token(slug, "more"), f"{slug}/stock.git"
    project = _project(hosts, hosts.other.root, path, "stock", hosts.other.url(path))
    hosts.other.grant(path, token)
    setup.projects.append(project)
    setup.tokens.append(token)
    setup.config["dbtProjects"].append(
        {"name": "stock", "path": project.path, "repo": project.url, "connection": "stock"}
    )
    setup.config["connections"]["stock"] = https(hosts.other.authority, hosts.other.login)
    setup.config["credentials"]["stock"] = _password(token)
    return setup


def nested_submodule(hosts: Hosts, slug: str) -> Setup:
    """The dbt project has a private submodule itself, on another host."""
    setup = same_host_other_token(hosts, slug)
    token, path = _token(slug, "nested"), f"{slug}/macros.git"
    nested = hosts.repository(hosts.other.root, path)
    commit = nested.commit({"nested.sql": "select 3 as id\n"})
    hosts.other.grant(path, token)
    (project,) = setup.projects
    project.nested = {"models/shared": (hosts.other.url(path), commit)}
    project.add_model("second")
    setup.tokens.append(token)
    setup.config["dags"]["submodules"] = [{"repo": hosts.other.url(path), "connection": "macros"}]
    setup.config["connections"]["macros"] = https(hosts.other.authority, hosts.other.login)
    setup.config["credentials"]["macros"] = _password(token)
    return setup


def existing_secrets(hosts: Hosts, slug: str) -> Setup:
    """Somebody else made the Secrets, with the keys that docs/connections.md names."""
    setup = same_host_other_token(hosts, slug)
    first, second = setup.tokens
    login, url = hosts.trial.login, setup.config["dags"]["repo"]
    setup.config["connections"]["git"]["existingSecret"] = "theirs-dags"
    setup.config["connections"]["dbt"]["existingSecret"] = "theirs-dbt"
    setup.config["credentials"] = {}
    connection = {"conn_type": "git", "host": url, "login": login, "password": first}
    header = "Authorization: Basic " + base64.b64encode(f"{login}:{second}".encode()).decode()
    setup.existing = {
        "theirs-dags": {"connection": json.dumps(connection)},
        "theirs-dbt": {"http-header": header},
    }
    return setup


def _body(key: str) -> str:
    """A line of a private key: enough to know it by."""
    return key.splitlines()[2]


CASES = [
    Case("public submodule", public_submodule, "token; none"),
    Case("same host, same token", same_host_same_token, "token"),
    Case("same host, other token", same_host_other_token, "token; token"),
    Case("other host, other token", other_host_other_token, "token; token"),
    Case("deploy key shared", ssh_shared_key, "deploy key"),
    Case("deploy key per repository", ssh_key_per_repository, "deploy key; deploy key"),
    Case("Dags by token, submodule by deploy key", https_dags_ssh_submodule, "token; deploy key"),
    Case("Dags by deploy key, submodule by token", ssh_dags_https_submodule, "deploy key; token"),
    Case("git@ in .gitmodules, fetched over HTTPS", ssh_spelling_over_https, "token; token"),
    Case("token with special characters", special_characters, "token"),
    Case("two submodules, different credentials", two_submodules, "token; token; token"),
    Case("nested submodule", nested_submodule, "token; token; token"),
    Case("existing Secrets", existing_secrets, "Secrets made by others"),
]
