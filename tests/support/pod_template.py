"""What Kubernetes would give a container, read from the live cluster: variables resolved, volumes with their files."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class NotStartableError(Exception):
    """The kubelet would not start this container: something it refers to is missing."""


@dataclass(frozen=True)
class File:
    """One file of a mounted Secret or ConfigMap."""

    content: bytes
    mode: int


@dataclass(frozen=True)
class Volume:
    """A mounted volume; one without files is an empty folder that the container may write to."""

    path: str
    """Folder in the container."""
    files: Mapping[str, File]
    """File name -> file."""
    writable: bool
    """Whether the container may write there."""


@dataclass(frozen=True)
class Container:
    """The first container of a Deployment's Pod template."""

    deployment: str
    """Name of the Deployment."""
    image: str
    """Image reference."""
    environment: Mapping[str, str]
    """All variables, Secrets and ConfigMaps resolved."""
    secret_names: frozenset[str]
    """Variables that come from Secrets."""
    volumes: tuple[Volume, ...]
    """Mounted volumes."""
    uid: int
    """User."""
    gid: int
    """Group of the files that Kubernetes mounts (fsGroup)."""
    read_only_root: bool
    """readOnlyRootFilesystem."""

    def secrets(self) -> dict[str, str]:
        """Variables that come from Secrets, with their values: what must not show up anywhere."""
        return {name: self.environment[name] for name in self.secret_names}


def read_container(api: client.ApiClient, namespace: str, deployment: str) -> Container:
    """Read a Deployment and everything that its first container refers to.

    Raises NotStartableError: a Secret, ConfigMap or key is missing. Raises AssertionError: it uses something of
    Kubernetes that this harness does not know.
    """
    found: Any = client.AppsV1Api(api).read_namespaced_deployment(deployment, namespace)
    spec = found.spec.template.spec
    container = spec.containers[0]
    source = _Source(client.CoreV1Api(api), namespace)
    environment, secret = _environment(container, source)
    pod = spec.security_context or client.V1PodSecurityContext()
    own = container.security_context or client.V1SecurityContext()
    return Container(
        deployment=deployment,
        image=container.image,
        environment=environment,
        secret_names=frozenset(secret),
        volumes=tuple(_volumes(spec, container, source)),
        uid=_first(own.run_as_user, pod.run_as_user, 50000),
        gid=_first(pod.fs_group, 50000),
        read_only_root=bool(own.read_only_root_filesystem),
    )


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


class _Source:
    """Secrets and ConfigMaps of a namespace."""

    def __init__(self, core: client.CoreV1Api, namespace: str) -> None:
        self.core = core
        self.namespace = namespace

    def secret(self, name: str) -> dict[str, bytes] | None:
        try:
            data = self.core.read_namespaced_secret(name, self.namespace).data or {}
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return {key: base64.b64decode(value) for key, value in data.items()}

    def config_map(self, name: str) -> dict[str, bytes] | None:
        try:
            found = self.core.read_namespaced_config_map(name, self.namespace)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        binary = {key: base64.b64decode(value) for key, value in (found.binary_data or {}).items()}
        return {key: value.encode() for key, value in (found.data or {}).items()} | binary


def _environment(container: Any, source: _Source) -> tuple[dict[str, str], set[str]]:
    environment: dict[str, str] = {}
    secret: set[str] = set()
    for block in container.env_from or []:
        reference = block.secret_ref or block.config_map_ref
        data = source.secret(reference.name) if block.secret_ref else source.config_map(reference.name)
        if data is None and not reference.optional:
            raise NotStartableError(f"{reference.name} is missing")
        for key, value in (data or {}).items():
            environment[(block.prefix or "") + key] = value.decode()
            if block.secret_ref:
                secret.add((block.prefix or "") + key)
    for variable in container.env or []:
        if variable.value_from is None:
            environment[variable.name] = _expanded(variable.value or "", environment)
            secret.discard(variable.name)
            continue
        reference = variable.value_from.secret_key_ref or variable.value_from.config_map_key_ref
        if reference is None:
            raise AssertionError(
                f"{container.name}: {variable.name} takes its value from neither a Secret nor a ConfigMap, which "
                "this harness cannot resolve"
            )
        from_secret = variable.value_from.secret_key_ref is not None
        data = source.secret(reference.name) if from_secret else source.config_map(reference.name)
        if data is None or reference.key not in data:
            if reference.optional:
                continue
            raise NotStartableError(f"{variable.name}: {reference.name} has no key {reference.key}")
        environment[variable.name] = data[reference.key].decode()
        if from_secret:
            secret.add(variable.name)
    return environment, secret


def _expanded(value: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` refers to an earlier variable and `$$` is a dollar sign, as in Kubernetes' EnvVar."""

    def replacement(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return environment.get(found[1], found[0])

    return _REFERENCE.sub(replacement, value)


def _volumes(spec: Any, container: Any, source: _Source) -> Iterator[Volume]:
    volumes = {volume.name: volume for volume in spec.volumes or []}
    for mount in container.volume_mounts or []:
        at = f"{container.name}: the volume {mount.name} at {mount.mount_path}"
        assert not mount.sub_path, f"{at} is mounted with a subPath, which this harness cannot lay out"
        volume = volumes[mount.name]
        if volume.empty_dir is not None:
            yield Volume(mount.mount_path, {}, writable=not mount.read_only)
            continue
        projected = volume.secret or volume.config_map
        assert projected is not None, (
            f"{at} is neither a Secret, a ConfigMap nor an empty folder, which this harness cannot lay out"
        )
        name = volume.secret.secret_name if volume.secret else volume.config_map.name
        data = source.secret(name) if volume.secret else source.config_map(name)
        if data is None and not projected.optional:
            raise NotStartableError(f"the volume {mount.name}: {name} is missing")
        mode = 0o644 if projected.default_mode is None else projected.default_mode
        wanted = [(item.key, item.path, item.mode) for item in projected.items or []]
        wanted = wanted or [(key, key, None) for key in data or {}]
        for key, _, _ in wanted:
            if key not in (data or {}):
                raise NotStartableError(f"the volume {mount.name}: {name} has no key {key}")
        files = {path: File((data or {})[key], own or mode) for key, path, own in wanted}
        yield Volume(mount.mount_path, files, writable=False)
