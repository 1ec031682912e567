"""What a stack's settings say as a whole."""

from __future__ import annotations

import pytest

from settings.agent import Chart
from tests.support.stacks import settings_of, stack, with_agent


def test_the_kubeconfig_of_the_environment() -> None:
    assert settings_of().kubeconfig_in_use is None


def test_a_path() -> None:
    assert settings_of(with_agent(cluster={"kubeconfig": "~/.kube/prod"})).kubeconfig_in_use == "~/.kube/prod"


def test_secret_content() -> None:
    settings = settings_of(stack(kubeconfig="apiVersion: v1\nusers: canary"))
    assert settings.kubeconfig_in_use == "apiVersion: v1\nusers: canary"
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(("version", "expected"), [("1.0.2", False), ("2.0.0", True), ("2.3.3-rc.1", True)])
def test_the_generation_of_a_chart(version: str, expected: bool) -> None:
    chart = Chart(version=version)
    assert chart.has_sentinel is expected
    assert chart.address.version == version
