"""Reasons in words: every value that the program generates, and the order in which people read them."""

from __future__ import annotations

import pytest

import delivery
from delivery.chart_values import chart_values
from review.causes import GIT, IMAGE, PROJECTS, SECRET, cause, grouped, ordered
from review.differences import differences
from review.restarts import deployments
from tests.support.stacks import settings_of, stack


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("image", IMAGE),
        ("workers.w.image", IMAGE),
        ("commonEnv.GIT_CONFIG_KEY_2", GIT),
        ("worker.volumeMounts./etc/astro-dbt/git/config", GIT),
        ("commonEnv.ASTRO_DBT_PROJECTS", PROJECTS),
        ("commonEnv.ASTRO_DBT_SECRETS", SECRET),
        ("commonEnv.ASTRO_WORKSPACE_ID", "the Deployment's ids"),
        ("loggingSidecar.config.sinks", "task logs"),
        ("commonEnv.AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER", "task logs"),
        ("workers.w.volumes.task-logs", "task logs"),
        ("commonEnv.AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH", "the state store"),
        ("serviceAccount.workers.annotations", "the cloud identity"),
        ("commonEnv.MY_FLAG", "`commonEnv.MY_FLAG`"),
        ("worker.env.MY_FLAG", "`worker.env.MY_FLAG`"),
        ("labels.team.x", "`labels.team`"),
    ],
)
def test_causes(path: str, expected: str) -> None:
    assert cause(path.split(".")) == expected


def test_image_and_option_come_first() -> None:
    assert ordered(["`labels.team`", GIT, "OpenLineage", PROJECTS, IMAGE, GIT]) == [
        IMAGE,
        PROJECTS,
        GIT,
        "OpenLineage",
        "`labels.team`",
    ]


def test_a_switch_has_reasons_that_people_know() -> None:
    """No number of a Git setting and no variable of the program is a reason that a reviewer has to decode."""
    sides = []
    for option in delivery.OPTIONS:
        settings = settings_of(stack(delivery=option))
        sides.append(chart_values(settings, delivery.plan(settings, authorities={}), image=f"r/{option}"))
    for part in deployments(sides[0], sides[1]):
        if part.component != "sentinel":
            assert part.reasons[0] == IMAGE
        assert not any("`" in reason for reason in part.reasons), part
    names = [name for name, _ in grouped((item.path, item) for item in differences(sides[0], sides[1]))]
    assert names == [IMAGE, PROJECTS, "the Dag bundle", GIT]
