"""The credential matrix: per case the repositories on real hosts, and the stack configuration that a user would write for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.delivery_proof.hosts import Hosts, HttpsHost
from tests.support.repositories import Repository

BRANCH = "main"
BUILD = "build"
"""The task of a Dag that runs dbt."""
IDS = {"first": 1, "nested": 3}
"""The row of a model; of all others it is 2."""

DAG = '''\
"""One Dag per dbt project next to this file: Cosmos builds the project, then one task follows for each of its models."""

from datetime import datetime
from pathlib import Path

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from cosmos import ProfileConfig
from cosmos.constants import InvocationMode
from cosmos.operators.local import DbtBuildLocalOperator

for project in sorted((Path(__file__).parent / "dbt").iterdir()):
    if not (project / "dbt_project.yml").is_file():
        raise FileNotFoundError(f"No dbt project in {project}")
    with DAG(dag_id=project.name, schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        build = DbtBuildLocalOperator(
            task_id="build",
            project_dir=project,
            profile_config=ProfileConfig(
                profile_name=project.name, target_name="dev", profiles_yml_filepath=project / "profiles.yml"
            ),
            dbt_executable_path="/home/astro/dbt_venv/bin/dbt",
            invocation_mode=InvocationMode.SUBPROCESS,
            install_deps=False,
        )
        build >> [EmptyOperator(task_id=model.stem) for model in project.rglob("*.sql")]
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
        """Path in the Dag repository."""
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
    """Secrets that are not managed by the stack: name -> data."""
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

    def connect(self, remote: Remote) -> None:
        """Give the stack the connection of a repository."""
        self.config["connections"][remote.connection] = remote.settings
        if remote.credentials:
            self.config["credentials"][remote.connection] = remote.credentials
        self.tokens += [secret for secret in remote.secrets if secret not in self.tokens]


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


@dataclass(frozen=True)
class Remote:
    """A repository on one of the hosts, and the stack's connection that opens it."""

    repository: Repository
    url: str
    connection: str
    """Name of the connection."""
    settings: dict[str, Any]
    """The connection."""
    credentials: dict[str, str] = field(default_factory=dict)
    """Its credentials."""
    secrets: tuple[str, ...] = ()
    """What of them must show up nowhere."""


def _public(hosts: Hosts, path: str, connection: str) -> Remote:
    """On the other host, open to everybody."""
    settings = {"type": "https", "anonymous": True, "caBundle": str(hosts.other.authority)}
    return Remote(hosts.repository(hosts.other.root, path), hosts.other.url(path), connection, settings)


def _by_token(hosts: Hosts, host: HttpsHost, path: str, connection: str, token: str = "") -> Remote:
    """On a host over HTTPS, opened by a token; without one given, by one that opens nothing else."""
    token = token or "canary-" + path.removesuffix(".git").replace("/", "-")
    repository = hosts.repository(host.root, path)
    host.grant(path, token)
    settings = {"type": "https", "login": host.login, "caBundle": str(host.authority)}
    return Remote(repository, host.url(path), connection, settings, {"password": token}, (token,))


def _by_key(hosts: Hosts, path: str, connection: str, key: str = "") -> Remote:
    """Over SSH, opened by a deploy key; without one given, by a key for this repository alone, and the host's key is known."""
    settings = {"type": "ssh"} if key else {"type": "ssh", "knownHosts": hosts.ssh.known_hosts}
    repository = hosts.repository(hosts.ssh.root, path)
    key = key or hosts.ssh.key(path)
    # A line of a private key is enough to know it by.
    known_by = key.splitlines()[2]
    return Remote(repository, hosts.ssh.url(path), connection, settings, {"privateKey": key}, (known_by,))


def _setup(dags: Remote, *dbt: Remote, spelled: str | None = None) -> Setup:
    """A Dag repository with dbt projects, each called like its repository; `spelled` is their URL in .gitmodules."""
    projects = []
    for remote in dbt:
        name = remote.repository.bare.stem
        commit = remote.repository.commit(dbt_files(name))
        projects.append(Project(name, remote.repository, commit, spelled or remote.url))
    listed = [
        {"name": project.name, "path": project.path, "repo": remote.url, "connection": remote.connection}
        for project, remote in zip(projects, dbt, strict=True)
    ]
    config = {
        "dags": {
            "repo": dags.url,
            "subdir": "dags",
            "ref": BRANCH,
            "refreshInterval": 30,
            "connection": dags.connection,
        },
        "dbtProjects": listed,
        "connections": {},
        "credentials": {},
    }
    setup = Setup(dags.repository, projects, config)
    for remote in (dags, *dbt):
        setup.connect(remote)
    return setup


