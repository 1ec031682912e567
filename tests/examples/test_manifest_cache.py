"""The manifests and dbt packages that the helper module keeps, with real dbt and real processes."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from delivery.git_access import git_access
from domain.connection_secret import http_header
from domain.names import CONFIG_MOUNT
from tests.examples.conftest import CALLER, Workspace
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository
from tests.support.stacks import settings_of, stack

pytestmark = pytest.mark.airflow

DEV: Mapping[str, Any] = {"cosmos": {"target": "dev"}}
PACKAGE_TOKEN = "canary-package-token"
FALLBACK = "WARNING dbt project jaffle: Cosmos runs `dbt ls` at this parse, because "


@pytest.fixture
def project(workspace: Workspace) -> Path:
    """The example project next to the Dag."""
    return workspace.place_project(workspace.dags / "dbt" / "jaffle")


def kept(workspace: Workspace, kind: str = "manifest") -> set[Path]:
    """The entries of a kind."""
    return set(workspace.cache.glob(f"{kind}-*"))


def models(answer: Mapping[str, Any]) -> set[str]:
    """Names of the models in a manifest."""
    nodes = json.loads(Path(answer["manifest"]).read_text())["nodes"].values()
    return {node["name"] for node in nodes if node["resource_type"] == "model"}


def fell_back(answer: Mapping[str, Any], reason: str) -> bool:
    """Whether Cosmos was left to run `dbt ls`, with one line in the log that says why."""
    (line,) = (line for line in answer["log"] if line.startswith("WARNING"))
    assert line.startswith(FALLBACK)
    assert reason in line
    return answer["load"] == "LoadMode.DBT_LS" and answer["manifest"] is None


def test_everything_that_changes_the_manifest_gives_another_one(workspace: Workspace, project: Path) -> None:
    """One process for each change; in between, a second call of the same finds the first one's manifest."""
    dbt = workspace.counted_dbt()
    made: dict[str, str] = {}

    def ask(change: str, *, reused: bool = False, **call: Any) -> dict[str, Any]:
        before = len(workspace.dbt_calls)
        variables = call.pop("variables", {})
        (answer,) = workspace.asked({**DEV, **call}, ASTRO_DBT_EXECUTABLE=str(dbt), **variables)
        assert "WARNING" not in str(answer["log"]), change
        assert len(workspace.dbt_calls) - before == (0 if reused else 1), change
        assert (answer["manifest"] in made.values()) == reused, change
        made.setdefault(change, answer["manifest"])
        return answer

    ask("first")
    ask("again", reused=True)

    profiles = project / "profiles.yml"
    profiles.write_text(profiles.read_text() + "    prod:\n      type: duckdb\n      path: /tmp/x.duckdb\n")
    ask("profile")
    ask("target", cosmos={"target": "prod"})
    ask("dbt variable", cosmos={"target": "dev", "dbt_vars": {"a": 1}})
    ask("dbt variable's value", cosmos={"target": "dev", "dbt_vars": {"a": 2}})
    ask("environment of the Dag", cosmos={"target": "dev", "env_vars": {"JAFFLE_SCHEMA": "other"}})
    ask("variable that the profile reads", variables={"JAFFLE_SCHEMA": "third"})
    ask("variable of dbt", variables={"DBT_WARN_ERROR_OPTIONS": "{}"})
    ask("variable that nothing reads", reused=True, variables={"UNRELATED": "1"})

    model = project / "models" / "marts" / "extra.sql"
    model.write_text("select 1 as id")
    assert "extra" in models(ask("new model"))
    times = model.stat()
    model.write_text("select 2 as id")
    os.utime(model, ns=(times.st_atime_ns, times.st_mtime_ns))
    ask("model of the same size and time")
    model.rename(model.with_name("renamed.sql"))
    assert {"renamed"} == models(ask("renamed model")) - {
        "city_revenue", "customer_orders", "daily_revenue", "stg_customers", "stg_orders"
    }  # fmt: skip
    model.with_name("renamed.sql").unlink()
    ask("removed model", reused=True)

    for name in ("logs", "target"):
        folder = project / name
        folder.mkdir()
        (folder / "written.sql").write_text("select 1")
        ask("what dbt writes", reused=True)
        (project / "models" / name).mkdir()
        (project / "models" / name / f"in_{name}.sql").write_text("select 1 as id")
        assert f"in_{name}" in models(ask(f"model in a folder called {name}"))
        shutil.rmtree(project / "models" / name)

    model.write_text("{% set name = 'X' ~ 'Y' %}select '{{ env_var(name, '') }}' as id")
    ask("expression")
    ask("variable that an expression reads", variables={"XY": "1"})
    model.unlink()

    dbt.write_text(dbt.read_text() + "# another dbt\n")
    ask("dbt")


