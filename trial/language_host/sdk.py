"""Generated Python SDKs: what `pulumi package add` and `pulumi package gen-sdk` ask the language host for.

Pulumi's own generator, built from its Go module, writes them; see trial/go/pulumi/python_sdk.
"""

import base64
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from trial.language_host.processes import Children, lines
from trial.language_host.toolchain import ToolchainError

GENERATOR = "pulumi-python-sdk"
"""Name of the generator's program on PATH."""


def generate(
    children: Children,
    environment: Mapping[str, str],
    *,
    schema: str,
    loader: str,
    directory: Path,
    extra_files: Mapping[str, bytes],
) -> None:
    """Write the SDK for a schema (JSON text) into an existing folder; ``loader`` is the engine's address, or "".

    Raises ToolchainError: the generator is missing, or the schema has mistakes, which are quoted.
    """
    program = shutil.which(GENERATOR, path=environment.get("PATH"))
    if program is None:
        raise ToolchainError(
            f"{GENERATOR}, which writes Python SDKs, is not on PATH; run `make up` and add the trial's bin folder to PATH, "
            "or install the official Pulumi release."
        )
    files = {name: base64.b64encode(content).decode() for name, content in extra_files.items()}
    request = {
        "schema": json.loads(schema),
        "loader": loader,
        "directory": str(directory),
        "extraFiles": files,
    }
    printed = []
    with children.start(
        [program], environment=environment, piped=True, given=json.dumps(request).encode()
    ) as child:
        printed += [text for stream, text in lines(child) if stream == "stderr"]
        code = child.wait()
    if code != 0:
        raise ToolchainError(b"".join(printed).decode(errors="replace").strip() or f"exit code {code}")


def link(program: Path, paths: Sequence[str]) -> str:
    """Add SDKs to a program's requirements.txt by their paths relative to it; returns how to import them.

    Raises ToolchainError: the program has no requirements.txt.
    """
    requirements = program / "requirements.txt"
    try:
        text = requirements.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ToolchainError(
            f"{requirements} does not exist; create it with the line `pulumi`, then add the package again."
        ) from None
    listed = text.splitlines()
    added = [path for path in paths if path not in {line.strip() for line in listed}]
    if added:
        requirements.write_text("\n".join([*listed, *added]) + "\n", encoding="utf-8")
    imports = "".join(f"  {_import(program / path)}\n" for path in paths)
    return f"You can import the SDK{'s' if len(paths) > 1 else ''} in your Python code with:\n\n{imports}"


def _import(sdk: Path) -> str:
    [plugin] = sdk.glob("*/pulumi-plugin.json")
    name = str(json.loads(plugin.read_text(encoding="utf-8"))["name"]).replace("-", "_")
    return f"import {plugin.parent.name} as {name}"
