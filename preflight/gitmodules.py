"""What .gitmodules says, read by git itself."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from clients.git import Session
from domain.remote import SCP_URL


@dataclass(frozen=True)
class Modules:
    """The registered submodules."""

    urls: Mapping[str, str]
    """Path -> URL as it is written."""


def read_modules(session: Session, content: bytes) -> Modules:
    """Parse the content of a .gitmodules file."""
    if not content.strip():
        return Modules({})
    arguments = ("config", "--file", "-", "--null", "--get-regexp", r"^submodule\..*\.(path|url)$")
    output = session.git(*arguments, stdin=content).stdout.decode(errors="replace")
    values: dict[str, dict[str, str]] = {}
    for entry in filter(None, output.split("\0")):
        key, _, value = entry.partition("\n")
        name, _, field = key.removeprefix("submodule.").rpartition(".")
        values.setdefault(name, {})[field] = value
    return Modules(
        {item["path"].strip("/"): item["url"] for item in values.values() if {"path", "url"} <= set(item)}
    )


def is_relative(url: str) -> bool:
    """Whether Git resolves the address against that of the repository around it."""
    return url.startswith(("./", "../"))


def absolute(url: str, parent: str) -> str:
    """The address that a relative one means, seen from ``parent``."""
    scp = SCP_URL.match(parent)
    if scp:
        return f"{scp['user']}@{scp['host']}:{posixpath.normpath(posixpath.join(scp['path'], url))}"
    parts = urlsplit(parent)
    return urlunsplit(parts._replace(path=posixpath.normpath(posixpath.join(parts.path, url))))


def without_userinfo(url: str) -> str:
    """The address without user and password, to be shown."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def has_credentials(url: str) -> bool:
    """Whether the address carries a password or token."""
    parts = urlsplit(url)
    return bool(parts.password) or (parts.scheme in {"http", "https"} and bool(parts.username))


def scheme(url: str) -> str:
    """How the address is fetched: https, http, ssh, or something that agents cannot do."""
    if SCP_URL.match(url):
        return "ssh"
    return urlsplit(url).scheme or "file"
