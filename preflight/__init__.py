"""Read-only checks of Git, cluster, chart and registry, before anything is changed.

How to add a check:

1. Write the case into its family's module of preflight/catalogue: a method whose parameters are the facts and whose text is
   the rest of a sentence that begins with the stack key. It says what is wrong and what to write instead. A new check is a
   class there, with its id, and an entry in CHECKS.
2. Yield it from a probe: `GIT_REF.missing("dags.ref", ref=…, url=…, near=…)`. mypy knows every case and its facts; the key
   comes without the project's prefix, and the level of the stack and the redaction of secrets are applied for you.
3. Bring a real server, cluster or registry into that state in tests/preflight and `expect` the case: a test demands this.
4. `make docs` writes the table in docs/preflight.md.
"""

from preflight.catalogue import CHECKS
from preflight.check import CaseInfo, Check
from preflight.report import BundleFacts, Finding, ImageFacts, PreflightError, ProjectFacts, Report
from preflight.runner import run

__all__ = [
    "CHECKS",
    "BundleFacts",
    "CaseInfo",
    "Check",
    "Finding",
    "ImageFacts",
    "PreflightError",
    "ProjectFacts",
    "Report",
    "run",
]
