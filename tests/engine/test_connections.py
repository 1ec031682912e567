"""Two dbt projects with two connections, and what a rotated token changes."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_lifecycle import assert_no_leak, environment_of, templates
from tests.support.engine import Stack
from tests.support.stacks import ROOT
from trial.git_server import Grant, Submodule, head_of, make_repository, read_grants, write_grants

pytestmark = pytest.mark.engine
WORKER = "astro-agent-worker-default-worker"
GIT = "airflow.providers.git.bundles.git.GitDagBundle"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"


@pytest.fixture
def two_projects(stack):
    """A Dag repository with two private submodules, the second opened by another token; and its configuration."""
    folder, credentials = Path(stack.info.git.repositories_dir), Path(stack.info.git.credentials_file)
    url, token = stack.info.git.url, "canary-finance-@:/%#"
    own = Grant(stack.info.git.username, stack.info.git.token)
    if not (folder / "two/dags.git").exists():
        make_repository(folder / "finance/dbt.git", ROOT / "examples/dbt-project", message="Add finance")
        submodules = [
            Submodule(
                "dags/dbt/jaffle", f"{url}/analytics/jaffle.git", head_of(folder / "analytics/jaffle.git")
            ),
            Submodule("dags/dbt/finance", f"{url}/finance/dbt.git", head_of(folder / "finance/dbt.git")),
        ]
        make_repository(
            folder / "two/dags.git", ROOT / "examples/dag-repo", message="Add Dags", submodules=submodules
        )
    grants = read_grants(credentials)
    write_grants(credentials, grants | {"two/dags.git": [own], "finance/dbt.git": [Grant("finance", token)]})
    config = copy.deepcopy(stack.config)
    config["dags"]["repo"] = f"{url}/two/dags.git"
    config["dbtProjects"].append(
        {
            "name": "jaffle_finance",
            "path": "dags/dbt/finance",
            "repo": f"{url}/finance/dbt.git",
            "connection": "finance",
        }
    )
    config["connections"]["finance"] = {
        "type": "https",
        "login": "finance",
        "caBundle": stack.info.git.ca_file,
    }
    config["credentials"]["finance"] = {"password": token}
    config["preflight"]["checks"]["dbt.name"] = {
        "level": "off",
        "reason": "both projects are the same example",
    }
    return config


def test_two_projects_with_two_connections(stack, two_projects):
    done = stack.up(two_projects)
    projects = done.outputs["dbtProjects"]
    assert {name: item["behind"] for name, item in projects.items()} == {"jaffle": 0, "jaffle_finance": 0}
    env = environment_of(stack.deployments()["astro-agent-worker-default-worker"])
    count = int(env["GIT_CONFIG_COUNT"])
    git = [(env[f"GIT_CONFIG_KEY_{i}"], env[f"GIT_CONFIG_VALUE_{i}"]) for i in range(count)]
    headers = {
        key.removeprefix("http.").removesuffix(".extraHeader"): value["secret_key_ref"]
        for key, value in git
        if key.endswith(".extraHeader")
    }
    for name, repository in (("git", "analytics/jaffle.git"), ("finance", "finance/dbt.git")):
        reference = headers[f"{stack.info.git.url}/{repository}"]
        secret = stack.api().read_namespaced_secret(reference["name"], stack.namespace)
        header = base64.b64decode(secret.data[reference["key"]]).decode()
        login, _, password = (
            base64.b64decode(header.removeprefix("Authorization: Basic ")).decode().partition(":")
        )
        assert login == two_projects["connections"][name]["login"]
        assert password == two_projects["credentials"][name]["password"]
    assert_no_leak(stack, done.stdout, stack.state())

    before, uids = templates(stack), stack.uids()
    rotated = copy.deepcopy(two_projects)
    rotated["credentials"]["finance"]["password"] = "canary-rotated"
    credentials = Path(stack.info.git.credentials_file)
    grants = read_grants(credentials)
    write_grants(credentials, grants | {"finance/dbt.git": [Grant("finance", "canary-rotated")]})
    stack.up(rotated)
    after = templates(stack)
    assert {name for name in before if before[name] != after[name]} == set(before) - {"astro-agent-sentinel"}
    assert stack.uids() == uids
    assert stack.up().changes == {}
    several_bundles(stack, rotated)
    assert_no_leak(stack, stack.state())


def test_a_token_that_is_not_accepted_is_found_before_anything_changes(stack, two_projects):
    two_projects["credentials"]["finance"]["password"] = "canary-wrong"
    stack.write(two_projects)
    done = stack.pulumi("up", "--yes")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "credentials.finance.password" in output
    assert "Traceback" not in output
    assert "canary-" not in output
    assert stack.namespace not in [item.metadata.name for item in stack.api().list_namespace().items]


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
    projects = done.outputs["dbtProjects"]
    assert projects["jaffle_finance"]["path"].endswith("/finance/tracking_repo/dags/dbt/finance")
    assert {name: item["behind"] for name, item in projects.items()} == {"jaffle": 0, "jaffle_finance": 0}

    fetched = {**copy.deepcopy(changed), "delivery": "agent-image"}
    baked = copy.deepcopy(fetched)
    baked["dags"][0]["source"] = "repository"
    image = stack.up(baked).outputs["image"]
    _expect(stack, stack.outputs(), heads, {"dags": LOCAL, "finance": GIT})
    done = stack.up(fetched)
    _expect(stack, done.outputs, heads, {"dags": GIT, "finance": GIT})
    assert done.outputs["image"] != image


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
    found = outputs["dagBundles"]
    assert {name: item["class"] for name, item in found.items()} == classes
    assert {name: item["commit"] for name, item in found.items()} == heads
    env = stack.deployments()[WORKER].spec.template.spec.containers[0].env
    given = {item.name: item.value for item in env}
    listed = json.loads(given["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    assert {item["name"]: item["classpath"] for item in listed} == classes
    connections = {name for name in given if name.startswith("AIRFLOW_CONN_")}
    fetched = {"dags": "AIRFLOW_CONN_GIT", "finance": "AIRFLOW_CONN_FINANCE"}
    assert connections == {fetched[name] for name, kind in classes.items() if kind == GIT}
