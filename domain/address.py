"""Addresses of Git repositories: one type that parses every spelling of a clone URL, compares them and generates the others.

How spellings are read (git-clone(1), "GIT URLS"; the hosts' patterns are from their own documentation):

    https://Host/a/b.git/            host in lowercase, no trailing slash
    https://host:443/a/b             the default port is dropped (443; ssh: 22; http: 80)
    https://me@host/a/b              a user alone is not a credential (unless it looks like a token); a password is
    git@host:a/b                     over SSH, from the home folder of git
    git@host:/srv/b, ssh://host/srv/b   over SSH, an absolute path: the leading slash is kept
    ssh://host/~me/b                 over SSH, from the home folder of me
    git@[::1]:a/b, [git@host:2222]:a/b  brackets around an IPv6 address, or around a host with its port
    ../b                             only with `resolve`, against the address of the repository around it

Two addresses belong to the same repository if Git on the agents opens both with one connection: a trailing `.git` and the
user do not matter; host, path and the port of one protocol do. SSH with the standard port and https are equivalent, and so are
the patterns of known hosts (Azure DevOps, Bitbucket Data Center, CodeCommit, SSH over port 443 of the public hosts).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from posixpath import normpath
from typing import Literal, Self
from urllib.parse import unquote

from domain.credentials import holds_a_credential

Scheme = Literal["https", "http", "ssh"]

_SCHEMES: dict[str, Scheme] = {
    "https": "https",
    "http": "http",
    "ssh": "ssh",
    "git+ssh": "ssh",
    "ssh+git": "ssh",
}
_DEFAULT_PORTS: dict[Scheme, int] = {"https": 443, "http": 80, "ssh": 22}
_EXAMPLE = "write https://host/organisation/repository.git or git@host:organisation/repository.git"

_URL = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<netloc>[^/?#]*)(?P<path>.*)$", re.DOTALL)
_SCP = re.compile(r"^(?P<host>\[[^\]/]*\]|[^:/\[\]]+@\[[^\]/]*\]|[^:/\[\]]+):(?P<path>.*)$", re.DOTALL)
_BRACKETED_PORT = re.compile(r"^(?P<host>[^:]+):(?P<port>[0-9]+)$")
_HOST = re.compile(r"^[a-z0-9_]([a-z0-9._-]*[a-z0-9])?$")
_USER = re.compile(r"^[^\s:/@\[\]?#-][^\s:/@\[\]?#]*$")
_WORD = re.compile(r"^(?=.*[A-Za-z])[A-Za-z0-9_~.][A-Za-z0-9_~.-]*$")
"""An organisation in the place of a port."""
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_TOKEN = re.compile(r"AT(BB|CTT)|[A-Za-z0-9_=-]{40,}$")
"""A user that is a token but has no prefix known to `credentials`: of Bitbucket, Azure DevOps, or any long one."""

_OTHER_SSH_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
"""Hosts that serve SSH over port 443 -> the host they stand for."""
_SSH_OVER_443 = {plain: other for other, plain in _OTHER_SSH_HOSTS.items()}
_CODECOMMIT = re.compile(r"^git-codecommit(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$")
_BITBUCKET_PORT = 7999
"""Port at which Bitbucket Data Center serves SSH unless its administrator changes it."""


class AddressError(ValueError):
    """The text is not an address; the message continues a sentence that starts with the key that holds the text."""


@dataclass(frozen=True)
class RepositoryAddress:
    """Location of a Git repository. Created by `parse` and `resolve`; no field ever holds a password."""

    scheme: Scheme
    """Protocol."""
    host: str
    """Host in lowercase, an IPv6 address without its brackets."""
    path: str
    """Path without a trailing slash; with a leading slash only if it is absolute and over SSH."""
    port: int | None = None
    """Port, unless it is the protocol's default."""
    user: str | None = None
    """User name."""
    carries_credentials: bool = False
    """Whether the text contained a password or a token."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an absolute address. Raises AddressError, and nothing else, for any other text."""
        if text.startswith(("./", "../", "/", "~")) or text in {".", ".."}:
            raise AddressError(
                f"is the relative address {redacted(text)!r}, which the agents' Git bundle cannot resolve; "
                "write the absolute URL, for example https://github.com/acme/dbt.git"
            )
        if _FORBIDDEN.search(text):
            raise AddressError(f"contains a space, a control character or a backslash; {_EXAMPLE}")
        if text.startswith("codecommit::"):
            raise AddressError(
                "needs a helper program that agents do not have; "
                "write https://git-codecommit.<region>.amazonaws.com/v1/repos/<repository>"
            )
        url = _URL.match(text)
        if url:
            return cls._of_url(url)
        scp = _SCP.match(text)
        if scp is None or re.fullmatch(r"[A-Za-z]", scp["host"]) or "::" in text.partition("[")[0]:
            raise AddressError(f"is not a Git URL; {_EXAMPLE}")
        return cls._of_scp(scp["host"], scp["path"])

    @classmethod
    def _of_url(cls, url: re.Match[str]) -> Self:
        scheme = _SCHEMES.get(url["scheme"])
        if scheme is None and url["scheme"].lower() in _SCHEMES:
            raise AddressError(f"starts with {url['scheme']}, which Git does not know; write it in lowercase")
        if scheme is None:
            raise AddressError(f"is not a Git URL that agents can fetch; {_EXAMPLE}")
        path = url["path"]
        userinfo, _, netloc = url["netloc"].rpartition("@")
        user, _, password = userinfo.partition(":")
        if "?" in path or "#" in path:
            raise AddressError("has a query or a fragment; write the plain clone URL")
        host, port = _authority(netloc, path, scheme, user)
        cleaned = re.sub(r"/{2,}", "/", path).rstrip("/")
        if scheme == "ssh":
            # Git sends /~me/x as ~me/x (git-clone(1)).
            cleaned = cleaned.removeprefix("/") if cleaned.startswith("/~") else cleaned
        else:
            cleaned = cleaned.lstrip("/")
        secret = bool(password) or (scheme != "ssh" and _looks_like_token(user))
        return cls._checked(scheme, host, cleaned, port, user or None, secret)

    @classmethod
    def _of_scp(cls, where: str, path: str) -> Self:
        before, _, last = where.rpartition("[")
        outer, _, host = before.removesuffix("@").rpartition("@") if before else where.rpartition("@")
        user, port = outer or None, None
        if before or where.startswith("["):
            user = before.removesuffix("@") or None
            inner_user, _, host = last.removesuffix("]").rpartition("@")
            user = user or inner_user or None
            numbered = _BRACKETED_PORT.match(host)
            if numbered:
                host, port = numbered["host"], _port(numbered["port"], "ssh")
        cleaned = re.sub(r"/{2,}", "/", path).rstrip("/")
        # Git reads [h]:/~me/x like ssh://h/~me/x.
        return cls._checked("ssh", _host(host), cleaned, port, user, False)

    @classmethod
    def _checked(
        cls, scheme: Scheme, host: str, path: str, port: int | None, user: str | None, secret: bool
    ) -> Self:
        if not path.strip("/") or path.startswith("-"):
            raise AddressError(f"names no repository on {host}; {_EXAMPLE}")
        if user is not None and not _USER.match(user) and not secret:
            raise AddressError(f"has a user name that cannot be read; {_EXAMPLE}")
        return cls(scheme, host, path, port, None if secret and scheme != "ssh" else user, secret)

    def resolve(self, text: str) -> Self:
        """The address that ``text`` in .gitmodules stands for if this is the superproject's (git-submodule(1)).

        Raises AddressError.
        """
        if not is_relative(text):
            return type(self).parse(text)
        head = "/" if self.path.startswith("/") else ""
        parts, rest = self.path.strip("/").split("/"), text
        while True:
            if rest.startswith("./"):
                rest = rest[2:].lstrip("/")
            elif rest.startswith("../") or rest == "..":
                if not parts:
                    raise AddressError(f"is {text}, which leads above {self.host}; write the absolute URL")
                parts, rest = parts[:-1], rest[3:].lstrip("/")
            else:
                break
        path = head + "/".join([*parts, *([rest.rstrip("/")] if rest.rstrip("/") else [])])
        if _FORBIDDEN.search(path) or not path.strip("/") or path.startswith("-"):
            raise AddressError(f"is {text}, which names no repository of {self.host}; write the absolute URL")
        return replace(self, path=path)

    def __str__(self) -> str:
        """The address as Git accepts it, without password; over SSH in the short form if possible."""
        if self.scheme == "ssh" and self.port is None:
            return _short(self)
        return _url(self)

    @property
    def authority(self) -> str:
        """Host, with its port unless it is the protocol's default."""
        return _netloc(self.host, self.port)

    @property
    def served_by(self) -> str:
        """`authority`, without the second name that a public host has for SSH over port 443."""
        return _OTHER_SSH_HOSTS.get(self.host) or self.authority

    @property
    def fetched_over_ssh(self) -> bool:
        """Whether it is opened with a key."""
        return self.scheme == "ssh"

    def without_user(self) -> Self:
        """The same address without a user name."""
        return replace(self, user=None)

    def at_alias(self, alias: str) -> str:
        """The SSH address with a Host alias of an ssh configuration, which contains host and port."""
        return f"{self.user or 'git'}@{alias}:{self.path}"

    def same_repository(self, other: RepositoryAddress) -> bool:
        """Whether both are addresses of one repository for Git on the agents."""
        ours = {_key(item) for item in self.equivalents()}
        theirs = {_key(item) for item in other.equivalents()}
        return _key(other) in ours or _key(self) in theirs

    def equivalents(self) -> tuple[RepositoryAddress, ...]:
        """Addresses of the same repository over both protocols; this one comes first."""
        return tuple(dict.fromkeys((self, *_counterparts(self))))

    def spellings(self) -> tuple[str, ...]:
        """Common spellings of this repository's address, for Git's `insteadOf`, which compares prefixes character by character.

        The spelling without `.git` is included only if this address has no `.git`: it would also match repositories whose
        name starts with the same letters (`dbt` and `dbt-macros`).
        """
        texts: dict[str, None] = {}
        for item in self.equivalents():
            if item.scheme == "http":
                continue
            for text in _texts(item):
                bare = text.removesuffix(".git")
                texts[f"{bare}.git"] = None
                if not self.path.endswith(".git"):
                    texts[bare] = None
        return tuple(texts)

    def scoped(self) -> tuple[str, str]:
        """The https address with and without `.git`, for Git's `http.<url>.*`, which compares whole path components."""
        bare = replace(self.without_user(), path=self.path.removesuffix(".git"))
        return (f"{bare}.git", str(bare))


