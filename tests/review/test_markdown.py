"""The report as Markdown."""

from __future__ import annotations

import re

import pytest

from preflight.report import ProjectFacts
from review import Facts, build, parse, render
from review.model import Commits
from tests.review.previews import SECRET, VALUES, digest, release, review, step, with_worker


def test_longest_grace_period_of_the_workers_that_roll_is_in_the_headline():
    text = render(review(release(VALUES, with_worker(image="x@sha256:1", terminationGracePeriodSeconds=5))))
    assert "at most 15 min to finish" in text
    assert "It takes at most 20 min" in text


def test_long_lists_fold_and_short_ones_do_not():
    many = {**VALUES, "commonEnv": [{"name": f"V{number}", "value": "x"} for number in range(9)]}
    text = render(review(release(VALUES, many)))
    assert "<details><summary>10 values of the chart differ</summary>" in text
    assert "<details>" not in render(review(release(VALUES, with_worker(replicas=1))))


def test_the_same_preview_gives_the_same_text_in_any_order_of_steps():
    steps = [step(SECRET, name, "update", {"metadata": {"name": name}}, {}) for name in ("b", "c", "a")]
    assert render(review(*steps)) == render(review(*reversed(steps)))


def test_commit_subjects_cannot_become_markup_or_notify_anybody():
    subject = "Fix <img src=x> for @everyone, closes #1 | `rm` [x](http://e)"
    facts = Facts(
        projects={"jaffle": ProjectFacts("https://g/j.git", "b" * 40, None, None)},
        commits={"jaffle": Commits(subjects=(("b" * 40, subject),))},
    )
    text = render(build(parse(digest(outputs={"dbtProjects": {"jaffle": {"commit": "a" * 40}}})), facts))
    line = next(line for line in text.splitlines() if "Fix" in line)
    assert "<img" not in line
    assert not re.search(r"[@#]\w", line)
    assert "](" not in line.replace("\\](", "")


@pytest.mark.parametrize(
    ("commits", "words"),
    [
        (Commits(problem="the host refused the credentials"), "could not be read: the host refused"),
        (Commits(back=True), "does not follow the old one"),
        (Commits(subjects=(("b" * 40, "One"),), more=True), "more than 1 commit"),
    ],
)
def test_what_could_not_be_read_of_the_commits_is_reported(commits, words):
    facts = Facts(projects={"j": ProjectFacts("u", "b" * 40, None, None)}, commits={"j": commits})
    text = render(build(parse(digest(outputs={"dbtProjects": {"j": {"commit": "a" * 40}}})), facts))
    assert words in text
