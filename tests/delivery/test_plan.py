"""The plans of both options, side by side."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

import delivery
from delivery.plan import Mount
from domain.fingerprint import fingerprint
from tests.support.stacks import settings_of, stack


def plan_of(config):
    return delivery.plan(settings_of(config), authorities={})


def bundle_of(plan):
    (entry,) = json.loads(plan.bundle_config_list())
    return entry


def projects_of(plan):
    """Where the Dags find the projects."""
    return json.loads({item.name: item.value for item in plan.environment}["ASTRO_DBT_PROJECTS"])


def test_submodule_option():
    plan = plan_of(stack())
    entry = bundle_of(plan)
    assert entry["name"] == "dags"
    assert entry["classpath"] == "airflow.providers.git.bundles.git.GitDagBundle"
    assert entry["kwargs"] == {
        "git_conn_id": "git",
        "tracking_ref": "main",
        "subdir": "dags",
        "refresh_interval": 300,
        "submodules": True,
    }
    assert plan.projects is None
    assert plan.project_paths == {"jaffle": "/tmp/airflow/dag_bundles/dags/tracking_repo/dags/dbt/jaffle"}
    assert projects_of(plan) == {"jaffle": {"repository": "dags/dbt/jaffle"}}


def test_image_option_keeps_the_bundle_but_for_its_submodules():
    submodule, image = bundle_of(plan_of(stack())), plan_of(stack(delivery="agent-image"))
    entry = bundle_of(image)
    assert "submodules" not in entry["kwargs"]
    assert entry["kwargs"] == {
        key: value for key, value in submodule["kwargs"].items() if key != "submodules"
    }
    assert image.project_paths == {"jaffle": "/usr/local/airflow/dbt/jaffle"}
    assert projects_of(image) == {"jaffle": {"image": "/usr/local/airflow/dbt/jaffle"}}
    assert image.projects is not None


def test_what_is_below_the_projects_is_the_same_under_both_options():
    assert plan_of(stack()).runtime == plan_of(stack(delivery="agent-image")).runtime is not None


def test_every_dag_gets_what_fits_remote_agents():
    for option in ("git-submodule", "agent-image"):
        variables = {item.name: item.value for item in plan_of(stack(delivery=option)).environment}
        assert variables["ASTRO_DBT_BUNDLE_SUBDIR"] == "dags"
        assert variables["ASTRO_DBT_EXECUTABLE"] == "/home/astro/dbt_venv/bin/dbt"
        assert variables["AIRFLOW__COSMOS__ENABLE_CACHE_DBT_LS"] == "False"
        assert variables["AIRFLOW__COSMOS__ENABLE_CACHE_DBT_YAML_SELECTORS"] == "False"
        assert variables["AIRFLOW__COSMOS__CACHE_DIR"].startswith("/tmp/")
        parse, process = (
            int(variables[f"AIRFLOW__{name}"])
            for name in ("CORE__DAGBAG_IMPORT_TIMEOUT", "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT")
        )
        assert 30 < parse < process


def test_plain_folder_of_the_dag_repository_is_no_submodule():
    plan = plan_of(stack(dbtProjects=[{"name": "a", "path": "dags/dbt/a", "submodule": False}]))
    assert "submodules" not in bundle_of(plan)["kwargs"]


def test_no_repo_url_next_to_the_connection():
    for option in delivery.OPTIONS:
        assert "repo_url" not in bundle_of(plan_of(stack(delivery=option)))["kwargs"]


def test_mounts_are_readable_by_the_group_only():
    assert Mount(name="a", path="/p", secret="s").volume()["secret"]["defaultMode"] == 0o440


names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)


@given(
    st.lists(names, min_size=1, max_size=5, unique=True), st.sampled_from(sorted(delivery.OPTIONS)), st.data()
)
def test_any_projects_give_a_sound_plan(projects, option, data):
    """Whatever the projects are, the bundle is JSON text, the count fits the keys, and order does not matter."""
    entries = [
        {
            "name": name,
            "path": f"dags/dbt/{name}",
            "submodule": data.draw(st.booleans()),
            "repo": f"https://git.example.com/a/{name}.git",
            "connection": "git",
        }
        for name in projects
    ]
    plan = plan_of(stack(delivery=option, dbtProjects=entries))
    assert bundle_of(plan)["kwargs"].get("submodules", False) == (
        option == "git-submodule" and any(entry["submodule"] for entry in entries)
    )
    assert set(plan.project_paths) == set(projects)
    env = {item.name: item.value for item in plan.environment}
    assert len(env) == len(plan.environment)
    assert int(env["GIT_CONFIG_COUNT"]) == sum(name.startswith("GIT_CONFIG_KEY_") for name in env)
    assert plan == plan_of(stack(delivery=option, dbtProjects=entries))


def test_fingerprint_changes_with_value_name_and_salt():
    marks = {
        fingerprint({"a": "x"}, salt="s"),
        fingerprint({"a": "y"}, salt="s"),
        fingerprint({"b": "x"}, salt="s"),
        fingerprint({"a": "x"}, salt="t"),
    }
    assert len(marks) == 4
    assert fingerprint({"a": "x", "b": "y"}, salt="s") == fingerprint({"b": "y", "a": "x"}, salt="s")
