"""Differences of chart values, without credentials."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from review import render
from review.differences import HIDDEN, differences, hide, shown
from tests.review.previews import VALUES, release, review, with_worker


def test_credentials_in_plain_text_are_hidden_in_values():
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
