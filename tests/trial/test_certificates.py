"""The trial's certificates: issued once, with the requested hosts and groups."""

import stat
from pathlib import Path

from cryptography import x509

from trial.certificates import Authority, Certificate

SERVER = Certificate("server", "server", hosts=("127.0.0.1", "localhost"))
CLIENT = Certificate("client", "ada", group="system:masters")


def test_they_are_signed_by_the_authority_and_private(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pairs = authority.ensure([SERVER, CLIENT])
    root = x509.load_pem_x509_certificate(authority.pair.certificate.read_bytes())
    client = x509.load_pem_x509_certificate(pairs["client"].certificate.read_bytes())
    client.verify_directly_issued_by(root)
    subject = {attribute.rfc4514_attribute_name: attribute.value for attribute in client.subject}
    assert (subject["CN"], subject["O"]) == ("ada", "system:masters")
    assert stat.S_IMODE(pairs["client"].key.stat().st_mode) == 0o600


def test_every_certificate_names_something(tmp_path: Path) -> None:
    """Go's verification refuses a certificate whose critical subject alternative name is empty."""
    pair = Authority(tmp_path).ensure([CLIENT])["client"]
    loaded = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    assert list(loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    pair = Authority(tmp_path).ensure([SERVER])["server"]
    before = pair.certificate.read_bytes()
    Authority(tmp_path).ensure([SERVER])
    assert pair.certificate.read_bytes() == before


def test_a_new_host_gets_a_new_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.ensure([SERVER])["server"]
    before = pair.certificate.read_bytes()
    authority.ensure([Certificate("server", "server", hosts=(*SERVER.hosts, "10.0.0.1"))])
    assert pair.certificate.read_bytes() != before


def test_a_new_authority_issues_everything_again(tmp_path: Path) -> None:
    pair = Authority(tmp_path).ensure([SERVER])["server"]
    before = pair.certificate.read_bytes()
    (tmp_path / "ca.key").unlink()
    Authority(tmp_path).ensure([SERVER])
    root = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    assert pair.certificate.read_bytes() != before
    x509.load_pem_x509_certificate(pair.certificate.read_bytes()).verify_directly_issued_by(root)