def test_profile_outside_of_the_project_counts(workspace: Workspace, project: Path) -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from cosmos import ProfileConfig; from astro_projects import DbtProject\n"
        "given = DbtProject.find('jaffle', sys.argv[1] + '/x.py').cosmos(target='dev', profile="
        "ProfileConfig(profile_name='jaffle', target_name='dev', profiles_yml_filepath=sys.argv[2]))\n"
        "print(given['project_config'].manifest_path)"
    )
    profiles = workspace.root / "elsewhere" / "profiles.yml"
    profiles.parent.mkdir()
    found = []
    for schema in ("one", "two", "two"):
        text = (project / "profiles.yml").read_text()
        profiles.write_text(text.replace("'JAFFLE_SCHEMA', 'main'", f"'JAFFLE_SCHEMA', '{schema}'"))
        ended = workspace.airflow.run(
            [workspace.airflow.python, "-c", code, workspace.dags, profiles], env=workspace.variables()
        )
        assert ended.returncode == 0, ended.stderr
        found.append(ended.stdout.strip().splitlines()[-1])
    assert found[0] != found[1] == found[2]


def test_profile_of_an_airflow_connection_needs_no_connection_to_parse(
    workspace: Workspace, project: Path
) -> None:
    """Cosmos makes a profile with stand-in values for it, as for its own `dbt ls`."""
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from cosmos import ProfileConfig; from cosmos.profiles import DuckDBUserPasswordProfileMapping\n"
        "from astro_projects import DbtProject\n"
        "profile = ProfileConfig(profile_name='jaffle', target_name='dev',\n"
        "    profile_mapping=DuckDBUserPasswordProfileMapping(conn_id='nowhere', profile_args={'path': 'x.duckdb'}))\n"
        "given = DbtProject.find('jaffle', sys.argv[1] + '/x.py').cosmos(target='dev', profile=profile)\n"
        "print(given['project_config'].manifest_path)"
    )
    ended = workspace.airflow.run(
        [workspace.airflow.python, "-c", code, workspace.dags], env=workspace.variables()
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip().endswith("manifest.json"), ended.stderr


def test_processes_at_once_parse_one_time(workspace: Workspace, project: Path) -> None:
    dbt = str(workspace.counted_dbt())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)[0], range(4)))
    assert workspace.dbt_calls == ["parse"]
    assert len({answer["manifest"] for answer in answers}) == 1
    assert None not in {answer["manifest"] for answer in answers}


