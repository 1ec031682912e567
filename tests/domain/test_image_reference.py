"""Names of container images."""

from __future__ import annotations

import doctest

import pytest

from domain import image_reference
from domain.image_reference import Reference, astro_tag

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


DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "server", "repository", "tag"),
    [
        ("registry.example.com/a/b:1.2", "registry.example.com", "a/b", "1.2"),
        ("localhost/a", "localhost", "a", "latest"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000", "a/b", "1"),
        (f"registry.example.com/a@{DIGEST}", "registry.example.com", "a", DIGEST),
        (f"registry.example.com/a:1@{DIGEST}", "registry.example.com", "a", DIGEST),
        ("apache/airflow:3.1", "docker.io", "apache/airflow", "3.1"),
        ("acme/agent", "docker.io", "acme/agent", "latest"),
        ("debian", "docker.io", "library/debian", "latest"),
    ],
)
def test_the_parts_of_a_name(text: str, server: str, repository: str, tag: str) -> None:
    assert Reference.parse(text) == Reference(server, repository, tag)


def test_the_examples() -> None:
    assert doctest.testmod(image_reference).failed == 0
