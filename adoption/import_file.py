"""The file with which `pulumi import` takes over a namespace or a release that exists.

A plain `pulumi import` would put the object next to this program's components, and the next update would create a second
one. The file names the component as the object's parent (pulumi.com/docs/iac/cli/commands/pulumi_import, bulk import).
"""

from __future__ import annotations

from typing import Any

from domain.names import (
    AGENT_NAMESPACE,
    AGENT_RELEASE,
    NAMESPACE_COMPONENT,
    NAMESPACE_TYPE,
    RELEASE_COMPONENT,
    RELEASE_TYPE,
)

_COMPONENTS = {
    "namespace": (AGENT_NAMESPACE, NAMESPACE_COMPONENT, NAMESPACE_TYPE),
    "release": (AGENT_RELEASE, RELEASE_COMPONENT, RELEASE_TYPE),
}
"""Kind -> component, its name in this program, type of the object."""
KINDS = tuple(sorted(_COMPONENTS))


def import_file(kind: str, identity: str) -> dict[str, Any]:
    """Content of the file for `pulumi import --file`; ``identity`` is `<namespace>` or `<namespace>/<release>`."""
    component, name, kubernetes_type = _COMPONENTS[kind]
    parent = {
        "type": component,
        "name": "component",
        "logicalName": name,
        "component": True,
    }
    adopted = {"type": kubernetes_type, "name": name, "id": identity, "parent": "component"}
    return {"resources": [parent, adopted]}


def command(kind: str, identity: str, *, stack: str | None = None) -> str:
    """The commands that adopt, for a finding or a report."""
    chosen = f" --stack {stack}" if stack else ""
    return (
        f"python -m adoption import-file {kind} {identity} > adopt.json && "
        f"pulumi import --file adopt.json --generate-code=false{chosen}"
    )
