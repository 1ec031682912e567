"""Preview or update many stacks at once with Pulumi's Automation API, with one report for all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pulumi import automation as auto

from review import engine, phrases
from review.engine import PulumiError
from review.live import review_of, without
from review.markdown import headline, marker, render, sign
from review.model import Review, Verdict
from review.preview import parse

LOCKED = (
    "is being changed by another run, which holds its lock; wait until it finishes and run this again "
    "(after a killed run: `pulumi cancel --stack {stack}`)"
)
"""Sentence for a stack that another run has locked."""


@dataclass(frozen=True)
class Outcome:
    """Result for one stack."""

    stack: str
    """Its name."""
    review: Review | None
    """The report of its preview; None if there is none."""
    markdown: str
    """The report as Markdown, or the reason why there is none."""
    applied: Literal["no", "yes", "unchanged", "held back", "failed"]
    """Result of the update, if there was one."""
    problem: str | None = None
    """One sentence about what went wrong."""
    seconds: float = 0
    """Time that it took, in seconds."""

    @property
    def failed(self) -> bool:
        """Whether a pipeline should fail for it."""
        verdict = self.review.verdict if self.review else Verdict.FAILED
        return self.problem is not None or verdict is Verdict.FAILED


@dataclass(frozen=True)
class Options:
    """What to do with each stack."""

    folder: Path
    """Folder with Pulumi.yaml."""
    update: bool = False
    """Update after the preview."""
    hold_replacements: bool = True
    """Do not update a stack if its preview replaces or removes something."""
    offline: bool = False
    """Read nothing from Git and the cluster in addition to the preview."""
    policy_packs: tuple[str, ...] = ()
    """Folders of policy packs to apply."""
    refresh: bool = False
    """Compare with the live objects instead of Pulumi's state."""


def select(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Names that match a pattern such as `prod-*`, sorted; raises PulumiError if a pattern matches none."""
    found: set[str] = set()
    for pattern in patterns:
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            known = phrases.listed(sorted(names)) or "none"
            raise PulumiError(f"no stack matches {pattern}; existing stacks: {known}")
        found |= matching
    return sorted(found)


def run(
    names: Sequence[str],
    *,
    parallel: int,
    work: Callable[[str], Outcome],
    done: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Outcomes of all stacks in the order of ``names``; at most ``parallel`` run at once.

    ``done`` is called as each one finishes, to report progress.
    """

    def one(name: str) -> Outcome:
        outcome = work(name)
        done(outcome)
        return outcome

    with ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        return list(pool.map(one, names))


def work_on(name: str, options: Options) -> Outcome:
    """Preview one stack, and update it if the options say so."""
    start = time.monotonic()
    try:
        stack = engine.select(name, options.folder)
        review, markdown = _preview(stack, options)
    except (auto.CommandError, PulumiError) as error:
        said = explain(error, name)
        return Outcome(name, None, f"{marker(name)}\n\n{said}\n", "no", said, time.monotonic() - start)
    applied: Literal["no", "yes", "unchanged", "held back", "failed"] = "no"
    problem: str | None = None
    if options.update and review.verdict is not Verdict.FAILED:
        if review.verdict is Verdict.REPLACES and options.hold_replacements:
            applied = "held back"
            problem = (
                f"the stack {name} was not updated, because that would replace or remove something; "
                "check its report, then add --allow-replace"
            )
        else:
            applied, problem = _update(stack, options)
    return Outcome(name, review, markdown, applied, problem, time.monotonic() - start)


def _preview(stack: auto.Stack, options: Options) -> tuple[Review, str]:
    printed = engine.preview(stack, policy_packs=options.policy_packs, refresh=options.refresh)
    review, secrets = review_of(
        parse(printed.text, stack=stack.name),
        folder=options.folder,
        offline=options.offline,
        violations=printed.violations,
    )
    return review, without(render(review, level=3), secrets)


def _update(stack: auto.Stack, options: Options) -> tuple[Literal["yes", "unchanged", "failed"], str | None]:
    try:
        changed = engine.update(stack, policy_packs=options.policy_packs, refresh=options.refresh)
    except auto.CommandError as error:
        return "failed", explain(error, stack.name)
    return ("yes" if changed else "unchanged"), None


def explain(error: Exception, stack: str) -> str:
    """One sentence for an error of Pulumi."""
    if isinstance(error, auto.ConcurrentUpdateError):
        return f"the stack {stack} {LOCKED.format(stack=stack)}"
    return f"the stack {stack}: {engine.reason(error)}"


def render_fleet(outcomes: Sequence[Outcome], *, title: str, update: bool) -> str:
    """One Markdown report: a table with the worst stacks first, each stack's own report folded below."""
    ordered = sorted(outcomes, key=lambda item: (-_weight(item), item.stack))
    failed = sum(item.failed for item in outcomes)
    bad = f", {failed} of them with a problem" if failed else ""
    head = [
        marker(f"fleet {title}"),
        f"## {phrases.count(len(outcomes), 'stack')}{bad}",
        "\n".join(
            [
                f"| stack | verdict | {'updated | ' if update else ''}in short |",
                f"|---|---|{'---|' if update else ''}---|",
                *(_row(item, update=update) for item in ordered),
            ]
        ),
    ]
    details = [
        f"<details><summary>{item.stack}</summary>\n\n{item.markdown}\n</details>"
        for item in ordered
        if item.failed or (item.review and item.review.verdict is not Verdict.NOTHING)
    ]
    return "\n\n".join([*head, *details]) + "\n"


def _weight(item: Outcome) -> int:
    verdict = item.review.verdict if item.review else Verdict.FAILED
    return len(Verdict) if item.problem else list(Verdict).index(verdict)


def _row(item: Outcome, *, update: bool) -> str:
    verdict = item.review.verdict if item.review else Verdict.FAILED
    short = item.problem or (headline(item.review) if item.review else "")
    updated = f"{item.applied} | " if update else ""
    return f"| `{item.stack}` | {sign(verdict)} {verdict.value} | {updated}{short.replace('|', '&#124;')} |"
