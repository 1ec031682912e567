"""A short selection of the drills; `make drill` and `make faults` do all of it."""

from __future__ import annotations

import signal

import pytest

from drills import faults
from drills.dependencies import surroundings
from drills.kill import KillDrill
from drills.place import Place
from drills.plan import Kill

pytestmark = pytest.mark.engine


@pytest.fixture
def place(environment, tmp_path):
    found = Place(environment, tmp_path)
    yield found
    found.restore()
    found.remove()


def test_kills_of_what_a_run_depends_on(place, capsys):
    drill = KillDrill(place, place.stack("drill"))
    outcomes = drill.run(
        [
            Kill(1, "install", "Docker engine", signal.SIGKILL, "push", 0.1),
            Kill(2, "upgrade", "API server", signal.SIGKILL, "helm", 0.1),
        ]
    )
    assert [item.problems for item in outcomes] == [[], []]
    assert "2 of 2 converged" in capsys.readouterr().out


def test_faults_in_the_middle_of_a_change(place, tmp_path):
    (tmp_path / "logs").mkdir()
    chosen = {
        "registry: 500, at the first change": "500",
        "API server: 403, at the first change": "Forbidden",
    }
    found = {cell.name: cell for cell in faults.cells()}
    with surroundings(place) as around:
        drill = faults.FaultDrill(place, around, tmp_path / "logs")
        drill.install()
        for name, sentence in chosen.items():
            result = drill.one(found[name])
            assert not result.problems, name
            assert sentence in result.sentence
        around.stack.remove()
