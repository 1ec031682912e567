"""Fixtures: Git hosts, one stack for the module, real Airflow with a new and an old Git provider, and the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery_proof.agents import Agents
from tests.delivery_proof.hosts import Hosts, hosts
from tests.delivery_proof.images import Images
from tests.delivery_proof.ledger import Ledger
from tests.support import engine
from tests.support.airflow_env import PythonEnvironment, database, dbt_environment
from trial.environment import Environment

__all__ = ["database", "dbt_environment"]


@pytest.fixture
def ledger(record_property: Callable[[str, object], None]) -> Ledger:
    """The table of what was proved."""
    return Ledger(record_property)


@pytest.fixture(scope="session")
def images(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """The images that agents run, each made when a test first asks for it."""
    return Images(environment, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def git_hosts(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """All Git hosts."""
    with hosts(environment.info(), tmp_path_factory.mktemp("hosts")) as found:
        yield found


@pytest.fixture(scope="module")
def agents(
    environment: Environment,
    images: Images,
    dbt_environment: PythonEnvironment,
    database: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Agents]:
    """One stack for the tests of a module; each provisions it as it needs it."""
    folder = tmp_path_factory.mktemp("agents")
    name = request.module.__name__.rpartition(".")[2].removeprefix("test_").replace("_", "-")
    stack = engine.Stack(environment, engine.copy_program(folder / "program"), f"proof-{name}")
    try:
        yield Agents(stack, folder, images, dbt=dbt_environment, database=database)
    finally:
        stack.forget()
