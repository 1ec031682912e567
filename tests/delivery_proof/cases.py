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

    @property
    def models(self) -> list[str]:
        """Its models, those of its submodule too."""
        found = [path.stem for path in self.repository.tree.rglob("*.sql")]
        return sorted([*found, *(["nested"] if self.nested else [])])

    def add_model(self, name: str) -> None:
        """Commit a further model to its own repository."""
        self.commit = self.repository.commit(
            {f"models/{name}.sql": "select 2 as id\n"}, submodules=self.nested
        )


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

    @classmethod
    def of(cls, dags: Remote, *dbt: Remote, spelled: str | None = None) -> Setup:
        """A Dag repository with dbt projects, each called like its repository; `spelled` is their URL in .gitmodules."""
        config: dict[str, Any] = {"dbtProjects": [], "connections": {}, "credentials": {}}
        config["dags"] = {"repo": dags.url, "subdir": "dags", "ref": BRANCH, "refreshInterval": 30}
        config["dags"]["connection"] = dags.connection
        setup = cls(dags.repository, [], config)
        setup.connect(dags)
        for remote in dbt:
            name = remote.repository.bare.stem
            commit = remote.repository.commit(dbt_files(name))
            project = Project(name, remote.repository, commit, spelled or remote.url)
            setup.projects.append(project)
            listed = {"name": name, "path": project.path, "repo": remote.url, "connection": remote.connection}
            config["dbtProjects"].append(listed)
            setup.connect(remote)
        return setup

    def publish(self, message: str = "Pin the dbt projects", **pins: str) -> str:
        """Commit the Dag file and the newest commit of every project, or the one in `pins`; returns the commit."""
        submodules = {
            project.path: (project.url, pins.get(project.name, project.commit)) for project in self.projects
        }
        self.models = {project.name: project.models for project in self.projects}
        return self.dags.commit({"dags/proof.py": DAG}, submodules=submodules, message=message)

    def connect(self, remote: Remote) -> None:
        """Give the stack the connection of a repository."""
        self.config["connections"][remote.connection] = remote.settings
        if remote.credentials:
            self.config["credentials"][remote.connection] = remote.credentials
        self.tokens += [secret for secret in remote.secrets if secret not in self.tokens]


@dataclass(frozen=True)
class At:
    """Makes the repositories of a case, which are below `slug` on every host."""

    hosts: Hosts
    slug: str

    def public(self, name: str, connection: str) -> Remote:
        """On the other host, open to everybody."""
        host, path = self.hosts.other, self._path(name)
        settings = {"type": "https", "anonymous": True, "caBundle": str(host.authority)}
        return Remote(self.hosts.repository(host.root, path), host.url(path), connection, settings)

    def token(self, name: str, connection: str, token: str = "") -> Remote:
        """On the trial's host over HTTPS, opened by a token; without one given, by one that opens nothing else."""
        return self._by_token(self.hosts.trial, name, connection, token)

    def elsewhere(self, name: str, connection: str) -> Remote:
        """On the other host over HTTPS, opened by a token that opens nothing else."""
        return self._by_token(self.hosts.other, name, connection)

    def key(self, name: str, connection: str, key: str = "") -> Remote:
        """Over SSH, opened by a deploy key; without one given, by one that opens nothing else, and the host's key is known."""
        ssh, path = self.hosts.ssh, self._path(name)
        settings = {"type": "ssh"} if key else {"type": "ssh", "knownHosts": ssh.known_hosts}
        key = key or ssh.key(path)
        # A line of a private key is enough to know it by.
        secret = key.splitlines()[2]
        repository = self.hosts.repository(ssh.root, path)
        return Remote(repository, ssh.url(path), connection, settings, {"privateKey": key}, (secret,))

    def _path(self, name: str) -> str:
        return f"{self.slug}/{name}.git"

    def _by_token(self, host: HttpsHost, name: str, connection: str, token: str = "") -> Remote:
        path, token = self._path(name), token or f"canary-{self.slug}-{name}"
        repository = self.hosts.repository(host.root, path)
        host.grant(path, token)
        settings = {"type": "https", "login": host.login, "caBundle": str(host.authority)}
        return Remote(repository, host.url(path), connection, settings, {"password": token}, (token,))


