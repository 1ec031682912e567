"""KEDA's own resource definitions in the trial's cluster, from KEDA's Go module; nothing acts on their objects."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.kube_objects import kubectl
from tests.support.stacks import ROOT
from trial.commands import run
from trial.downloads import Downloads
from trial.environment import Environment
from trial.layout import Layout
from trial.progress import Progress
from trial.tools import Toolbox

MODULE = "github.com/kedacore/keda/v2"
VERSION = "v2.21.0"
_SUMS = f"""{MODULE} {VERSION} h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=
{MODULE} {VERSION}/go.mod h1:djq9CnH0OT9Wis6jwtc02oiUstN081M81Amk8JtkbVo=
"""
KINDS = ("scaledobjects", "triggerauthentications")


def definitions() -> list[Path]:
    """Files of the definitions, in the Go command's cache."""
    go = Toolbox(Layout.of(repo=ROOT), Progress(), Downloads()).builder().go
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "go.mod").write_text("module keda\n")
        Path(folder, "go.sum").write_text(_SUMS)
        found = run(
            [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"],
            purpose="downloading KEDA's resource definitions",
            cwd=Path(folder),
            env={"GOWORK": "off", "GOFLAGS": "-mod=mod"},
        )
    bases = Path(json.loads(found)["Dir"]) / "config" / "crd" / "bases"
    return [bases / f"keda.sh_{kind}.yaml" for kind in KINDS]


@contextmanager
def keda(environment: Environment) -> Iterator[None]:
    """A cluster that takes KEDA's objects and judges them by KEDA's own schemas."""
    for file in definitions():
        kubectl(environment, "apply", "--server-side", "--filename", str(file))
    names = [f"{kind}.keda.sh" for kind in KINDS]
    kubectl(environment, "wait", "--for=condition=Established", "crd", *names, "--timeout=60s")
    try:
        yield
    finally:
        kubectl(environment, "delete", "crd", *names, "--wait=true")
