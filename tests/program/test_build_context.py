"""Staging the build context."""

from __future__ import annotations

import os

import pytest

from delivery.recipe import Recipe, Source
from program.build_context import UnsafeLinkError, stage
from tests.support.repositories import Repository, git


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
        "sources": (Source("dbtProjects[0]", "dbt/jaffle", "src/jaffle", None, "main", None, None),),
        "files": {"Dockerfile": "FROM scratch\n", "packages.txt": ""},
        "dockerfile": None,
        "ca_bundle": None,
        "arguments": {},
    }
    return Recipe(**(values | changes))


def no_checkout(source, target):
    raise AssertionError(source)


def no_mirror(*asked):
    raise AssertionError(asked)


def staged(root, made=None):
    return stage(
        made or recipe(), root=root, folder=".build/s/context", checkout=no_checkout, mirror=no_mirror
    )


def files(root):
    """What is staged, apart from what the step for dbt packages sees."""
    folder = root / ".build/s/context"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in found if not name.startswith("packages/")]


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
    before = target.stat()
    staged(tmp_path)
    assert target.stat() == before


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
    source = Source("dbtProjects[0]", "dbt/jaffle", None, "https://h/j.git", "v1", "sub", None)

    def checkout(asked, target):
        assert asked is source
        (target / "sub").mkdir()
        (target / "sub" / "dbt_project.yml").write_text("name: jaffle\n")
        (target / "README.md").write_text("x")

    stage(
        recipe(sources=(source,)),
        root=tmp_path,
        folder=".build/s/context",
        checkout=checkout,
        mirror=no_mirror,
    )
    assert "dbt/jaffle/dbt_project.yml" in files(tmp_path)
    assert "dbt/jaffle/README.md" not in files(tmp_path)


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


@pytest.mark.parametrize(
    "name", ["models/staging/logs/a.sql", "models/marts/target/b.sql", "macros/dbt_packages/c.sql"]
)
def test_models_in_folders_called_target_or_logs_reach_the_image(tmp_path, project, name):
    (project / name).parent.mkdir(parents=True)
    (project / name).write_text("select 1")
    staged(tmp_path)
    assert f"dbt/jaffle/{name}" in files(tmp_path)


