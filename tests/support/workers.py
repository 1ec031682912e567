"""How the tests that need a trial environment are shared out between the workers of a run."""

from __future__ import annotations

import os

from xdist.scheduler import LoadScopeScheduling

PROOF = "tests/delivery_proof/"
"""Tests that share images and Git hosts, which take minutes to make."""
REAL_NODE = f"{PROOF}test_real_node.py"
"""Has a separate trial."""


def share_of(test: str) -> str:
    """What runs in one worker together with a test, by its id: its file, or the whole proof of the delivery."""
    return PROOF if test.startswith(PROOF) and not test.startswith(REAL_NODE) else test.partition("::")[0]


def trial_of_this_worker() -> str:
    """Name of the state folder of this worker's trial: `make test-trial` brings up the first one's, and removes all."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return ".trial-tests" if worker == "gw0" else f".trial-tests-{worker}"


class TrialScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Each worker has its own trial, and takes the next share when it has nothing left to do."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
