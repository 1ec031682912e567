"""The dbt project `jaffle` as an Airflow Dag.

The same file serves wherever the project comes from: baked into the agent's image, as a submodule that Airflow's
Git bundle fetches with this repository, or beside this file on a laptop.
"""

import logging
import os
import re
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import cosmos.settings
from cosmos import DbtDag, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import InvocationMode, LoadMode

PROJECT = "jaffle"
AGENT_DBT = Path("/home/astro/dbt_venv/bin/dbt")

# Cosmos keeps what `dbt ls` found in an Airflow Variable, which a remote Dag processor cannot rely on writing.
cosmos.settings.enable_cache_dbt_ls = False


def project_folder(name: str) -> Path:
    """Return the folder of a dbt project.

    ASTRO_DBT_PROJECTS is set where the image holds the projects. Otherwise the project is looked for beside this
    file: a Git bundle checks every version of this repository out into a folder of its own, so no fixed path would do.

    Raises:
        FileNotFoundError: there is no dbt project in that folder.
    """
    baked = os.environ.get("ASTRO_DBT_PROJECTS")
    folder = (Path(baked) if baked else Path(__file__).parent / "dbt") / name
    if (folder / "dbt_project.yml").is_file():
        return folder
    if baked:
        raise FileNotFoundError(
            f"No dbt project in {folder}: ASTRO_DBT_PROJECTS names that place, but the image does not hold {name!r}; "
            "build the image with the project in it, or unset the variable to take the project from this repository."
        )
    raise FileNotFoundError(
        f"No dbt project in {folder}: either the submodule was not fetched (set `submodules` to true in the Dag "
        "bundle, or run `git submodule update --init` on a laptop), or its first fetch failed: a Dag processor fetches "
        "it again at its next refresh, but a worker's version of the bundle stays without it for good (once the "
        "submodule's repository answers, restart the Pod or remove this version's folder)."
    )


def older_than_pinned(folder: Path) -> str:
    """Return a warning when a submodule's files are not of the commit that this repository asks for, else "".

    Airflow's Git bundle moves this repository on before it fetches the submodules. If that fetch fails, the new Dags
    stand beside the old dbt project until a refresh succeeds. Runs keep to the version before, so this is no error.
    """
    look = ["git", "--no-optional-locks", "diff", "--no-color", "--no-ext-diff"]
    look += ["--submodule=short", "--ignore-submodules=dirty", "--", folder.name]
    try:
        told = subprocess.run(look, cwd=folder.parent, capture_output=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""  # no Git here, so no submodule either
    commits = re.findall(rb"^[-+]Subproject commit (\w+)$", told, re.MULTILINE)
    if len(commits) != 2:
        return ""
    wanted, found = (commit.decode()[:12] for commit in commits)
    return (
        f"The submodule {folder} is at commit {found}, but this repository asks for {wanted}: its repository did not "
        "answer, or does not have that commit, so the old dbt project goes on. The next refresh that can fetch it mends "
        "this; on a laptop, run `git submodule update`."
    )


def dbt_executable() -> str:
    """Return the dbt to call: ASTRO_DBT_EXECUTABLE, else the one of the agent's image, else the one on PATH."""
    named = os.environ.get("ASTRO_DBT_EXECUTABLE")
    if named:
        return named
    return str(AGENT_DBT) if AGENT_DBT.is_file() else shutil.which("dbt") or "dbt"


folder = project_folder(PROJECT)
warning = older_than_pinned(folder)
if warning:
    logging.getLogger(__name__).warning(warning)
manifest = folder / "target" / "manifest.json"
baked_manifest = manifest if manifest.is_file() else None

jaffle = DbtDag(
    dag_id=PROJECT,
    doc_md=f"{__doc__}\n**{warning}**" if warning else __doc__,
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    project_config=ProjectConfig(
        dbt_project_path=folder,
        manifest_path=baked_manifest,
        project_name=PROJECT,
        # No packages here; a project that has some brings them along rather than fetching them in every task.
        install_dbt_deps=False,
    ),
    profile_config=ProfileConfig(
        profile_name=PROJECT,
        target_name=os.environ.get("JAFFLE_TARGET", "dev"),
        profiles_yml_filepath=folder / "profiles.yml",
    ),
    render_config=RenderConfig(
        # A manifest spares the Dag processor a run of dbt at every parse.
        load_method=LoadMode.DBT_MANIFEST if baked_manifest else LoadMode.DBT_LS,
        dbt_executable_path=dbt_executable(),
        invocation_mode=InvocationMode.SUBPROCESS,
        # A test that reads two models runs once both are there, not after whichever comes first.
        should_detach_multiple_parents_tests=True,
    ),
    # dbt has a Python of its own, so it is always another process.
    execution_config=ExecutionConfig(
        dbt_executable_path=dbt_executable(), invocation_mode=InvocationMode.SUBPROCESS
    ),
)
