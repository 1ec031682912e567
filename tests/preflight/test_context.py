"""What every probe reads."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

import delivery
from preflight.context import Context
from tests.support.stacks import ROOT, settings_of, stack


def _context(**changes: Any) -> Context:
    settings = settings_of(stack(**changes))
    plan = delivery.plan(settings, authorities={})
    return Context.of(settings, plan, project="astro-dbt", stack="dev", root=ROOT)


def test_no_probe_can_change_it() -> None:
    with pytest.raises(FrozenInstanceError):
        _context().stack = "other"  # type: ignore[misc]


def test_the_time_limit_comes_from_the_stack() -> None:
    context = _context(preflight={"timeout": 7})
    assert (context.timeout, context.seconds) == (7.0, "7")


def test_images_are_read_once() -> None:
    context = _context()
    assert context.images() is context.images()
    assert [image.packages_at for image in context.images().known] == ["image.packages"]
