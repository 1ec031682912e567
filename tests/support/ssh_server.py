"""Git over SSH on loopback: Git's own upload-pack behind an SSH server in this process, each deploy key only for its repositories."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

ADDRESS = "127.0.0.1"
HOME = "/srv"
"""Where clients see the repositories: paths without a leading slash begin here, as with the home folder of an account."""


class SshServer:
    """The server; `stop` and `start` take the host down and bring it back on the same port."""

    def __init__(self, root: Path) -> None:
        self.root, self.port = root, 0
        self._grants: dict[bytes, tuple[str, ...]] = {}
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")

    def url(self, repository: str) -> str:
        """Clone URL of a repository ("org/dags.git"); its path begins at the root, as everywhere with a plain sshd."""
        return f"ssh://git@{ADDRESS}:{self.port}{HOME}/{repository}"

    @property
    def known_hosts(self) -> str:
        """The server's line of a known_hosts file."""
        return f"[{ADDRESS}]:{self.port} {self._host_key.export_public_key().decode().strip()}"

    def key(self, *repositories: str) -> str:
        """Make a deploy key that opens these repositories, and return the private key."""
        made = asyncssh.generate_private_key("ssh-ed25519")
        self._grants[made.public_data] = repositories
        return made.export_private_key().decode()

    def withdraw(self, private_key: str) -> None:
        """Stop accepting a key."""
        del self._grants[asyncssh.import_private_key(private_key).public_data]

    def start(self) -> None:
        """Listen on the port that it had, or on a free one."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(30), "the SSH server does not listen"

    def stop(self) -> None:
        """Stop listening, and end all connections."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _listen(self, ready: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        connections: list[asyncssh.SSHServerConnection] = []
        acceptor = await asyncssh.listen(
            ADDRESS, self.port, server_factory=lambda: _Door(self._grants, connections),
            process_factory=self._serve, encoding=None, server_host_keys=[self._host_key], reuse_address=True,
        )  # fmt: skip
        self.port = acceptor.get_port()
        ready.set()
        await self._over.wait()
        acceptor.close()
        for connection in connections:
            connection.abort()
            await connection.wait_closed()

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Answer a fetch of a repository that the connection's key opens."""
        program, _, quoted = (process.command or "").partition(" ")
        wanted = Path(HOME, quoted.strip("'"))
        if program != "git-upload-pack":
            process.stderr.write(b"this key may only fetch\n")
        elif str(wanted) not in {f"{HOME}/{name}" for name in process.get_extra_info("opens")}:
            process.stderr.write(f"this key does not open {wanted}\n".encode())
        else:
            pipe = asyncio.subprocess.PIPE
            git = await asyncio.create_subprocess_exec(
                program, str(self.root / wanted.relative_to(HOME)),
                stdin=pipe, stdout=pipe, stderr=pipe, env={"PATH": os.environ["PATH"]},
            )  # fmt: skip
            await process.redirect(stdin=git.stdin, stdout=git.stdout, stderr=git.stderr)
            process.exit(await git.wait())
            await process.wait_closed()
            return
        process.exit(1)


class _Door(asyncssh.SSHServer):
    """Lets a connection in by its key."""

    def __init__(
        self, grants: dict[bytes, tuple[str, ...]], connections: list[asyncssh.SSHServerConnection]
    ) -> None:
        self._grants, self._connections = grants, connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.append(conn)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._connection.set_extra_info(opens=self._grants.get(key.public_data, ()))
        return key.public_data in self._grants


@contextmanager
def ssh_server(root: Path) -> Iterator[SshServer]:
    """A running server of the bare repositories in a folder, for a block."""
    server = SshServer(root)
    server.start()
    try:
        yield server
    finally:
        server.stop()
