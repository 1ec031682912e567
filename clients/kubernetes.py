"""Access to the cluster with the same kubeconfig and context as the program's provider."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clients.errors import Cause, RemoteError
from clients.importing import IMPORTING
from clients.private_folder import private_folder
from domain.plain_yaml import load

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""What a list is asked for if only names, labels and the like are wanted (kubernetes.io, Kubernetes API Concepts)."""


class ClusterError(RemoteError):
    """The cluster did not answer, or there is no usable kubeconfig (KUBECONFIG, CONTEXT)."""

    def __init__(self, cause: Cause, text: str, *, server: str = "the cluster") -> None:
        super().__init__(cause, text)
        self.server = server


class RefusedError(RemoteError):
    """The API server answered with an error; `status` is its HTTP status, `answer` the Status object that came with it."""

    def __init__(self, status: int, reason: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            {403: Cause.UNAUTHORISED, 404: Cause.NOT_FOUND}.get(status, Cause.OTHER),
            f"HTTP {status} {reason}".strip(),
        )
        self.status = status
        self.answer = answer or {}


class Cluster:
    """Plain requests to the API server: JSON in, JSON out, one attempt and one time limit (in seconds) each."""

    def __init__(self, api: ApiClient, *, timeout: float) -> None:
        self._api = api
        self._timeout = timeout
        self._kinds: dict[str, list[dict[str, Any]]] = {}
        self.server = str(api.configuration.host)

    def get(self, path: str, *, query: dict[str, str] | None = None, accept: str = "application/json") -> Any:
        """Read an object or a list. Raises ClusterError or RefusedError."""
        return self._request("GET", path, query=query, accept=accept)

    def text(self, path: str, *, query: dict[str, str] | None = None) -> str:
        """Read something that is not JSON, such as a log. Raises ClusterError or RefusedError."""
        _, content = self._send("GET", path, query=query, accept="*/*")
        return content.decode(errors="replace")

    def post(self, path: str, body: Any) -> Any:
        """Send a review. Raises ClusterError or RefusedError."""
        return self._request("POST", path, body=body)

    def put(self, path: str, body: Any) -> Any:
        """Replace an object. Raises ClusterError or RefusedError."""
        return self._request("PUT", path, body=body)

    def delete(self, path: str, body: Any) -> None:
        """Delete an object. Raises ClusterError or RefusedError."""
        self._request("DELETE", path, body=body)

    def try_create(self, path: str, body: Any) -> tuple[str, ...]:
        """Have the server judge a new object of a collection, which it does not store; returns its warnings.

        Raises ClusterError or RefusedError: 409 when all is well and the object exists.
        """
        return self._try("POST", path, body)

    def try_replace(self, path: str, body: Any) -> tuple[str, ...]:
        """Have the server judge a change of an object, which it does not store; returns its warnings.

        Raises ClusterError or RefusedError.
        """
        return self._try("PUT", path, body)

    def _try(self, method: str, path: str, body: Any) -> tuple[str, ...]:
        answer, _ = self._send(method, path, query={"dryRun": "All", "fieldValidation": "Warn"}, body=body)
        return _warnings(answer.getheaders())

    def path_of(self, document: Mapping[str, Any], namespace: str) -> str:
        """Path of the object that a manifest describes, found by discovery; ``namespace`` is the default namespace.

        Raises ClusterError, or RefusedError: 404 if the server does not know the kind.
        """
        version, kind = str(document["apiVersion"]), document["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if root not in self._kinds:
            self._kinds[root] = self.get(root).get("resources") or []
        found = next(
            (item for item in self._kinds[root] if item["kind"] == kind and "/" not in item["name"]), None
        )
        if found is None:
            raise RefusedError(404, f"no {kind} in {version}")
        metadata = document["metadata"]
        place = f"/namespaces/{metadata.get('namespace') or namespace}" if found["namespaced"] else ""
        return f"{root}{place}/{found['name']}/{metadata['name']}"

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        accept: str = "application/json",
    ) -> Any:
        _, content = self._send(method, path, query=query, body=body, accept=accept)
        return json.loads(content) if content else {}

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        accept: str = "application/json",
    ) -> tuple[Any, bytes]:
        with IMPORTING:
            import urllib3
            from kubernetes.client.exceptions import ApiException

        method, url, headers, sent, form = self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": accept, "Content-Type": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._api.call_api(method, url, headers, sent, form, _request_timeout=self._timeout)
            content = answer.read()  # type: ignore[no-untyped-call]
        except ApiException as error:
            raise ClusterError(Cause.UNREACHABLE, _short(error.reason), server=self.server) from None
        except urllib3.exceptions.NewConnectionError as error:  # a subclass of urllib3's timeout
            raise ClusterError(Cause.UNREACHABLE, _short(error), server=self.server) from None
        except urllib3.exceptions.TimeoutError:
            raise ClusterError(
                Cause.TIMEOUT, f"no answer within {self._timeout:.0f} s", server=self.server
            ) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(Cause.UNREACHABLE, _short(error), server=self.server) from None
        if answer.status == 401:
            raise ClusterError(Cause.UNAUTHORISED, "401 Unauthorized", server=self.server)
        if answer.status >= 400:
            raise RefusedError(answer.status, str(answer.reason or ""), _status(content))
        return answer, content


