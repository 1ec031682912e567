"""The hook that pulls the base image with its own login; tests/engine/test_image.py runs it on an engine."""

from __future__ import annotations

import pulumi
import pytest

from program.base_image import PullError, base_image_hooks, pull_of_base
from tests.support.stacks import settings_of, stack

LOGIN = {
    "baseRegistry": {"server": "images.example.com", "username": "AWS"},
    "baseRegistryPassword": "canary-base",
}


def work(**changes):
    return pull_of_base(settings_of(stack(**changes)), project="astro-dbt")


def test_nothing_is_pulled_without_a_login_for_the_base():
    assert work() is None
    assert base_image_hooks(settings_of(stack()), project="astro-dbt") is None


def test_an_engine_that_cannot_pull_is_one_sentence_without_the_password(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(pulumi.log, "info", lambda _: None)
    pull_base = work(**LOGIN)
    with pytest.raises(PullError) as raised:
        pull_base()
    text = str(raised.value)
    assert text.startswith("astro-dbt:image.base cannot be pulled from images.example.com (No such file")
    assert text.endswith("correct it, or the login of baseRegistry.")
    assert "canary" not in text
    assert "\n" not in text


def test_a_base_of_another_registry_is_left_to_the_build():
    """A copy in the stack's own registry, for example."""
    elsewhere = {**LOGIN, "baseRegistry": {"server": "vendor.example.com", "username": "AWS"}}
    assert work(**elsewhere) is None
