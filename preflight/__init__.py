"""Read-only looks at Git, cluster, chart and registry, before anything is changed."""

from preflight.checks import CHECKS, Case, Check
from preflight.report import Finding, ImageFacts, PreflightError, ProjectFacts, Report
from preflight.run import run

__all__ = [
    "CHECKS",
    "Case",
    "Check",
    "Finding",
    "ImageFacts",
    "PreflightError",
    "ProjectFacts",
    "Report",
    "run",
]
