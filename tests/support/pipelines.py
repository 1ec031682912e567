"""The pipelines' YAML, and what a runner does with its steps."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.stacks import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PREPARE = ROOT / ".github" / "actions" / "prepare" / "action.yml"
GITLAB = ROOT / ".gitlab-ci.yml"

_EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")


def run_tool(name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a tool that is a Python module, as `python -m` runs it in the project's folder.

    It runs in this process: its imports take most of its time, and a dozen files are checked.
    """
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", [name, *arguments])
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            return int(ended.code or 0), output.getvalue()
    return 0, output.getvalue()


def load(file: Path) -> Any:
    """Content of a file, every scalar as text: PyYAML takes the key `on` for a boolean."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only


def jobs(file: Path) -> Any:
    """Jobs of a workflow by name."""
    return load(file)["jobs"]


def steps(file: Path) -> list[dict[str, Any]]:
    """Steps of a workflow's jobs or of an action."""
    if file == PREPARE:
        return list(load(file)["runs"]["steps"])
    return [step for job in jobs(file).values() for step in job.get("steps", [])]


def gitlab_jobs() -> dict[str, Any]:
    """Jobs of the GitLab pipeline by name, hidden ones too."""
    return {name: job for name, job in load(GITLAB).items() if isinstance(job, dict) and name != "default"}


def resolved(variables: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Variables of a job or a step with GitHub's expressions put in; raises KeyError for one that ``values`` lacks."""
    return {name: _EXPRESSION.sub(lambda found: values[found[1]], text) for name, text in variables.items()}
