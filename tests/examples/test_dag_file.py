"""The example Dag file with its project in every place where it may be, parsed and run by real Airflow and Cosmos."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples.conftest import Workspace
from tests.support.repositories import git

pytestmark = pytest.mark.airflow

CREATE_MANIFEST = Path(__file__).parents[2] / "delivery" / "in_image" / "create_manifest.py"
PARSER = Path(__file__).with_name("parse_dags.py")
TASKS = [
    "city_revenue.run", "city_revenue.test", "city_revenue_equals_customer_orders_test",
    "customer_orders.run", "customer_orders.test", "daily_revenue.run", "daily_revenue.test",
    "raw_customers_seed", "raw_orders_seed",
    "relationships_stg_orders_customer_id__customer_id__ref_stg_customers__test",
    "stg_customers.run", "stg_customers.test", "stg_orders.run", "stg_orders.test",
]  # fmt: skip


@dataclass(frozen=True)
class Parsed:
    """What the Dag processor made of a Dag folder."""

    errors: dict[str, str]
    dags: dict[str, list[str]]
    docs: dict[str, str]
    queues: dict[str, dict[str, str]]
    files: list[str]
    log: str


def parse(workspace: Workspace, *, subdir: str = "dags", **variables: str) -> Parsed:
    """Parse the workspace's bundle, which starts in that folder of the repository, in a separate process."""
    ended = workspace.airflow.run(
        [workspace.python, PARSER, workspace.dags.parent / subdir],
        env=workspace.variables(**{"ASTRO_DBT_BUNDLE_SUBDIR": subdir, **variables}),
    )
    log = ended.stdout + ended.stderr
    assert ended.returncode == 0, log
    report = json.loads(ended.stdout.strip().splitlines()[-1])
    return Parsed(**report, log=log)


def stack_says(**places: str) -> str:
    """Return the variable for projects in the repository."""
    return json.dumps({name: {"repository": path} for name, path in places.items()})


def bake(workspace: Workspace) -> dict[str, str]:
    """Lay the project out as in an agent image, with the manifest of the image build; return the variable that says so."""
    project = workspace.place_project(workspace.root / "image" / "jaffle")
    ended = workspace.dbt.run(
        [workspace.dbt.python, CREATE_MANIFEST, workspace.dbt.program("dbt")],
        env=workspace.variables(),
        cwd=project,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return {"ASTRO_DBT_PROJECTS": json.dumps({"jaffle": {"image": str(project)}})}


def rename(workspace: Workspace, name: str) -> None:
    """Let the Dag name another project."""
    dag = workspace.dags / "jaffle_dag.py"
    dag.write_text(dag.read_text().replace('find("jaffle"', f'find("{name}"'))


def test_baked_project_is_parsed_from_its_manifest_without_dbt(workspace: Workspace) -> None:
    nowhere = str(workspace.root / "no-dbt-here")
    parsed = parse(workspace, **bake(workspace), ASTRO_DBT_EXECUTABLE=nowhere)
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS}
    assert "LoadMode.DBT_MANIFEST" in parsed.log
    assert not workspace.cache.exists()


def test_baked_manifest_serves_only_the_target_it_is_for(workspace: Workspace) -> None:
    places = bake(workspace)
    folder = workspace.root / "image" / "jaffle"
    profiles = folder / "profiles.yml"
    profiles.write_text(profiles.read_text() + "    prod:\n      type: duckdb\n      path: /tmp/x.duckdb\n")

    def asked(target: str, **more: object) -> tuple[bool, str]:
        (answer,) = workspace.asked({"cosmos": {"target": target, **more}}, **places)
        assert answer["load"] == "LoadMode.DBT_MANIFEST"
        return answer["manifest"] == str(folder / "target/manifest.json"), " ".join(answer["log"])

    assert asked("dev") == (True, "")
    baked, log = asked("prod")
    assert not baked
    assert (
        "the manifest in the image is not used, because it is for the target 'dev' of the profile 'jaffle'"
        in log
    )
    baked, log = asked("dev", dbt_vars={"a": 1})
    assert not baked
    assert "the Dag sets variables" in log
    (folder / "target/manifest-for.json").unlink()
    baked, log = asked("dev")
    assert not baked
    assert "does not say which target it is for" in log


@pytest.mark.parametrize("subdir", ["dags", ""])
@pytest.mark.parametrize(
    ("path", "name"), [("dags/dbt/jaffle", "jaffle"), ("dbt/jaffle-shop", "jaffle-shop")]
)
def test_submodule_is_found_in_both_layouts(workspace: Workspace, subdir: str, path: str, name: str) -> None:
    """Git marks the root, as in a bundle; a second parse needs no dbt."""
    workspace.place_project(workspace.dags.parent / path)
    (workspace.dags.parent / ".git").mkdir()
    rename(workspace, name)
    variables = {
        "ASTRO_DBT_PROJECTS": stack_says(**{name: path}),
        "ASTRO_DBT_EXECUTABLE": str(workspace.counted_dbt()),
    }
    first, second = (parse(workspace, subdir=subdir, **variables) for _ in range(2))
    assert first.errors == second.errors == {}
    assert first.dags == second.dags == {"jaffle": TASKS}
    assert first.docs == second.docs
    assert "LoadMode.DBT_MANIFEST" in first.log
    assert workspace.dbt_calls == ["parse"]
    assert "jaffle_dag.py" in first.files
    assert "astro_projects.py" not in first.files


