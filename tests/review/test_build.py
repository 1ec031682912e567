"""From a preview to the report's data."""

from __future__ import annotations

import pytest

from domain.names import IMAGE_TYPE
from review import Facts, Verdict, build, parse, render
from tests.review.previews import SECRET, VALUES, digest, release, review, step


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


@pytest.mark.parametrize(
    ("baked", "says"), [(True, "the Dags in sales changes"), (False, "dbt packages, or")]
)
def test_an_image_names_the_dags_that_moved(baked, says):
    sides = [{"build": {"contextDigest": text}, "imageName": f"r.example.com/a:{text}"} for text in "ab"]
    bundles = {
        "sales": {"class": "C", "commit": "1" * 40, "baked": baked},
        "finance": {"class": "C", "commit": "3" * 40, "baked": True},
        "s3": {"class": "C"},
    }
    preview = digest(
        step(IMAGE_TYPE, "client", "update", *sides),
        release(VALUES | {"image": "r.example.com/a@sha256:1"}, VALUES),
        outputs={"dagBundles": bundles},
        delivery="agent-image",
    )
    found = build(parse(preview), Facts(bundles={"sales": "2" * 40, "finance": "3" * 40}))
    assert found.image is not None
    (reason,) = found.image.reasons
    assert says in reason