def private_packages(setup: Setup, hosts: Hosts, slug: str) -> str:
    """Give the stack two private dbt packages, one by token and one by deploy key; returns the project's packages.yml."""
    remotes = (
        _by_token(hosts, hosts.other, f"{slug}/macros.git", "packages"),
        _by_key(hosts, f"{slug}/tools.git", "deploy_packages"),
    )
    setup.config["dbtPackages"] = [
        {"repo": remote.url, "connection": remote.connection} for remote in remotes
    ]
    lines = ["packages:\n"]
    for remote in remotes:
        name = remote.repository.bare.stem
        remote.repository.commit(
            {
                "dbt_project.yml": f"name: {name}\nversion: '1.0.0'\nconfig-version: 2\n",
                f"macros/{name}.sql": f"{{% macro {name}() %}}1{{% endmacro %}}\n",
            }
        )
        setup.connect(remote)
        lines.append(f"  - git: {remote.url}\n    revision: {BRANCH}\n    warn-unpinned: false\n")
    return "".join(lines)


def public_submodule(hosts: Hosts, slug: str) -> Setup:
    """The submodule is public on another host, whose certificate is privately signed."""
    return _setup(
        _by_token(hosts, hosts.trial, f"{slug}/dags.git", "git"),
        _public(hosts, f"{slug}/sales.git", "open"),
    )


def same_host_same_token(hosts: Hosts, slug: str, *, token: str = "", name: str = "sales") -> Setup:
    """One token opens both repositories."""
    dags = _by_token(hosts, hosts.trial, f"{slug}/dags.git", "git", token)
    return _setup(dags, _by_token(hosts, hosts.trial, f"{slug}/{name}.git", "git", dags.secrets[0]))


def same_host_other_token(hosts: Hosts, slug: str) -> Setup:
    """Each repository has its own token on one host."""
    return _setup(
        _by_token(hosts, hosts.trial, f"{slug}/dags.git", "git"),
        _by_token(hosts, hosts.trial, f"{slug}/sales.git", "dbt"),
    )


def other_host_other_token(
    hosts: Hosts, slug: str, *, name: str = "sales", spelled: str | None = None
) -> Setup:
    """The submodule is on another host, with another token."""
    return _setup(
        _by_token(hosts, hosts.trial, f"{slug}/dags.git", "git"),
        _by_token(hosts, hosts.other, f"{slug}/{name}.git", "dbt"),
        spelled=spelled,
    )


def ssh_shared_key(hosts: Hosts, slug: str) -> Setup:
    """One deploy key opens both repositories; the host's key is accepted at the first contact."""
    paths = (f"{slug}/dags.git", f"{slug}/sales.git")
    key = hosts.ssh.key(*paths)
    return _setup(*(_by_key(hosts, path, "deploy", key) for path in paths))


def ssh_key_per_repository(hosts: Hosts, slug: str, *, name: str = "sales") -> Setup:
    """Each repository has its own deploy key on one host, whose key is known."""
    return _setup(
        _by_key(hosts, f"{slug}/dags.git", "deploy_dags"),
        _by_key(hosts, f"{slug}/{name}.git", "deploy_dbt"),
    )


def https_dags_ssh_submodule(hosts: Hosts, slug: str) -> Setup:
    """The Dag repository by token, the submodule by deploy key."""
    return _setup(
        _by_token(hosts, hosts.trial, f"{slug}/dags.git", "git"),
        _by_key(hosts, f"{slug}/sales.git", "deploy"),
    )


def ssh_dags_https_submodule(hosts: Hosts, slug: str) -> Setup:
    """The Dag repository by deploy key, the submodule by token."""
    return _setup(
        _by_key(hosts, f"{slug}/dags.git", "deploy"),
        _by_token(hosts, hosts.other, f"{slug}/sales.git", "dbt"),
    )


def ssh_spelling_over_https(hosts: Hosts, slug: str) -> Setup:
    """.gitmodules says git@host:path, the agents fetch it over HTTPS."""
    return other_host_other_token(hosts, slug, spelled=f"git@localhost:{slug}/sales.git")


def special_characters(hosts: Hosts, slug: str) -> Setup:
    """A token with every character that means something in a URL, a shell or JSON."""
    return same_host_same_token(hosts, slug, token="ca@na/ry:%41#?&=+\"'\\$(x) `y`~")


def two_submodules(hosts: Hosts, slug: str) -> Setup:
    """Two dbt projects, on two hosts, each with its own token."""
    return _setup(
        _by_token(hosts, hosts.trial, f"{slug}/dags.git", "git"),
        _by_token(hosts, hosts.trial, f"{slug}/sales.git", "dbt"),
        _by_token(hosts, hosts.other, f"{slug}/stock.git", "stock"),
    )


def nested_submodule(hosts: Hosts, slug: str) -> Setup:
    """The dbt project has a private submodule itself, on another host."""
    setup = same_host_other_token(hosts, slug)
    nested = _by_token(hosts, hosts.other, f"{slug}/macros.git", "macros")
    commit = nested.repository.commit({"nested.sql": "select 3 as id\n"})
    (project,) = setup.projects
    project.nested = {"models/shared": (nested.url, commit)}
    project.add_model("second")
    setup.config["dags"]["submodules"] = [{"repo": nested.url, "connection": nested.connection}]
    setup.connect(nested)
    return setup


def existing_secrets(hosts: Hosts, slug: str) -> Setup:
    """The Secrets are not managed by the stack; they have the keys that docs/connections.md names."""
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