def test_killed_process_stops_nobody(workspace: Workspace, project: Path) -> None:
    """It holds the lock and has half an entry; what it leaves is cleaned up later."""
    stuck = workspace.root / "stuck"
    stuck.touch()
    dbt = str(workspace.counted_dbt(before=f"[ -e {stuck} ] && exec sleep 600"))
    call = json.dumps([{"name": "jaffle", "file": str(workspace.dags / "x.py"), **DEV}])
    holder = subprocess.Popen(
        [workspace.airflow.python, CALLER, workspace.dags, call],
        env=workspace.airflow.variables(workspace.variables(ASTRO_DBT_EXECUTABLE=dbt)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while workspace.dbt_calls != ["parse"]:
            assert time.monotonic() < until
            time.sleep(0.1)
        holder.kill()
        holder.wait()
        assert kept(workspace) == set()
        stuck.unlink()
        (answer,) = workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)
        assert answer["manifest"]
        (left,) = workspace.cache.glob("new-*")
        os.utime(left, (1, 1))
        workspace.asked({"cosmos": {"target": "dev", "dbt_vars": {"a": 1}}})
        assert not left.exists()
    finally:
        os.killpg(holder.pid, signal.SIGKILL)


@contextmanager
def all_locks(workspace: Workspace) -> Iterator[None]:
    """Hold every lock there can be for a block."""
    workspace.cache.mkdir(mode=0o700)
    files = [(workspace.cache / f"lock-{number:02x}").open("a") for number in range(256)]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    yield
    for file in files:
        file.close()


def test_wait_for_another_process_is_bounded(workspace: Workspace, project: Path) -> None:
    with all_locks(workspace):
        (answer,) = workspace.asked(DEV, AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="2")
    assert fell_back(answer, "another process has been creating manifest-")


@pytest.mark.parametrize("damage", ["", "half", "gone", "unsealed"])
def test_damaged_entry_is_made_again(workspace: Workspace, project: Path, damage: str) -> None:
    (first,) = workspace.asked(DEV)
    manifest = Path(first["manifest"])
    good = manifest.read_bytes()
    if damage == "gone":
        manifest.unlink()
    elif damage == "unsealed":
        (manifest.parent / ".seal").unlink()
    else:
        manifest.write_bytes(good[: len(good) // 2 if damage else 0])
    (second,) = workspace.asked(DEV)
    assert second["manifest"] == first["manifest"]
    assert manifest.read_bytes() == good


def test_damaged_partial_parse_is_of_no_consequence(workspace: Workspace, project: Path) -> None:
    (first,) = workspace.asked(DEV)
    (Path(first["manifest"]).parent / "partial_parse.msgpack").write_bytes(b"\xc1 not what dbt wrote")
    (project / "models" / "extra.sql").write_text("select 1 as id")
    (second,) = workspace.asked(DEV)
    assert "extra" in models(second)


def test_folder_that_cannot_be_used_leaves_dbt_ls(workspace: Workspace, project: Path) -> None:
    file = workspace.root / "file"
    file.touch()
    foreign = workspace.root / "foreign"
    foreign.mkdir()
    calls = [{**DEV, "set": {"ASTRO_DBT_CACHE": str(file / "cache")}}]
    if os.getuid() == 0:
        os.chown(foreign, 12345, 12345)
        calls.append({**DEV, "set": {"ASTRO_DBT_CACHE": str(foreign)}})
    first, *others = workspace.asked(*calls)
    assert fell_back(first, "Not a directory")
    assert all(fell_back(answer, "belongs to another user") for answer in others)


def test_size_that_is_not_a_number_leaves_dbt_ls(workspace: Workspace, project: Path) -> None:
    (answer,) = workspace.asked(DEV, ASTRO_DBT_CACHE_MIB="1G")
    assert fell_back(answer, "ASTRO_DBT_CACHE_MIB is '1G', but must be a number")


def test_project_that_changes_while_dbt_reads_it_is_not_kept(workspace: Workspace, project: Path) -> None:
    """A Dag processor's refresh may do that: the new content must not get the old one's name."""
    model = project / "models" / "extra.sql"
    dbt = str(workspace.counted_dbt(before=f"echo 'select 1 as id' > {model}"))
    (first,) = workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)
    assert fell_back(first, "its files changed while dbt read them")
    assert kept(workspace) == set()
    (second,) = workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)
    assert "extra" in models(second)


def test_full_disk_leaves_dbt_ls(workspace: Workspace, project: Path) -> None:
    workspace.cache.mkdir(mode=0o700)
    small = 'mount -t tmpfs -o size=256k,mode=700 none "$1" || exit 77; shift; exec "$@"'
    prefix: list[str | Path] = ["unshare", "--mount", "sh", "-c", small, "sh", workspace.cache]
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("this user cannot mount a small file system")
    # The warm dbt is outside of what is mounted.
    (answer,) = workspace.asked(DEV, prefix=prefix, ASTRO_DBT_EXECUTABLE=str(workspace.dbt.program("dbt")))
    assert fell_back(answer, "`dbt parse` ended with exit code") or fell_back(answer, "No space left")


def test_project_that_dbt_refuses_leaves_its_error_to_dbt_ls(workspace: Workspace, project: Path) -> None:
    (project / "models" / "broken.sql").write_text("select {{ nonsense(")
    (answer,) = workspace.asked(DEV)
    assert fell_back(answer, "`dbt parse` ended with exit code 2: ")
    assert kept(workspace) == set()


def test_what_was_not_used_for_longest_is_removed(workspace: Workspace, project: Path) -> None:
    """Down to the limit, and nothing that was used within the hour."""
    workspace.cache.mkdir(mode=0o700)
    now = time.time()
    ages = {"manifest-oldest": 9000, "packages-old": 8000, "manifest-newer": 5000, "manifest-in-use": 60}
    for name, age in ages.items():
        entry = workspace.cache / name
        entry.mkdir()
        (entry / "data").write_bytes(bytes(5 * 2**20))
        os.utime(entry, (now - age, now - age))
    (answer,) = workspace.asked(DEV, ASTRO_DBT_CACHE_MIB="16")
    left = {path.name for path in workspace.cache.glob("*-*") if path.is_dir()}
    assert left == {"manifest-in-use", "manifest-newer", Path(answer["manifest"]).parent.name}


def test_use_keeps_an_entry(workspace: Workspace, project: Path) -> None:
    (first,) = workspace.asked(DEV)
    entry = Path(first["manifest"]).parent
    os.utime(entry, (1, 1))
    workspace.asked(DEV)
    assert time.time() - entry.stat().st_mtime < 600


# dbt packages


def with_package(workspace: Workspace, project: Path, *, path: str = "../shared") -> Path:
    """Let the project ask for a package next to it; return the package's macro."""
    package = (project / path).resolve()
    (package / "macros").mkdir(parents=True)
    (package / "dbt_project.yml").write_text("name: shared\nversion: '1.0.0'\nconfig-version: 2\n")
    macro = package / "macros" / "one.sql"
    macro.write_text("{% macro one() %}1{% endmacro %}")
    (project / "packages.yml").write_text(f"packages:\n  - local: {path}\n")
    (project / "models" / "packaged.sql").write_text("select {{ shared.one() }} as id")
    return macro


@pytest.mark.parametrize("path", ["../shared", "inside/shared"])
def test_packages_are_installed_once(workspace: Workspace, project: Path, path: str) -> None:
    """The checkout stays as it is, and dbt runs with the packages in the folder that tasks get."""
    macro = with_package(workspace, project, path=path)
    before = sorted(project.rglob("*"))
    dbt = str(workspace.counted_dbt())
    first, second = (workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)[0] for _ in range(2))
    assert workspace.dbt_calls == ["deps", "parse"]
    assert first["run_in"] == second["run_in"] != str(project)
    assert (first["install"], first["load"]) == (False, "LoadMode.DBT_MANIFEST")
    assert sorted(project.rglob("*")) == before
    code, printed = workspace.run_dbt(Path(first["run_in"]), "compile", "--select", "packaged")
    assert code == 0, printed
    assert "select 1 as id" in printed
    macro.write_text("{% macro one() %}2{% endmacro %}")
    (third,) = workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)
    assert workspace.dbt_calls == ["deps", "parse", "deps", "parse"]
    code, printed = workspace.run_dbt(Path(third["run_in"]), "compile", "--select", "packaged")
    assert "select 2 as id" in printed


