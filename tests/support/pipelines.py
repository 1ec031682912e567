"""The pipelines' YAML, and what a runner does with its steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.stacks import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PREPARE = ROOT / ".github" / "actions" / "prepare" / "action.yml"
GITLAB = ROOT / ".gitlab-ci.yml"

_EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")


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
