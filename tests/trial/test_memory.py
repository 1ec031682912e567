"""Ports and passwords that stay the same between runs."""

import socket
import stat
import string
from pathlib import Path

import pytest

from trial import memory
from trial.memory import LOOPBACK, Memory


def test_ports_and_passwords_survive_a_new_run(tmp_path: Path) -> None:
    first = Memory(tmp_path / "memory.json")
    port, secret = first.port("git"), first.secret("git")
    again = Memory(tmp_path / "memory.json")
    assert (again.port("git"), again.secret("git")) == (port, secret)
    assert again.secret("registry") != secret
    assert len(secret) == 48
    assert set(secret) <= set(string.hexdigits)
    assert stat.S_IMODE((tmp_path / "memory.json").stat().st_mode) == 0o600


def test_a_port_that_another_program_took_is_left_unless_it_is_our_own_service(tmp_path: Path) -> None:
    trial = Memory(tmp_path / "memory.json")
    port = trial.port("git")
    with socket.socket() as other:
        other.bind((LOOPBACK, port))
        other.listen()
        assert trial.port("git", in_use=True) == port
        assert trial.port("git") != port


def test_no_connection_can_take_a_port_while_its_service_is_down(tmp_path: Path) -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    trial = Memory(tmp_path / "memory.json")
    ports = {trial.port(f"service {number}") for number in range(100)}
    assert len(ports) == 100
    assert not ports & set(range(first, last + 1))
    (tmp_path / "memory.json").unlink()
    again = Memory(tmp_path / "memory.json")
    assert {again.port(f"service {number}") for number in range(100)} == ports


def test_a_kernel_that_keeps_nearly_all_ports_for_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "range").write_text("1024\t65535\n")
    monkeypatch.setattr(memory, "_FOR_CONNECTIONS", tmp_path / "range")
    assert Memory(tmp_path / "memory.json").port("git") >= 1024


def test_a_choice_lasts_until_another_one_is_made(tmp_path: Path) -> None:
    assert Memory(tmp_path / "memory.json").choice("node", None, "kwok") == "kwok"
    assert Memory(tmp_path / "memory.json").choice("node", "real", "kwok") == "real"
    assert Memory(tmp_path / "memory.json").choice("node", None, "kwok") == "real"
