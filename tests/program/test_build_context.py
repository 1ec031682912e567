"""Staging the build context."""

from __future__ import annotations

import os

import pytest

from delivery.recipe import Recipe, Source
from program.build_context import stage


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "src" / "jaffle"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: jaffle\n")
    (folder / "models" / "a.sql").write_text("select 1\n")
    for junk in (".git/HEAD", "target/manifest.json", "logs/dbt.log", "dbt_packages/x/dbt_project.yml"):
        (folder / junk).parent.mkdir(parents=True, exist_ok=True)
        (folder / junk).write_text("junk")
    return folder


def recipe(**changes):
    values = {
        "name": "context",
        "repository": "r/x",
        "base": "b:1",
        "platform": "linux/amd64",
        "sources": (Source("jaffle", "src/jaffle", None, "main", None, None),),
        "files": {"Dockerfile": "FROM scratch\n", "packages.txt": ""},
        "dockerfile": None,
        "ca_bundle": None,
        "arguments": {},
    }
    return Recipe(**(values | changes))


def no_checkout(source, target):
    raise AssertionError(source)


def staged(root, made=None):
    return stage(made or recipe(), root=root, folder=".build/s/context", checkout=no_checkout)


def files(root):
    folder = root / ".build/s/context"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_history_caches_and_dbts_own_output_stay_out(tmp_path, project):
    staged(tmp_path)
    assert files(tmp_path) == [
        "Dockerfile",
        "dbt/jaffle/dbt_project.yml",
        "dbt/jaffle/models/a.sql",
        "packages.txt",
    ]


def test_same_content_same_tag_in_another_place_with_another_umask(tmp_path, project):
    first = staged(tmp_path)
    project.joinpath("models/a.sql").chmod(0o600)
    os.utime(project / "dbt_project.yml", (1, 1))
    assert staged(tmp_path) == first
    mode = (tmp_path / ".build/s/context/dbt/jaffle/models/a.sql").stat().st_mode & 0o777
    assert mode == 0o644


def test_nothing_changed_writes_nothing(tmp_path, project):
    staged(tmp_path)
    target = tmp_path / ".build/s/context/dbt/jaffle/models/a.sql"
    os.utime(target, (1, 1))
    staged(tmp_path)
    assert target.stat().st_mtime == 1


def test_removed_files_leave_the_context(tmp_path, project):
    staged(tmp_path)
    (project / "models" / "a.sql").unlink()
    staged(tmp_path)
    assert "dbt/jaffle/models/a.sql" not in files(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"base": "b:2"},
        {"platform": "linux/arm64"},
        {"arguments": {"A": "1"}},
        {"files": {"Dockerfile": "FROM other\n", "packages.txt": ""}},
    ],
)
def test_whatever_shapes_the_image_changes_the_tag(tmp_path, project, changes):
    assert staged(tmp_path).tag != staged(tmp_path, recipe(**changes)).tag


def test_executable_bit_counts(tmp_path, project):
    first = staged(tmp_path)
    (project / "models" / "a.sql").chmod(0o755)
    assert staged(tmp_path).tag != first.tag


def test_project_from_git(tmp_path):
    source = Source("jaffle", None, "https://h/j.git", "v1", "sub", None)

    def checkout(asked, target):
        assert asked is source
        (target / "dbt_project.yml").write_text("name: jaffle\n")

    stage(recipe(sources=(source,)), root=tmp_path, folder=".build/s/context", checkout=checkout)
    assert "dbt/jaffle/dbt_project.yml" in files(tmp_path)


def test_own_dockerfile_brings_its_folder(tmp_path, project):
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "Dockerfile.client").write_text("FROM x\n")
    (tmp_path / "client" / "requirements-client.txt").write_text("a==1\n")
    staged(
        tmp_path,
        recipe(dockerfile="client/Dockerfile.client", files={"packages.txt": "", "requirements.txt": ""}),
    )
    context = tmp_path / ".build/s/context"
    assert (context / "Dockerfile").read_text() == "FROM x\n"
    assert (context / "requirements.txt").read_text() == "a==1\n"
