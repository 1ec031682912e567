"""What a kill drill does, from its seed."""

from __future__ import annotations

from drills.plan import LAP, PUSHES, REVOKED, plan


def test_a_seed_is_a_plan() -> None:
    assert plan(7, 50) == plan(7, 50)
    assert plan(7, 50) != plan(8, 50)
    assert plan(7, 50)[:20] == plan(7, 20)


def test_laps_follow_each_other() -> None:
    assert [kill.operation for kill in plan(1, 20)] == [*LAP, *LAP, *LAP[:2]]
    assert [kill.number for kill in plan(1, 3)] == [1, 2, 3]


def test_every_victim_has_its_turn() -> None:
    for seed in range(20):
        victims = [kill.victim for kill in plan(seed, 50)]
        assert set(victims) == {"engine", "plugin", "everything", "API server", "etcd", "Docker engine"}


def test_the_docker_engine_is_killed_while_it_pushes() -> None:
    for kill in plan(3, 200):
        assert (kill.victim == "Docker engine") == (kill.at == "push")
        if kill.victim == "Docker engine":
            assert kill.operation in PUSHES


def test_some_operations_only() -> None:
    assert {kill.operation for kill in plan(1, 9, ("upgrade", "destroy"))} == {"upgrade", "destroy"}
    assert {kill.at for kill in plan(1, 30, (REVOKED,))} == {"share"}, (
        "Helm's record does not say that it uninstalls at once"
    )
