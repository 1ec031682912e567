"""What a check is: an id, what it verifies, and its cases, each a method that turns facts into a finding.

    class GitRef(Check, id="git.ref"):
        # its docstring: The tracked branch, tag or commit exists.
        @error("dags.ref", "dbtProjects[<n>].ref")
        def missing(self, *, ref: str, url: str, near: str) -> str:
            return f"is {ref}, which {url} does not have; write {near}"

`GitRef().missing("dags.ref", ref=…, url=…, near=…)` is a Finding; mypy rejects a wrong case and a missing or misspelt fact.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Concatenate, ParamSpec

from domain.printable import printable
from preflight.report import Finding, Severity

P = ParamSpec("P")

Sentence = Callable[Concatenate[Any, P], str]
"""The facts of a case -> the rest of a sentence that begins with the stack key, without its full stop."""
Case = Callable[Concatenate[Any, str, P], Finding]
"""The stack key to change and the facts of a case -> a finding."""


@dataclass(frozen=True)
class CaseInfo:
    """What the documentation says about a case."""

    name: str
    """Its stable name, for example `missing`."""
    severity: Severity
    """How bad it is at the level `strict`."""
    keys: tuple[str, ...]
    """Stack keys that its findings name; <…> stands for an id or a position."""
    message: str
    """Its sentence with {facts}."""


class Check:
    """Base of all checks; the first line of a subclass' docstring says what the check verifies."""

    id: ClassVar[str]
    """For example `git.ref`; the part before the dot is the family, which a level can be set for as a whole."""
    cases: ClassVar[Mapping[str, CaseInfo]]
    """Cases by name, in the order of the documentation."""

    def __init_subclass__(cls, *, id: str) -> None:
        cls.id = id
        known = (vars(member).get("case") for member in vars(cls).values() if inspect.isfunction(member))
        cls.cases = {info.name: info for info in known if isinstance(info, CaseInfo)}

    @property
    def about(self) -> str:
        """What the check verifies, as one sentence."""
        return (self.__doc__ or "").splitlines()[0]

    @property
    def family(self) -> str:
        """The first part of the id."""
        return self.id.split(".")[0]


def _case(severity: Severity, keys: tuple[str, ...]) -> Callable[[Sentence[P]], Case[P]]:
    def decorate(sentence: Sentence[P]) -> Case[P]:
        name = sentence.__name__.replace("_", "-")

        @functools.wraps(sentence)
        def found(self: Check, at: str, /, *args: P.args, **facts: P.kwargs) -> Finding:
            return Finding(self.id, name, severity, at, printable(sentence(self, *args, **facts)))

        unfilled: Any = sentence
        _, *names = inspect.signature(sentence).parameters
        message: str = unfilled(None, **{fact: f"{{{fact}}}" for fact in names})
        vars(found)["case"] = CaseInfo(name, severity, keys, message)
        return found

    return decorate


def error(*keys: str) -> Callable[[Sentence[P]], Case[P]]:
    """A case that stops the run before any change."""
    return _case("error", keys)


def warning(*keys: str) -> Callable[[Sentence[P]], Case[P]]:
    """A case that is shown in every preview."""
    return _case("warning", keys)


def info(*keys: str) -> Callable[[Sentence[P]], Case[P]]:
    """A case that is shown only in the whole report."""
    return _case("info", keys)