def test_each_bundle_may_start_in_another_folder(workspace: Workspace) -> None:
    """With several bundles the stack says per project where its bundle starts; a Dag of another bundle learns whose it is."""
    workspace.place_project(workspace.dags.parent / "dbt/jaffle")
    place = {"repository": "dbt/jaffle", "bundle": "sales"}

    def parsed(**place: str) -> Parsed:
        variables = {
            "ASTRO_DBT_PROJECTS": json.dumps({"jaffle": place}),
            "ASTRO_DBT_BUNDLE_SUBDIR": "elsewhere",
        }
        return parse(workspace, **variables)

    found = parsed(**place, subdir="dags")
    assert found.errors == {}
    assert found.dags == {"jaffle": TASKS}
    (error,) = parsed(**place, subdir="airflow").errors.values()
    assert "this Dag is not in the bundle sales, which has the project" in error


@pytest.mark.parametrize("path", ["dags/dbt/jaffle", "dbt/jaffle", "include/dbt/jaffle"])
def test_laptop_needs_no_variables(workspace: Workspace, path: str) -> None:
    workspace.place_project(workspace.dags.parent / path)
    parsed = parse(workspace)
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS}


def test_several_projects_in_one_repository(workspace: Workspace) -> None:
    for path in ("dags/dbt/jaffle", "dbt/jaffle-shop"):
        workspace.place_project(workspace.dags.parent / path)
    second = (workspace.dags / "jaffle_dag.py").read_text().replace('"jaffle"', '"jaffle_shop"')
    (workspace.dags / "shop_dag.py").write_text(second)
    places = stack_says(**{"jaffle": "dags/dbt/jaffle", "jaffle-shop": "dbt/jaffle-shop"})
    parsed = parse(workspace, ASTRO_DBT_PROJECTS=places)
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS, "jaffle_shop": TASKS}


def test_each_version_of_the_bundle_has_its_own_project(workspace: Workspace) -> None:
    """Folder names may repeat: the bundle is called as its subdir is, and Dags may be in folders of that name."""
    versions = workspace.root / "dags" / "versions"
    calls = []
    for version in ("one", "two"):
        root = versions / version
        workspace.place_project(root / "dags" / "dbt" / "jaffle")
        (root / ".git").mkdir()
        for dag in ("dags/jaffle_dag.py", "dags/team/dags/jaffle_dag.py"):
            calls.append({"file": root / dag, "cosmos": {"target": "dev"}})
    (versions / "two" / "dags" / "team" / "dags").mkdir(parents=True)
    (versions / "two" / "dags" / "team" / ".git").touch()
    found = workspace.asked(
        *calls,
        ASTRO_DBT_PROJECTS=stack_says(jaffle="dags/dbt/jaffle"),
        ASTRO_DBT_BUNDLE_SUBDIR="dags",
        ASTRO_DBT_EXECUTABLE=str(workspace.counted_dbt()),
    )
    one, two = (str(versions / version / "dags" / "dbt" / "jaffle") for version in ("one", "two"))
    assert [answer["run_in"] for answer in found] == [one, one, two, two]
    assert len({answer["manifest"] for answer in found}) == 1
    assert workspace.dbt_calls == ["parse"]


def test_dag_is_the_same_without_a_kept_manifest(workspace: Workspace) -> None:
    workspace.place_project(workspace.dags / "dbt" / "jaffle")
    parsed = parse(workspace, ASTRO_DBT_CACHE="/dev/null/cache")
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS}
    assert "LoadMode.DBT_LS" in parsed.log
    assert parsed.log.count("Cosmos runs `dbt ls` at this parse, because ") == 1


def test_baked_project_wins_over_a_submodule_that_was_not_fetched(workspace: Workspace) -> None:
    (workspace.dags / "dbt" / "jaffle").mkdir(parents=True)
    assert parse(workspace, **bake(workspace)).dags == {"jaffle": TASKS}


def test_no_airflow_variable_is_needed_to_parse(workspace: Workspace) -> None:
    """There is not even a database."""
    workspace.place_project(workspace.dags / "dbt" / "jaffle")
    for _ in range(2):
        parsed = parse(
            workspace, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{workspace.root}/none/airflow.db"
        )
        assert parsed.errors == {}


def test_empty_submodule_folder_gives_one_clear_sentence(workspace: Workspace) -> None:
    folder = workspace.dags / "dbt" / "jaffle"
    folder.mkdir(parents=True)
    parsed = parse(workspace, ASTRO_DBT_PROJECTS=stack_says(jaffle="dags/dbt/jaffle"))
    assert parsed.dags == {}
    last = parsed.errors["jaffle_dag.py"].strip().splitlines()[-1]
    assert last.startswith(f"FileNotFoundError: No dbt project in {folder}: ")
    assert "set `submodules` to true in the Dag bundle" in last
    assert "restart the Pod" in last