def is_relative(text: str) -> bool:
    """Whether Git resolves the address against the superproject's."""
    return text.startswith(("./", "../")) or text in {".", ".."}


def resolved(text: str, parent: str) -> str:
    """The address that ``text`` in .gitmodules stands for below ``parent``, as Git writes it.

    Raises AddressError.
    """
    RepositoryAddress.parse(parent).resolve(text)
    if not is_relative(text):
        return text
    base, rest, joint = parent.rstrip("/"), text, "/"
    while True:
        if rest.startswith("./"):
            rest = rest[2:].lstrip("/")
        elif rest.startswith("../") or rest == "..":
            rest = rest[3:].lstrip("/")
            base, joint, _ = base.rpartition("/" if "/" in base else ":")
        else:
            return f"{base}{joint}{rest}".rstrip("/")


def redacted(text: str) -> str:
    """The text for display: an http(s) address without user and password, any other without its password."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    netloc, slash, path = rest.partition("/")
    userinfo, at, host = netloc.rpartition("@")
    if not at and "@" in path and not re.fullmatch(r"(\[[^\]]*\]|[^:]*)(:[0-9]*)?", netloc):
        # A password with a slash in it.
        return f"{scheme}://{rest.rpartition('@')[2]}"
    if not at:
        return text
    keep = "" if scheme.lower() in {"http", "https"} else userinfo.partition(":")[0] + "@"
    return f"{scheme}://{keep}{host}{slash}{path}"


def _netloc(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def _url(address: RepositoryAddress) -> str:
    user = f"{address.user}@" if address.user else ""
    return f"{address.scheme}://{user}{address.authority}/{address.path.lstrip('/')}"


def _short(address: RepositoryAddress) -> str:
    user = f"{address.user}@" if address.user else ""
    return f"{user}{_netloc(address.host, None)}:{address.path}"


def _key(address: RepositoryAddress) -> tuple[str, str, int, str]:
    """Equal for two addresses of one protocol if and only if they belong to one repository."""
    path = unquote(address.path)
    if address.scheme != "ssh":
        # Git and HTTP clients remove dot segments (RFC 3986, 5.2.4).
        path = normpath(f"/{path}")
    path = path.strip("/").removesuffix(".git").rstrip("/")
    return (address.scheme, address.host, address.port or _DEFAULT_PORTS[address.scheme], path)


def _texts(address: RepositoryAddress) -> Iterator[str]:
    if address.scheme != "ssh":
        yield _url(address.without_user())
        if address.host == "dev.azure.com":
            # Azure DevOps shows the organisation as the user.
            yield _url(replace(address, user=address.path.split("/")[0]))
        return
    # With CodeCommit the user is the id of a key, which is often in ~/.ssh/config and not in the address.
    users = [address.user or "git", *([None] if _CODECOMMIT.match(address.host) else [])]
    for user in users:
        item = replace(address, user=user)
        if address.port is None:
            yield _short(replace(item, path=address.path.lstrip("/")))
            if address.path.startswith("/"):
                yield _short(item)
            yield _url(replace(item, port=_DEFAULT_PORTS["ssh"]))
        yield _url(item)


def _looks_like_token(user: str) -> bool:
    return holds_a_credential(user) or bool(_TOKEN.match(user))


def _host(text: str) -> str:
    host = text.lower().removesuffix(".")
    if ":" in host:
        if "%" in host:
            raise AddressError(
                f"has an IPv6 address with a zone, which exists on one machine only; {_EXAMPLE}"
            )
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise AddressError(f"has a host that cannot be read; {_EXAMPLE}") from None
    if not host.isascii():
        raise AddressError(
            "has a host with other than ASCII letters; write the form that its name server knows (xn--…)"
        )
    if not _HOST.match(host):
        raise AddressError(f"has a host that cannot be read; {_EXAMPLE}")
    return host


def _port(text: str, scheme: Scheme) -> int | None:
    port = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 0 < port < 65536:
        raise AddressError(f"has the port {text}, which does not exist; {_EXAMPLE}")
    return None if port == _DEFAULT_PORTS[scheme] else port


def _authority(netloc: str, path: str, scheme: Scheme, user: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", netloc, re.DOTALL)
    host, _, port = netloc.partition(":")
    if bracketed:
        host, port = bracketed[1], bracketed[2] or ""
    elif ":" in port:
        raise AddressError(f"has a host that cannot be read; {_EXAMPLE}")
    if bracketed and ":" not in host and scheme != "ssh":
        raise AddressError(f"has brackets around a host that is not an IPv6 address; {_EXAMPLE}")
    if port and _WORD.match(port):
        return _misplaced(_host(host), port, path, scheme, user)
    return _host(host), _port(port, scheme) if port else None


def _misplaced(host: str, word: str, path: str, scheme: Scheme, user: str) -> tuple[str, int | None]:
    """A colon followed by a word, as in the short SSH form, in place of a URL's port."""
    if scheme == "ssh":
        name = user if user and _USER.match(user) else "git"
        better = f"{name}@{_netloc(host, None)}:{word}{path}"
    else:
        better = f"{scheme}://{_netloc(host, None)}/{word}{path}"
    raise AddressError(f"has {word} where a URL has its port; write {better}")


