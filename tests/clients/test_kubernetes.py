"""The way to a cluster: which kubeconfig is used, and how an unusable one is reported."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import yaml

from clients.errors import Cause
from clients.kubernetes import ClusterError, RefusedError, connect, kubeconfigs

CONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "first",
    "clusters": [
        {"name": name, "cluster": {"server": f"https://{name}.invalid:6443"}} for name in ("first", "second")
    ],
    "users": [{"name": "user", "user": {"token": "canary-token"}}],
    "contexts": [
        {"name": name, "context": {"cluster": name, "user": "user"}} for name in ("first", "second")
    ],
}
TEXT = yaml.safe_dump(CONFIG)


def failure(kubeconfig: str | None, context: str | None = None, *, root: Path | None = None) -> ClusterError:
    """The error of a kubeconfig that cannot be used."""
    with pytest.raises(ClusterError) as caught:
        connect(kubeconfig, context, root=root, timeout=1)
    assert "canary" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("context", "server"), [(None, "first"), ("second", "second")])
def test_content_and_path_lead_to_the_same_cluster(tmp_path: Path, context: str | None, server: str) -> None:
    (tmp_path / "kubeconfig").write_text(TEXT)
    for kubeconfig, root in ((TEXT, None), ("kubeconfig", tmp_path), (str(tmp_path / "kubeconfig"), None)):
        cluster = connect(kubeconfig, context, root=root, timeout=1)
        assert cluster.server == f"https://{server}.invalid:6443"


def test_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubeconfig").write_text(TEXT)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    assert connect(None, None, timeout=1).server == "https://first.invalid:6443"


def test_a_context_that_is_not_there() -> None:
    assert failure(TEXT, "third").cause is Cause.CONTEXT


@pytest.mark.parametrize("content", ["{", "users: [{user: {token: canary\n: }", "- a\n- list\n", "a: text\n"])
def test_content_that_is_not_a_kubeconfig(content: str) -> None:
    assert failure(content).cause is Cause.KUBECONFIG


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert failure("nowhere", root=tmp_path).cause is Cause.KUBECONFIG


def test_a_server_that_does_not_answer() -> None:
    cluster = connect(TEXT, None, timeout=5)
    with pytest.raises(ClusterError) as caught:
        cluster.get("/version")
    assert caught.value.cause in {Cause.UNREACHABLE, Cause.TIMEOUT}
    assert caught.value.server == "https://first.invalid:6443"


def test_half_an_answer() -> None:
    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"major": "1"')

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        config = {**CONFIG, "clusters": [{"name": "first", "cluster": {"server": _url(listener)}}]}
        with pytest.raises(ClusterError) as caught:
            connect(yaml.safe_dump(config), None, timeout=5).get("/version")
        thread.join()
    assert (caught.value.cause, str(caught.value)) == (Cause.UNREACHABLE, "its answer ended early")


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("status", "cause"), [(403, Cause.UNAUTHORISED), (404, Cause.NOT_FOUND), (409, Cause.OTHER)]
)
def test_the_cause_of_a_refusal(status: int, cause: Cause) -> None:
    error = RefusedError(status, "Reason")
    assert (error.cause, error.status, str(error)) == (cause, status, f"HTTP {status} Reason")


def test_where_kubectl_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfigs({"KUBECONFIG": "/a:/b:"}) == (Path("/a"), Path("/b"))
    assert kubeconfigs({}) == (tmp_path / ".kube" / "config",)
