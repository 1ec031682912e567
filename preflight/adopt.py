"""The import file with which a stack takes over a namespace or release that exists: `python -m preflight.adopt`.

A plain `pulumi import` would put the object beside this program's components, and the next update would make a second one.
The file names the component as the object's parent (pulumi.com/docs/iac/cli/commands/pulumi_import, bulk import).
"""

from __future__ import annotations

import argparse
import json
import sys
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


def command(kind: str, identity: str) -> str:
    """The commands that adopt, for a finding."""
    return (
        f"python -m preflight.adopt {kind} {identity} > adopt.json && "
        "pulumi import --file adopt.json --generate-code=false"
    )


def main() -> None:
    """Print the file."""
    parser = argparse.ArgumentParser(prog="python -m preflight.adopt", description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=sorted(_COMPONENTS))
    parser.add_argument("identity", help="<namespace>, or <namespace>/<release>")
    arguments = parser.parse_args()
    json.dump(import_file(arguments.kind, arguments.identity), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
