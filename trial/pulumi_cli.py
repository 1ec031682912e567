"""The Pulumi engine of the trial, with its own home, backend and passphrase, never the user's."""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trial.commands import run
from trial.errors import TrialError
from trial.gobuild import KUBERNETES_PLUGIN_VERSION, PROGRAMS
from trial.layout import Layout, write_private
from trial.memory import Memory
from trial.processes import start_time
from trial.progress import Progress
from trial.tools import Toolbox, architecture

STACK = "dev"
# The versions that the pinned SDK packages request from the engine.
PLUGINS: Mapping[str, str] = {"kubernetes": KUBERNETES_PLUGIN_VERSION, "docker": "5.1.0"}
# What a build from the Go module proxy is: the official program, or the trial's stand-in.
BUILT: Mapping[str, str] = {"kubernetes": "official, built from its Go module", "docker": "stand-in"}
CHOICES = ("auto", "official", "built")
PLUGIN_SERVER = "https://get.pulumi.com/releases/plugins"


@dataclass(frozen=True)
class PulumiInfo:
    """The engine's folders."""

    home: str
    """PULUMI_HOME."""
    backend_url: str
    """PULUMI_BACKEND_URL, a folder of the trial."""
    passphrase_file: str
    """PULUMI_CONFIG_PASSPHRASE_FILE."""
    plugins: Mapping[str, str]
    """Name -> "official", "official, built from its Go module" or "stand-in"; empty if they were left out."""

    @property
    def backend(self) -> Path:
        """The backend's folder for states, history, backups and locks."""
        return Path(self.backend_url.removeprefix("file://")) / ".pulumi"


class PulumiHome:
    """Prepares PULUMI_HOME with the resource plugins."""

    def __init__(self, layout: Layout, progress: Progress, toolbox: Toolbox, memory: Memory) -> None:
        self.layout = layout
        self.progress = progress
        self.toolbox = toolbox
        self.memory = memory
        self.folder = layout.state / "pulumi"

    def up(self, *, plugins: bool = True) -> PulumiInfo:
        """Ensure home, backend, passphrase and, by default, plugins.

        Raises TrialError: TRIAL_PLUGINS is not one of auto, official, built, or the plugins it asks for can't be had.
        """
        home = self.layout.private_folder(self.folder / "home")
        backend = self.layout.private_folder(self.folder / "backend")
        passphrase = self.folder / "passphrase"
        if not passphrase.exists():
            write_private(passphrase, self.memory.secret("pulumi") + "\n")
        return PulumiInfo(
            home=str(home),
            backend_url=f"file://{backend}",
            passphrase_file=str(passphrase),
            plugins=self._plugins(home) if plugins else {},
        )

    def _plugins(self, home: Path) -> dict[str, str]:
        choice = os.environ.get("TRIAL_PLUGINS") or "auto"
        if choice not in CHOICES:
            raise TrialError(f"TRIAL_PLUGINS is {choice!r}; write one of {', '.join(CHOICES)}.")
        return {name: self._plugin(home, name, version, choice) for name, version in PLUGINS.items()}

    def _plugin(self, home: Path, name: str, version: str, choice: str) -> str:
        """Ensure one plugin in the trial's home, and return what it is."""
        if choice != "built" and self._official(home, name, version):
            return "official"
        if choice == "official":
            raise TrialError(
                f"the official Pulumi plugin {name} {version} is not installed and cannot be downloaded here; "
                "unset TRIAL_PLUGINS to build it."
            )
        program = self.toolbox.builder().build(PROGRAMS[f"pulumi-resource-{name}"])
        _place(home, name, version, program)
        return BUILT[name]

    def _official(self, home: Path, name: str, version: str) -> bool:
        """Ensure the released plugin in the trial's home: already there, copied from the user's, or downloaded."""
        target = plugin_file(home, name, version)
        if target.exists() and not target.is_symlink():
            return True
        for other in (os.environ.get("PULUMI_HOME"), str(Path.home() / ".pulumi")):
            found = plugin_file(Path(other), name, version) if other else None
            if found is not None and found.exists() and not found.is_symlink():
                _remove(home, name, version)
                shutil.copytree(found.parent, target.parent)
                return True
        if self.toolbox.builder().built(PROGRAMS[f"pulumi-resource-{name}"]) is not None:
            return False
        url = f"{PLUGIN_SERVER}/pulumi-resource-{name}-v{version}-linux-{architecture()}.tar.gz"
        if not self.toolbox.downloads.reaches(url):
            return False
        return (
            self.toolbox.downloaded(f"the Pulumi plugin {name}", lambda: self._install(home, name, version))
            or False
        )

    def _install(self, home: Path, name: str, version: str) -> bool:
        with self.progress.step(f"download the Pulumi plugin {name} {version}"):
            _remove(home, name, version)
            run(
                [self.layout.bin / "pulumi", "plugin", "install", "resource", name, f"v{version}"],
                env={"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"},
                purpose=f"installing the Pulumi plugin {name}",
                seconds=600,
            )
        return True


