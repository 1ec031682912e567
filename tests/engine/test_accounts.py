"""One stack's whole life, with the rights of docs/rbac.yaml alone, and its secrets nowhere but where they belong."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.accounts import (
    DEPLOY,
    PREVIEW,
    Audit,
    Request,
    Right,
    apply,
    documents,
    kubeconfig,
    rights,
    rules_of,
    used,
)
from tests.support.canaries import Canaries, Watch, written
from tests.support.engine import SECRET_KEYS, Stack, copy_program
from tests.support.keda import keda
from tests.support.kills import kill
from tests.support.kube_objects import kubectl
from trial.cluster import audit_log

pytestmark = pytest.mark.engine

PLAIN, MASKED = ("pulumi",), (sys.executable, "-m", "program.debug_log")


@dataclass
class Life:
    """What a stack did from its first preview to its end."""

    stack: Stack
    folder: Path
    audit: Audit
    objects: list[dict[str, Any]]
    canaries: Canaries
    texts: dict[str, str | bytes] = field(default_factory=dict)
    """Everything that was printed or recorded, by what it is."""
    leaks: set[str] = field(default_factory=set)
    """What was found while something ran."""
    watched: tuple[int, int] = (0, 0)
    """Number of command lines and of temporary files that were read meanwhile."""
    granted: set[Right] = field(default_factory=set)
    """What the release's own Roles grant."""
    ended: bool = False
    """Whether the stack is destroyed."""
    begin: float = field(default_factory=time.time)
    """When it began, in seconds since the epoch."""

    def act_as(self, account: str) -> None:
        """Have later runs be those of an account. The path stays, because the provider remembers it."""
        kubeconfig(self.stack.environment, account, self.folder / "kubeconfig")

    def run(
        self, name: str, *arguments: str, engine: tuple[str, ...] = MASKED, level: int = 9
    ) -> subprocess.CompletedProcess[str]:
        """Run the engine with its most verbose log, masked by the program, and look at everything meanwhile."""
        temporary = Path(self.stack.variables["TMPDIR"])
        events = self.folder / f"{name}.events"
        options = ("--stack", self.stack.name, "--non-interactive", "--logtostderr", f"-v={level}")
        with Watch(self.canaries, temporary) as watch:
            done = self.stack.run(*engine, *arguments, *options, "--event-log", str(events))
        self.leaks |= {f"{name}: {found}" for found in watch.found}
        self.watched = (self.watched[0] + len(watch.commands), self.watched[1] + len(watch.files))
        self.texts |= {f"output of {name}": done.stdout, f"log of {name}": done.stderr}
        self.texts[f"events of {name}"] = events.read_text(encoding="utf-8")
        return done

    def kill(self, name: str) -> None:
        """Kill a run with all of its processes while Helm works, and look at everything that it leaves."""
        temporary, output = Path(self.stack.variables["TMPDIR"]), self.folder / f"{name}.txt"
        with Watch(self.canaries, temporary) as watch, output.open("wb") as stream:
            kill(self.stack, "everything", "--logtostderr", "-v=9", engine=MASKED, output=stream)
        self.leaks |= {f"{name}: {found}" for found in watch.found}
        self.leaks |= {f"left by {name}: {found}" for found in self.canaries.below(temporary)}
        assert self.stack.pulumi("cancel", "--yes").returncode == 0

    def services(self) -> Iterator[Path]:
        """Folders in which the parts of the trial that a stack uses keep things, apart from etcd with its Secrets."""
        layout = self.stack.environment.layout
        yield from (layout.logs, audit_log(layout).parent)
        engine = self.stack.run("docker", "info", "--format", "{{.DockerRootDir}}")
        assert engine.returncode == 0, engine.stderr
        yield Path(engine.stdout.strip())

    def record(self, name: str) -> None:
        """Keep what Helm and Kubernetes show outside of Secrets."""
        api, namespace = self.stack.api(), self.stack.namespace
        for item in api.list_namespaced_secret(namespace, label_selector="owner=helm").items:
            packed = base64.b64decode(base64.b64decode((item.data or {})["release"]))
            self.texts[f"Helm's record {item.metadata.name} after {name}"] = gzip.decompress(packed)
        kinds = "pods,deployments,replicasets,configmaps,events,leases,serviceaccounts,poddisruptionbudgets"
        self.texts[f"objects after {name}"] = self.stack.kubectl("get", kinds, "--output=json")
        self.texts[f"state after {name}"] = self.stack.state()


