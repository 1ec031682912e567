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


def read_container(api: client.ApiClient, namespace: str, deployment: str) -> Container:
    """Read a Deployment and everything that its first container refers to.

    Raises ApiException or KeyError: a Secret, ConfigMap or key is missing, so the kubelet would not start it. Raises
    AssertionError: it uses something of Kubernetes that this harness does not know.
    """
    found: Any = client.AppsV1Api(api).read_namespaced_deployment(deployment, namespace)
    spec = found.spec.template.spec
    container = spec.containers[0]
    source = _Source(client.CoreV1Api(api), namespace)
    environment = dict(_variables(container, source))
    pod = spec.security_context or client.V1PodSecurityContext()
    own = container.security_context or client.V1SecurityContext()
    return Container(
        image=container.image,
        environment={name: value for name, (value, _) in environment.items()},
        secret_names=frozenset(name for name, (_, secret) in environment.items() if secret),
        volumes=tuple(_volumes(spec, container, source)),
        uid=_first(own.run_as_user, pod.run_as_user, 50000),
        gid=_first(pod.fs_group, 50000),
        read_only_root=bool(own.read_only_root_filesystem),
    )


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


@dataclass(frozen=True)
class _Source:
    """Secrets and ConfigMaps of a namespace."""

    core: client.CoreV1Api
    namespace: str

    def read(self, secret: Any, config_map: Any) -> dict[str, bytes]:
        """Data of what one of these references names; none if it is optional and missing."""
        reference = secret or config_map
        name = getattr(reference, "secret_name", None) or reference.name
        read = self.core.read_namespaced_secret if secret else self.core.read_namespaced_config_map
        try:
            found: Any = read(name, self.namespace)
        except ApiException as error:
            if error.status == 404 and reference.optional:
                return {}
            raise
        if secret:
            return {key: base64.b64decode(value) for key, value in (found.data or {}).items()}
        binary = {key: base64.b64decode(value) for key, value in (found.binary_data or {}).items()}
        return {key: value.encode() for key, value in (found.data or {}).items()} | binary


def _variables(container: Any, source: _Source) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Name, value and whether it comes from a Secret; of two with one name the later one counts."""
    known: dict[str, str] = {}
    for block in container.env_from or []:
        for key, value in source.read(block.secret_ref, block.config_map_ref).items():
            known[(block.prefix or "") + key] = value.decode()
            yield (block.prefix or "") + key, (value.decode(), bool(block.secret_ref))
    for variable in container.env or []:
        origin = variable.value_from
        if origin is None:
            known[variable.name] = _expanded(variable.value or "", known)
            yield variable.name, (known[variable.name], False)
            continue
        reference = origin.secret_key_ref or origin.config_map_key_ref
        assert reference, f"this harness cannot resolve {variable.name}, of neither a Secret nor a ConfigMap"
        data = source.read(origin.secret_key_ref, origin.config_map_key_ref)
        if reference.key in data or not reference.optional:
            known[variable.name] = data[reference.key].decode()
            yield variable.name, (known[variable.name], bool(origin.secret_key_ref))


def _expanded(value: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` refers to an earlier variable and `$$` is a dollar sign, as in Kubernetes' EnvVar."""
    return _REFERENCE.sub(lambda found: "$" if found[0] == "$$" else known.get(found[1], found[0]), value)


def _volumes(spec: Any, container: Any, source: _Source) -> Iterator[Volume]:
    volumes = {volume.name: volume for volume in spec.volumes or []}
    for mount in container.volume_mounts or []:
        volume = volumes[mount.name]
        if volume.empty_dir is not None:
            yield Volume(mount.mount_path, {}, writable=not mount.read_only)
            continue
        projected = volume.secret or volume.config_map
        at = f"{mount.name} at {mount.mount_path}"
        assert projected, f"this harness cannot lay out {at}: not a Secret, a ConfigMap or an empty folder"
        assert not mount.sub_path, f"this harness cannot lay out {at}: a subPath"
        data = source.read(volume.secret, volume.config_map)
        mode = 0o644 if projected.default_mode is None else projected.default_mode
        wanted = [(item.key, item.path, item.mode) for item in projected.items or []]
        wanted = wanted or [(key, key, None) for key in data]
        yield Volume(
            mount.mount_path,
            {path: File(data[key], own or mode) for key, path, own in wanted},
            writable=False,
        )
