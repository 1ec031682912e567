"""The pipelines' own commands, taken from the YAML, run by a shell against the trial.

What needs the host's cloud cannot run here: the actions, and the commands of `NOT_HERE`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ci_host import TOKEN, CiHost
from tests.support.engine import copy_program
from tests.support.pipelines import PREPARE, WORKFLOWS, gitlab_jobs, jobs, load, resolved
from tests.support.stacks import ROOT

pytestmark = pytest.mark.engine

NOT_HERE = {"Kubeconfig"}
STACK = "staging-pipeline"
VALUES = {
    "vars.STACKS": STACK,
    "github.token": TOKEN,
    "github.event.pull_request.number": "7",
}
"""What docs/review.md asks for, and what GitHub gives."""


class Checkout:
    """A copy of the project as a runner checks it out, and the shells in which steps run."""

    def __init__(self, folder, variables, host):
        self.folder, self.host = folder, host
        copy_program(folder)
        (folder / ".venv").unlink()
        for name in ("review", "policy"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "requirements.txt", folder)
        self.variables = dict(variables)
        self.summary = folder / "summary.md"
        self.settings = {
            "PULUMI_BACKEND_URL": self.variables.pop("PULUMI_BACKEND_URL"),
            "PULUMI_CONFIG_PASSPHRASE": Path(self.variables.pop("PULUMI_CONFIG_PASSPHRASE_FILE"))
            .read_text()
            .strip(),
        }
        # The runner's Python, not that of the tests.
        tools = folder.parent / "runner"
        tools.mkdir()
        (tools / "python").symlink_to(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
        self.variables["PATH"] = f"{tools}{os.pathsep}{self.variables['PATH']}"

    def prepare(self):
        """The steps of the action that every workflow begins with."""
        for step in load(PREPARE)["runs"]["steps"]:
            if "run" in step and step["name"] not in NOT_HERE:
                self.bash(step["run"], {})

    def github(self, name, *, code=0, **inputs):
        """The commands of a workflow's only job, one after another as GitHub's bash runs them."""
        (file,) = [file for file in WORKFLOWS if file.name == name]
        (job,) = jobs(file).values()
        values = {**VALUES, **{f"inputs.{key}": value for key, value in inputs.items()}}
        values["vars.PULUMI_BACKEND_URL"] = self.settings["PULUMI_BACKEND_URL"]
        for secret in ("secrets.PULUMI_CONFIG_PASSPHRASE", "secrets.passphrase"):
            values[secret] = self.settings["PULUMI_CONFIG_PASSPHRASE"]
        last = 0
        for step in job["steps"]:
            if "run" not in step or (last and "always()" not in step.get("if", "")):
                continue
            variables = {
                **resolved(job.get("env", {}), values),
                **resolved(step.get("env", {}), values),
                **self.host.github(),
                "GITHUB_STEP_SUMMARY": str(self.summary),
            }
            last = max(last, self.bash(step["run"], variables, code=None).returncode)
        assert last == code, self.reports()

    def gitlab(self, name, *, code=0):
        """The script of a job in one shell, as GitLab's runner runs it. What comes before installs tools."""
        every = gitlab_jobs()
        job = {**every[every[name]["extends"]], **every[name]}
        variables = {
            **{key: text for key, text in job["variables"].items() if not text.startswith("$")},
            **self.settings,
            **self.host.gitlab(),
            "STACKS": STACK,
            "GITLAB_TOKEN": TOKEN,
            "CI_MERGE_REQUEST_IID": "7",
            "PATH": f"{self.folder}/.venv/bin{os.pathsep}{self.variables['PATH']}",
        }
        done = self.bash("\n".join(job["script"]), variables, code=None)
        assert done.returncode == code, self.reports()

    def bash(self, text, variables, *, code=0):
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert TOKEN not in output
        assert "Traceback" not in output, output
        assert code is None or done.returncode == code, output
        return done

    def reports(self):
        """What the last steps wrote, for the message of a test that fails."""
        return "\n".join(file.read_text(encoding="utf-8") for file in self.folder.glob("reports/*.md"))

    def bodies(self, where):
        """Texts of the comments or issues at a path of the host."""
        return [item.get("body") or item.get("description") for item in self.host.entries.get(where, [])]


def test_the_steps_of_the_pipelines_do_their_work(environment, stack_in, tmp_path):
    with CiHost() as host:
        checkout = Checkout(tmp_path / "checkout", environment.variables(), host)
        checkout.prepare()
        stack = stack_in(checkout.folder, STACK)
        config = stack.config
        worker = config["agent"]["workers"][0]
        worker["resources"] = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
        stack.write(config)
        comments, notes = "/repos/acme/agents/issues/7/comments", "/projects/42/merge_requests/7/notes"

        checkout.github("preview.yml")
        (text,) = checkout.bodies(comments)
        assert f"| `{STACK}` | 🔵 installs the agents |" in text
        assert "- 🟡 `protected`" in text

        called = jobs(ROOT / ".github/workflows/up.yml")["staging"]["with"]
        checkout.github("up-stacks.yml", **called)
        assert f"| `{STACK}` | 🔵 installs the agents | yes |" in checkout.summary.read_text(encoding="utf-8")
        assert stack.history() == [1]
        checkout.gitlab("staging")
        report = (checkout.folder / "reports" / "up.md").read_text(encoding="utf-8")
        assert f"| `{STACK}` | ⚪ nothing to do | unchanged |" in report

        checkout.github("drift.yml")
        assert not host.entries.get("/repos/acme/agents/issues")
        stack.api().delete_namespaced_config_map("astro-agent-git", stack.namespace)
        checkout.github("drift.yml")
        checkout.gitlab("drift")
        for (text,) in checkout.bodies("/repos/acme/agents/issues"), checkout.bodies("/projects/42/issues"):
            assert "ConfigMap `astro-agent-git` is created" in text

        config["dags"]["ref"] = "no-such-branch"
        stack.write(config)
        checkout.github("preview.yml", code=1)
        checkout.gitlab("preview", code=1)
        for (text,) in (checkout.bodies(comments), checkout.bodies(notes)):
            assert "1 stack, 1 of them with a problem" in text
            assert "astro-dbt:dags.ref" in text


def test_every_command_runs_here_or_is_one_that_cannot():
    named = [step["name"] for step in load(PREPARE)["runs"]["steps"] if "run" in step]
    assert set(named) >= NOT_HERE
    assert {file.name for file in WORKFLOWS} == {
        "audit.yml",  # `make audit` alone, which test_audit.py is about
        "check.yml",
        "drift.yml",
        "preview.yml",
        "up.yml",
        "up-stacks.yml",
    }
    assert not any(
        "run" in step
        for job in jobs(ROOT / ".github/workflows/up.yml").values()
        for step in job.get("steps", [])
    )
