"""Small Pulumi programs on the real engine, for tests of what the engine runs on: plugins and language host."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

from tests.support.engine import Project
from tests.support.stacks import ROOT
from trial.environment import Environment

HEADER = """\
import json, os
import pulumi
import pulumi_kubernetes as k8s
config = pulumi.Config()
trial = json.load(open(os.environ["ASTRO_DBT_TRIAL"] + "/environment.json"))
"""


class Scratch(Project):
    """One program with one stack, `dev`; its project is named after the test."""

    def __init__(self, environment: Environment, folder: Path, test: str) -> None:
        super().__init__(environment, folder)
        self.name = re.sub(r"[^a-z0-9]+", "-", test.removeprefix("test_").lower())[:30].strip("-")
        folder.mkdir(parents=True)
        runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": self.name, "runtime": runtime}))
        self.require("stack", "init", "dev")

    def program(self, body: str, *, header: str = HEADER) -> None:
        """Write the program; `body` may use k8s, config, trial and pulumi."""
        (self.folder / "__main__.py").write_text(header + textwrap.dedent(body))

    def pulumi(
        self, *arguments: str, stdin: str = "", stderr: int = subprocess.STDOUT
    ) -> subprocess.CompletedProcess[str]:
        """Run the CLI; unless told otherwise, its two streams are joined in stdout."""
        return self.run("pulumi", *arguments, "--non-interactive", stdin=stdin, stderr=stderr)

    def require(self, *arguments: str, stdin: str = "", stderr: int = subprocess.STDOUT) -> str:
        """Run the CLI, which must succeed, and return what it printed."""
        done = self.pulumi(*arguments, stdin=stdin, stderr=stderr)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def configure(self, key: str, value: str) -> None:
        """Set a secret of the stack; it is not an argument, which others see and which may look like an option."""
        self.require("config", "set", "--secret", key, stdin=value)

    def up(self) -> str:
        """Update without a preview."""
        return self.require("up", "--yes", "--skip-preview")

    def fail(self) -> str:
        """Update, which must fail."""
        done = self.pulumi("up", "--yes", "--skip-preview")
        assert done.returncode != 0, done.stdout
        return done.stdout

    def changes(self) -> dict[str, dict[str, str]]:
        """Steps of a preview that are not `same`: "<operation> <resource>" -> {path: kind}."""
        steps = json.loads(self.require("preview", "--json", stderr=subprocess.DEVNULL))["steps"]
        return {
            f"{step['op']} {step['urn'].rpartition('::')[2]}": {
                path: change["kind"] for path, change in (step.get("detailedDiff") or {}).items()
            }
            for step in steps
            if step["op"] != "same"
        }

    def outputs(self) -> dict[str, Any]:
        """Outputs of the stack, secrets shown."""
        found: dict[str, Any] = json.loads(self.require("stack", "output", "--json", "--show-secrets"))
        return found

    def state(self) -> str:
        """The state as it is stored."""
        return self.require("stack", "export")

    def remove(self) -> None:
        """Destroy what the test left."""
        self.pulumi("cancel", "--yes")
        self.pulumi("destroy", "--yes", "--skip-preview")
        self.pulumi("stack", "rm", "--yes", "--force", "dev")
