"""Read-only looks at Git, cluster, chart and registry, before anything is changed."""

from preflight.checks import CHECKS, Case, Check
from preflight.looks import run
from preflight.report import Finding, ImageFacts, PreflightError, ProjectFacts, Report

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
