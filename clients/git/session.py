"""Running git with an Access: a private folder, an environment without the user's own settings, a time limit."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from clients.errors import Cause
from clients.git.access import Access, HostLogin
from clients.git.errors import GitError, cause_of, summary
from clients.git.github_app import LOGIN
from clients.private_folder import private_folder
from domain.git_variables import git_variables
from domain.names import CONFIG_MOUNT, SEEN_HOST_KEYS
from domain.redaction import redact

OLDEST_GIT = (2, 31)
"""First version of Git that reads GIT_CONFIG_COUNT."""

_DROPPED = ("GIT_", "SSH_ASKPASS", "SSH_AUTH_SOCK", "LANG", "LC_", "XDG_CONFIG_HOME")
_KEPT = {"GIT_EXEC_PATH", "GIT_SSL_CAPATH", "GIT_HTTP_PROXY_AUTHMETHOD"}
_HELPER = (
    '!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$ASTRO_DBT_GIT_LOGIN_{n}" "$ASTRO_DBT_GIT_PASSWORD_{n}"; }}; f'
)


@dataclass(frozen=True)
class Output:
    """Output of a git command."""

    stdout: bytes
    """Standard output."""
    stderr: str
    """Diagnostics, without credentials."""


class Session:
    """Git commands with one Access; a context manager that removes its folder at the end.

    ``timeout`` is the limit for each command, in seconds. Entering raises GitError if a GitHub App gets no token, or
    if this machine has no Git 2.31 or later.
    """

    def __init__(self, access: Access, *, timeout: float) -> None:
        self._access = access
        self.timeout = timeout
        self.folder = Path()
        self._logins: tuple[HostLogin, ...] = ()
        self._secrets: tuple[str, ...] = access.secrets()

    def __enter__(self) -> Session:
        _require_git()
        tokens = tuple(
            HostLogin(app.authority, LOGIN, app.token(timeout=self.timeout)) for app in self._access.apps
        )
        self._logins = (*self._access.logins, *tokens)
        self._secrets += tuple(login.password for login in tokens)
        self.folder = Path(tempfile.mkdtemp(prefix="git-", dir=private_folder()))
        try:
            for name, content in self._access.all_files().items():
                self._write(name, content)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def git(self, *arguments: str, url: str | None = None, stdin: bytes = b"") -> Output:
        """Run git; ``url`` is the repository that the command connects to.

        Raises GitError: the command failed or did not finish in time.
        """
        with subprocess.Popen(
            ["git", *arguments],
            env=self.environment(url),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                stdout, raw = process.communicate(stdin, timeout=self.timeout)
            except subprocess.TimeoutExpired:
                _kill(process)
                raise GitError(Cause.TIMEOUT, f"no answer within {self.timeout:.0f} s") from None
            except BaseException:
                _kill(process)
                raise
        stderr = raw.decode(errors="replace")
        if process.returncode != 0:
            raise GitError(cause_of(stderr), summary(stderr, self._secrets))
        return Output(stdout, redact(stderr, self._secrets))

    def environment(self, url: str | None) -> dict[str, str]:
        """Environment of a git command that connects to ``url``, and the only place for its credentials."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith(_DROPPED)
        }
        # The agents have no .netrc, credential helper or key of whoever runs this.
        kept |= {
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS_REQUIRE": "never",
            # URLs of submodules come from a repository, so no local paths and no remote helpers.
            "GIT_ALLOW_PROTOCOL": "https:http:ssh",
            "GIT_SSH_COMMAND": shlex.join(
                ["ssh", "-F", str(self.folder / "config/ssh_config"), *self._access.ssh_arguments]
            ),
            "GIT_SSH_VARIANT": "ssh",
        }
        config: list[tuple[str, str]] = [*machine_config(), *_general_config()]
        config += [(key, self._local(value)) for key, value in self._access.config_for(url)]
        for number, login in enumerate(self._logins):
            kept[f"ASTRO_DBT_GIT_LOGIN_{number}"] = login.login
            kept[f"ASTRO_DBT_GIT_PASSWORD_{number}"] = login.password
            config.append((f"credential.https://{login.authority}.helper", _HELPER.format(n=number)))
        return {**kept, **dict(git_variables(config))}

    def _local(self, text: str) -> str:
        """Replace the agents' paths with those in this session's folder."""
        seen = str(self.folder / "known-hosts-seen")
        return text.replace(CONFIG_MOUNT, str(self.folder)).replace(SEEN_HOST_KEYS, seen)

    def _write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = self._local(content) if path.name == "ssh_config" else content
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def _general_config() -> Iterable[tuple[str, str]]:
    yield "gc.auto", "0"
    yield "maintenance.auto", "false"
    yield "fetch.recurseSubmodules", "false"
    yield "core.hooksPath", os.devnull
    yield "advice.detachedHead", "false"
    authority = os.environ.get("GIT_SSL_CAINFO")
    if authority:
        # Passed as configuration: the GIT_SSL_CAINFO variable would override the per-host http.<url>.sslCAInfo.
        yield "http.sslCAInfo", authority


@functools.cache
def machine_config() -> tuple[tuple[str, str], ...]:
    """The proxies in the user's and the machine's Git configuration, without which there may be no network at all."""
    found = subprocess.run(
        ["git", "config", "--null", "--get-regexp", r"^http\.(.*\.)?proxy$"],
        cwd="/",
        capture_output=True,
        check=False,
        timeout=10,
    )
    entries = found.stdout.decode(errors="replace").split("\0")
    return tuple((key, value) for key, _, value in (entry.partition("\n") for entry in entries) if key)


@functools.cache
def git_version() -> tuple[int, ...] | None:
    """Version of this machine's Git; None if it is not installed. Determined once per process."""
    try:
        found = subprocess.run(["git", "--version"], capture_output=True, check=False, text=True, timeout=10)
    except OSError:
        return None
    numbers = re.search(r"(\d+)\.(\d+)", found.stdout)
    return tuple(int(part) for part in numbers.groups()) if numbers else None


def _require_git() -> None:
    version = git_version()
    if version is None:
        raise GitError(Cause.NO_GIT, "git is not installed on this machine")
    if version < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        raise GitError(
            Cause.NO_GIT, f"git on this machine is {'.'.join(map(str, version))}, older than {oldest}"
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill git and the transport that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    process.communicate()
