"""Fetching a dbt project for the image, from a real Git server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from delivery.recipe import Recipe, projects_recipe
from program import wiring
from program.build_context import StagingError, stage
from settings import Settings
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository
from tests.support.stacks import ROOT, settings_of, stack

pytestmark = [pytest.mark.usefixtures("recorder"), pytest.mark.git_host]

TOKEN = "canary-checkout-token"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server with a private repository that holds two dbt projects."""
    running = serve(tmp_path / "server")
    repository = Repository(running.root / "org/many.git")
    repository.commit(
        {"README.md": "many\n", "one/dbt_project.yml": "name: one\n", "two/dbt_project.yml": "name: two\n"}
    )
    running.grants["org/many.git"] = [("robot", TOKEN)]
    yield running
    running.stop()


def settings_for(server: GitServer, *, token: str = TOKEN, **project: Any) -> Settings:
    """A stack whose image takes a project from the server."""
    return settings_of(
        stack(
            delivery="agent-image",
            dbtProjects=[{"name": "one", "repo": server.url("org/many.git"), "connection": "git", **project}],
            connections={"git": {"type": "https", "login": "robot", "caBundle": str(server.authority)}},
            credentials={"git": {"password": token}},
        )
    )


def recipe_of(settings: Settings) -> Recipe:
    """The stack's recipe."""
    built = projects_recipe(settings)
    assert built is not None
    return built


def fetch(settings: Settings, target: Path) -> set[str]:
    """Paths that the image build gets of a project."""
    (source,) = recipe_of(settings).sources
    wiring.checkout(settings, ROOT, source, target)
    return {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}


def test_a_whole_repository(server: GitServer, tmp_path: Path) -> None:
    assert fetch(settings_for(server), tmp_path / "to") == {
        "README.md",
        "one/dbt_project.yml",
        "two/dbt_project.yml",
    }


def test_links_of_one_folder_find_the_others(server: GitServer, tmp_path: Path) -> None:
    found = fetch(settings_for(server, subdir="one"), tmp_path / "to")
    assert {"one/dbt_project.yml", "two/dbt_project.yml"} <= found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"subdir": "three"}, "main has no folder three"),
        ({"ref": "gone"}, "no branch or tag gone"),
        ({"token": "canary-expired"}, "could not read Username"),
    ],
)
def test_what_cannot_be_fetched_is_a_sentence(
    server: GitServer, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(StagingError) as caught:
        fetch(settings_for(server, **changes), tmp_path / "to")
    text = str(caught.value)
    assert text.startswith(
        f"astro-dbt:dbtProjects[0].repo is {server.url('org/many.git')}, which cannot be fetched"
    )
    assert says in text
    assert "canary" not in text
    assert text.count("\n") == 0


def test_staging_takes_that_folder(server: GitServer, tmp_path: Path) -> None:
    settings = settings_for(server, subdir="one")
    fetch_one = partial(wiring.checkout, settings, ROOT)
    stage(
        recipe_of(settings),
        root=tmp_path,
        folder="context",
        checkout=fetch_one,
        mirror=partial(wiring.mirror_package, settings, ROOT),
    )
    assert (tmp_path / "context" / "dbt" / "one" / "dbt_project.yml").read_text() == "name: one\n"