def _status(content: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None  # a proxy's page
    return found if isinstance(found, Mapping) else None


def _warnings(headers: Any) -> tuple[str, ...]:
    """Texts of the Warning headers: `299 - "text"` (RFC 7234, 5.5)."""
    found = re.findall(r'299 \S+ "((?:[^"\\]|\\.)*)"', ", ".join(headers.getlist("Warning")))
    return tuple(text.replace('\\"', '"') for text in found)


def served_apis(cluster: Cluster) -> tuple[str, ...]:
    """Everything that the cluster serves, as templates ask for it: `apps/v1`, `apps/v1/Deployment`, sorted.

    Source: kubernetes.io/docs/concepts/overview/kubernetes-api, "Aggregated discovery" (stable in 1.30). The older
    form counts as nothing. Raises ClusterError or RefusedError.
    """
    found = set()
    accept = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList,application/json"
    for root in ("/api", "/apis"):
        for group in cluster.get(root, accept=accept).get("items") or []:
            prefix = f"{group['metadata']['name']}/" if (group.get("metadata") or {}).get("name") else ""
            for version in group.get("versions") or []:
                found.add(f"{prefix}{version['version']}")
                for resource in version.get("resources") or []:
                    kind = (resource.get("responseKind") or {}).get("kind")
                    if kind:
                        found.add(f"{prefix}{version['version']}/{kind}")
    return tuple(sorted(found))


def secret_data(cluster: Cluster, *, namespace: str, name: str) -> dict[str, str]:
    """Content of a Secret by key, decoded. Raises ClusterError, or RefusedError (403, 404)."""
    found = cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    data = found.get("data") or {}
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def kubeconfigs(variables: Mapping[str, str]) -> tuple[Path, ...]:
    """Files that kubectl reads (kubernetes.io, Organizing Cluster Access Using kubeconfig Files)."""
    named = [path for path in variables.get("KUBECONFIG", "").split(os.pathsep) if path]
    return tuple(Path(path).expanduser() for path in named) or (Path.home() / ".kube" / "config",)


def connect(
    kubeconfig: str | None, context: str | None, *, root: Path | None = None, timeout: float
) -> Cluster:
    """Client for a cluster; sends nothing yet.

    ``kubeconfig`` is the path or the content of a kubeconfig, or None for KUBECONFIG and ~/.kube/config; a path is
    relative to ``root``. Raises ClusterError (KUBECONFIG, CONTEXT).
    """
    # This import takes half a second, which a stack without cluster checks can save.
    with IMPORTING:
        from kubernetes import client, config

    configuration = client.Configuration()
    try:
        # Certificates and keys that a kubeconfig contains are written to files there.
        files = str(private_folder())
        if kubeconfig is not None and _is_content(kubeconfig):
            content = load(kubeconfig)
            config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
                content,
                context=context,
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=files,
            )
        else:
            paths = _paths(kubeconfig, root)
            found = any(path.is_file() for path in paths)
            if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ and not found:
                config.load_incluster_config(  # type: ignore[no-untyped-call]
                    client_configuration=configuration
                )
            else:
                config.load_kube_config(  # type: ignore[no-untyped-call]
                    os.pathsep.join(map(str, paths)),
                    context=context,
                    client_configuration=configuration,
                    persist_config=False,
                    temp_file_path=files,
                )
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError) as error:
        raise _unusable(error, context) from None
    # One attempt per request: a host that hangs must cost one time limit, not four.
    configuration.retries = False
    return Cluster(client.ApiClient(configuration), timeout=timeout)


def _is_content(kubeconfig: str) -> bool:
    return "\n" in kubeconfig or kubeconfig.lstrip().startswith("{")


def _paths(kubeconfig: str | None, root: Path | None) -> tuple[Path, ...]:
    if kubeconfig is None:
        return kubeconfigs(os.environ)
    return ((root or Path()) / Path(kubeconfig).expanduser(),)


def _unusable(error: Exception, context: str | None) -> ClusterError:
    # The message of a YAML error may quote the kubeconfig, which contains credentials.
    readable = not isinstance(error, yaml.YAMLError | TypeError | ValueError)
    detail = str(error).splitlines()[0] if readable else "the kubeconfig is not valid YAML"
    missing = context and "context" in detail.lower()
    return ClusterError(Cause.CONTEXT if missing else Cause.KUBECONFIG, detail)


def _short(error: object) -> str:
    # urllib3 wraps the cause in an error whose text quotes it.
    while isinstance(error, BaseException) and error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    if isinstance(error, http.client.IncompleteRead):
        return "its answer ended early"
    text = re.sub(r"\[Errno -?\d+\] ", "", str(error))
    if "CERTIFICATE" in text.upper():
        return "its certificate is not trusted"
    return text.rsplit(": ", 1)[-1].strip("()'\" ") or type(error).__name__


def namespace_of(cluster: Cluster, name: str) -> dict[str, Any] | None:
    """A namespace; None if it does not exist, and empty if the account may not read it, which may still work in it.

    Raises ClusterError or RefusedError.
    """
    try:
        found: dict[str, Any] = cluster.get(f"/api/v1/namespaces/{name}")
    except RefusedError as error:
        if error.status == 404:
            return None
        if error.status == 403:
            return {}
        raise
    return found


def names_of(cluster: Cluster, collection: str) -> frozenset[str]:
    """Names of the objects of a collection, given by its path; their contents are not sent.

    Raises ClusterError, or RefusedError (403, 404).
    """
    found = cluster.get(collection, accept=METADATA_ONLY)
    return frozenset(item["metadata"]["name"] for item in found.get("items") or [])