def test_target_path_log_path_and_packages_install_path_say_what_stays_out(tmp_path, project):
    (project / "dbt_project.yml").write_text(
        "name: jaffle\ntarget-path: build/dbt\nlog-path: ../logs\npackages-install-path: vendor\n"
    )
    for name in ("build/dbt/manifest.json", "build/keep.txt", "vendor/x.sql"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    staged(tmp_path)
    found = [name.removeprefix("dbt/jaffle/") for name in files(tmp_path)]
    assert not {"build/dbt/manifest.json", "vendor/x.sql"} & set(found)
    assert {"build/keep.txt", "target/manifest.json"} <= set(found)


def test_packages_that_the_repository_has_committed_are_kept(tmp_path, project):
    git("init", "--quiet", cwd=tmp_path / "src")
    (project / ".git/HEAD").unlink()
    (project / ".git").rmdir()
    staged(tmp_path)
    assert "dbt/jaffle/dbt_packages/x/dbt_project.yml" not in files(tmp_path)
    git("add", "jaffle/dbt_packages", cwd=tmp_path / "src")
    staged(tmp_path)
    assert "dbt/jaffle/dbt_packages/x/dbt_project.yml" in files(tmp_path)


LINKS_OUT = {
    "a file elsewhere": ("models/leak.sql", "{outside}/secret.txt", "absolute"),
    "a relative way out": (
        "models/leak.sql",
        "../../../../../../../../../../{outside}/secret.txt",
        "out of the",
    ),
    "a folder elsewhere": ("models/leak", "{outside}", "absolute"),
    "the folder above": ("models/up", "..", "upwards"),
    "two folders above": ("models/up", "../..", "upwards|out of the"),
    "a link to a link": ("models/leak.sql", "../views/hop/secret.txt", "absolute"),
    "the configuration of Git": ("models/leak.yml", "../.git/config", "credentials"),
    "itself": ("models/self.sql", "self.sql", "circles"),
}


def _links_out(repository, outside, case):
    path, target, reason = LINKS_OUT[case]
    outside.mkdir()
    (outside / "secret.txt").write_text("canary-of-the-machine")
    (repository / "models").mkdir(exist_ok=True)
    (repository / "views").mkdir(exist_ok=True)
    (repository / "views/hop").symlink_to(outside)
    (repository / path).symlink_to(target.format(outside=outside))
    if case != "a link to a link":
        (repository / "views/hop").unlink()
    return path, reason


def _nothing_leaked(root):
    assert "canary" not in "".join(
        path.read_text() for path in (root / ".build").rglob("*") if path.is_file() and not path.is_symlink()
    )


@pytest.mark.parametrize("case", LINKS_OUT)
def test_a_link_that_leads_out_of_a_local_folder_is_refused(tmp_path, project, case):
    path, reason = _links_out(project, tmp_path / "outside", case)
    with pytest.raises(UnsafeLinkError, match=reason) as caught:
        staged(tmp_path)
    assert caught.value.at == "dbtProjects[0]"
    assert path in str(caught.value) or case == "a link to a link"
    _nothing_leaked(tmp_path)


@pytest.mark.parametrize("case", LINKS_OUT)
def test_a_link_that_leads_out_of_a_repository_is_refused(tmp_path, case):
    repository = Repository(tmp_path / "served.git")
    _links_out(repository.tree, tmp_path / "outside", case)
    repository.commit({"dbt_project.yml": "name: jaffle\n"})
    with pytest.raises(UnsafeLinkError, match=LINKS_OUT[case][2]):
        _stage_from(repository, tmp_path, None)
    _nothing_leaked(tmp_path)


def test_a_subdir_that_is_a_link_out_of_the_repository_is_refused(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/dbt_project.yml").write_text("canary")
    repository = Repository(tmp_path / "served.git")
    (repository.tree / "sales").symlink_to(tmp_path / "outside")
    repository.commit()
    with pytest.raises(UnsafeLinkError, match="absolute"):
        _stage_from(repository, tmp_path, "sales")
    _nothing_leaked(tmp_path)


def test_links_inside_the_repository_keep_working(tmp_path):
    repository = Repository(tmp_path / "served.git")
    sales = repository.tree / "projects/sales"
    (sales / "models").mkdir(parents=True)
    (sales / "models/x.sql").symlink_to("../../../views/x.sql")
    (sales / "macros").symlink_to("../../shared/macros")
    (repository.tree / "alias").symlink_to("projects/sales")
    repository.commit(
        {
            "projects/sales/dbt_project.yml": "name: sales\n",
            "views/x.sql": "select 42\n",
            "shared/macros/m.sql": "{# m #}\n",
        }
    )
    for subdir in ("projects/sales", "alias"):
        _stage_from(repository, tmp_path, subdir)
        context = tmp_path / ".build/s/context/dbt/jaffle"
        assert (context / "models/x.sql").read_text() == "select 42\n"
        assert not (context / "models/x.sql").is_symlink()
        assert (context / "macros/m.sql").is_file()


def test_folders_that_hold_each_other_by_links_are_refused(tmp_path, project):
    for name, other in (("a", "b"), ("b", "a")):
        (project / name).mkdir()
        (project / name / "x").symlink_to(f"../{other}")
    with pytest.raises(UnsafeLinkError, match="upwards"):
        staged(tmp_path)


def test_a_link_in_the_folder_of_an_own_dockerfile_is_refused(tmp_path, project):
    (tmp_path / "client").mkdir()
    (tmp_path / "client/Dockerfile").write_text("FROM x\n")
    (tmp_path / "client/leak").symlink_to("/etc/hostname")
    with pytest.raises(UnsafeLinkError) as caught:
        staged(tmp_path, recipe(dockerfile="client/Dockerfile"))
    assert caught.value.at == "image.dockerfile"


def _stage_from(repository, root, subdir):
    source = Source("dbtProjects[0]", "dbt/jaffle", None, "unused", "main", subdir, None)

    def fetch(_, target):
        git(
            "--git-dir",
            str(repository.bare),
            "--work-tree",
            str(target),
            "checkout",
            "--force",
            "main",
            "--",
            ".",
            cwd=root,
        )

    return stage(
        recipe(sources=(source,)), root=root, folder=".build/s/context", checkout=fetch, mirror=no_mirror
    )


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.client.dockerignore"])
def test_a_dockerignore_next_to_an_own_dockerfile_does_not_hide_dbt(tmp_path, project, name):
    client = tmp_path / "client"
    client.mkdir()
    (client / "Dockerfile.client").write_text("FROM x\n")
    (client / "requirements-client.txt").write_text("a==1\n")
    (client / name).write_text("*\n!requirements-client.txt")
    staged(tmp_path, recipe(dockerfile="client/Dockerfile.client", files={"packages.txt": ""}))
    lines = (tmp_path / ".build/s/context/.dockerignore").read_text().splitlines()
    # Docker takes the last pattern that fits, and one of a folder counts for all that is in it.
    assert lines[:2] == ["*", "!requirements-client.txt"]
    assert {"!dbt", "!requirements.txt", "!packages.txt"} <= set(lines[2:])


def test_the_dockerignore_of_another_dockerfile_is_not_read(tmp_path, project):
    client = tmp_path / "client"
    client.mkdir()
    (client / "Dockerfile.client").write_text("FROM x\n")
    (client / "Dockerfile.dockerignore").write_text("*\n")
    staged(tmp_path, recipe(dockerfile="client/Dockerfile.client"))
    assert not [name for name in files(tmp_path) if name.endswith(".dockerignore")]