def test_another_version_of_the_bundle_shares_the_packages(workspace: Workspace, project: Path) -> None:
    with_package(workspace, project)
    other = workspace.root / "other"
    shutil.copytree(workspace.dags, other)
    dbt = str(workspace.counted_dbt())
    (first,) = workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)
    (other / "dbt" / "jaffle" / "models" / "extra.sql").write_text("select 1 as id")
    (second,) = workspace.asked({"file": other / "x.py", **DEV}, ASTRO_DBT_EXECUTABLE=dbt)
    assert workspace.dbt_calls == ["deps", "parse", "parse"]
    assert first["run_in"] != second["run_in"]
    assert len(kept(workspace, "packages")) == 1


def test_vendored_packages_are_used_as_they_are(workspace: Workspace, project: Path) -> None:
    macro = with_package(workspace, project)
    shutil.copytree(macro.parents[1], project / "dbt_packages" / "shared")
    dbt = str(workspace.counted_dbt())
    (answer,) = workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)
    assert workspace.dbt_calls == ["parse"]
    assert (answer["run_in"], answer["install"]) == (str(project), False)
    (project / "dbt_packages" / "shared" / "macros" / "two.sql").write_text(
        "{% macro two() %}2{% endmacro %}"
    )
    workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt)
    assert workspace.dbt_calls == ["parse", "parse"]


