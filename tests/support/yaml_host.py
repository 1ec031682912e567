"""Pulumi's YAML language host, built from its Go module for tests.

The newest version on the Go module proxy is 1.25.0, which was written for an older `pkg/v3` than the trial's CLI. Three calls have
more arguments there, and one field became a method; with those lines changed it shares its packages with the CLI's build. The
version that Pulumi's releases bring is newer and answers `Link`, the last step of `pulumi package add`, with nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from tests.support.stacks import ROOT
from trial.commands import run
from trial.gobuild import COMPILE_FLAGS, locked
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
_ADDED = {
    "pkg/pulumiyaml/codegen/gen_program.go": """
func tokenOf(n *pcl.Resource) string { token, _ := n.GetToken(); return token }
""",
    "pkg/server/server.go": """
func (*yamlLanguageHost) Link(context.Context, *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	return &pulumirpc.LinkResponse{}, nil // Pulumi.yaml names the package, and the engine writes that
}
""",
}


def build() -> Path:
    """The folder with `pulumi-language-yaml`, in the user's cache."""
    key = hashlib.sha256(repr((_CHANGED, _ADDED, COMPILE_FLAGS)).encode()).hexdigest()[:8]
    folder = cache_folder() / "programs" / "pulumi-language-yaml" / f"{VERSION}-{key}"
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
        file.write_text(text, encoding="utf-8")
    for name, more in _ADDED.items():
        with (source / name).open("a", encoding="utf-8") as end:
            end.write(more)
    _go(module, "mod", "edit", f"-replace={_MODULE}={source}")
    target = scratch / "pulumi-language-yaml"
    _go(
        module, "build", "-mod=mod", *COMPILE_FLAGS, "-ldflags=-s -w", "-o", str(target),
        f"{_MODULE}/cmd/pulumi-language-yaml",
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    shutil.move(target, folder / "pulumi-language-yaml")


def _go(cwd: Path, *arguments: str | Path) -> str:
    variables = {"GOWORK": "off", "CGO_ENABLED": "0"}
    return run(["go", *arguments], purpose="building Pulumi's YAML language host", cwd=cwd, env=variables)