def complete(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration that creates objects of every kind that the chart and the program know, with every kind of secret."""
    changed = copy.deepcopy(config)
    worker = changed["agent"]["workers"][0]
    changed["agent"] |= {
        "createNamespace": False,
        "logs": {"sidecar": {"sinks": {"out": {"type": "console", "encoding": {"codec": "text"}}}}},
        "disruptionBudgets": {"workers": {"maxUnavailable": 1}},
        "openLineage": {"enabled": True, "url": "http://127.0.0.1:9"},
        "workers": [
            {
                **worker,
                "kubernetesPodOperator": True,
                "autoscaling": {"maxReplicas": 3, "keda": {"prometheus": "http://prometheus:9090"}},
            },
            {**worker, "name": "heavy", "queues": ["heavy"], "autoscaling": {"maxReplicas": 2}},
        ],
    }
    changed |= {
        "connections": {
            **changed["connections"],
            "deploy": {"type": "ssh"},
            "app": {"type": "github-app", "appId": 1, "installationId": 2},
        },
        "credentials": {
            **changed["credentials"],
            "deploy": {"privateKey": key()},
            "app": {"privateKey": key()},
        },
        "agentToken": canary("agent"),
        "sentinelAuth": canary("sentinel"),
        "openLineageApiKey": canary("lineage"),
        "packageIndex": f"https://someone:canary-index-{secrets.token_hex(8)}@127.0.0.1:9/simple",
        "proxy": f"http://someone:canary-proxy-{secrets.token_hex(8)}@127.0.0.1:9",
        "pullRegistry": {"server": changed["registry"]["server"], "username": "other"},
        "pullRegistryPassword": canary("pull"),
    }
    changed["preflight"]["checks"]["image"] = {
        "level": "off",
        "reason": "the user of pullRegistry is made up",
    }
    return changed


def changed_everywhere(config: dict[str, Any]) -> dict[str, Any]:
    """The other option, rotated secrets, and a change of every object."""
    changed = copy.deepcopy(config)
    changed |= {"delivery": "agent-image", "agentToken": canary("rotated"), "sentinelAuth": canary("rotated")}
    changed["credentials"]["deploy"]["privateKey"] = key()
    changed["agent"]["values"] = {"labels": {"team": "data"}}
    changed["agent"]["disruptionBudgets"] = {"workers": {"maxUnavailable": 2}}
    changed["agent"]["workers"][0]["autoscaling"]["maxReplicas"] = 4
    return changed


def broken(config: dict[str, Any]) -> dict[str, Any]:
    """A release that the API server refuses in the middle of the upgrade, and another secret."""
    changed = copy.deepcopy(config)
    changed["agentToken"] = canary("failed")
    changed["agent"]["dagProcessor"] = {"values": {"nodeSelector": {"zone": "not a label!"}}}
    reason = {"level": "off", "reason": "the selector is wrong on purpose"}
    changed["preflight"]["checks"] |= {"cluster": reason, "chart": reason}
    return changed


def endless(config: dict[str, Any]) -> dict[str, Any]:
    """A release that no node is large enough for, which leaves the time to kill its run, and another secret."""
    changed = copy.deepcopy(config)
    changed["agentToken"] = canary("killed")
    changed["agent"]["workers"][1] |= {"resources": {"requests": {"cpu": "1000"}, "limits": {"cpu": "1000"}}}
    changed["agent"]["workers"].append({"name": "killed", "queues": ["killed"]})
    reason = {"level": "off", "reason": "no node is large enough on purpose"}
    changed["preflight"]["checks"] |= {"cluster": reason}
    return changed


def canary(kind: str) -> str:
    """A secret that nothing else contains; its signs have other spellings in addresses."""
    return f"canary/{kind}+{secrets.token_hex(8)}@:%"


def key() -> str:
    """What passes for a private key and opens nothing."""
    begin, end = (f"-----{word} EC PRIVATE KEY-----" for word in ("BEGIN", "END"))
    return f"{begin}\n{base64.b64encode(secrets.token_bytes(48)).decode()}\n{end}\n"


def secrets_of(*configs: dict[str, Any]) -> set[str]:
    """Every secret text of configurations; of an address, its password."""
    found = set[str]()
    for config in configs:
        for key in SECRET_KEYS & set(config):
            value = config[key]
            found |= (
                {value}
                if isinstance(value, str)
                else {text for item in value.values() for text in item.values()}
            )
    return {urlsplit(text).password or text if "://" in text else text for text in found}


def granted_by(stack: Stack) -> set[Right]:
    """What the release's own Roles grant."""
    roles = stack.kubectl("get", "roles", "--selector=app=astro-agent", "--output=json")
    return rights(rule for role in json.loads(roles)["items"] for rule in role["rules"])


@pytest.fixture(scope="module")
def life(environment, tmp_path_factory) -> Iterator[Life]:
    """A stack from nothing to nothing, with rights in its namespace only."""
    folder = tmp_path_factory.mktemp("accounts")
    stack = Stack(environment, copy_program(folder / "program"), "accounts")
    stack.variables |= {"KUBECONFIG": str(folder / "kubeconfig"), "TMPDIR": str(folder / "tmp")}
    stack.variables["PULUMI_DEBUG_COMMANDS"] = "true"  # else there is no --event-log
    (folder / "tmp").mkdir()
    config = complete(stack.config)
    other = changed_everywhere(config)
    failing, killed = broken(other), endless(other)
    objects = documents("rbac.yaml", namespace=stack.namespace)
    plain, by_hand = {**config, "agentToken": canary("rotated again")}, canary("by hand")
    canaries = Canaries({*secrets_of(config, other, failing, killed, plain), by_hand})
    life = Life(stack, folder, Audit(environment), objects, canaries)
    kubectl(environment, "create", "namespace", stack.namespace)
    apply(environment, objects)
    with keda(environment):
        try:
            live(life, config, other, failing, killed, plain, by_hand)
            yield life
        finally:
            life.act_as(DEPLOY)
            if not life.ended:
                stack.pulumi("destroy", "--yes", "--skip-preview")
            stack.pulumi("stack", "rm", "--yes", "--force")
            kubectl(environment, "delete", "namespace", stack.namespace, "--wait=false")


def live(
    life: Life,
    config: dict[str, Any],
    other: dict[str, Any],
    failing: dict[str, Any],
    killed: dict[str, Any],
    plain: dict[str, Any],
    by_hand: str,
) -> None:
    stack = life.stack
    life.act_as(DEPLOY)
    stack.write(config)
    refused(life.run("preview of nothing with secrets in the log", "preview", engine=PLAIN))
    succeeded(life.run("install", "up", "--yes", "--skip-preview"))
    life.record("install")

    life.act_as(PREVIEW)
    stack.write(other)
    preview = succeeded(life.run("preview", "preview", "--diff", engine=PLAIN, level=6))
    assert "that is enough for this preview" in preview.stdout + preview.stderr
    stack.write(config)
    drift = stack.review("drift", "--stacks", stack.name)
    life.texts["drift"] = drift.stdout + drift.stderr
    assert (drift.returncode, "⚪ nothing to do" in drift.stdout) == (0, True), drift.stdout

    life.act_as(DEPLOY)
    stack.write(other)
    refused(life.run("update with secrets in the log", "up", "--yes", "--skip-preview", engine=PLAIN))
    succeeded(life.run("switch and rotation", "up", "--yes", "--skip-preview"))
    life.record("switch and rotation")
    stack.write(failing)
    assert life.run("failed run", "up", "--yes", "--skip-preview").returncode != 0
    life.record("failed run")
    stack.write(killed)
    life.kill("killed run")
    life.record("killed run")
    in_cluster = base64.b64encode(by_hand.encode()).decode()
    patch = json.dumps({"data": {"token": in_cluster}})
    stack.kubectl("patch", "secret", "astro-agent-agent-token", "--patch", patch)
    stack.write(config)
    repaired = succeeded(life.run("repair", "up", "--refresh", "--yes", "--skip-preview"))
    assert "removed the record of revision" in repaired.stdout
    life.record("repair")
    life.granted = granted_by(stack)
    stack.write(plain)
    succeeded(life.run("rotation", "up", "--yes", "--skip-preview", engine=PLAIN, level=6))
    succeeded(life.run("destroy", "destroy", "--yes", "--skip-preview"))
    life.ended = True


def succeeded(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done


def refused(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode != 0
    assert "--verbose=9: makes Pulumi log the content of Secrets" in done.stdout


def needless(requests: list[Request], granted: set[Right], allowed: set[Right]) -> set[Right]:
    """Rights that no request needed, and no Role of the release either."""
    return {right for right in allowed if not used(requests, right) and right not in granted}


def test_the_rights_of_the_deploying_account_are_enough_and_needed(life):
    requests = life.audit.requests(DEPLOY)
    assert {item.namespace for item in requests} == {life.stack.namespace}
    assert [item for item in requests if not item.allowed] == []
    assert needless(requests, life.granted, rights(rules_of(life.objects, DEPLOY))) == set()


def test_the_rights_of_the_previewing_account_are_enough_and_needed(life):
    requests = life.audit.requests(PREVIEW)
    assert {item.namespace for item in requests} == {life.stack.namespace}
    assert {item.dry_run for item in requests if not item.allowed} == {True}, "it may not even try to write"
    allowed = rights(rules_of(life.objects, PREVIEW))
    assert {right.verb for right in allowed} <= {"get", "list", "watch"}
    assert needless(requests, set(), allowed) == set()


def test_a_stack_that_creates_its_namespace_needs_nothing_more(stack, tmp_path):
    audit, objects = (
        Audit(stack.environment),
        documents("rbac-create-namespace.yaml", namespace=stack.namespace),
    )
    apply(stack.environment, objects)
    stack.variables["KUBECONFIG"] = str(tmp_path / "kubeconfig")
    try:
        stack.write()
        kubeconfig(stack.environment, DEPLOY, tmp_path / "kubeconfig")
        for command in ("up", "destroy"):
            succeeded(stack.pulumi(command, "--yes", "--skip-preview"))
    finally:
        apply(stack.environment, objects, "delete")
    requests = audit.requests(DEPLOY)
    assert [item for item in requests if not item.allowed] == []
    named = {item.asked.name for item in requests if item.asked.resource == "namespaces"}
    assert named == {stack.namespace, ""}, "one is written, all are watched"
    allowed = {right for right in rights(rules_of(objects, DEPLOY)) if right.resource == "namespaces"}
    assert needless(requests, set(), allowed) == set()


def test_no_secret_is_anywhere_but_in_secrets_and_encrypted_state(life):
    found = set(life.leaks)
    logs = [text for name, text in life.texts.items() if name.startswith("log of") and "***" in str(text)]
    assert len(logs) >= 5, "the secrets would be in every log at that level"
    found |= {f"{name}: {leak}" for name, text in life.texts.items() if (leak := life.canaries.of(text))}
    backend = life.stack.info.pulumi.backend
    kept = [path for path in backend.rglob(f"{life.stack.name}*") if "astro-dbt" in path.parts]
    assert {path.parts[path.parts.index("astro-dbt") - 1] for path in kept} >= {"history", "backups"}
    for folder in (*(path for path in kept if path.is_dir()), life.folder):
        found |= set(life.canaries.below(folder))
    for folder in life.services():
        assert written(folder, since=life.begin), f"nothing in {folder} is of this test"
        found |= set(life.canaries.below(folder, since=life.begin))
    assert sorted(found) == []
    commands, files = life.watched
    assert commands > 100
    assert files > 0
