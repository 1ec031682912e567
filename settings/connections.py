"""`connections` and `credentials`: how Git hosts are accessed, and with which credentials."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from domain.connection_secret import CONNECTION_KEY
from settings.base import DnsSubdomain, Section


class _Connection(Section):
    existing_secret: DnsSubdomain | None = None
    """Name of an existing Secret that holds this connection; this stack then creates none (keys: docs/connections.md)."""
    connection_key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$")] = CONNECTION_KEY
    """Key of `existingSecret` that holds the Airflow connection."""
    backend: bool = False
    """True: the agents' secrets backend holds the connection; this stack creates nothing, and any id that Airflow allows will do."""

    @model_validator(mode="after")
    def _one_place(self) -> _Connection:
        if self.existing_secret and self.backend:
            raise ValueError("names both existingSecret and backend; keep the one that holds the connection")
        if self.connection_key != CONNECTION_KEY and not self.existing_secret:
            raise ValueError("has connectionKey without existingSecret; name the Secret, or remove the key")
        return self

    @property
    def created_here(self) -> bool:
        """Whether this stack creates the connection's Secret."""
        return self.existing_secret is None and not self.backend


class HttpsConnection(_Connection):
    """HTTPS with a token (or anonymous, without credentials)."""

    type: Literal["https"]
    """HTTPS."""
    login: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s:]+$")] = "git"
    """User name for the token; GitHub and GitLab accept any."""
    anonymous: bool = False
    """True: the repository is public and needs no credentials."""
    ca_bundle: str | None = None
    """PEM file with the certificate authority of a Git host whose certificate is not signed by a public one."""


class SshConnection(_Connection):
    """SSH with a deploy key."""

    type: Literal["ssh"]
    """SSH."""
    known_hosts: str | None = None
    """Lines of a known_hosts file; without them the host key is accepted at first contact (`accept-new`)."""


class GithubAppConnection(_Connection):
    """GitHub App installation; needs apache-airflow-providers-git 0.5.0 or later with its `github` extra."""

    type: Literal["github-app"]
    """GitHub App."""
    app_id: Annotated[int, Field(ge=1)]
    """App id."""
    installation_id: Annotated[int, Field(ge=1)]
    """Installation id."""
    ca_bundle: str | None = None
    """PEM file with the certificate authority of a proxy that inspects TLS; agents request tokens with REQUESTS_CA_BUNDLE."""


Connection = Annotated[HttpsConnection | SshConnection | GithubAppConnection, Field(discriminator="type")]
"""How to access a Git host."""


def _private_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip().replace("\r\n", "\n")
    lines = text.split("\n")
    if (
        not lines[0].startswith("-----BEGIN ")
        or "PRIVATE KEY" not in lines[0]
        or not lines[-1].startswith("-----END ")
    ):
        raise ValueError(
            "is not a private key in PEM or OpenSSH format; paste the whole file, including the BEGIN and END lines"
        )
    if _is_encrypted(lines):
        raise ValueError(
            'is protected by a passphrase, which the agents cannot enter; use a key without one (ssh-keygen -p -N "")'
        )
    # OpenSSH refuses a key file that does not end in a newline ("error in libcrypto").
    return SecretStr(text + "\n")


def _is_encrypted(lines: list[str]) -> bool:
    if "ENCRYPTED" in lines[0] or any(line.startswith("Proc-Type: 4,ENCRYPTED") for line in lines):
        return True
    if "OPENSSH" not in lines[0]:
        return False
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise ValueError(
            "is damaged: its body is not base64; paste the file again, including line breaks"
        ) from error
    magic = b"openssh-key-v1\0"
    length = int.from_bytes(blob[len(magic) : len(magic) + 4], "big")
    return blob[len(magic) + 4 : len(magic) + 4 + length] != b"none"


class Credential(Section):
    """Secret part of one connection; the connection's type determines which keys it needs."""

    password: Annotated[SecretStr, Field(min_length=1)] | None = None
    """Token or password of an https connection."""
    private_key: Annotated[SecretStr, AfterValidator(_private_key)] | None = None
    """Private key of an ssh or github-app connection, without passphrase."""
