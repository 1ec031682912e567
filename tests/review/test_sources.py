"""Commits of bundles and dbt projects, at the last update and now."""

from __future__ import annotations

from typing import Any

from review import Verdict, render
from review.model import DagChange
from tests.review.changes import CHURN, DAGS, JAFFLE, change
from tests.support.stacks import stack

FINANCE = {"name": "finance", "repo": "https://git.example.com/finance/dags.git", "connection": "git"}
MOVED: dict[str, Any] = {"commits": ("1", "3")}


def submodules(*projects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return stack(**{"dags": DAGS, "dbtProjects": list(projects), **more})


def test_a_bundle_that_moves_is_one_line_with_its_commits_and_the_pins_that_move() -> None:
    for projects, pins, ending in (
        ([JAFFLE], ("2", "4"), "; its dbt project moves with it."),
        ([JAFFLE], ("2", "2"), "; its dbt project stays."),
        ([JAFFLE, CHURN], ("2", "4"), "; 2 of its 2 dbt projects move with it."),
        ([JAFFLE, CHURN], ("2", "2"), "; none of its 2 dbt projects moves."),
        ([{**JAFFLE, "submodule": False}], ("2", "2"), "."),
    ):
        config = submodules(*projects)
        found = change(config, config, **MOVED, pins=pins)
        assert found.verdict is Verdict.NOTHING
        line = f"- **Dag bundle `dags`** changes from `{'1' * 12}` to `{'3' * 12}` "
        line += "(agents fetch it within 5 min, even without this update)"
        text = render(found)
        assert f"{line}{ending}\n" in text
        assert "no Pod restarts: agents fetch the new commits within 5 min." in text


def test_each_bundle_has_its_line_and_its_interval() -> None:
    config = submodules({**JAFFLE, "bundle": "dags"}, dags=[DAGS, {**FINANCE, "refreshInterval": 900}])
    dags, finance = change(config, config, **MOVED).dags
    assert (dags.bundle, dags.refresh, dags.pinned) == ("dags", 300, 1)
    assert (finance.bundle, finance.refresh, finance.pinned) == ("finance", 900, 0)
    assert "within 15 min" in render(change(config, config, **MOVED)).splitlines()[4]


def test_dags_in_the_image_come_with_it() -> None:
    config = submodules(JAFFLE, delivery="agent-image", dags={**DAGS, "source": "repository"})
    found = change(config, config, **MOVED)
    assert found.dags == (DagChange("dags", "1" * 40, "3" * 40, baked=True, refresh=None, moved=0, pinned=0),)
    assert "(it is in the image)" in render(found)


def test_fetched_dags_move_under_agent_image_too() -> None:
    config = submodules(JAFFLE, delivery="agent-image")
    found = change(config, config, **MOVED)
    assert [(item.baked, item.refresh) for item in found.dags] == [(False, 300)]


def test_commits_are_not_compared_across_repositories_local_folders_and_what_was_not_read() -> None:
    config = submodules(JAFFLE)
    other = submodules(JAFFLE, dags={**DAGS, "repo": "https://git.example.com/platform/other.git"})
    local = submodules(JAFFLE, delivery="agent-image", dags={**DAGS, "source": "examples/dag-repo"})
    assert change(config, other, **MOVED).dags == ()
    assert change(local, local, **MOVED).dags == ()
    assert change(config, config, **MOVED, offline=True).dags == ()
    assert change(config, config).dags == ()


def test_another_ref_is_said_with_the_commits() -> None:
    found = change(submodules(JAFFLE), submodules(JAFFLE, dags={**DAGS, "ref": "release"}), **MOVED)
    line = f"changes from `{'1' * 12}` of `main` to `{'3' * 12}` of `release` (agents fetch it within 5 min)"
    assert line in render(found)
    assert found.verdict is Verdict.ROLLS