@pytest.fixture
def private_package(tmp_path: Path) -> Iterator[GitServer]:
    """A Git host with a package that only a token opens."""
    server = serve(tmp_path / "server")
    Repository(server.root / "org/shared.git").commit(
        {
            "dbt_project.yml": "name: shared\nversion: '1.0.0'\nconfig-version: 2\n",
            "macros/one.sql": "{% macro one() %}1{% endmacro %}",
        }
    )
    server.grants = {"org/shared.git": [("robot", PACKAGE_TOKEN)]}
    yield server
    server.stop()


def test_private_git_package_is_installed_with_what_the_stack_gives_agents(
    workspace: Workspace, project: Path, private_package: GitServer
) -> None:
    """Once, with no token on disk; without the connection, Cosmos and its error are left."""
    url = private_package.url("org/shared.git")
    connection = {"type": "https", "login": "robot", "caBundle": str(private_package.authority)}
    settings = settings_of(
        stack(
            dbtPackages=[{"repo": url, "connection": "packages"}],
            connections={**stack()["connections"], "packages": connection},
            credentials={**stack()["credentials"], "packages": {"password": PACKAGE_TOKEN}},
        )
    )
    authority = private_package.authority.read_text()
    access = git_access(settings, authorities={"packages": authority})
    header = http_header("robot", PACKAGE_TOKEN)
    folder = workspace.root / "config"
    folder.mkdir()
    for name, content in access.config_files.items():
        (folder / name).write_text(content)
    variables = {
        item.name: item.value.replace(f"{CONFIG_MOUNT}/config", str(folder))
        if isinstance(item.value, str)
        else header
        for item in access.environment
        if item.name.startswith("GIT_")
    }
    (project / "packages.yml").write_text(f"packages:\n  - git: {url}\n    revision: main\n")
    (project / "models" / "packaged.sql").write_text("select {{ shared.one() }} as id")
    dbt = str(workspace.counted_dbt())
    (refused,) = workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt, GIT_TERMINAL_PROMPT="0")
    assert fell_back(refused, "`dbt deps` ended with exit code")
    first, second = (workspace.asked(DEV, ASTRO_DBT_EXECUTABLE=dbt, **variables)[0] for _ in range(2))
    assert first["manifest"] == second["manifest"] is not None
    assert (first["install"], first["log"][-1].startswith("WARNING")) == (False, False)
    assert workspace.dbt_calls == ["deps", "deps", "parse"]
    kept_files = [path for path in workspace.cache.rglob("*") if path.is_file()]
    assert any(path.name == "one.sql" for path in kept_files)
    assert not any(".git" in path.parts for path in kept_files)
    everything = b"".join(path.read_bytes() for path in kept_files)
    assert PACKAGE_TOKEN.encode() not in everything
    assert header.split()[-1].encode() not in everything


def test_packages_that_cannot_be_installed_are_left_to_cosmos(workspace: Workspace, project: Path) -> None:
    (project / "packages.yml").write_text(
        "packages:\n  - git: file:///nowhere/package.git\n    revision: main\n"
    )
    (answer,) = workspace.asked(DEV)
    assert fell_back(answer, "`dbt deps` ended with exit code")
    assert answer["install"]
    assert answer["run_in"] == str(project)


def test_dag_with_packages_runs_without_installing_them_again(
    workspace: Workspace, project: Path, database: Path
) -> None:
    with_package(workspace, project)
    for folder in ("seeds", "tests", "models/marts", "models/staging"):
        shutil.rmtree(project / folder)
    workspace.test_dag("jaffle", database, ASTRO_DBT_EXECUTABLE=str(workspace.counted_dbt()))
    assert workspace.dbt.rows(workspace.database, "select id from packaged") == "[(1,)]"
    assert workspace.dbt_calls == ["deps", "parse", "run"]


@pytest.mark.parametrize("path", ["lib/packages", "{{ env_var('HOME') }}"])
def test_unusual_packages_folder_is_left_to_cosmos(workspace: Workspace, project: Path, path: str) -> None:
    with_package(workspace, project)
    with (project / "dbt_project.yml").open("a") as file:
        file.write(f'packages-install-path: "{path}"\n')
    before = sorted(project.rglob("*"))
    (answer,) = workspace.asked(DEV)
    assert fell_back(answer, "`packages-install-path` is not the name of a folder")
    assert answer["install"]
    assert sorted(project.rglob("*")) == before