def plugin_file(home: Path, name: str, version: str) -> Path:
    """Path at which the engine expects a plugin in PULUMI_HOME."""
    return home / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"


def _place(home: Path, name: str, version: str, program: Path) -> None:
    """Link a built plugin where the engine expects the released one; the link distinguishes the two."""
    target = plugin_file(home, name, version)
    if target.is_symlink() and target.readlink() == program:
        return
    _remove(home, name, version)
    target.parent.mkdir(parents=True)
    target.symlink_to(program)


def _remove(home: Path, name: str, version: str) -> None:
    folder = plugin_file(home, name, version).parent
    shutil.rmtree(folder, ignore_errors=True)
    # The engine's marks of an unfinished download are next to the folder.
    for mark in folder.parent.glob(re.escape(folder.name) + ".*") if folder.parent.exists() else []:
        mark.unlink()


class PulumiCli:
    """Runs the pulumi command on the trial's stack; ``variables`` are its environment, with the trial's exports."""

    def __init__(self, *, repo: Path, info: PulumiInfo, variables: Mapping[str, str], command: Path) -> None:
        self.repo = repo
        self.info = info
        self.variables = variables
        self.command = command

    def run(self, arguments: Sequence[str], *, stdin: str | None = None) -> None:
        """Run a command quietly; secrets go through `stdin`.

        Raises TrialError: it failed; with what it printed last.
        """
        self.output(arguments, stdin=stdin)

    def output(self, arguments: Sequence[str], *, stdin: str | None = None) -> str:
        """Run a command and return its output. Raises TrialError: it failed; with its last output."""
        purpose = f"pulumi {' '.join(arguments[:2])}"
        return run(
            [self.command, *arguments, "--non-interactive"],
            cwd=self.repo, env=self.variables, stdin=stdin, purpose=purpose,
        )  # fmt: skip

    def show(self, arguments: Sequence[str]) -> None:
        """Run a command whose output the user reads. Raises TrialError: it failed; its output shows why."""
        argv = [str(self.command), *arguments, "--non-interactive"]
        ended = subprocess.run(argv, cwd=self.repo, env=dict(self.variables), check=False)
        if ended.returncode != 0:
            raise TrialError(
                f"pulumi {arguments[0]} failed with code {ended.returncode}; its output above shows why."
            )

    def prepare(self) -> None:
        """Ensure the stack, without a lock that a killed run on this machine left."""
        listed = json.loads(self.output(["stack", "ls", "--json"]))
        if not any(stack["name"].rpartition("/")[2] == STACK for stack in listed):
            self.run(["stack", "init", STACK])
        self.run(["stack", "select", STACK])
        if self.stale_locks():
            self.run(["cancel", "--yes", "--stack", STACK])

    def stale_locks(self) -> list[Path]:
        """The stack's locks whose holder, a process of this machine, is gone."""
        locks = (self.info.backend / "locks").rglob("*.json")
        return [path for path in locks if path.parent.name == STACK and _holder_is_gone(path)]


def _holder_is_gone(lock: Path) -> bool:
    """Whether the holder of a lock of Pulumi's file backend, which names host and process id, is gone."""
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return content.get("hostname") == socket.gethostname() and start_time(int(content["pid"])) is None
