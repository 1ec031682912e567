"""Several Dag bundles on a stack that is up, and Dags that move from their repository into the image and back."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from tests.support.engine import Stack
from tests.support.stacks import ROOT
from trial.git_server import Grant, Submodule, head_of, make_repository, read_grants, write_grants

WORKER = "astro-agent-worker-default-worker"
GIT = "airflow.providers.git.bundles.git.GitDagBundle"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"


def several_bundles(stack: Stack, config: dict[str, Any]) -> None:
    """Give the second of two projects its own bundle, bake the Dags of the first bundle, and fetch them again."""
    url, folder = stack.info.git.url, Path(stack.info.git.repositories_dir)
    heads = {"dags": head_of(folder / "two/dags.git"), "finance": _second_repository(stack)}
    changed = copy.deepcopy(config)
    finance = f"{url}/finance/dbt.git"
    changed["dags"] = [
        {**config["dags"], "submodules": [{"repo": finance, "connection": "finance"}]},
        {"name": "finance", "repo": f"{url}/finance/dags.git", "subdir": "dags", "connection": "finance"},
    ]
    for project, bundle in zip(changed["dbtProjects"], ("dags", "finance"), strict=True):
        project["bundle"] = bundle
    done = stack.up(changed)
    _expect(stack, done.outputs, heads, {"dags": GIT, "finance": GIT})
    projects = done.outputs["dbtProjects"].value
    assert projects["jaffle_finance"]["path"].endswith("/finance/tracking_repo/dags/dbt/finance")
    assert {name: item["behind"] for name, item in projects.items()} == {"jaffle": 0, "jaffle_finance": 0}

    fetched = {**copy.deepcopy(changed), "delivery": "agent-image"}
    baked = copy.deepcopy(fetched)
    baked["dags"][0]["source"] = "repository"
    image = stack.up(baked).outputs["image"].value
    _expect(stack, stack.engine.outputs(), heads, {"dags": LOCAL, "finance": GIT})
    done = stack.up(fetched)
    _expect(stack, done.outputs, heads, {"dags": GIT, "finance": GIT})
    assert done.outputs["image"].value != image


def _second_repository(stack: Stack) -> str:
    """A Dag repository with the second project alone, opened by its token; returns its commit."""
    folder, credentials = Path(stack.info.git.repositories_dir), Path(stack.info.git.credentials_file)
    grants = read_grants(credentials)
    dags = folder / "finance/dags.git"
    if not dags.exists():
        commit = head_of(folder / "finance/dbt.git")
        submodule = Submodule("dags/dbt/finance", f"{stack.info.git.url}/finance/dbt.git", commit)
        make_repository(dags, ROOT / "examples/dag-repo", message="Add Dags", submodules=[submodule])
    (own,) = grants["finance/dbt.git"]
    write_grants(credentials, {**grants, "finance/dags.git": [Grant(own.username, own.token)]})
    return head_of(dags)


def _expect(stack: Stack, outputs: Any, heads: dict[str, str], classes: dict[str, str]) -> None:
    """Each bundle has this class in the outputs and in a worker, and only fetched ones a connection."""
    found = outputs["dagBundles"].value
    assert {name: item["class"] for name, item in found.items()} == classes
    assert {name: item["commit"] for name, item in found.items()} == heads
    env = stack.deployments()[WORKER].spec.template.spec.containers[0].env
    given = {item.name: item.value for item in env}
    listed = json.loads(given["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    assert {item["name"]: item["classpath"] for item in listed} == classes
    connections = {name for name in given if name.startswith("AIRFLOW_CONN_")}
    fetched = {"dags": "AIRFLOW_CONN_GIT", "finance": "AIRFLOW_CONN_FINANCE"}
    assert connections == {fetched[name] for name, kind in classes.items() if kind == GIT}
