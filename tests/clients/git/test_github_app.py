"""GitHub Apps: a token is minted with the app's key and opens the repository."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from clients.git import Access, Cause, GitError, Session, ls_remote
from clients.git.github_app import LOGIN, GithubApp
from tests.clients.git.conftest import Host

MINTED = "canary-minted-token"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """A throw-away key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _access(host: Host, private_key: str) -> Access:
    app = GithubApp(host.server.address, 12345, 678, private_key)
    return Access(authority=host.server.authority.read_text(), apps=(app,))


@pytest.fixture
def trusting(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """The host, trusted by this process as by a machine with the company's authority installed."""
    monkeypatch.setenv("SSL_CERT_FILE", str(host.server.authority))
    return host


def test_an_installation_token_opens_the_repository(trusting: Host, key: rsa.RSAPrivateKey) -> None:
    trusting.server.app_token = MINTED
    trusting.server.grants["org/private.git"].append((LOGIN, MINTED))
    with Session(_access(trusting, _pem(key)), timeout=20) as session:
        assert ls_remote(session, trusting.url).branches
    head, claims, signature = trusting.server.assertions[0].split(".")
    decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))  # noqa: E731
    key.public_key().verify(
        decode(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    body = json.loads(decode(claims))
    assert body["iss"] == "12345"
    assert body["exp"] - body["iat"] <= 600


def test_a_refused_app(trusting: Host, key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(GitError) as caught, Session(_access(trusting, _pem(key)), timeout=20):
        pass
    assert caught.value.cause is Cause.UNAUTHORISED
    assert "BEGIN" not in str(caught.value)


def test_a_key_that_is_none(trusting: Host) -> None:
    with pytest.raises(GitError) as caught, Session(_access(trusting, "canary-no-key"), timeout=20):
        pass
    assert caught.value.cause is Cause.UNAUTHORISED
    assert "canary" not in str(caught.value)


def test_a_key_of_another_kind(trusting: Host) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(GitError) as caught, Session(_access(trusting, pem.decode()), timeout=20):
        pass
    assert caught.value.cause is Cause.UNAUTHORISED


def test_a_host_that_is_not_trusted(host: Host, key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(GitError) as caught, Session(_access(host, _pem(key)), timeout=20):
        pass
    assert caught.value.cause is Cause.TLS


def test_a_host_that_hangs(trusting: Host, key: rsa.RSAPrivateKey) -> None:
    trusting.server.delay = 60
    with pytest.raises(GitError) as caught, Session(_access(trusting, _pem(key)), timeout=1):
        pass
    assert caught.value.cause is Cause.TIMEOUT


def test_the_public_host_has_its_api_elsewhere() -> None:
    assert GithubApp("github.com", 1, 2, "").api == "https://api.github.com"
    assert GithubApp("git.example.com:8443", 1, 2, "").api == "https://git.example.com:8443/api/v3"


def test_an_authority_of_the_connection_opens_the_api(host: Host, key: rsa.RSAPrivateKey) -> None:
    """A proxy that inspects TLS signs the API's certificate too; nothing on this machine trusts it."""
    host.server.app_token = MINTED
    host.server.grants["org/private.git"].append((LOGIN, MINTED))
    pem = host.server.authority.read_text()
    app = GithubApp(host.server.address, 12345, 678, _pem(key), trusted=pem)
    with Session(Access(authority=pem, apps=(app,)), timeout=20) as session:
        assert ls_remote(session, host.url).branches


def test_an_authority_that_cannot_be_read(host: Host, key: rsa.RSAPrivateKey) -> None:
    app = GithubApp(host.server.address, 12345, 678, _pem(key), trusted="-----BEGIN CERTIFICATE-----\nx\n")
    with pytest.raises(GitError, match="caBundle"):
        app.token(timeout=5)
