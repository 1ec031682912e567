"""Reading an Astro project."""

from __future__ import annotations

from pathlib import Path

import pytest

from adoption.errors import AdoptionError
from adoption.project import DbtFolder, read_project
from tests.support.repositories import git
from tests.support.stacks import ROOT

MODULES = """\
[submodule "jaffle"]
	path = dags/dbt/jaffle
	url = https://git.example.com/analytics/jaffle.git
	branch = stable
[submodule "mono"]
	path = dags/dbt/mono
	url = git@git.example.com:analytics/mono.git
[submodule "lib"]
	path = dags/common
	url = https://user:secret@git.example.com/lib.git
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a checked out submodule, one with a subfolder, one for code, and an ordinary folder."""
    (tmp_path / ".gitmodules").write_text(MODULES)
    for path, name in {
        "dags/dbt/jaffle": "jaffle",
        "dags/dbt/mono/models/sales": "sales",
        "dbt/own": "own",
        "dags/dbt/jaffle/dbt_packages/utils": "utils",
    }.items():
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "dbt_project.yml").write_text(f"name: {name}\n")
    (tmp_path / "Dockerfile.client").write_text(
        "FROM images.example.com/agent:1\nRUN python -m venv dbt_venv && \\\n"
        "    source dbt_venv/bin/activate && pip install --no-cache-dir dbt-postgres==1.9.0 dbt-core && deactivate\n"
        "COPY dbt /usr/local/airflow/dbt\n"
    )
    (tmp_path / "requirements-client.txt").write_text("# Airflow\nastronomer-cosmos==1.15.1  # dbt\n--pre\n")
    (tmp_path / "packages-client.txt").write_text("git\n\n")
    git("init", "-q", cwd=tmp_path)
    remote = "https://me:token@git.example.com/platform/dags.git"
    git("remote", "add", "origin", remote, cwd=tmp_path)
    return tmp_path


def test_dbt_projects_are_found_with_their_submodules(folder: Path) -> None:
    assert read_project(folder).dbt == (
        DbtFolder(
            "jaffle", "dags/dbt/jaffle", "https://git.example.com/analytics/jaffle.git", "stable", None
        ),
        DbtFolder(
            "sales",
            "dags/dbt/mono/models/sales",
            "git@git.example.com:analytics/mono.git",
            None,
            "models/sales",
        ),
        DbtFolder("own", "dbt/own", None, None, None),
    )


def test_image_files_are_read(folder: Path) -> None:
    found = read_project(folder)
    assert found.base == "images.example.com/agent:1"
    assert found.adapters == ("dbt-postgres==1.9.0", "dbt-core")
    assert found.packages == ("astronomer-cosmos==1.15.1",)
    assert found.system_packages == ("git",)
    assert [note for note in found.notes if "--pre" in note]


def test_addresses_lose_their_credentials(folder: Path) -> None:
    found = read_project(folder)
    assert found.repository == "https://git.example.com/platform/dags.git"
    assert found.modules == {"dags/common": "https://git.example.com/lib.git"}
    assert "secret" not in repr(found)
    assert "token" not in repr(found)


def test_submodule_that_is_not_checked_out_is_taken_by_its_path(tmp_path: Path) -> None:
    (tmp_path / ".gitmodules").write_text(MODULES)
    found = read_project(tmp_path)
    assert [item.path for item in found.dbt] == ["dags/dbt/jaffle", "dags/dbt/mono"]
    assert len([note for note in found.notes if "is a submodule" in note]) == 2


def test_relative_address_is_reported(tmp_path: Path) -> None:
    (tmp_path / ".gitmodules").write_text('[submodule "x"]\n\tpath = dbt/x\n\turl = ../x.git\n')
    assert any("relative address ../x.git" in note for note in read_project(tmp_path).notes)


def test_the_example_is_read() -> None:
    found = read_project(ROOT / "examples" / "dag-repo")
    assert found.adapters == ("dbt-core==1.11.16", "dbt-duckdb==1.11.1")
    assert "apache-airflow-providers-git==1.0.1" in found.packages
    assert found.base is None
    assert any("build argument" in note for note in found.notes)


def test_no_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AdoptionError, match="is not a folder; name the one"):
        read_project(tmp_path / "none")


def test_what_a_folder_lacks_is_reported(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM astrocrpublic.azurecr.io/runtime:3.1-3\n")
    found = read_project(tmp_path)
    image, dbt = found.notes
    assert image.startswith(f"Dockerfile.client is not in {tmp_path}, so")
    assert dbt.startswith(f"no dbt_project.yml and no dbt submodule is below {tmp_path}; correct")
    assert found.base is None
    assert found.dbt == ()
    assert found.repository is None


def test_project_without_a_name_takes_its_folder(tmp_path: Path) -> None:
    (tmp_path / "dbt" / "my-shop").mkdir(parents=True)
    (tmp_path / "dbt" / "my-shop" / "dbt_project.yml").write_text(": [")
    assert read_project(tmp_path).dbt[0].name == "my_shop"
