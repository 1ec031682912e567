"""How the tests that need a trial environment are shared out between the workers of a run."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

APART = ("tests/delivery_proof/test_real_node.py", "tests/examples/")
"""Where tests are that do not touch the shared trial: a node with a separate trial, and Airflow without a cluster."""
SHARED = "the shared trial"


def share_of(test: str) -> str:
    """What runs in one worker together with a test, by its id: its file, or all that changes the shared trial."""
    return test.partition("::")[0] if test.startswith(APART) else SHARED


class TrialScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """One worker for the shared trial, next to one that runs file by file what does not touch it."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
