"""Credentials for Git: plain data, which a Session puts into the environment and a private folder.

Nothing here runs Git, reads files or depends on a stack; preflight determines who gets which credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clients.git.github_app import GithubApp
from domain.address import RepositoryAddress
from domain.connection_secret import KNOWN_HOSTS_KEY, SSH_KEY
from domain.names import CONFIG_MOUNT

_OWN_SSH_CONFIG = f"""\
Host *
  IdentityFile {CONFIG_MOUNT}/{SSH_KEY}
  IdentitiesOnly yes
  UserKnownHostsFile {CONFIG_MOUNT}/{KNOWN_HOSTS_KEY}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking {{strictness}}
  BatchMode yes
  ConnectTimeout 30
"""
_AUTHORITY_FILE = "config/authority.crt"
NO_IDENTITIES = "Host *\n  IdentityFile none\n  IdentitiesOnly yes\n  BatchMode yes\n"
"""Ignores the keys of whoever runs this program, because the agents do not have them."""


@dataclass(frozen=True)
class HostLogin:
    """User and password for a host that asks for them."""

    authority: str
    """Host, with its port if it is not the standard one."""
    login: str
    """User name."""
    password: str = field(repr=False)
    """Token or password."""


@dataclass(frozen=True)
class Access:
    """Credentials and trust for Git; paths under CONFIG_MOUNT stand for the session's private folder."""

    header: str | None = field(default=None, repr=False)
    """HTTP header for the requested repository, and no other path."""
    authority: str | None = field(default=None, repr=False)
    """PEM text of the certificate authority of the requested host."""
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Other Git configuration."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Files by their path under CONFIG_MOUNT."""
    logins: tuple[HostLogin, ...] = field(default=(), repr=False)
    """Logins for hosts that ask for user and password."""
    apps: tuple[GithubApp, ...] = field(default=(), repr=False)
    """GitHub Apps for which the session requests tokens at its start."""
    ssh_arguments: tuple[str, ...] = ()
    """Arguments of the ssh command, which override its configuration."""

    @classmethod
    def with_key(cls, private_key: str, *, known_hosts: str | None = None) -> Access:
        """Access with an SSH key; without ``known_hosts`` a host's key is accepted at first contact."""
        known = (known_hosts or "").strip()
        config = _OWN_SSH_CONFIG.format(strictness="yes" if known else "accept-new")
        files = {"config/ssh_config": config, SSH_KEY: private_key}
        if known:
            files[KNOWN_HOSTS_KEY] = known + "\n"
        return cls(files=files)

    def secrets(self) -> tuple[str, ...]:
        """Every secret text, for redaction."""
        hidden = [login.password for login in self.logins] + [app.private_key for app in self.apps]
        headers = [self.header] if self.header else []
        headers += [value for key, value in self.config if key.lower().endswith(".extraheader")]
        hidden += headers + [value.split()[-1] for value in headers if value.split()]
        hidden += [content for name, content in self.files.items() if name.rsplit("/", 1)[-1] == SSH_KEY]
        return tuple(item for item in hidden if item)

    def config_for(self, url: str | None) -> tuple[tuple[str, str], ...]:
        """Git configuration for a command that connects to ``url``."""
        config = list(self.config)
        if url is not None and url.startswith("https://"):
            if self.authority is not None:
                host = f"https://{RepositoryAddress.parse(url).authority}/"
                config.append((f"http.{host}.sslCAInfo", f"{CONFIG_MOUNT}/{_AUTHORITY_FILE}"))
            if self.header is not None:
                config += [
                    (f"http.{spelling}.extraHeader", self.header)
                    for spelling in RepositoryAddress.parse(url).scoped()
                ]
        return tuple(config)

    def all_files(self) -> dict[str, str]:
        """Every file that a session needs, by its path under CONFIG_MOUNT."""
        files = dict(self.files)
        if self.authority is not None:
            files[_AUTHORITY_FILE] = self.authority
        return {"config/ssh_config": NO_IDENTITIES, **files}

    def without_logins(self) -> Access:
        """The same without logins for hosts that ask for user and password."""
        return replace(self, logins=(), apps=())
