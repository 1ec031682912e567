"""The hook that pulls the base image with its own login; tests/engine/test_image.py runs it on an engine."""

from __future__ import annotations

import pulumi
import pytest

from program.base_image import PullError, base_image_hooks
from tests.support.stacks import settings_of, stack

LOGIN = {
    "baseRegistry": {"server": "base.example.com", "username": "AWS"},
    "baseRegistryPassword": "canary-base",
}


def hooks(**changes):
    return base_image_hooks(settings_of(stack(**changes)), project="astro-dbt")


def test_no_hook_without_a_login_for_the_base():
    assert hooks() is None


def test_the_same_hook_before_each_build():
    found = hooks(**LOGIN)
    assert [hook.name for hook in found.before_create] == ["pull-base-image"]
    assert found.before_create == found.before_update


def test_an_engine_that_cannot_pull_is_one_sentence_without_the_password(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(pulumi.log, "info", lambda _: None)
    (hook,) = hooks(**LOGIN).before_create
    with pytest.raises(PullError) as raised:
        hook.callback(None)
    text = str(raised.value)
    assert text.startswith("astro-dbt:image.base cannot be pulled from base.example.com (No such file")
    assert text.endswith("correct it, or the login of baseRegistry.")
    assert "canary" not in text
    assert "\n" not in text
