"""A real sshd on loopback that serves Git repositories to deploy keys, each key only what it was made for."""

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.sandbox import start_apart
from tests.support.stacks import ROOT
from trial.layout import Layout
from trial.packages import find_program, install
from trial.progress import Progress

ADDRESS = "127.0.0.1"
START_SECONDS = 20.0

# The command that a key is tied to: what it may read is in its arguments. Paths mean what they mean to a plain sshd: from
# the root with a leading slash, otherwise from the home folder /srv.
_SERVE = """\
#!/bin/sh
case "$SSH_ORIGINAL_COMMAND" in
  "git-upload-pack '"*"'") ;;
  *) echo "this key may only fetch" >&2; exit 1 ;;
esac
wanted=${SSH_ORIGINAL_COMMAND#git-upload-pack \\'}
wanted=${wanted%\\'}
case "$wanted" in
  /*) ;;
  *) wanted="/srv/$wanted" ;;
esac
for allowed; do
  if [ "$wanted" = "/srv/$allowed" ]; then
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
    exec /usr/bin/git-upload-pack "$wanted"
  fi
done
echo "this key does not open $wanted" >&2
exit 1
"""


@dataclass
class SshServer:
    """The server."""

    folder: Path
    """For its keys and settings."""
    root: Path
    """Folder with the bare repositories."""
    port: int = 0
    _grants: dict[str, list[str]] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = None

    def url(self, repository: str) -> str:
        """Clone URL of a repository ("org/dags.git"); its path begins at the root, as everywhere with a plain sshd."""
        return f"ssh://git@{ADDRESS}:{self.port}/srv/{repository}"

    @property
    def known_hosts(self) -> str:
        """The server's line of a known_hosts file."""
        kind, key = (self.folder / "host_key.pub").read_text().split()[:2]
        return f"[{ADDRESS}]:{self.port} {kind} {key}"

    def key(self, *repositories: str) -> str:
        """Make a deploy key that opens these repositories, and return the private key."""
        path = self.folder / f"key-{len(self._grants)}"
        _keygen(path)
        self._grants[path.with_suffix(".pub").read_text().strip()] = list(repositories)
        self._write_keys()
        return path.read_text()

    def withdraw(self, private_key: str) -> None:
        """Stop accepting a key."""
        for path in self.folder.glob("key-*"):
            if path.suffix != ".pub" and path.read_text() == private_key:
                del self._grants[path.with_suffix(".pub").read_text().strip()]
        self._write_keys()

    def _write_keys(self) -> None:
        lines = [
            f'restrict,command="/opt/ssh/serve {shlex.join(repositories)}" {key}'
            for key, repositories in self._grants.items()
        ]
        (self.folder / "authorized_keys").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Listen on the port that it had, or on a free one.

        Raises TrialError: there is no sshd on this machine, and it cannot be installed. Raises TimeoutError: it does
        not listen.
        """
        program = _sshd()
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "host_key").exists():
            _keygen(self.folder / "host_key")
        (self.folder / "serve").write_text(_SERVE)
        (self.folder / "serve").chmod(0o755)
        self._write_keys()
        self.port = self.port or _free_port()
        settings: Mapping[str, str] = {
            "ListenAddress": f"{ADDRESS}:{self.port}",
            "HostKey": "/opt/ssh/host_key",
            "AuthorizedKeysFile": "/opt/ssh/authorized_keys",
            "StrictModes": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "UsePAM": "no",
            "PidFile": "none",
            "MaxStartups": "100",
        }
        (self.folder / "sshd_config").write_text(
            "".join(f"{name} {value}\n" for name, value in settings.items())
        )
        with (self.folder / "sshd.log").open("ab") as log:
            self._child = start_apart(
                [str(program), "-D", "-e", "-f", "/opt/ssh/sshd_config"],
                root=self.folder / "root",
                etc={
                    "passwd": [
                        "root:x:0:0::/root:/bin/sh",
                        "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin",
                        "git:*:1000:1000::/srv:/bin/sh",
                    ],
                    "group": ["root:x:0:", "git:x:1000:", "nogroup:x:65534:"],
                    "hosts": ["127.0.0.1 localhost"],
                    "nsswitch.conf": ["passwd: files", "group: files", "hosts: files"],
                },
                shown={self.root: "/srv", self.folder: "/opt/ssh"},
                log=log,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection((ADDRESS, self.port), timeout=1):
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / "sshd.log").read_text())

    def stop(self) -> None:
        """Stop it; `start` listens on the same port again."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def _sshd() -> Path:
    """The server's program, installed where it is missing."""
    packages = ("openssh-server",)
    why = "Git over SSH in the tests"
    install(Layout.of(repo=ROOT), Progress(), programs=("sshd",), packages=packages, why=why)
    found = find_program("sshd")
    assert found is not None
    return found


@contextlib.contextmanager
def ssh_server(folder: Path, root: Path) -> Iterator[SshServer]:
    """A running server for a block."""
    server = SshServer(folder, root)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _keygen(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((ADDRESS, 0))
        return int(found.getsockname()[1])
