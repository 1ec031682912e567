"""Several Dag bundles in one plan: their configuration, their credentials, where the dbt projects are."""

from __future__ import annotations

import json
from typing import Any

import delivery
from delivery.connection_data import created_secret
from delivery.plan import EnvVar, Plan, SecretKey
from delivery.recipe import Recipe
from program.wiring import git_credentials
from settings.stack import Settings
from tests.support.stacks import SSH_KEY, settings_of, stack

HOST = "https://git.example.com"
SALES = {"name": "sales", "repo": f"{HOST}/sales/dags.git", "subdir": "dags", "connection": "git"}
FINANCE = {"name": "finance", "repo": f"{HOST}/finance/dags.git", "connection": "git"}
S3 = {
    "name": "reports",
    "class": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
    "arguments": {"bucket_name": "acme-dags"},
    "refreshInterval": 60,
}
PROJECTS = [
    {
        "name": name,
        "path": f"dags/dbt/{name}",
        "bundle": bundle,
        "repo": f"{HOST}/dbt/{name}.git",
        "connection": "git",
        "source": "examples/dbt-project",
    }
    for name, bundle in (("jaffle", "sales"), ("ledger", "finance"))
]


def several(*bundles: dict[str, Any], **changes: Any) -> Settings:
    return settings_of(stack(dags=list(bundles), **{"dbtProjects": PROJECTS, **changes}))


def planned(settings: Settings) -> Plan:
    return delivery.plan(settings, authorities={})


def entries(plan: Plan) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(plan.bundle_config_list())}


def variables(plan: Plan) -> dict[str, str | SecretKey]:
    found = {item.name: item.value for item in plan.environment}
    assert len(found) == len(plan.environment)
    return found


def git_config(environment: tuple[EnvVar, ...]) -> dict[str, str | SecretKey]:
    values = {item.name: item.value for item in environment}
    return {
        str(values[f"GIT_CONFIG_KEY_{n}"]): values[f"GIT_CONFIG_VALUE_{n}"]
        for n in range(int(str(values["GIT_CONFIG_COUNT"])))
    }


def test_bundles_in_the_order_of_the_stack() -> None:
    plan = planned(several(SALES, FINANCE, S3))
    assert list(entries(plan)) == ["sales", "finance", "reports"]
    assert entries(plan)["reports"] == {
        "name": "reports",
        "classpath": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
        "kwargs": {"bucket_name": "acme-dags", "refresh_interval": 60},
    }
    assert entries(plan)["sales"]["kwargs"]["subdir"] == "dags"
    assert "subdir" not in entries(plan)["finance"]["kwargs"]


def test_arguments_of_the_provider_are_passed_on() -> None:
    given = {
        "sparse_dirs": ["dags"],
        "prune_dotgit_folder": False,
        "view_url_template": "https://h/{version}",
    }
    plan = planned(several({**SALES, "arguments": given}, FINANCE))
    assert given.items() <= entries(plan)["sales"]["kwargs"].items()


def test_each_bundle_fetches_the_submodules_of_its_own_projects() -> None:
    plain = [PROJECTS[0], {**PROJECTS[1], "submodule": False}]
    found = entries(planned(several(SALES, FINANCE, dbtProjects=plain)))
    assert found["sales"]["kwargs"]["submodules"] is True
    assert "submodules" not in found["finance"]["kwargs"]


def test_an_airflow_connection_has_one_repository_so_the_second_bundle_gets_another() -> None:
    plan = planned(several(SALES, FINANCE))
    found = entries(plan)
    assert found["sales"]["kwargs"]["git_conn_id"] == "git"
    assert found["finance"]["kwargs"]["git_conn_id"] == "git_finance"
    env = variables(plan)
    assert env["AIRFLOW_CONN_GIT"] == SecretKey("astro-agent-git-git", "connection")
    assert json.loads(str(env["AIRFLOW_CONN_GIT_FINANCE"])) == {"conn_type": "git", "host": FINANCE["repo"]}
    config = git_config(plan.environment)
    header = SecretKey("astro-agent-git-git", "http-header")
    assert config[f"http.{FINANCE['repo']}.extraHeader"] == header
    assert f"http.{SALES['repo']}.extraHeader" not in config, "Airflow itself opens the first one"
    assert plan.connections_read == {"git"}


def test_two_bundles_of_one_repository_share_the_connection() -> None:
    found = entries(
        planned(several(SALES, {**SALES, "name": "next", "ref": "next"}, dbtProjects=PROJECTS[:1]))
    )
    assert {entry["kwargs"]["git_conn_id"] for entry in found.values()} == {"git"}