def _counterparts(address: RepositoryAddress) -> Iterator[RepositoryAddress]:
    host = address.host
    parts = address.path.strip("/").split("/")
    if host in {"dev.azure.com", "ssh.dev.azure.com", "vs-ssh.visualstudio.com"} or host.endswith(
        ".visualstudio.com"
    ):
        yield from _azure(address, parts)
    elif host in _OTHER_SSH_HOSTS:
        plain = replace(address, host=_OTHER_SSH_HOSTS[host], port=None)
        yield from (plain, _https_of(plain))
    else:
        yield from _over_the_other_protocol(address, parts)
        if host in _SSH_OVER_443:
            path = f"/{address.path.lstrip('/')}"
            yield RepositoryAddress("ssh", _SSH_OVER_443[host], path, 443, "git")


def _over_the_other_protocol(address: RepositoryAddress, parts: list[str]) -> Iterator[RepositoryAddress]:
    host = address.host
    if address.scheme == "ssh" and address.port == _BITBUCKET_PORT and len(parts) == 2:
        yield RepositoryAddress("https", host, "/".join(["scm", *parts]))
    elif address.scheme == "ssh":
        yield _https_of(address)
    elif address.scheme == "https" and len(parts) >= 3 and parts[-3] == "scm":
        path = "/".join(parts[-2:])
        absolute = path if path.startswith("~") else f"/{path}"
        yield RepositoryAddress("ssh", host, absolute, _BITBUCKET_PORT, "git")
    elif address.scheme == "https":
        yield RepositoryAddress("ssh", host, address.path, None, "git")


