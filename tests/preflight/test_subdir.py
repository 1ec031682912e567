"""The folder of a Dag repository that a bundle starts in."""

from __future__ import annotations

import pytest

from preflight.subdir import subdir_findings
from tests.support.stacks import settings_of, stack

FOLDERS = ["dags", "dags/plain", "include"]


def _messages(subdir: str | None, real: str | None) -> list[str]:
    dags = {**stack()["dags"]}
    dags.pop("subdir", None)
    if subdir:
        dags["subdir"] = subdir
    bundle = settings_of(stack(dags=dags)).git_bundles[0]
    return [f"{found.key} {found.message}" for found in subdir_findings(bundle, FOLDERS, real)]


@pytest.mark.parametrize(("subdir", "real"), [("dags", "dags"), ("entry", "dags"), (None, "")])
def test_a_folder_that_exists(subdir: str | None, real: str) -> None:
    assert _messages(subdir, real) == []


@pytest.mark.parametrize("real", ["dgs", None])
def test_a_folder_that_does_not_exist(real: str | None) -> None:
    (message,) = _messages("dgs", real)
    assert message == "dags.subdir is dgs, which is not a folder in main; write dags if you meant that"
