"""The requests to a Docker engine, over each kind of address. The engine here is a socket that answers as the API's pages say;
tests/engine/test_image.py pulls with a real one.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clients.docker import EngineError, ping, pull
from clients.errors import Cause
from clients.registry import Login
from tests.support.http_server import Answer, HttpServer, Request

SERVER = "registry.example.com"
LOGIN = Login("robot", "canary-password")
BUSY = (
    b'{"status":"Pulling from data/base","id":"1"}\r\n{"status":"Download complete","progressDetail":{}}\r\n'
)

SSH = """#!/usr/bin/env python3
import os, socket, sys, threading
assert sys.argv[-3:] == ["--", "me@build.example.com", "docker system dial-stdio"], sys.argv
link = socket.socket(socket.AF_UNIX)
link.connect({path!r})
def back():
    while data := link.recv(4096):
        os.write(1, data)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 4096):
    link.sendall(data)
"""
"""The far side of `ssh` joins its streams to the engine's socket."""


@dataclass
class Engine:
    """What it answers, and what it was asked."""

    path: Path
    status: int = 200
    body: bytes = BUSY
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As DOCKER_HOST has it."""
        return f"unix://{self.path}"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A socket that answers."""
    found = Engine(tmp_path / "engine.sock")

    def answer(request: Request) -> Answer:
        found.asked.append((request.method, request.target, request.headers.get("X-Registry-Auth")))
        return found.status, b"OK" if request.method == "GET" else found.body, {}

    with HttpServer(answer, socket=found.path):
        yield found


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's `ssh`: a program that comes first on PATH."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_a_pull_sends_the_login_in_a_header_alone(engine: Engine) -> None:
    pull(
        engine.address,
        "registry.example.com/data/base:1",
        platform="linux/amd64",
        server=SERVER,
        login=LOGIN,
        timeout=20,
    )
    ((method, path, header),) = engine.asked
    assert method == "POST"
    assert path == "/images/create?fromImage=registry.example.com%2Fdata%2Fbase%3A1&platform=linux%2Famd64"
    assert json.loads(base64.urlsafe_b64decode(header or "")) == {
        "serveraddress": "registry.example.com",
        "username": "robot",
        "password": "canary-password",
    }


def test_a_pull_without_a_login(engine: Engine) -> None:
    pull(engine.address, "base:1", platform="linux/amd64", server=SERVER, login=None, timeout=20)
    assert engine.asked[0][2] is None


def test_a_login_is_not_printed() -> None:
    assert "canary" not in repr(LOGIN)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (404, b'{"message":"pull access denied for base"}', "pull access denied for base"),
        (500, b"<html>", "HTTP 500"),
        (200, BUSY + b'{"errorDetail":{},"error":"unauthorized: no\\nmore"}\r\n', "unauthorized: no"),
    ],
)
def test_a_pull_that_fails_says_why_in_one_line(engine: Engine, status: int, body: bytes, text: str) -> None:
    engine.status, engine.body = status, body
    with pytest.raises(EngineError) as raised:
        pull(engine.address, "base:1", platform="linux/amd64", server=SERVER, login=LOGIN, timeout=20)
    assert str(raised.value) == text


def test_an_engine_that_answers_with_an_error(engine: Engine) -> None:
    engine.status = 503
    with pytest.raises(EngineError, match="HTTP 503"):
        ping(engine.address, timeout=20)


def test_an_engine_that_hangs() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(EngineError, match="no answer within 1 s"):
            ping(f"tcp://127.0.0.1:{silent.getsockname()[1]}", timeout=1)


def test_an_address_of_another_kind() -> None:
    with pytest.raises(EngineError) as raised:
        ping("npipe:////./pipe/docker_engine", timeout=1)
    assert raised.value.cause is Cause.UNVERIFIED


@pytest.mark.parametrize("engine", ["tcp://build:99999", "tcp://[::1", "ssh://me@build:docker"])
def test_an_address_that_cannot_be_read(engine: str) -> None:
    with pytest.raises(EngineError, match="a host or a port that cannot be read"):
        ping(engine, timeout=1)


def test_an_engine_on_another_machine_over_ssh(engine: Engine, ssh: Path) -> None:
    ssh.write_text(SSH.format(path=str(engine.path)))
    ping("ssh://me@build.example.com", timeout=20)
    pull(
        "ssh://me@build.example.com", "base:1", platform="linux/amd64", server=SERVER, login=LOGIN, timeout=20
    )
    assert [method for method, _, _ in engine.asked] == ["GET", "POST"]


def test_ssh_that_is_refused_says_what_ssh_said(ssh: Path) -> None:
    ssh.write_text("#!/bin/sh\necho 'me@build.example.com: Permission denied (publickey).' >&2\nexit 255\n")
    with pytest.raises(EngineError, match="Permission denied"):
        ping("ssh://me@build.example.com", timeout=20)
