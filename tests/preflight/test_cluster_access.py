"""One connection to the cluster, and every question asked once: against a server that answers as the API server does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.errors import RemoteError
from clients.kubernetes import RefusedError
from preflight.cluster_access import ClusterAccess, SecretContent
from tests.support.http_server import Answer, HttpServer, Request
from tests.support.kube_objects import kubeconfig
from tests.support.stacks import ROOT, settings_of, with_agent

NAMESPACE = "agents"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
DATA = {"token": base64.b64encode(b"canary-t").decode()}
ANSWERS: dict[str, tuple[int, Any]] = {
    "/version": (200, {"gitVersion": "v1.36.3"}),
    f"{SECRETS}/ours": (200, {"data": DATA}),
    f"{SECRETS}/closed": (403, {}),
    f"{SECRETS}/broken": (500, {}),
}


def _answer(request: Request) -> Answer:
    status, body = ANSWERS.get(request.path, (404, {}))
    return status, json.dumps(body).encode(), {"Content-Type": "application/json"}


@pytest.fixture
def host() -> Iterator[HttpServer]:
    with HttpServer(_answer) as server:
        yield server


def _access(server: str, folder: Path, **changes: Any) -> ClusterAccess:
    (folder / "kubeconfig").write_text(kubeconfig(server))
    cluster = {"context": "trial", "kubeconfig": str(folder / "kubeconfig")}
    config = with_agent(cluster=cluster, namespace=NAMESPACE)
    return ClusterAccess(settings_of({**config, "preflight": {"timeout": 5}, **changes}), root=ROOT)


def test_every_question_is_asked_once(host: HttpServer, tmp_path: Path) -> None:
    access = _access(host.url(), tmp_path)
    for _ in range(2):
        assert (access.version(), access.known_version()) == ("1.36.3", "1.36.3")
        assert access.secret("ours") == SecretContent({"token": "canary-t"})
        assert access.read_secret("ours") == {"token": "canary-t"}
    assert host.asked == ["/version", f"{SECRETS}/ours"]


def test_secrets_that_cannot_be_read(host: HttpServer, tmp_path: Path) -> None:
    access = _access(host.url(), tmp_path)
    assert access.secret("closed") == SecretContent(None, forbidden=True)
    assert access.secret("missing") == SecretContent(None)
    with pytest.raises(RefusedError):
        access.secret("broken")
    assert [access.read_secret(name) for name in ("closed", "missing", "broken")] == [None] * 3


def test_a_cluster_that_does_not_answer(tmp_path: Path) -> None:
    access = _access("http://127.0.0.1:1", tmp_path)
    with pytest.raises(RemoteError):
        access.version()
    assert (access.known_version(), access.read_secret("ours")) == (None, None)


def test_nothing_is_asked_for_others_while_the_checks_are_off(host: HttpServer, tmp_path: Path) -> None:
    levels = {"checks": {"cluster": {"level": "off", "reason": "not part of this test"}}}
    access = _access(host.url(), tmp_path, preflight=levels)
    assert (access.known_version(), access.read_secret("ours")) == (None, None)
    assert not host.asked
