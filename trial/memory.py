"""What a trial remembers between runs: its ports and generated passwords."""

import hashlib
import json
import os
import secrets
import socket
from itertools import chain
from pathlib import Path

from trial.layout import write_private

LOOPBACK = "127.0.0.1"
_LOWEST_PORT = 10000
_FOR_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""First and last port that the kernel gives to outgoing connections (ip(7))."""


def port_is_free(port: int) -> bool:
    """Whether a port on loopback can be bound."""
    with socket.socket() as probe:
        # Servers set it too; without it, a recent connection blocks the port for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Memory:
    """Ports and passwords of one trial, in a file that only the user can read (mode 0600)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ports: dict[str, int] = {}
        self._secrets: dict[str, str] = {}
        self._choices: dict[str, str] = {}
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            self._ports = content["ports"]
            self._secrets = content["secrets"]
            self._choices = content["choices"]

    def port(self, name: str, *, in_use: bool = False) -> int:
        """The port of a service: the last one, unless another program took it while the service was down.

        ``in_use``: the service itself is running and uses its port.
        """
        port = self._ports.get(name)
        if port is None or not (in_use or port_is_free(port)):
            port = self._free_port(name)
            self._ports[name] = port
            self._save()
        return port

    def secret(self, name: str) -> str:
        """A password, generated at first use: 48 hexadecimal digits, so that no command takes a pasted one for an option."""
        if name not in self._secrets:
            self._secrets[name] = secrets.token_hex(24)
            self._save()
        return self._secrets[name]

    def choice(self, name: str, value: str | None, default: str) -> str:
        """The user's choice: the value given now, else the last one, else the default; it is remembered."""
        chosen = value or self._choices.get(name, default)
        if self._choices.get(name) != chosen:
            self._choices[name] = chosen
            self._save()
        return chosen

    def _free_port(self, name: str) -> int:
        """One that no outgoing connection can take while its service is down, if the kernel leaves room for that.

        A trial in the same folder gets the same again: the Docker engine knows by the address what it has pushed to a registry.
        """
        end = int(_FOR_CONNECTIONS.read_text(encoding="ascii").split()[0])
        candidates = range(_LOWEST_PORT, end) if end > _LOWEST_PORT + 1000 else range(_LOWEST_PORT, 1 << 16)
        digest = hashlib.sha256(os.fsencode(self.path) + name.encode()).digest()
        first = int.from_bytes(digest[:4], "big") % len(candidates)
        order = chain(candidates[first:], candidates[:first])
        return next(port for port in order if port not in self._ports.values() and port_is_free(port))

    def _save(self) -> None:
        content = {"ports": self._ports, "secrets": self._secrets, "choices": self._choices}
        write_private(self.path, json.dumps(content, indent=2, sort_keys=True) + "\n")
