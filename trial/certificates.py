"""The trial's certificate authority and the certificates of its servers and clients, all valid until 2038 (trustme)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from trial.layout import write_private


@dataclass(frozen=True)
class Certificate:
    """A certificate to issue."""

    name: str
    """Name of its files, `<name>.crt` and `<name>.key`."""
    common_name: str
    """Kubernetes user, for a client."""
    group: str | None = None
    """Kubernetes group, for a client (organisation)."""
    hosts: tuple[str, ...] = ()
    """Host names and addresses of a server."""

    @property
    def identities(self) -> tuple[str, ...]:
        """Subject alternative names; never empty, because Go refuses an empty critical extension."""
        return self.hosts or (self.name,)


@dataclass(frozen=True)
class KeyPair:
    """Paths of a certificate and its key, both PEM."""

    certificate: Path
    key: Path


class Authority:
    """The certificate authority of one trial; its folder holds all files, keys with mode 0600."""

    def __init__(self, folder: Path, *, name: str = "astro-dbt trial") -> None:
        self.folder = folder
        self.name = name
        self.pair = KeyPair(folder / "ca.crt", folder / "ca.key")

    def ensure(self, wanted: Sequence[Certificate]) -> dict[str, KeyPair]:
        """Create the authority and the certificates that are missing or have other hosts; certificates by name."""
        authority = self._authority()
        pairs = {}
        for certificate in wanted:
            pair = KeyPair(self.folder / f"{certificate.name}.crt", self.folder / f"{certificate.name}.key")
            if not (pair.key.exists() and _identities(pair.certificate) >= set(certificate.identities)):
                issued = authority.issue_cert(
                    *certificate.identities,
                    common_name=certificate.common_name,
                    organization_name=certificate.group or self.name,
                )
                write_private(pair.key, issued.private_key_pem.bytes().decode())
                write_private(pair.certificate, issued.cert_chain_pems[0].bytes().decode())
            pairs[certificate.name] = pair
        return pairs

    def signing_key(self, name: str) -> KeyPair:
        """Key pair without a certificate, for signing service account tokens; created once."""
        pair = KeyPair(self.folder / f"{name}.pub", self.folder / f"{name}.key")
        if not (pair.certificate.exists() and pair.key.exists()):
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            private = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_private(pair.key, private.decode())
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            write_private(pair.certificate, public.decode())
        return pair

    def _authority(self) -> trustme.CA:
        if self.pair.certificate.exists() and self.pair.key.exists():
            return trustme.CA.from_pem(self.pair.certificate.read_bytes(), self.pair.key.read_bytes())
        authority = trustme.CA(organization_name=self.name)
        write_private(self.pair.key, authority.private_key_pem.bytes().decode())
        write_private(self.pair.certificate, authority.cert_pem.bytes().decode())
        for issued in self.folder.glob("*.crt"):
            if issued != self.pair.certificate:
                issued.unlink()
        return authority


def _identities(certificate: Path) -> set[str]:
    """Subject alternative names of an issued certificate; empty if there is none."""
    if not certificate.exists():
        return set()
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}
