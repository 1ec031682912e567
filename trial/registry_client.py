"""Pushing an image to a registry over its HTTP API (OCI distribution specification), without a Docker engine.

On the standard library: the trial may not import clients, which it helps to test.
"""

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from trial.errors import TrialError
from trial.registry_server import RegistryInfo

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
TIME_LIMIT = 120.0


@dataclass(frozen=True)
class Blob:
    """A file of an image, identified by its digest."""

    media_type: str
    digest: str
    size: int
    path: Path

    def descriptor(self) -> dict[str, object]:
        """Its descriptor in a manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


class RegistryClient:
    """Client of the trial's registry (plain HTTP on loopback)."""

    def __init__(self, registry: RegistryInfo) -> None:
        self.server = registry.server
        login = f"{registry.username}:{registry.password}".encode()
        self._headers = {"Authorization": "Basic " + base64.b64encode(login).decode()}

    def digest_of(self, repository: str, reference: str) -> str | None:
        """Digest of the manifest with a tag; None if there is none."""
        status, headers = self._call(
            "HEAD", f"/v2/{repository}/manifests/{reference}", {"Accept": MANIFEST_TYPE}
        )
        return headers.get("docker-content-digest") if status == http.client.OK else None

    def push(self, repository: str, tag: str, *, config: Blob, layers: list[Blob]) -> str:
        """Upload what is missing, tag it, and return the manifest's digest.

        Raises TrialError: the registry refuses.
        """
        for blob in (config, *layers):
            self._upload(repository, blob)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config.descriptor(),
            "layers": [layer.descriptor() for layer in layers],
        }
        body = json.dumps(manifest, indent=2).encode()
        path = f"/v2/{repository}/manifests/{tag}"
        status, headers = self._call("PUT", path, {"Content-Type": MANIFEST_TYPE}, body=body)
        if status != http.client.CREATED:
            raise TrialError(
                f"the registry {self.server} answered {status} to the manifest of {repository}:{tag}."
            )
        return headers["docker-content-digest"]

    def _upload(self, repository: str, blob: Blob) -> None:
        status, _ = self._call("HEAD", f"/v2/{repository}/blobs/{blob.digest}", {})
        if status == http.client.OK:
            return
        status, headers = self._call("POST", f"/v2/{repository}/blobs/uploads/", {})
        if status != http.client.ACCEPTED:
            raise TrialError(f"the registry {self.server} answered {status} to an upload into {repository}.")
        location = urlsplit(headers["location"])
        query = "&".join(part for part in (location.query, urlencode({"digest": blob.digest})) if part)
        upload = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        status, _ = self._call("PUT", f"{location.path}?{query}", upload, body=blob.path)
        if status != http.client.CREATED:
            raise TrialError(
                f"the registry {self.server} answered {status} to {blob.path.name} of {repository}."
            )

    def _call(
        self, method: str, path: str, headers: Mapping[str, str], *, body: bytes | Path | None = None
    ) -> tuple[int, dict[str, str]]:
        connection = http.client.HTTPConnection(self.server, timeout=TIME_LIMIT)
        try:
            if isinstance(body, Path):
                with body.open("rb") as file:
                    connection.request(method, path, body=file, headers={**self._headers, **headers})
                    answer = connection.getresponse()
            else:
                connection.request(method, path, body=body, headers={**self._headers, **headers})
                answer = connection.getresponse()
            answer.read()
        except OSError as error:
            raise TrialError(f"the registry {self.server} does not answer: {error}.") from error
        finally:
            connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
