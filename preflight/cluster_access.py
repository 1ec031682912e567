"""The stack's cluster as all probes see it: one connection, and every question asked once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clients.errors import RemoteError
from clients.kubernetes import Cluster, RefusedError, secret_data
from preflight.connection import open_cluster
from preflight.once import Once
from preflight.strictness import Levels
from settings.stack import Settings


@dataclass(frozen=True)
class SecretContent:
    """A Secret, as far as the kubeconfig's user may read it."""

    data: Mapping[str, str] | None
    """Content by key, decoded; None when it was not read."""
    forbidden: bool = False
    """Whether the user may not read it."""


class ClusterAccess:
    """Read access to the cluster; may be used from any thread."""

    def __init__(self, settings: Settings, *, root: Path) -> None:
        timeout = float(settings.preflight.timeout)
        self._namespace = settings.agent.namespace
        self._used = Levels(settings.preflight).enabled("cluster")
        self._connection = Once(partial(open_cluster, settings, root=root, timeout=timeout))
        self._version = Once(lambda: str(self.connection().get("/version")["gitVersion"]).removeprefix("v"))
        self._secrets: dict[str, Once[SecretContent]] = {}
        self._lock = threading.Lock()

    def connection(self) -> Cluster:
        """The connection. Raises ClusterError."""
        return self._connection()

    def version(self) -> str:
        """Version of Kubernetes, for example 1.36.3. Raises ClusterError or RefusedError."""
        return self._version()

    def known_version(self) -> str | None:
        """Version of Kubernetes; None when the cluster does not answer or its checks are off."""
        try:
            return self.version() if self._used else None
        except RemoteError:
            return None

    def secret(self, name: str) -> SecretContent:
        """A Secret in the agents' namespace. Raises ClusterError, or RefusedError for other reasons than 403 and 404."""
        with self._lock:
            once = self._secrets.setdefault(name, Once(partial(self._read, name)))
        return once()

    def read_secret(self, name: str) -> Mapping[str, str] | None:
        """Content of a Secret; None when it does not exist, may not be read, or the cluster's checks are off."""
        try:
            return self.secret(name).data if self._used else None
        except RemoteError:
            return None

    def _read(self, name: str) -> SecretContent:
        try:
            return SecretContent(secret_data(self.connection(), namespace=self._namespace, name=name))
        except RefusedError as error:
            if error.status in {403, 404}:
                return SecretContent(None, forbidden=error.status == 403)
            raise
