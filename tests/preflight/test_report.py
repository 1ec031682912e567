"""What a run reports."""

from __future__ import annotations

import pytest

from preflight import PreflightError, Report
from preflight.report import Finding


def test_a_report_stops_for_errors_alone() -> None:
    warning = Finding("git.lag", "diverged", "warning", "p:dags", "drifts")
    Report((warning,)).raise_for_errors()
    error = Finding("git.ref", "missing", "error", "p:dags.ref", "is gone")
    with pytest.raises(PreflightError) as caught:
        Report((error, warning)).raise_for_errors()
    assert str(caught.value) == "p:dags.ref is gone."
    assert Report((error,)).to_dict()["findings"][0] == {
        "check": "git.ref",
        "case": "missing",
        "severity": "error",
        "key": "p:dags.ref",
        "message": "is gone",
    }
