"""Every kind of credentials: provisioned by the program, used by real Git in Airflow's Git bundle, on a new and an old provider."""

from __future__ import annotations

import re
import time

import pytest

from tests.delivery_proof.agents import Agents
from tests.delivery_proof.cases import CASES, Case
from tests.delivery_proof.delivering import Delivery, deliver
from tests.delivery_proof.hosts import Hosts
from tests.delivery_proof.images import PROVIDERS
from tests.delivery_proof.ledger import MATRIX, Ledger, documented

pytestmark = pytest.mark.delivery


def slug(case: Case) -> str:
    """The case's name, as it may appear in a path."""
    return re.sub(r"[^a-z0-9]+", "-", case.name.lower()).strip("-")


@pytest.fixture(scope="module", params=CASES, ids=slug)
def case(request: pytest.FixtureRequest) -> Case:
    """One line of the matrix."""
    found: Case = request.param
    return found


@pytest.fixture(scope="module")
def delivered(case: Case, agents: Agents, git_hosts: Hosts) -> tuple[dict[str, Delivery], float]:
    """The case, provisioned by the program and delivered to agents with every provider version; and the seconds of that.

    Nothing but the image of what the program provisions depends on the provider (test_run.py provisions each).
    """
    setup = case.build(git_hosts, f"proof-{slug(case)}")
    setup.publish()
    newest, *others = PROVIDERS
    containers = agents.provision(setup.config, existing=setup.existing, image=newest)
    provisioned = {newest: containers, **{other: agents.exchanged(containers, other) for other in others}}
    started = time.monotonic()
    return deliver(agents, setup, provisioned), time.monotonic() - started


@pytest.mark.parametrize("provider", PROVIDERS)
def test_commit_reaches_the_agents(
    case: Case, delivered: tuple[dict[str, Delivery], float], provider: str, ledger: Ledger
) -> None:
    delivery, seconds = delivered[0][provider], delivered[1]
    image = delivery.worker.container.image
    ledger.add(MATRIX, case.name, provider, delivery.result, seconds, case.credentials, image=image)
    assert delivery.result == documented(MATRIX)[case.name][provider], delivery.processor.log[-3000:]
    assert "log" not in delivery.leaked


def test_every_case_is_documented() -> None:
    assert list(documented(MATRIX)) == [case.name for case in CASES]