def test_each_mistake_is_one_sentence(workspace: Workspace) -> None:
    (workspace.dags / "dbt" / "empty").mkdir(parents=True)
    image = json.dumps({"jaffle": {"image": str(workspace.root / "image" / "jaffle")}})
    errors = [
        answer["error"]
        for answer in workspace.asked(
            {},
            {"name": "empty"},
            {"set": {"ASTRO_DBT_PROJECTS": stack_says(a="a", b="b")}},
            {"set": {"ASTRO_DBT_PROJECTS": image}},
            {"set": {"ASTRO_DBT_PROJECTS": "/usr/local/airflow/dbt"}},
            {"set": {"ASTRO_DBT_PROJECTS": '{"jaffle": "dags/dbt/jaffle"}'}},
        )
    ]
    assert errors[0].startswith("FileNotFoundError: No dbt project 'jaffle': there is none in ")
    assert f"No dbt project in {workspace.dags / 'dbt' / 'empty'}: " in errors[1]
    assert "git submodule update --init" in errors[1]
    assert "ASTRO_DBT_PROJECTS lists a, b, and there is none in" in errors[2]
    assert "the image does not contain 'jaffle'; build the image" in errors[3]
    assert errors[4].startswith(
        "ValueError: ASTRO_DBT_PROJECTS is '/usr/local/airflow/dbt', but must be JSON"
    )
    assert errors[5].startswith("ValueError: ASTRO_DBT_PROJECTS is ")


def checkout(workspace: Workspace) -> tuple[Path, list[str]]:
    """Make the workspace a Git checkout whose submodule is in place; return its folder and its two commits."""
    project = workspace.place_project(workspace.dags / "dbt" / "jaffle")
    commits = []
    git("init", "--quiet", cwd=project)
    for message in ("old", "new"):
        git("add", ".", cwd=project)
        git("commit", "--quiet", "--allow-empty", "-m", message, cwd=project)
        commits.append(git("rev-parse", "HEAD", cwd=project))
    git("init", "--quiet", cwd=workspace.dags)
    git("-c", "advice.addEmbeddedRepo=false", "add", ".", cwd=workspace.dags)
    return project, commits


def test_one_dbt_may_run_the_whole_dag_on_a_queue(workspace: Workspace) -> None:
    workspace.place_project(workspace.dags / "dbt" / "jaffle")
    dag = workspace.dags / "jaffle_dag.py"
    dag.write_text(dag.read_text().replace(', "dev")', ', "dev"), watcher="large"'))
    parsed = parse(workspace)
    assert parsed.errors == {}
    assert parsed.queues == {"jaffle": {"dbt_producer_watcher": "large"}}
    assert {"dbt_producer_watcher", "stg_orders.run"} <= set(parsed.dags["jaffle"])


def test_submodule_that_a_refresh_did_not_reach_is_reported_and_still_runs(workspace: Workspace) -> None:
    project, (old, new) = checkout(workspace)
    warning = f"The submodule {project} is at commit {old[:12]}, but this repository asks for {new[:12]}"
    assert "The submodule" not in parse(workspace).log
    git("checkout", "--quiet", old, cwd=project)
    parsed = parse(workspace)
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS}
    assert warning in parsed.log
    assert warning in parsed.docs["jaffle"]
    assert "The next refresh that can fetch it fixes this" in parsed.docs["jaffle"]


def test_check_of_the_submodule_fails_nowhere_and_writes_nothing(workspace: Workspace) -> None:
    project, (old, _) = checkout(workspace)
    git("checkout", "--quiet", old, cwd=project)
    plain = workspace.place_project(workspace.root / "plain" / "dbt" / "jaffle")
    index = workspace.dags / ".git" / "index"
    before = (index.read_bytes(), index.stat().st_mtime_ns)
    found, *others = (
        answer["warning"]
        for answer in workspace.asked(
            {},
            {"file": plain.parents[1] / "jaffle_dag.py"},
            {"set": {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}},
            {"set": {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "0", "PATH": str(plain)}},
        )
    )
    assert found.startswith(f"The submodule {project} is at commit {old[:12]}, ")
    assert others == ["", "", ""]
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_no_file_is_taken_by_dbt_as_a_plugin(workspace: Workspace) -> None:
    """Dbt imports modules whose names begin like this from every folder on Python's path."""
    assert list(workspace.dags.glob("dbt_*")) == []


def test_dag_runs_to_success(workspace: Workspace, database: Path) -> None:
    """From the repository; the proof of the delivery runs it from the image, in the image."""
    workspace.place_project(workspace.dags / "dbt" / "jaffle")
    workspace.test_dag("jaffle", database, ASTRO_DBT_PROJECTS=stack_says(jaffle="dags/dbt/jaffle"))
    assert workspace.dbt.rows(workspace.database, "select count(*) from customer_orders") == "[(5,)]"
