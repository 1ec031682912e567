"""A short selection of the drills; `make drill` and `make faults` do all of it."""

from __future__ import annotations

import signal

import pytest

from drills import faults
from drills.dependencies import surroundings
from drills.kill import KillDrill
from drills.operations import with_ready_image
from drills.place import Place
from drills.plan import Kill

pytestmark = pytest.mark.engine


@pytest.fixture
def place(environment, tmp_path):
    found = Place(environment, tmp_path)
    yield found
    found.restore()
    found.remove()


def test_the_api_server_dies_while_helm_installs(place, capsys):
    stack = place.stack("drill")
    stack.config = with_ready_image(stack.config, stack.info.base_image)
    drill = KillDrill(place, stack)
    (outcome,) = drill.run([Kill(1, "install", "API server", signal.SIGKILL, "helm", 0.1)])
    assert outcome.problems == []
    assert "1 of 1 converged" in capsys.readouterr().out


def test_the_api_server_refuses_in_the_middle_of_a_change(place, tmp_path):
    (tmp_path / "logs").mkdir()
    (cell,) = (item for item in faults.cells() if item.name == "API server: 403, at the first change")
    with surroundings(place, ready=True) as around:
        drill = faults.FaultDrill(place, around, tmp_path / "logs")
        drill.install()
        result = drill.one(cell)
        around.stack.remove()
    assert not result.problems
    assert "Forbidden" in result.sentence
