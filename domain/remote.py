"""Clone URLs taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

SCP_URL = re.compile(r"^(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/].*)$")
"""The scp-like spelling of an SSH address, `git@host:path`."""


@dataclass(frozen=True)
class Remote:
    """A clone URL taken apart."""

    user: str | None
    """User of an SSH address."""
    host: str
    """Host name."""
    port: int | None
    """Port, when the URL names one."""
    path: str
    """Path of the repository, without leading slash."""
    https: bool
    """Whether it is an https address."""

    @property
    def authority(self) -> str:
        """Host and port as they stand in an https URL."""
        return f"{self.host}:{self.port}" if self.port else self.host

    def https_url(self) -> str:
        """The repository's https spelling."""
        return f"https://{self.authority}/{self.path}"

    def ssh_spellings(self) -> tuple[str, ...]:
        """SSH spellings that people write for this repository."""
        user = self.user or "git"
        port = f":{self.port}" if self.port and not self.https else ""
        return (f"{user}@{self.host}:{self.path}", f"ssh://{user}@{self.host}{port}/{self.path}")


def parse_remote(url: str) -> Remote:
    """Take an absolute clone URL apart that settings have checked."""
    scp = SCP_URL.match(url)
    if scp:
        return Remote(
            user=scp["user"], host=scp["host"], port=None, path=scp["path"].rstrip("/"), https=False
        )
    parts = urlsplit(url)
    return Remote(
        user=parts.username,
        host=parts.hostname or "",
        port=parts.port,
        path=parts.path.strip("/"),
        https=parts.scheme == "https",
    )


def spellings(url: str) -> tuple[str, ...]:
    """The URL with and without `.git`: Git matches configuration by whole path components."""
    bare = url.removesuffix(".git")
    return (f"{bare}.git", bare)
