"""The Python environment of a Pulumi program, and the packages installed in it."""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path


class ToolchainError(Exception):
    """Why a program cannot run, in one sentence."""


@dataclass(frozen=True)
class Toolchain:
    """A Python environment."""

    python: Path
    """Interpreter."""
    virtualenv: Path | None
    """Folder of the virtual environment; None for an interpreter from PATH."""

    @classmethod
    def of(cls, root: Path, options: Mapping[str, object]) -> "Toolchain":
        """Read `runtime.options` of a Pulumi.yaml, whose `virtualenv` is relative to that file's folder.

        Raises ToolchainError: the options request something that this host does not support.
        """
        toolchain = options.get("toolchain") or "pip"
        if toolchain != "pip":
            raise ToolchainError(
                f"runtime.options.toolchain in Pulumi.yaml is {toolchain!r}, which the trial's language host does not "
                "support; write pip, or install the official Pulumi release."
            )
        name = options.get("virtualenv")
        if not name:
            return cls(python=Path(sys.executable), virtualenv=None)
        folder = Path(os.path.normpath(root / str(name)))
        return cls(python=folder / "bin" / "python", virtualenv=folder)

    def require(self) -> None:
        """Check that the environment exists. Raises ToolchainError: it does not."""
        if not self.python.is_file():
            raise ToolchainError(
                f"The virtual environment {self.virtualenv} of runtime.options.virtualenv in Pulumi.yaml does not "
                "exist; create it with `pulumi install`."
            )

    def environment(self) -> dict[str, str]:
        """The process environment in which the virtual environment is active."""
        environment = dict(os.environ)
        if self.virtualenv is not None:
            environment["VIRTUAL_ENV"] = str(self.virtualenv)
            environment["PATH"] = f"{self.virtualenv / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
            environment.pop("PYTHONHOME", None)
        return environment

    def site_packages(self) -> list[str]:
        """The folders with the environment's packages."""
        if self.virtualenv is None:
            return [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        return [str(path) for path in sorted(self.virtualenv.glob("lib*/python*/site-packages"))]

    def distributions(self) -> list[Distribution]:
        """The installed distributions."""
        return list(distributions(path=self.site_packages()))


@dataclass(frozen=True)
class PluginPackage:
    """A resource plugin that an installed package needs."""

    name: str
    version: str
    """Without a leading "v"."""
    server: str = ""
    """Server that Pulumi downloads it from; "" for the default."""


def plugin_packages(toolchain: Toolchain) -> list[PluginPackage]:
    """The plugins that the installed Pulumi packages name in their pulumi-plugin.json."""
    found = {}
    for folder in toolchain.site_packages():
        for file in sorted(Path(folder).glob("*/pulumi-plugin.json")):
            content = json.loads(file.read_text(encoding="utf-8"))
            if not content.get("resource"):
                continue
            name = content.get("name") or file.parent.name.removeprefix("pulumi_").replace("_", "-")
            version = str(content.get("version") or _version_of(toolchain, file.parent.name)).removeprefix(
                "v"
            )
            found[name] = PluginPackage(name, version, str(content.get("server") or ""))
    return [found[name] for name in sorted(found)]


def installed(toolchain: Toolchain, *, all_of_them: bool) -> list[tuple[str, str]]:
    """Names and versions of the installed packages, sorted; without dependencies of others, unless all are requested."""
    found = toolchain.distributions()
    needed = set()
    if not all_of_them:
        for distribution in found:
            for requirement in distribution.requires or []:
                name = re.match(r"[A-Za-z0-9._-]+", requirement)
                if name and "extra ==" not in requirement:
                    needed.add(_canonical(name[0]))
    return sorted((one.name, one.version) for one in found if _canonical(one.name) not in needed)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version_of(toolchain: Toolchain, package: str) -> str:
    for distribution in toolchain.distributions():
        if distribution.name.replace("-", "_") == package:
            return distribution.version
    return ""
