"""One definition for each fact that several packages need: its text is written in one module of the product and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.support.repositories import tracked
from tests.support.stacks import ROOT

PRODUCT = (
    "adoption",
    "clients",
    "components",
    "delivery",
    "domain",
    "policy",
    "preflight",
    "program",
    "review",
    "settings",
)
FACTS = {
    r"^astro-dbt/stack$": "domain/names.py",
    r"^ASTRO_DBT_(SECRETS|PROJECTS|BUNDLE_SUBDIR|EXECUTABLE)": "domain/names.py",
    r"^astro-dbt:components:": "domain/names.py",
    r"^(kubernetes:[\w./]+|docker:[\w./]+|pulumi:(pulumi|providers)):\w+$": "domain/names.py",
    r"^600$": "domain/names.py",
    r"^pulumi\.com/patchForce$": "domain/names.py",
    r"^/etc/astro-dbt/git$": "domain/names.py",
    r"AIRFLOW_CONN_": "domain/connection_secret.py",
    r"^(http-header|ssh-privatekey|known_hosts)$": "domain/connection_secret.py",
    r"github_app_id": "domain/connection_secret.py",
    r"GIT_CONFIG_(COUNT|KEY|VALUE|$)": "domain/git_variables.py",
    r"^https://helm\.astronomer\.io$": "domain/chart.py",
    r"^astro-agent-?$": "domain/chart.py",
    r"-?(agent-token|sentinel-auth|image-pull)$": "domain/chart.py",
    r"kubernetes\.io/dockerconfigjson": "domain/chart.py",
    r"^-?dag-processor$": "domain/chart.py",
    r"images\.astronomer\.cloud": "domain/image_reference.py",
    r"gh\[pousr\]|ghp_|glpat|AKIA": "domain/credentials.py",
    r"ssh\.github\.com": "domain/address.py",
}
"""Text of a fact -> the module that has it."""
KNOWN = {
    (r"^astro-agent-?$", "delivery/objects.py"): "the label `app` of the chart's Pods",
    (r"github_app_id", "adoption/airflow_connection.py"): "read, not written",
}


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """(module, text) of every text and number in the code of the product that is not a docstring."""
    return tuple(
        (name, found)
        for name in tracked("*.py")
        if name.split("/")[0] in PRODUCT and "in_image" not in name
        for found in _texts(ast.parse((ROOT / name).read_text(encoding="utf-8")))
    )


def _texts(tree: ast.Module) -> Iterator[str]:
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documents and not isinstance(node.value, bool):
            yield str(node.value)


@pytest.mark.parametrize(("pattern", "module"), FACTS.items())
def test_a_fact_is_written_in_one_module(pattern: str, module: str) -> None:
    found = {name for name, text in texts() if re.search(pattern, text)}
    assert {name for name in found if (pattern, name) not in KNOWN} == {module}


def test_no_exception_is_needless() -> None:
    needed = {(pattern, name) for pattern in FACTS for name, text in texts() if re.search(pattern, text)}
    assert KNOWN.keys() <= needed
