"""How a stack finds its cluster, on the real engine."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.engine


def test_a_variable_with_several_paths_leads_to_the_cluster(stack, tmp_path):
    """As kubectl reads it: the files are merged, and one that does not exist is skipped."""
    single = stack.variables["KUBECONFIG"]
    stack.variables["KUBECONFIG"] = os.pathsep.join([str(tmp_path / "none"), single])
    stack.write()
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    stack.variables["KUBECONFIG"] = single
    again = stack.up()
    assert set(again.changes) <= {"update"}, "another spelling of the same cluster replaces nothing"