def test_public_bundles_have_a_connection_each() -> None:
    bundles = [
        {key: value for key, value in item.items() if key != "connection"} for item in (SALES, FINANCE)
    ]
    projects = [{"name": "a", "path": "a", "bundle": "sales"}]
    env = variables(planned(several(*bundles, dbtProjects=projects, connections=None, credentials=None)))
    hosts = {name: json.loads(str(env[name]))["host"] for name in env if name.startswith("AIRFLOW_CONN")}
    assert hosts == {"AIRFLOW_CONN_DAGS": SALES["repo"], "AIRFLOW_CONN_DAGS_FINANCE": FINANCE["repo"]}


def test_bundles_over_ssh_use_the_alias_of_their_key() -> None:
    bundles = [
        {**item, "repo": item["repo"].replace(f"{HOST}/", "git@git.example.com:")}
        for item in (SALES, FINANCE)
    ]
    plan = planned(
        several(
            *bundles,
            dbtProjects=[{"name": "a", "path": "a", "bundle": "sales"}],
            connections={"git": {"type": "ssh"}},
            credentials={"git": {"privateKey": SSH_KEY}},
        )
    )
    env = variables(plan)
    hosts = {name: json.loads(str(env[name]))["host"] for name in env if name.startswith("AIRFLOW_CONN")}
    assert hosts == {
        "AIRFLOW_CONN_GIT": "git@astro-dbt-git:sales/dags.git",
        "AIRFLOW_CONN_GIT_FINANCE": "git@astro-dbt-git:finance/dags.git",
    }


def test_projects_are_found_in_their_bundles() -> None:
    plan = planned(several(SALES, FINANCE))
    assert variables(plan)["ASTRO_DBT_BUNDLE_SUBDIR"] == "dags", (
        "for copies of the helper that know one bundle"
    )
    assert json.loads(str(variables(plan)["ASTRO_DBT_PROJECTS"])) == {
        "jaffle": {"repository": "dags/dbt/jaffle", "bundle": "sales", "subdir": "dags"},
        "ledger": {"repository": "dags/dbt/ledger", "bundle": "finance", "subdir": ""},
    }
    assert plan.project_paths["ledger"] == "/tmp/airflow/dag_bundles/finance/tracking_repo/dags/dbt/ledger"


BAKED = {"repo": f"{HOST}/sales/dags.git", "subdir": "dags", "connection": "git"}


def test_baked_dags_need_no_git_and_no_secret_of_it() -> None:
    settings = settings_of(stack(delivery="agent-image", dags={**BAKED, "source": "repository"}))
    plan = planned(settings)
    assert entries(plan)["dags"] == {
        "name": "dags",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": "/usr/local/airflow/bundles/dags"},
    }
    assert not [name for name in variables(plan) if name.startswith(("GIT_", "AIRFLOW_CONN_"))]
    assert (plan.mounts, plan.config_files, plan.connections_read) == ((), {}, frozenset())
    assert git_credentials(settings) == {}
    assert created_secret(settings, "git"), "the build can still open the repository"


def recipe_of(settings: Settings) -> Recipe:
    recipe = planned(settings).projects
    assert recipe is not None
    return recipe


def test_baked_dags_are_the_last_layer_without_the_dbt_projects_in_them() -> None:
    recipe = recipe_of(settings_of(stack(delivery="agent-image", dags={**BAKED, "source": "repository"})))
    dbt, dags = recipe.sources
    assert (dags.at, dags.target, dags.repo, dags.ref, dags.subdir, dags.connection) == (
        "dags", "dags/dags", BAKED["repo"], "main", "dags", "git",
    )  # fmt: skip
    assert dags.without == ("dags/dbt/jaffle",)
    assert dbt.target == "dbt/jaffle"
    lines = recipe.files["Dockerfile"].strip().splitlines()
    assert lines[-1] == "COPY --chown=50000:50000 dags /usr/local/airflow/bundles"


def test_a_local_checkout_is_baked_without_any_repository() -> None:
    recipe = recipe_of(
        settings_of(stack(delivery="agent-image", dags={**BAKED, "source": "examples/dag-repo"}))
    )
    dags = recipe.sources[-1]
    assert (dags.folder, dags.repo, dags.connection) == ("examples/dag-repo", None, None)


def test_one_bundle_may_be_baked_and_another_fetched() -> None:
    plan = planned(several({**SALES, "source": "examples/dag-repo"}, FINANCE, delivery="agent-image"))
    assert [entry["classpath"].rpartition(".")[2] for entry in entries(plan).values()] == [
        "LocalDagBundle",
        "GitDagBundle",
    ]
    names = [name for name in variables(plan) if name.startswith("AIRFLOW_CONN")]
    assert names == ["AIRFLOW_CONN_GIT_FINANCE"], "the same id as when both are fetched"


def test_a_source_changes_nothing_under_the_other_option() -> None:
    assert planned(settings_of(stack(dags={**BAKED, "source": "repository"}))) == planned(
        settings_of(stack(dags=BAKED))
    )
