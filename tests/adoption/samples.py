"""Values of releases as people have them: the Astro UI's file filled in, short ones, of both generations."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import yaml

import delivery
from adoption.draft import Draft
from adoption.hand_made import HandMade
from adoption.translate import Given, translate
from adoption.withhold import Change, our_values, settings_of, withhold
from domain.chart import ChartAddress
from settings import helm_yaml
from tests.support.helm_chart import chart_folder
from tests.support.stacks import ROOT

CANARY = "canary-in-clear"
REPOSITORY = "https://git.example.com/platform/dags.git"
BUNDLE = (
    '[{"name": "dags", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": '
    '{"tracking_ref": "main", "git_conn_id": "git_default", "subdir": "dags", "submodules": true}}]'
)
IDS = [
    {"name": "ASTRO_ORGANIZATION_ID", "value": "o"},
    {"name": "ASTRO_WORKSPACE_ID", "value": "w"},
    {"name": "ASTRO_DEPLOYMENT_ID", "value": "d"},
    {"name": "ASTRO_DEPLOYMENT_NAMESPACE", "value": "n-n-1"},
]
CONNECTION = {
    "name": "AIRFLOW_CONN_GIT_DEFAULT",
    "valueFrom": {"secretKeyRef": {"name": "git-credentials", "key": "airflow-connection"}},
}
IMAGE = "registry.example.com/data/client:7"


def chart(generation: int) -> dict[str, Any]:
    """Default values of the stand-in of a chart, for the caller to change."""
    return copy.deepcopy(_defaults(generation))


@functools.cache
def _defaults(generation: int) -> dict[str, Any]:
    found: dict[str, Any] = helm_yaml.load((chart_folder(generation) / "values.yaml").read_text())
    return found


def full(generation: int = 2) -> dict[str, Any]:
    """The file of the Astro UI: every key of the chart, with a few filled in."""
    values = chart(generation)
    values |= short(generation)
    values["workers"] = chart(generation)["workers"]
    for block in (values["workers"][0], values["dagProcessor"], values["triggerer"]):
        block["image"] = IMAGE
    return values


def short(generation: int = 2) -> dict[str, Any]:
    """Only the changed values."""
    values: dict[str, Any] = {
        "resourceNamePrefix": "astro-agent",
        "namespace": "agents",
        "astroDeploymentAPIURL": "https://c.external.astronomer.run/dabc",
        "imagePullSecretName": "pull",
        "agentTokenSecretName": "token",
        "dagBundleConfigList": BUNDLE,
        "commonEnv": [*IDS, CONNECTION, {"name": "AWS_DEFAULT_REGION", "value": "eu-west-1"}],
        "workers": [{"name": "default-worker", "queues": "default", "image": IMAGE}],
    }
    if generation == 2:
        values["image"] = IMAGE
        del values["workers"][0]["image"]
        values["openLineage"] = {"enabled": False}
    else:
        values["dagProcessor"] = {"image": IMAGE}
        values["triggerer"] = {"image": IMAGE}
    return values


def write(folder: Path, values: dict[str, Any]) -> Path:
    """A values file."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def chart_address(generation: int = 2) -> ChartAddress:
    """The chart of a generation."""
    return ChartAddress(
        repository="https://helm.astronomer.io",
        name="astro-remote-execution-agent",
        version={1: "1.0.2", 2: "2.3.3"}[generation],
    )


def translated(
    values: dict[str, Any], generation: int = 2, *, repository: str | None = REPOSITORY
) -> tuple[Draft, tuple[Change, ...]]:
    """The stack of a values file with one dbt project, and what still changes."""
    defaults = chart(generation)
    given = Given(chart=chart_address(generation), dags_repository=repository)
    draft = translate(HandMade(values, "values.yaml"), given, defaults)
    draft.config["dbtProjects"] = [{"name": "jaffle", "path": "dags/dbt/jaffle"}]
    return draft, withhold(draft, values, defaults, root=ROOT)


def sent(draft: Draft) -> dict[str, Any]:
    """The values that the stack of a draft sends to Helm, but for the marks."""
    settings = settings_of(draft, ROOT)
    return our_values(settings, delivery.plan(settings, authorities={}))
