"""What a kill drill does, from a seed alone: which operation is interrupted, who is killed, how, and when."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass
from typing import Literal

Victim = Literal["engine", "plugin", "everything", "API server", "etcd", "Docker engine"]
RUN: tuple[Victim, ...] = ("engine", "plugin", "everything")
"""Victims that are processes of the run itself."""
CLUSTER: tuple[Victim, ...] = ("API server", "etcd")

LAP = (
    "install",
    "upgrade",
    "rotation",
    "switch to image",
    "push",
    "chart 1.x",
    "chart 2.x",
    "switch to submodule",
    "destroy",
)
"""The operations of one lap, which begins and ends with nothing."""
REVOKED = "revoked destroy"
"""A destroy after whose interruption the agents are wanted back; not in a lap, because a lap ends with nothing."""
OPERATIONS = (*LAP, REVOKED)
"""All operations."""
DESTROYS = frozenset({"destroy", REVOKED})
"""Operations that remove the stack."""
PUSHES = frozenset({"install", "switch to image", "push"})
"""Operations that push an image."""

_WEIGHTS: dict[Victim, int] = {
    "engine": 3, "everything": 3, "plugin": 3, "API server": 2, "etcd": 2, "Docker engine": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Kill:
    """One kill."""

    number: int
    """Position in the drill, from 1."""
    operation: str
    """One of OPERATIONS."""
    victim: Victim
    """Who is killed."""
    how: signal.Signals
    """SIGKILL or SIGTERM."""
    at: Literal["share", "helm", "push"]
    """share: after a share of the operation's usual time; helm: once Helm is at work; push: once the image is being pushed."""
    share: float
    """Share of the usual time, or fraction of a second after Helm began or the push did."""

    @property
    def moment(self) -> str:
        """For people."""
        if self.at == "share":
            return f"{self.share:.0%} of its time"
        return f"{self.share:.1f} s into {'Helm' if self.at == 'helm' else 'the push'}"


def plan(seed: int, kills: int, operations: tuple[str, ...] = LAP) -> list[Kill]:
    """The kills of a seed; equal arguments give equal plans."""
    chance = random.Random(seed)  # noqa: S311 - a drill, not a secret
    found: list[Kill] = []
    victims: list[Victim] = []
    for number in range(kills):
        operation = operations[number % len(operations)]
        if not any(_fits(victim, operation) for victim in victims):
            refill = [victim for victim, count in _WEIGHTS.items() for _ in range(count)]
            chance.shuffle(refill)
            victims += refill
        victim = next(victim for victim in victims if _fits(victim, operation))
        victims.remove(victim)
        how = chance.choice((signal.SIGKILL, signal.SIGTERM))
        helm, share = chance.random() < 0.5, chance.uniform(0.05, 0.95)
        at: Literal["share", "helm", "push"] = "helm" if helm and operation not in DESTROYS else "share"
        found.append(
            Kill(number + 1, operation, victim, how, "push" if victim == "Docker engine" else at, share)
        )
    return found


def _fits(victim: Victim, operation: str) -> bool:
    return victim != "Docker engine" or operation in PUSHES
