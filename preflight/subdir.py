"""The folder of a Dag repository that a bundle starts in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.suggestions import near
from preflight.catalogue.git_checks import GIT_SUBDIR
from preflight.report import Finding
from settings.dags import GitBundle


def subdir_findings(bundle: GitBundle, folders: Sequence[str], real: str | None) -> Iterator[Finding]:
    """What is wrong with `subdir`, which without symbolic links is ``real``."""
    if bundle.subdir and real not in folders:
        remedy = near(bundle.subdir, folders, none="the folder that holds the Dags, or leave it out")
        yield GIT_SUBDIR.missing(f"{bundle.at}.subdir", path=bundle.subdir, ref=bundle.ref, near=remedy)
