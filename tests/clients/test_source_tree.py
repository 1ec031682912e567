"""Files of a folder that belong in an image."""

from __future__ import annotations

import os

import pytest

from clients.source_tree import SourceTree
from domain.links import LinkError
from tests.support.repositories import git


@pytest.fixture
def project(tmp_path):
    """A repository with a dbt project in `project`, a shared folder next to it, and a file outside."""
    root = tmp_path / "repository"
    (root / "project" / "models").mkdir(parents=True)
    (root / "shared").mkdir()
    (root / "project" / "models" / "a.sql").write_text("a")
    (root / "shared" / "macro.sql").write_text("m")
    (tmp_path / "outside.txt").write_text("canary")
    (root / "project" / ".git").mkdir()
    (root / "project" / "__pycache__").mkdir()
    (root / "project" / "__pycache__" / "x.pyc").write_text("x")
    return root / "project"


def names(tree, **options):
    return [name for name, _ in tree.files(**options)]


def test_links_inside_the_repository_are_followed(project):
    (project / "macros").symlink_to("../shared")
    (project / "broken.sql").symlink_to("missing.sql")
    tree = SourceTree(project.parent, "project")
    assert names(tree) == ["macros/macro.sql", "models/a.sql"]
    assert tree.read("macros/macro.sql") == b"m"
    assert tree.read("none.sql") is None
    assert names(tree, without=["models"]) == ["macros/macro.sql"]


def test_a_name_that_is_not_utf_8_is_named_and_not_a_traceback(project):
    (project / "models" / os.fsdecode(b"caf\xe9.sql")).write_text("x")
    with pytest.raises(OSError, match="its name is not UTF-8") as caught:
        names(SourceTree(project.parent, "project"))
    assert str(caught.value.filename).encode().endswith(b"caf\\xe9.sql")


@pytest.mark.parametrize("target", ["../../outside.txt", "/etc/passwd", "../project"])
def test_links_that_lead_out_or_upwards_are_refused(project, target):
    (project / "link").symlink_to(target)
    with pytest.raises(LinkError):
        names(SourceTree(project.parent, "project"))


def test_a_local_folder_ends_at_its_work_tree_or_at_itself(project):
    (project / "macros").symlink_to("../shared")
    with pytest.raises(LinkError):
        names(SourceTree.around(project))
    (project / ".git").rmdir()
    (project.parent / ".git").mkdir()
    assert names(SourceTree.around(project)) == ["macros/macro.sql", "models/a.sql"]


def test_what_git_tracks(project):
    (project / ".git").rmdir()
    tree = SourceTree(project.parent, "project")
    assert not tree.tracks("models")
    for command in (["init", "-q"], ["add", "project/models"]):
        git(*command, cwd=project.parent)
    assert tree.tracks("models")
    assert not tree.tracks("__pycache__")
