"""Ports and passwords that stay the same between runs."""

import socket
import stat
from pathlib import Path

from trial.memory import LOOPBACK, Memory


def test_ports_and_passwords_survive_a_new_run(tmp_path: Path) -> None:
    first = Memory(tmp_path / "memory.json")
    port, secret = first.port("git"), first.secret("git")
    again = Memory(tmp_path / "memory.json")
    assert (again.port("git"), again.secret("git")) == (port, secret)
    assert again.secret("registry") != secret
    assert stat.S_IMODE((tmp_path / "memory.json").stat().st_mode) == 0o600


def test_a_port_that_another_program_took_is_left_unless_it_is_our_own_service(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    port = memory.port("git")
    with socket.socket() as other:
        other.bind((LOOPBACK, port))
        other.listen()
        assert memory.port("git", in_use=True) == port
        assert memory.port("git") != port


def test_a_choice_lasts_until_another_one_is_made(tmp_path: Path) -> None:
    assert Memory(tmp_path / "memory.json").choice("node", None, "kwok") == "kwok"
    assert Memory(tmp_path / "memory.json").choice("node", "real", "kwok") == "real"
    assert Memory(tmp_path / "memory.json").choice("node", None, "kwok") == "real"
