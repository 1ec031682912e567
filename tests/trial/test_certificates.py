"""The trial's certificates: made once, renewed in time, with the hosts that are asked for."""

import stat
from pathlib import Path

import pytest
from cryptography import x509

from trial import certificates
from trial.certificates import Authority, Certificate

SERVER = Certificate("server", "server", hosts=("127.0.0.1", "localhost"))
CLIENT = Certificate("client", "ada", groups=("system:masters",))


def test_they_are_signed_by_the_authority_and_private(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pairs = authority.ensure([SERVER, CLIENT])
    root = x509.load_pem_x509_certificate(authority.pair.certificate.read_bytes())
    client = x509.load_pem_x509_certificate(pairs["client"].certificate.read_bytes())
    client.verify_directly_issued_by(root)
    assert client.subject.rfc4514_string() == "CN=ada,O=system:masters"
    assert stat.S_IMODE(pairs["client"].key.stat().st_mode) == 0o600


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    pair = Authority(tmp_path).ensure([SERVER])["server"]
    before = pair.certificate.read_bytes()
    Authority(tmp_path).ensure([SERVER])
    assert pair.certificate.read_bytes() == before


def test_a_new_host_makes_a_new_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.ensure([SERVER])["server"]
    before = pair.certificate.read_bytes()
    authority.ensure([Certificate("server", "server", hosts=(*SERVER.hosts, "10.0.0.1"))])
    assert pair.certificate.read_bytes() != before


def test_what_ends_soon_is_renewed_with_all_that_hangs_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    pair = authority.ensure([SERVER])["server"]
    before = (authority.pair.certificate.read_bytes(), pair.certificate.read_bytes())
    monkeypatch.setattr(certificates, "RENEW_DAYS", certificates.VALID_DAYS + 1)
    authority.ensure([SERVER])
    after = (authority.pair.certificate.read_bytes(), pair.certificate.read_bytes())
    assert before[0] != after[0]
    assert before[1] != after[1]
