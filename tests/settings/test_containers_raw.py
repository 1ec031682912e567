"""Values of a component that have no typed form, and may therefore be raw."""

from __future__ import annotations

import pytest

from settings.containers import only_raw
from settings.errors import SettingsError
from tests.support.stacks import settings_of, with_agent

FIELD = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


@pytest.mark.parametrize(
    ("name", "value", "raw"),
    [
        ("resources", {"limits": {"nvidia.com/gpu": 1}}, True),
        ("resources", {"limits": {"cpu": "1"}}, False),
        ("resources", "none", False),
        ("env", [FIELD], True),
        ("env", [FIELD, {"name": "A", "value": "1"}], False),
        ("env", [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}], False),
        ("replicas", 2, False),
    ],
)
def test_only_what_has_no_typed_setting(name, value, raw) -> None:
    assert only_raw(name, value) is raw


def test_a_stack_takes_it_and_nothing_else() -> None:
    limits = {"limits": {"nvidia.com/gpu": 1}}
    worker = {"name": "w", "values": {"resources": limits, "env": [FIELD]}}
    assert settings_of(with_agent(workers=[worker])).agent.workers[0].values["resources"] == limits
    with pytest.raises(SettingsError, match=r"agent\.workers\[0\]\.values\.resources has a typed setting"):
        settings_of(with_agent(workers=[{"name": "w", "values": {"resources": {"limits": {"cpu": "1"}}}}]))