def _https_of(address: RepositoryAddress) -> RepositoryAddress:
    return RepositoryAddress("https", address.host, address.path.lstrip("/"))


def _azure(address: RepositoryAddress, parts: list[str]) -> Iterator[RepositoryAddress]:
    """Azure DevOps and its older host: organisation, project and repository in four arrangements."""
    if address.scheme == "ssh":
        if len(parts) != 4 or parts[0] != "v3":
            return
        organisation, project, repository = parts[1:]
    else:
        if "_git" not in parts[:-1]:
            return
        before, repository = parts[: parts.index("_git")], parts[-1]
        if address.host == "dev.azure.com":
            organisation, before = (before[0], before[1:]) if before else ("", [])
        else:
            organisation = address.host.removesuffix(".visualstudio.com")
        before = [item for item in before if item.lower() != "defaultcollection"]
        project = before[0] if before else repository
    if not organisation:
        return
    yield RepositoryAddress("https", "dev.azure.com", f"{organisation}/{project}/_git/{repository}")
    yield RepositoryAddress(
        "ssh", "ssh.dev.azure.com", f"v3/{organisation}/{project}/{repository}", None, "git"
    )
    old = f"{organisation.lower()}.visualstudio.com"
    yield RepositoryAddress("https", old, f"{project}/_git/{repository}")
    yield RepositoryAddress("https", old, f"DefaultCollection/{project}/_git/{repository}")
    yield RepositoryAddress(
        "ssh", "vs-ssh.visualstudio.com", f"v3/{organisation}/{project}/{repository}", None, organisation
    )
    if project == repository:
        yield RepositoryAddress("https", "dev.azure.com", f"{organisation}/_git/{repository}")
