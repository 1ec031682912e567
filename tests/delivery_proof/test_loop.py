"""A stack in operation: the update loop, hosts and tokens that fail, and the Git provider's bugs."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents, Containers, leaks
from tests.delivery_proof.cases import (
    Setup,
    other_host_other_token,
    same_host_same_token,
    ssh_shared_key,
)
from tests.delivery_proof.delivering import deliver, expect
from tests.delivery_proof.example import files
from tests.delivery_proof.hosts import Hosts, HttpsHost
from tests.delivery_proof.images import DEFAULT, PROVIDERS
from tests.delivery_proof.ledger import Ledger, documented
from tests.support.agent_process import Pod
from tests.support.pod_template import Container
from tests.support.repositories import git

pytestmark = pytest.mark.delivery

OPERATION = "operation"
EXAMPLE: Mapping[str, str | None] = {
    path: text for path, text in files("dag-repo").items() if path.startswith("dags/")
}
MISSING = "0123456789" * 4
BUNDLES = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"


@dataclass
class Running:
    """A provisioned stack and its repositories."""

    setup: Setup
    containers: Containers
    agents: Agents

    def processor(self, *, container: Container | None = None) -> Pod:
        """A new Dag processor."""
        return self.agents.pod(DAG_PROCESSOR, container=container or self.containers[DAG_PROCESSOR])

    def worker(self) -> Pod:
        """A new worker."""
        return self.agents.pod(WORKER, container=self.containers[WORKER])

    def bump(self, **pins: str) -> str:
        """Commit a model to every project and pin it; returns the commit of the Dag repository."""
        for project in self.setup.projects:
            project.add_model(f"more_{time.monotonic_ns()}")
        return self.setup.publish(**pins)


def _provision(agents: Agents, setup: Setup) -> Running:
    setup.publish()
    return Running(setup, agents.provision(setup.config), agents)


@pytest.fixture(scope="module")
def by_token(agents: Agents, git_hosts: Hosts) -> Running:
    """Dags and dbt on two hosts, each with a token."""
    return _provision(agents, other_host_other_token(git_hosts, "loop-token", name="jaffle"))


@pytest.fixture(scope="module")
def by_key(agents: Agents, git_hosts: Hosts) -> Running:
    """Dags and dbt on one SSH host, with one deploy key."""
    return _provision(agents, ssh_shared_key(git_hosts, "loop-key"))


@pytest.fixture
def proved(ledger: Ledger) -> Callable[..., None]:
    """Note in the ledger what a test showed; the documentation must say the same."""
    started = time.monotonic()

    def note(case: str, result: str, provider: str = "1.0.1") -> None:
        ledger.add(OPERATION, case, provider, result, time.monotonic() - started)
        assert result == documented(OPERATION)[case]["what happens"]

    return note


@contextmanager
def unreachable(git_hosts: Hosts, repository: str) -> Iterator[None]:
    """The other host does not serve a repository for a block."""
    git_hosts.hidden.add(repository)
    try:
        yield
    finally:
        git_hosts.hidden.discard(repository)


def _path(running: Running) -> str:
    return f"{running.setup.dags.bare.parent.name}/{running.setup.projects[0].repository.bare.name}"


def _user(setup: Setup, git_hosts: Hosts) -> dict[str, str]:
    """Git's environment for a user who may open both repositories."""
    trial, other = git_hosts.trial, git_hosts.other
    tokens: dict[str, tuple[HttpsHost, str]] = {
        setup.config["dags"]["repo"]: (trial, setup.tokens[0]),
        setup.projects[0].url: (other, setup.tokens[1]),
    }
    entries = []
    for url, (host, token) in tokens.items():
        login = base64.b64encode(f"{host.login}:{token}".encode()).decode()
        entries += [
            (f"http.{url}.extraHeader", f"Authorization: Basic {login}"),
            (f"http.{host.url('')}.sslCAInfo", str(host.authority)),
        ]
    found = {"GIT_CONFIG_COUNT": str(len(entries))}
    for number, (key, value) in enumerate(entries):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def test_what_agents_write_outside_of_their_volumes_is_searched(by_token: Running) -> None:
    pod = by_token.worker()
    with pod.process() as process:
        pod.docker.call("exec", process.name, "sh", "-c", "echo left-behind > ~/note")
    assert leaks(pod, ["left-behind"]) == {"disk"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_update_loop(
    by_token: Running,
    git_hosts: Hosts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proved: Callable[..., None],
    provider: str,
) -> None:
    """What a user types; the agents' next refresh has it, and a run of the older version does not."""
    setup = by_token.setup
    first, before = setup.publish(), dict(setup.models)
    running = Running(setup, by_token.agents.provision(setup.config, image=provider), by_token.agents)
    with running.processor().process() as processor:
        processor.do("initialise")
        expect(processor, before)
        setup.projects[0].add_model(f"by_hand_{provider.replace('.', '_')}")
        for name, value in _user(setup, git_hosts).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("GIT_SSL_CAINFO", raising=False)
        git("clone", "--quiet", "--recurse-submodules", setup.config["dags"]["repo"], "dags", cwd=tmp_path)
        clone = tmp_path / "dags"
        git("submodule", "--quiet", "update", "--remote", cwd=clone)
        git("commit", "--quiet", "--all", "-m", "Move dbt on", cwd=clone)
        git("push", "--quiet", cwd=clone)
        second = git("rev-parse", "HEAD", cwd=clone)
        assert processor.do("refresh")["version"] == second
        after = {"jaffle": sorted([*before["jaffle"], f"by_hand_{provider.replace('.', '_')}"])}
        expect(processor, after)
    with running.worker().process() as worker:
        for version, models in ((first, before), (second, after), (first, before)):
            worker.do("initialise", version=version)
            expect(worker, models, version)
    # Go on from what the user pushed.
    git("fetch", "--quiet", "--no-recurse-submodules", str(setup.dags.bare), "main", cwd=setup.dags.tree)
    git("reset", "--quiet", "--soft", "FETCH_HEAD", cwd=setup.dags.tree)
    proved(
        "a commit moves the submodule",
        "new at the next refresh; a run of the older version keeps the older models",
        provider,
    )


def test_dags_token_expires(by_token: Running, git_hosts: Hosts, proved: Callable[..., None]) -> None:
    setup = by_token.setup
    setup.publish()
    path = "loop-token/dags.git"
    before = dict(setup.models)
    with by_token.processor().process() as processor, by_token.worker().process() as worker:
        processor.do("initialise")
        version = setup.dags.head()
        worker.do("initialise", version=version)
        git_hosts.trial.withdraw(path)
        try:
            message = processor.failure("refresh")
            assert "could not read Username" in message or "Authentication failed" in message
            expect(processor, before)
            worker.do("initialise", version=version, again=True)
            expect(worker, before, version)
        finally:
            git_hosts.trial.grant(path, setup.tokens[0])
        wanted = by_token.bump()
        assert processor.do("refresh")["version"] == wanted
        expect(processor, setup.models)
    proved(
        "token of the Dag repository expires",
        "refresh fails: Authentication failed; old Dags and versions keep running; continues with the next valid token",
    )


def test_submodule_commit_was_never_pushed(by_token: Running, proved: Callable[..., None]) -> None:
    setup = by_token.setup
    setup.publish()
    before = dict(setup.models)
    with by_token.processor().process() as processor:
        processor.do("initialise")
        setup.publish(jaffle=MISSING)
        message = processor.failure("refresh")
        assert "Error pulling submodule" in message
        assert f"not our ref {MISSING}" in message
        expect(processor, before)
        wanted = by_token.bump()
        assert processor.do("refresh")["version"] == wanted
        expect(processor, setup.models)
    proved(
        "pinned commit was never pushed",
        "refresh fails: not our ref; the old models keep running; continues with the next good commit",
    )


def test_submodule_commit_is_lost_to_a_force_push(
    agents: Agents, git_hosts: Hosts, proved: Callable[..., None]
) -> None:
    """Whoever has the commit keeps using it; nobody can fetch it again once the host has cleaned up."""
    running = _provision(agents, same_host_same_token(git_hosts, "loop-forced", name="jaffle"))
    setup = running.setup
    (project,) = setup.projects
    version, before, pinned = setup.dags.head(), dict(setup.models), project.commit
    with running.processor().process() as processor, running.worker().process() as worker:
        processor.do("initialise")
        worker.do("initialise", version=version)
        project.commit = project.repository.commit({"models/rewritten.sql": "select 2 as id\n"}, amend=True)
        with running.processor().process() as early:
            early.do("initialise")
            expect(early, before)
        assert f"pins the commit {pinned[:12]}, which is no longer part of main" in _preview(agents)

        project.repository.clean_up()
        refused = f"not our ref {pinned}"
        after = setup.dags.commit({"README.md": "Another change of the Dag repository\n"})
        assert processor.do("refresh")["version"] == after
        expect(processor, before)
        worker.do("initialise", version=version, again=True)
        expect(worker, before, version)
        assert refused in worker.failure("initialise", version=after)
        with running.processor().process() as late:
            assert refused in late.failure("initialise")
        assert f"pins the commit {pinned[:12]}, which {project.url} does not have" in _preview(agents)

        fixed = setup.publish()
        assert processor.do("refresh")["version"] == fixed
        expect(processor, setup.models)
        worker.do("initialise", version=fixed)
        expect(worker, setup.models, fixed)
    proved(
        "pinned commit is lost to a force-push",
        "clones and versions that have it keep working; once the host has cleaned up, new Pods and later commits of the Dag "
        "repository fail: not our ref",
    )


def _preview(agents: Agents) -> str:
    """What a preview of the stack as last provisioned prints, on one line."""
    preview = agents.stack.preview()
    return " ".join((preview.stdout + preview.stderr).split())


def test_submodule_host_down(by_token: Running, git_hosts: Hosts, proved: Callable[..., None]) -> None:
    """The tracking bundle is updated in part: the Dags are new, the dbt project is old until its host answers."""
    setup = by_token.setup
    (project,) = setup.projects
    setup.publish()
    old = project.commit
    setup.dags.commit({**EXAMPLE, "dags/proof.py": None})
    pod = by_token.processor()
    with pod.process() as processor:
        processor.do("initialise")
        before = processor.do("parse")
        project.add_model("after_the_outage")
        wanted = setup.dags.commit(submodules=_pins(setup))
        warning = f"jaffle is at commit {old[:12]}, but this repository asks for {project.commit[:12]}"
        with unreachable(git_hosts, _path(by_token)):
            assert "Error pulling submodule" in processor.failure("refresh")
            assert "Error pulling submodule" in processor.failure("refresh")
            half = processor.do("parse")
        assert processor.do("refresh")["version"] == wanted
        fixed = processor.do("parse")
    setup.dags.commit(dict.fromkeys(EXAMPLE))
    assert before["errors"] == half["errors"] == fixed["errors"] == {}
    assert half["dags"] == before["dags"]
    assert {*fixed["dags"]["jaffle"]} - {*before["dags"]["jaffle"]} == {"after_the_outage_run"}
    assert pod.log.count(warning) == 1
    assert warning not in before["docs"]["jaffle"]
    assert warning in half["docs"]["jaffle"]
    assert warning not in fixed["docs"]["jaffle"]
    proved(
        "host of the submodule is down",
        "refresh fails: Error pulling submodule; new Dags with the old models until it answers, and the Dag reports it",
    )


def test_poisoned_version(by_token: Running, git_hosts: Hosts, proved: Callable[..., None]) -> None:
    """A version whose first fetch failed stays without dbt; the example Dag reports it, and a fresh Pod works."""
    setup = by_token.setup
    version = setup.dags.commit(EXAMPLE, submodules=_pins(setup))
    pod = by_token.worker()
    with pod.process() as worker:
        with unreachable(git_hosts, _path(by_token)):
            assert "Error pulling submodule" in worker.failure("initialise", version=version)
        worker.do("initialise", version=version, again=True)
        message = worker.do("parse", version=version)["errors"]["jaffle_dag.py"].strip().splitlines()[-1]
        assert message.startswith("FileNotFoundError: No dbt project in ")
        assert "restart the Pod or remove this version's folder" in message
        shutil.rmtree(pod.storage / "versions" / version)
        worker.do("initialise", version=version, again=True)
    assert (pod.storage / "versions" / version / "dags/dbt/jaffle/dbt_project.yml").is_file()
    with by_token.worker().process() as worker:
        worker.do("initialise", version=version)
    setup.dags.commit(dict.fromkeys(EXAMPLE))
    proved(
        "first fetch of a version fails",
        "the version stays without dbt; the Dag reports it; a new Pod, or removing the version's folder, fixes it",
    )


def _pins(setup: Setup) -> dict[str, tuple[str, str]]:
    return {project.path: (project.url, project.commit) for project in setup.projects}


def test_git_host_down(by_key: Running, git_hosts: Hosts, proved: Callable[..., None]) -> None:
    """Running processes and versions on disk go on; a Dag processor that starts while the host is down does not."""
    setup = by_key.setup
    before, version = dict(setup.models), setup.publish()
    pod, worker_pod = by_key.processor(), by_key.worker()
    with pod.process() as processor, worker_pod.process() as worker:
        processor.do("initialise")
        worker.do("initialise", version=version)
        git_hosts.ssh.stop()
        try:
            assert "Could not read from remote repository" in processor.failure("refresh")
            expect(processor, before)
            worker.do("initialise", version=version, again=True)
            expect(worker, before, version)
            assert "Error cloning repository" in processor.failure("initialise", again=True)
            assert not (pod.storage / "bare").exists()
            expect(processor, before)
        finally:
            git_hosts.ssh.start()
        wanted = by_key.bump()
        processor.do("initialise", again=True)
        assert processor.do("refresh")["version"] == wanted
        expect(processor, setup.models)
    proved(
        "host of the Dag repository is down",
        "refresh fails; old Dags and versions keep running; a restarted Dag processor waits for the host",
    )


def _with_plain_key(container: Container, connection: str, url: str) -> Container:
    """As the provider's documentation sets up SSH: the private key in the connection, nothing of Git's."""
    (key,) = (
        volume.files["ssh-privatekey"] for volume in container.volumes if "ssh-privatekey" in volume.files
    )
    kept = {
        name: value for name, value in container.environment.items() if not name.startswith("GIT_CONFIG_")
    }
    extra = {"private_key": key.content.decode(), "strict_host_key_checking": "accept-new"}
    value = {"conn_type": "git", "host": url, "extra": extra}
    return replace(container, environment={**kept, f"AIRFLOW_CONN_{connection.upper()}": json.dumps(value)})


def test_first_refresh_after_a_commit_over_ssh(by_key: Running, proved: Callable[..., None]) -> None:
    """The provider's bug with the settings of its documentation, and none with the stack's."""
    setup = by_key.setup
    setup.publish()
    plain = _with_plain_key(by_key.containers[DAG_PROCESSOR], "deploy", setup.config["dags"]["repo"])
    with by_key.processor(container=plain).process() as bare, by_key.processor().process() as processor:
        bare.do("initialise")
        processor.do("initialise")
        wanted = by_key.bump()
        assert "git fetch" in bare.failure("refresh")
        bare.do("refresh")
        assert processor.do("refresh")["version"] == wanted
        expect(processor, setup.models)
    proved("first refresh after a commit, over SSH", "works; fails without the stack's Git settings")


def _with(container: Container, **variables: str) -> Container:
    return replace(container, environment={**container.environment, **variables})


def _with_bundle(container: Container, **kwargs: Any) -> Container:
    (entry,) = json.loads(container.environment[BUNDLES])
    entry["kwargs"] |= kwargs
    return _with(container, **{BUNDLES: json.dumps([entry])})


def _with_wrong_tokens(container: Container) -> Container:
    """Every token replaced by one that opens nothing."""

    def wrong(value: str) -> str:
        if value.startswith("Authorization: Basic "):
            return "Authorization: Basic bm9ib2R5Om5vdGhpbmc="
        return json.dumps({**json.loads(value), "password": "opens-nothing"}) if value[0] == "{" else value

    return _with(container, **{name: wrong(container.environment[name]) for name in container.secret_names})


BREAKS: dict[str, tuple[Callable[[Container], Container], str]] = {
    "wrong token": (_with_wrong_tokens, "Error cloning repository"),
    "submodules false": (partial(_with_bundle, submodules=False), "No dbt project in"),
    "path moved": (partial(_with_bundle, subdir="elsewhere"), "the agents see {}"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_proof_notices(by_token: Running, ledger: Ledger, name: str) -> None:
    """One thing broken on purpose makes the very proof of the matrix fail."""
    change, expected = BREAKS[name]
    started = time.monotonic()
    by_token.setup.publish()
    delivery = deliver(
        by_token.agents,
        by_token.setup,
        {"1.0.1": {name: change(container) for name, container in by_token.containers.items()}},
    )["1.0.1"]
    ledger.add("broken on purpose", name, "1.0.1", delivery.result[:70], time.monotonic() - started)
    assert expected in delivery.result


IMAGES = {
    "an image without Cosmos": "from cosmos import",
    "an image without the adapter": "'build': 'failed'",
    DEFAULT: "from cosmos import",
}


@pytest.mark.parametrize("name", IMAGES)
def test_proof_notices_the_image(agents: Agents, git_hosts: Hosts, ledger: Ledger, name: str) -> None:
    """Agents that have everything but one package in their image make the proof fail."""
    slug = f"loop-image-{list(IMAGES).index(name)}"
    setup = same_host_same_token(git_hosts, slug, name="jaffle")
    setup.publish()
    containers = agents.provision(setup.config, image=name)
    started = time.monotonic()
    delivery = deliver(agents, setup, {name: containers})[name]
    ledger.add(
        "broken on purpose", name, "1.0.1", delivery.result[:70], time.monotonic() - started,
        image=containers[WORKER].image,
    )  # fmt: skip
    assert IMAGES[name] in delivery.result


def test_token_is_rotated_while_agents_run(
    by_token: Running, git_hosts: Hosts, proved: Callable[..., None]
) -> None:
    setup, agents = by_token.setup, by_token.agents
    setup.publish()
    agents.provision(setup.config)
    templates = _templates(agents)
    path, token = "loop-token/dags.git", "canary-loop-token-rotated"
    with by_token.processor().process() as old:
        old.do("initialise")
        git_hosts.trial.grant(path, token)
        setup.config["credentials"]["git"]["password"] = setup.tokens[0] = token
        by_token.containers = agents.provision(setup.config)
        rolled = {name for name, mark in _templates(agents).items() if mark != templates[name]}
        assert rolled == {DAG_PROCESSOR, WORKER, "astro-agent-triggerer"}
        old.do("refresh")
        git_hosts.trial.withdraw(path)
        git_hosts.trial.grant(path, token)
        assert "Authentication failed" in old.failure("refresh")
        expect(old, setup.models)
    with agents.pod(DAG_PROCESSOR).process() as new:
        new.do("initialise")
        wanted = by_token.bump()
        assert new.do("refresh")["version"] == wanted
        expect(new, setup.models)
    proved(
        "token is rotated while agents run",
        "the Pods that read it roll; old ones work until the old token is revoked",
    )


def _templates(agents: Agents) -> dict[str, str]:
    return {name: str(item.spec.template) for name, item in agents.stack.deployments().items()}
