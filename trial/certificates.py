"""The trial's certificate authority and the certificates of its servers and clients."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trial.layout import write_private

VALID_DAYS = 365
RENEW_DAYS = 30


@dataclass(frozen=True)
class Certificate:
    """A certificate to sign."""

    name: str
    """Of the files `<name>.crt` and `<name>.key`."""
    common_name: str
    """The user a client is to Kubernetes."""
    groups: tuple[str, ...] = ()
    """The groups a client is in (organisations)."""
    hosts: tuple[str, ...] = ()
    """Names and addresses a server is reached by."""


@dataclass(frozen=True)
class KeyPair:
    """Paths of a certificate and its key, both PEM."""

    certificate: Path
    key: Path


class Authority:
    """The certificate authority of one trial.

    Args:
        folder: for all files; keys are written with mode 0600.
        name: the authority's common name.
    """

    def __init__(self, folder: Path, *, name: str = "astro-dbt trial") -> None:
        self.folder = folder
        self.name = name
        self.pair = KeyPair(folder / "ca.crt", folder / "ca.key")

    def ensure(self, wanted: Sequence[Certificate]) -> dict[str, KeyPair]:
        """Make the authority and the certificates that are missing, end soon or have other hosts."""
        if _ends_soon(self.pair.certificate):
            self._make_authority()
            for certificate in wanted:
                (self.folder / f"{certificate.name}.crt").unlink(missing_ok=True)
        pairs = {}
        for certificate in wanted:
            pair = KeyPair(self.folder / f"{certificate.name}.crt", self.folder / f"{certificate.name}.key")
            if (
                _ends_soon(pair.certificate)
                or not pair.key.exists()
                or not _has_hosts(pair.certificate, certificate)
            ):
                self._sign(certificate, pair)
            pairs[certificate.name] = pair
        return pairs

    def signing_key(self, name: str) -> KeyPair:
        """Make (once) a key pair without certificate, as service accounts' tokens are signed with."""
        pair = KeyPair(self.folder / f"{name}.pub", self.folder / f"{name}.key")
        if not (pair.certificate.exists() and pair.key.exists()):
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            write_private(pair.key, _pem(key))
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            write_private(pair.certificate, public.decode())
        return pair

    def _make_authority(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        builder = (
            _builder(subject, subject, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        write_private(self.pair.key, _pem(key))
        certificate = builder.sign(key, hashes.SHA256())
        write_private(self.pair.certificate, certificate.public_bytes(serialization.Encoding.PEM).decode())

    def _sign(self, wanted: Certificate, pair: KeyPair) -> None:
        authority_key = serialization.load_pem_private_key(self.pair.key.read_bytes(), password=None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)  # noqa: S101
        authority = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in wanted.groups]
        names.append(x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name))
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if wanted.hosts:
            usage.append(ExtendedKeyUsageOID.SERVER_AUTH)
        builder = (
            _builder(x509.Name(names), authority.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )
        if wanted.hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(_names(wanted.hosts)), critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        write_private(pair.key, _pem(key))
        write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM).decode())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _ends_soon(path: Path) -> bool:
    if not path.exists():
        return True
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left < datetime.timedelta(days=RENEW_DAYS)


def _has_hosts(path: Path, wanted: Certificate) -> bool:
    if not wanted.hosts:
        return True
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    present = {str(name.value) for name in names}
    return present >= set(wanted.hosts)