def private_packages(setup: Setup, hosts: Hosts, slug: str) -> str:
    """Give the stack two private dbt packages, one by token and one by deploy key; returns the project's packages.yml."""
    at = At(hosts, slug)
    setup.config["dbtPackages"] = []
    text = "packages:\n"
    for remote in (at.elsewhere("macros", "packages"), at.key("tools", "deploy_packages")):
        name = remote.repository.bare.stem
        remote.repository.commit(
            {
                "dbt_project.yml": f"name: {name}\nversion: '1.0.0'\nconfig-version: 2\n",
                f"macros/{name}.sql": f"{{% macro {name}() %}}1{{% endmacro %}}\n",
            }
        )
        setup.connect(remote)
        setup.config["dbtPackages"].append({"repo": remote.url, "connection": remote.connection})
        text += f"  - git: {remote.url}\n    revision: {BRANCH}\n    warn-unpinned: false\n"
    return text


def same_host_same_token(hosts: Hosts, slug: str, *, token: str = "", name: str = "sales") -> Setup:
    """One token opens both repositories."""
    at = At(hosts, slug)
    dags = at.token("dags", "git", token)
    return Setup.of(dags, at.token(name, "git", dags.secrets[0]))


def same_host_other_token(hosts: Hosts, slug: str) -> Setup:
    """Each repository has its own token on one host."""
    at = At(hosts, slug)
    return Setup.of(at.token("dags", "git"), at.token("sales", "dbt"))


def other_host_other_token(
    hosts: Hosts, slug: str, *, name: str = "sales", spelled: str | None = None
) -> Setup:
    """The submodule is on another host, with another token."""
    at = At(hosts, slug)
    return Setup.of(at.token("dags", "git"), at.elsewhere(name, "dbt"), spelled=spelled)


def ssh_shared_key(hosts: Hosts, slug: str) -> Setup:
    """One deploy key opens both repositories; the host's key is accepted at the first contact."""
    at, names = At(hosts, slug), ("dags", "sales")
    key = hosts.ssh.key(*(f"{slug}/{name}.git" for name in names))
    return Setup.of(*(at.key(name, "deploy", key) for name in names))


def ssh_key_per_repository(hosts: Hosts, slug: str, *, name: str = "sales") -> Setup:
    """Each repository has its own deploy key on one host, whose key is known."""
    at = At(hosts, slug)
    return Setup.of(at.key("dags", "deploy_dags"), at.key(name, "deploy_dbt"))


def nested_submodule(hosts: Hosts, slug: str) -> Setup:
    """The dbt project has a private submodule itself, on another host."""
    setup = same_host_other_token(hosts, slug)
    nested = At(hosts, slug).elsewhere("macros", "macros")
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


@dataclass(frozen=True)
class Case:
    """One line of the matrix."""

    name: str
    credentials: str
    """Kind of credentials, for the documentation."""
    build: Callable[[Hosts, str], Setup]


def case(name: str, credentials: str, remotes: Callable[[At], tuple[Remote, ...]]) -> Case:
    """A line with the Dag repository and the dbt projects of these remotes."""
    return Case(name, credentials, lambda hosts, slug: Setup.of(*remotes(At(hosts, slug))))


# Every character that means something in a URL, a shell or JSON.
SPECIAL = "-ca@na/ry:%41#?&=+\"'\\$(x) `y`~"

CASES = [
    # Its certificate is privately signed.
    case("public submodule", "token; none", lambda at: (at.token("dags", "git"), at.public("sales", "open"))),
    Case("same host, same token", "token", same_host_same_token),
    Case("same host, other token", "token; token", same_host_other_token),
    Case("other host, other token", "token; token", other_host_other_token),
    Case("deploy key shared", "deploy key", ssh_shared_key),
    Case("deploy key per repository", "deploy key; deploy key", ssh_key_per_repository),
    case(
        "Dags by token, submodule by deploy key", "token; deploy key",
        lambda at: (at.token("dags", "git"), at.key("sales", "deploy")),
    ),
    case(
        "Dags by deploy key, submodule by token", "deploy key; token",
        lambda at: (at.key("dags", "deploy"), at.elsewhere("sales", "dbt")),
    ),
    Case(
        "git@ in .gitmodules, fetched over HTTPS", "token; token",
        lambda hosts, slug: other_host_other_token(hosts, slug, spelled=f"git@localhost:{slug}/sales.git"),
    ),
    Case(
        "token with special characters", "token",
        lambda hosts, slug: same_host_same_token(hosts, slug, token=SPECIAL),
    ),
    case(
        "two submodules, different credentials", "token; token; token",
        lambda at: (at.token("dags", "git"), at.token("sales", "dbt"), at.elsewhere("stock", "stock")),
    ),
    Case("nested submodule", "token; token; token", nested_submodule),
    Case("existing Secrets", "Secrets made by others", existing_secrets),
]  # fmt: skip
