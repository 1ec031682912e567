"""Names of container images."""

from __future__ import annotations

import doctest

import pytest

from domain import image_reference
from domain.image_reference import astro_tag

FACTS = {"runtime": "3.1-3", "python": "3.12", "agent": "1.2.0"}


@pytest.mark.parametrize(
    ("reference", "facts"),
    [
        ("r.example.com:5000/agent:3.1-3-python-3.12-astro-agent-1.2.0", FACTS),
        ("agent:3.1-3-ubi9-python-3.12-astro-agent-1.2.0-base@sha256:" + "0" * 64, FACTS),
        ("r.example.com:5000/agent", None),
        ("r.example.com/agent@sha256:" + "0" * 64, None),
        ("r.example.com/agent:latest", None),
    ],
)
def test_an_astro_tag_names_runtime_python_and_agent(reference, facts):
    assert astro_tag(reference) == facts


def test_the_examples() -> None:
    assert doctest.testmod(image_reference).failed == 0
