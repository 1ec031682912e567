"""Runs that change nothing, and the start of the program, against programs that do nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from bench.pairs import SECONDS, Pair, Row, Work
from bench.trial_stacks import ROOT, Bench, bench
from preflight.catalogue import FAMILIES
from tests.support.engine import SECRET_KEYS, Stack

_FLOOR = "empty program that loads both plugins"
_GOAL = {SECONDS: 1.3}
_IMPORTS = (
    "of what it adds to Pulumi's SDK, pydantic's models of the settings are two fifths, the SDKs of the plugins a quarter, the "
    "Kubernetes client a fifth, and the modules of the checks an eighth; pydantic and the SDKs alone exceed the goal"
)
_CHECKS = (
    "of the program's processor time, a fifth is Pulumi's SDK, as in the empty program; imports of settings and checks take a quarter, "
    "the checks a sixth and their Git and Helm a quarter, and marks of secrets with registrations the rest"
)
_OPTIONS = ("git-submodule", "agent-image")

ROWS = (
    *(
        Row(
            f"{command}-{option}",
            f"`pulumi {command}`, nothing changed, {option}",
            "program",
            _FLOOR,
            _GOAL,
            _CHECKS,
        )
        for option in _OPTIONS
        for command in ("preview", "up")
    ),
    Row(
        "program-start",
        "`__main__` to the first resource",
        "program, checks off",
        "bare `import pulumi`",
        {SECONDS: 1.5},
        _IMPORTS,
    ),
)

_PROGRAM = """\
import pulumi
import pulumi_docker as docker
import pulumi_kubernetes as kubernetes

kubernetes.Provider("kubernetes")
docker.Provider("docker")
"""


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """A provisioned stack for each option that a row needs, and an empty program."""
    with bench() as found:
        floor = _floor(found)
        pairs: dict[str, Pair] = {}
        for option in _OPTIONS:
            if not any(name.endswith(option) for name in rows):
                continue
            stack = found.stack(option, {"delivery": option})
            stack.up()
            for command, arguments in {
                "preview": ("preview",),
                "up": ("up", "--yes", "--skip-preview"),
            }.items():
                pairs[f"{command}-{option}"] = Pair(_pulumi(found, stack, *arguments), floor(*arguments))
        if "program-start" in rows:
            stack = found.stack("start")
            pairs["program-start"] = Pair(_start(found, stack, "ours"), _start(found, stack, "bare"))
        yield pairs


def _floor(found: Bench) -> Callable[..., Work]:
    """A program with two providers and no other resource, provisioned; the result makes work of CLI arguments."""
    folder = found.folder / "floor"
    folder.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "floor", "runtime": runtime}))
    (folder / "__main__.py").write_text(_PROGRAM)
    found.run("pulumi", "stack", "init", "dev", cwd=folder)
    found.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", cwd=folder)

    def work(*arguments: str) -> Work:
        def run() -> None:
            found.run("pulumi", *arguments, "--non-interactive", cwd=folder)

        return run

    return work


def _pulumi(found: Bench, stack: Stack, *arguments: str) -> Work:
    def run() -> None:
        found.run("pulumi", *arguments, "--stack", stack.name, "--non-interactive", cwd=stack.folder)

    return run


def _start(found: Bench, stack: Stack, way: str) -> Work:
    """A process that ends at the first resource that is registered."""
    config = {f"astro-dbt:{key}": value for key, value in stack.config.items()}
    config["astro-dbt:preflight"] = {
        "checks": {
            family: {"level": "off", "reason": "not measured here"} for family in FAMILIES - {"preflight"}
        }
    }
    file = found.folder / "first-resource.json"
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    secret = [f"astro-dbt:{key}" for key in SECRET_KEYS]
    file.write_text(json.dumps({"config": texts, "secret": secret, "folder": str(stack.folder)}))

    def run() -> None:
        found.run(sys.executable, str(ROOT / "bench" / "first_resource.py"), way, str(file), cwd=stack.folder)

    return run
