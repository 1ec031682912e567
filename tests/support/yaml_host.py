"""Pulumi's YAML language host, built from its Go module for tests.

The newest version on the Go module proxy is 1.25.0, which was written for an older `pkg/v3` than the trial's CLI. Three calls have
more arguments there, and one field became a method; with those lines changed it shares its packages with the CLI's build.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.stacks import ROOT
from trial.gobuild import locked
from trial.layout import cache_folder

VERSION = "1.25.0"
_MODULE = "github.com/pulumi/pulumi-yaml"
_CHANGED = {
    "pkg/pulumiyaml/packages.go": [
        ("plugins, packages, nil, nil)", "plugins, packages, nil, nil, nil, nil)")
    ],
    "pkg/pulumiyaml/codegen/convert.go": [
        ("nil, nil, cwd, nil, true, nil)", "nil, nil, cwd, nil, true, nil, nil, nil)")
    ],
    "pkg/pulumiyaml/codegen/gen_program.go": [
        ("collapseToken(n.Token)", "collapseToken(tokenOf(n))"),
        ("n.Schema ", "n.GetSchema() "),
    ],
}
_TOKEN = "\nfunc tokenOf(n *pcl.Resource) string { token, _ := n.GetToken(); return token }\n"


def build() -> Path:
    """The folder with `pulumi-language-yaml`, in the user's cache."""
    folder = cache_folder() / "programs" / "pulumi-language-yaml" / VERSION
    with locked(cache_folder() / "locks" / "pulumi-language-yaml.lock"):
        if not (folder / "pulumi-language-yaml").exists():
            with tempfile.TemporaryDirectory() as scratch:
                _build(Path(scratch), folder)
    return folder


def _build(scratch: Path, folder: Path) -> None:
    module, source = scratch / "module", scratch / "source"
    shutil.copytree(ROOT / "trial" / "go" / "pulumi", module)
    _go(module, "get", f"{_MODULE}@v{VERSION}")
    found = json.loads(_go(module, "list", "-m", "-json", _MODULE))
    shutil.copytree(found["Dir"], source, copy_function=shutil.copyfile)
    for name, changes in _CHANGED.items():
        file = source / name
        text = file.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"{name} of {_MODULE} {VERSION} is not what this was written for"
            text = text.replace(old, new)
        file.write_text(text + (_TOKEN if "tokenOf" in text else ""), encoding="utf-8")
    _go(module, "mod", "edit", f"-replace={_MODULE}={source}")
    target = scratch / "pulumi-language-yaml"
    _go(
        module, "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(target),
        f"{_MODULE}/cmd/pulumi-language-yaml",
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    shutil.move(target, folder / "pulumi-language-yaml")


def _go(cwd: Path, *arguments: str | Path) -> str:
    command: Sequence[str] = ["go", *map(str, arguments)]
    variables = {**os.environ, "GOWORK": "off", "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
