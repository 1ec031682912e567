"""The report's parts on small previews; `tests/engine/test_review.py` has the real ones."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preflight.report import ProjectFacts
from review import PreviewError, Verdict, build, parse, render
from review.build import Facts
from review.differences import HIDDEN, differences, hide, shown
from review.live import without
from review.model import Commits
from review.phrases import count, duration, listed
from review.restarts import deployments

RELEASE = "astro-dbt:components:AgentRelease$kubernetes:helm.sh/v3:Release"
SECRET = "astro-dbt:components:AgentRelease$kubernetes:core/v1:Secret"
VALUES: dict[str, Any] = {
    "resourceNamePrefix": "a",
    "commonEnv": [{"name": "ONE", "value": "1"}],
    "workers": [{"name": "w", "replicas": 2, "terminationGracePeriodSeconds": 900}],
    "dagProcessor": {},
    "triggerer": {"replicas": 1},
    "sentinel": {"enabled": True},
}


def step(kind, name, operation="update", before=None, after=None, **more):
    state = {"oldState": {"inputs": before}} if before is not None else {}
    state |= {"newState": {"inputs": after}} if after is not None else {}
    return {"op": operation, "urn": f"urn:pulumi:prod::astro-dbt::{kind}::{name}", **state, **more}


def digest(*steps, diagnostics=(), outputs=None, **config):
    root = step("pulumi:pulumi:Stack", "astro-dbt-prod", "same")
    root["oldState"] = {"outputs": outputs or {}}
    return json.dumps(
        {
            "config": {f"astro-dbt:{key}": value for key, value in config.items()},
            "steps": [root, *steps],
            "diagnostics": [{"severity": kind, "message": text} for kind, text in diagnostics],
        }
    )


def release(before, after, operation="update", **more):
    return step(
        RELEASE,
        "agent",
        operation,
        {"values": before, "timeout": 1200},
        {"values": after, "timeout": 1200},
        **more,
    )


def review(*steps, **more):
    return build(parse(digest(*steps, **more)))


def with_worker(**changes):
    return {**VALUES, "workers": [{**VALUES["workers"][0], **changes}]}


@pytest.mark.parametrize(
    ("after", "fates", "verdict"),
    [
        (with_worker(replicas=3), {"a-worker-w": "scales"}, Verdict.SAFE),
        (with_worker(image="x@sha256:1"), {"a-worker-w": "rolls"}, Verdict.ROLLS),
        (
            {**VALUES, "commonEnv": [{"name": "ONE", "value": "2"}]},
            dict.fromkeys(("a-worker-w", "a-dag-processor", "a-triggerer"), "rolls"),
            Verdict.ROLLS,
        ),
        ({**VALUES, "sentinel": {"enabled": True, "env": [1]}}, {"a-sentinel": "rolls"}, Verdict.SAFE),
        ({**VALUES, "sentinel": {"enabled": False}}, {"a-sentinel": "goes"}, Verdict.SAFE),
        ({**VALUES, "workers": []}, {"a-worker-w": "goes"}, Verdict.REPLACES),
        ({**VALUES, "sentinelAuthSecretName": "s"}, {"a-sentinel": "rolls"}, Verdict.SAFE),
        ({**VALUES, "createNamespace": False}, {}, Verdict.SAFE),
        (
            {**VALUES, "annotations": {"team": "data"}},
            dict.fromkeys(("a-worker-w", "a-dag-processor", "a-triggerer", "a-sentinel"), "rolls"),
            Verdict.ROLLS,
        ),
    ],
)
def test_a_value_rolls_exactly_the_deployments_that_read_it(after, fates, verdict):
    found = review(release(VALUES, after))
    assert {part.name: part.fate for part in found.deployments if part.fate != "stays"} == fates
    assert found.verdict is verdict


def test_order_of_a_list_counts_for_pods_though_it_is_no_difference_to_read():
    env = [{"name": "ONE", "value": "1"}, {"name": "TWO", "value": "2"}]
    before, after = {**VALUES, "commonEnv": env}, {**VALUES, "commonEnv": env[::-1]}
    found = review(release(before, after))
    assert found.values == ()
    assert found.verdict is Verdict.ROLLS
    assert "the order of a list" in render(found)


def test_a_secret_value_that_changes_rolls_although_both_sides_look_alike():
    values = {**VALUES, "logLevel": "[secret]"}
    found = review(release(values, values, detailedDiff={"values.logLevel": {"kind": "update"}}))
    assert found.verdict is Verdict.ROLLS
    assert "a value that is secret" in render(found)


def test_longest_grace_period_of_the_workers_that_roll_is_in_the_headline():
    text = render(review(release(VALUES, with_worker(image="x@sha256:1", terminationGracePeriodSeconds=5))))
    assert "at most 15 min to finish" in text
    assert "It takes at most 20 min" in text


@pytest.mark.parametrize("operation", ["replace", "delete"])
def test_a_secret_that_is_replaced_or_deleted_is_red(operation):
    metadata = {"metadata": {"name": "a-agent-token"}}
    found = review(step(SECRET, "agent-agent-token", operation, metadata, metadata, replaceReasons=["data"]))
    assert found.verdict is Verdict.REPLACES
    assert "Secret `a-agent-token`" in render(found)


def test_protected_objects_are_named_as_such():
    gone = step(SECRET, "t", "delete", {"metadata": {"name": "t"}})
    gone["oldState"]["protect"] = True
    assert "Pulumi will refuse" in render(review(gone))


def test_halves_of_a_replacement_are_one_object():
    metadata = {"metadata": {"name": "s"}}
    steps = [
        step(SECRET, "s", "create-replacement", after=metadata),
        step(SECRET, "s", "replace", metadata, metadata),
        step(SECRET, "s", "delete-replaced", metadata),
    ]
    assert [item.operation for item in review(*steps).replaced] == ["replace"]


def test_what_a_refresh_found_is_the_step_after_it():
    """Steps as `pulumi preview --refresh --json` prints them for a Secret that somebody deleted, and one that is there."""
    gone, there = {"metadata": {"name": "gone"}}, {"metadata": {"name": "there"}}
    found = review(
        step(SECRET, "gone", "refresh", gone, gone),
        step(SECRET, "there", "refresh", there, there),
        step(SECRET, "gone", "create", after=gone),
    )
    assert [(item.name, item.operation) for item in found.secrets] == [("gone", "create")]
    assert found.verdict is Verdict.SAFE


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
def test_what_could_not_be_read_of_the_commits_is_said(commits, words):
    facts = Facts(projects={"j": ProjectFacts("u", "b" * 40, None, None)}, commits={"j": commits})
    text = render(build(parse(digest(outputs={"dbtProjects": {"j": {"commit": "a" * 40}}})), facts))
    assert words in text


def test_failed_preview_shows_the_sentences_and_not_the_engines_noise():
    sentence = "error: astro-dbt:dags.ref is x, which the repository does not have; write main."
    noise = "error: an unhandled error occurred: program exited with non-zero exit code: 1"
    found = review(diagnostics=[("error", sentence), ("error", noise)])
    text = render(found)
    assert found.verdict is Verdict.FAILED
    assert "`astro-dbt:dags.ref` is x" in text
    assert "unhandled" not in text


def test_other_errors_are_shown_as_they_are():
    text = render(review(diagnostics=[("error", "error: could not load plugin\nmore of it")]))
    assert "- could not load plugin\n- more of it" in text


@pytest.mark.parametrize("text", ["", "no", "[]", "{}", '{"a": 1}'])
def test_what_is_no_preview_is_one_sentence(text):
    with pytest.raises(PreviewError, match=r"^the [^\n]+pulumi preview --json"):
        parse(text)


def test_credentials_in_clear_are_hidden_in_values():
    before = with_worker(env=[{"name": "API_TOKEN", "value": "canary-a"}])
    after = with_worker(
        env=[{"name": "API_TOKEN", "value": "canary-b"}, {"name": "U", "value": "https://u:canary-c@h"}]
    )
    text = render(review(release({**before, "agentToken": "canary-d"}, {**after, "agentToken": "canary-e"})))
    assert "canary" not in text
    assert text.count(HIDDEN) >= 3


def test_references_and_names_of_secrets_are_shown():
    reference = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    text = render(
        review(release(VALUES, {**VALUES, "commonEnv": [reference], "agentTokenSecretName": "mine"}))
    )
    assert "`commonEnv.T`: added, `key k of Secret s`" in text
    assert "`agentTokenSecretName`: added, `mine`" in text


@given(
    st.recursive(
        st.text() | st.integers() | st.none() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_nothing_differs_from_itself_and_everything_can_be_shown(value):
    assert list(differences(value, value)) == []
    assert "\n" not in shown(value, ("x",))


@given(st.text(alphabet="abcdefghijklmnop", min_size=8))
def test_a_value_named_like_a_credential_never_survives(value):
    assert hide({"password": value, "list": [{"name": "DB_TOKEN", "value": value}]}, ()) == {
        "password": HIDDEN,
        "list": [{"name": "DB_TOKEN", "value": HIDDEN}],
    }


def test_the_last_guard_replaces_known_secrets():
    assert without("a canary-token b", ("canary-token",)) == "a [secret] b"


def test_deployments_of_a_new_release_start():
    assert {part.fate for part in deployments(None, VALUES)} == {"starts"}


def test_words():
    assert (count(1, "Pod"), count(2, "Pod")) == ("1 Pod", "2 Pods")
    assert [duration(seconds) for seconds in (5, 60, 90, 600, 5400)] == [
        "5 s",
        "1 min",
        "90 s",
        "10 min",
        "1 h 30 min",
    ]
    assert listed(["a", "b", "c"]) == "a, b and c"
