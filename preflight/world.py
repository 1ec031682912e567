"""What every look shares: the stack, its levels, the findings so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from clients.git.errors import redact
from delivery.plan import Plan
from preflight.catalogue import CHECKS
from preflight.levels import Levels
from preflight.report import Finding, ImageFacts, ProjectFacts
from settings.secret_texts import secret_texts
from settings.stack import Settings

Value = TypeVar("Value")


class World:
    """One run of the looks; every method may be called from any thread."""

    def __init__(
        self, settings: Settings, plan: Plan, *, project: str, stack: str | None, root: Path
    ) -> None:
        self.settings = settings
        self.plan = plan
        self.project = project
        self.stack = stack
        self.root = root
        self.levels = Levels(settings.preflight)
        self.timeout = float(settings.preflight.timeout)
        self.projects: dict[str, ProjectFacts] = {}
        self.image_base: ImageFacts | None = None
        self._findings: set[Finding] = set()
        self._secrets = tuple(secret_texts(settings))
        self._lock = threading.Lock()
        self._shared: dict[str, Any] = {}
        self._locks: dict[str, threading.Lock] = {}

    def found(self, check: str, case: str, *, at: str, under: str | None = None, **facts: object) -> None:
        """Note one case of a check at a stack key (without the project's prefix); ``under`` lends another check's level."""
        definition = CHECKS[check].cases[case]
        message = definition.message.format(**facts)
        self.report(Finding(check, case, definition.severity, at, message), under=under)

    def report(self, finding: Finding, *, under: str | None = None) -> None:
        """Note a finding of the catalogue, whose key lacks the project's prefix; ``under`` lends another check's level."""
        cleaned = replace(finding, key=f"{self.project}:{finding.key}", message=self._clean(finding.message))
        levelled = self.levels.apply(cleaned, under=under)
        if levelled is not None:
            with self._lock:
                self._findings.add(levelled)

    def findings(self) -> tuple[Finding, ...]:
        """What was found so far, in a stable order."""
        with self._lock:
            return tuple(sorted(self._findings, key=lambda finding: finding.order))

    def shared(self, name: str, make: Callable[[], Value]) -> Value:
        """A value that several looks need and that is made once; an exception of ``make`` is raised to all of them."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._shared:
                try:
                    self._shared[name] = (make(), None)
                except Exception as error:  # noqa: BLE001 - raised to everybody who asks
                    self._shared[name] = (None, error)
            value, failure = self._shared[name]
            if failure is not None:
                raise failure
            return value  # type: ignore[no-any-return]

    def _clean(self, text: str) -> str:
        return " ".join(redact(text, self._secrets).split())
