"""The report as Markdown for a comment: the verdict first, long lists folded, always in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from review import objects_markdown, phrases
from review.build import namespaces_at_risk
from review.differences import Difference, shown
from review.model import Commits, DagChange, DbtChange, ObjectChange, Review, Verdict
from review.restarts import Deployment

LONG = 8
"""Lists with more entries are folded."""
_MOST_REASONS = 4
_NONE = "–"  # noqa: RUF001 - a dash in an empty cell
_SIGNS = {
    Verdict.NOTHING: "⚪",
    Verdict.DRIFTED: "🟡",
    Verdict.SAFE: "🟢",
    Verdict.INSTALLS: "🔵",
    Verdict.ROLLS: "🟡",
    Verdict.REPLACES: "🔴",
    Verdict.FAILED: "🔴",
}
_OPERATIONS = {
    "create": "is created",
    "update": "changes in place",
    "replace": "**is deleted and created again**",
    "delete": "**is deleted**",
}
_SEVERITIES = {"error": "🔴", "warning": "🟡", "info": "⚪"}


def marker(stack: str) -> str:
    """Invisible line that identifies the comment of a stack (or of a fleet)."""
    return f"<!-- astro-dbt review: {stack} -->"


def sign(verdict: Verdict) -> str:
    """Coloured mark of a verdict."""
    return _SIGNS[verdict]


def render(review: Review, *, level: int = 2) -> str:
    """Markdown of one stack's report; ``level`` is the level of its heading. Ends with a line break."""
    head = "#" * level
    blocks = [
        marker(review.stack),
        f"{head} {sign(review.verdict)} `{review.stack}`: {review.verdict.value}",
        headline(review),
    ]
    for title, lines in (
        ("Why it failed", [f"- {_escape(error)}" for error in review.errors]),
        ("Replaced or removed", list(_replaced(review))),
        ("What changes", list(_changes(review))),
        ("What restarts", list(_restarts(review))),
        ("Edited outside this stack", list(objects_markdown.edited(review.rendered))),
        ("Secrets", [_object_line(item) for item in review.secrets if item not in review.replaced]),
        ("Chart values", list(_values(review))),
        ("Objects", list(objects_markdown.changes(review.rendered))),
        ("Policies", list(_violations(review))),
        ("Preflight", list(_findings(review))),
        ("What it takes", [f"- {_sentence(cost)}" for cost in review.costs]),
    ):
        if lines:
            blocks.append(f"{head}# {title}")
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def headline(review: Review) -> str:
    """The verdict in one or two sentences."""
    if review.verdict is Verdict.FAILED:
        return "The preview stopped before anything was changed. Fix the errors listed here first."
    if review.verdict is Verdict.DRIFTED:
        number = phrases.count(len(review.rendered.edited), "object")
        verb = "differs" if len(review.rendered.edited) == 1 else "differ"
        return f"This stack changes nothing, but {number} of its release {verb} from what it rendered."
    if review.verdict is Verdict.NOTHING:
        if review.dbt or any(not change.baked for change in review.dags):
            return f"No resource changes and no Pod restarts: {_fetched(review)}."
        return "No resource changes and no Pod restarts."
    if review.verdict is Verdict.REPLACES:
        gone = namespaces_at_risk(review)
        if gone:
            return f"Namespace {phrases.listed([f'`{name}`' for name in gone])} is deleted with everything in it: agents and Secrets."
        if not review.replaced:
            return "Worker Pods are removed. Check below which workers serve their queues afterwards."
        return f"{phrases.count(len(review.replaced), 'object')} cannot be changed in place. Check the list before you approve."
    if review.verdict is Verdict.INSTALLS:
        pods = sum(part.pods_after for part in review.deployments)
        return f"A new release: {phrases.count(len(review.deployments), 'Deployment')} with {phrases.count(pods, 'Pod')}. Nothing that is running is affected."
    if review.verdict is Verdict.ROLLS:
        rolling = [part for part in review.deployments if part.disturbed]
        workers = [part for part in rolling if part.component == "worker"]
        pods = sum(part.pods_before for part in workers)
        longest = phrases.duration(max(part.grace for part in workers))
        return (
            f"{phrases.count(len(rolling), 'Deployment')} {'rolls' if len(rolling) == 1 else 'roll'}, among them "
            f"{phrases.count(pods, 'worker Pod')}. Running tasks have at most {longest} to finish; those that are still "
            "running then are stopped, and Airflow retries them."
        )
    if any(part.fate == "rolls" for part in review.deployments):
        names = phrases.listed([f"`{part.name}`" for part in review.deployments if part.fate == "rolls"])
        return f"No worker restarts and no task is affected. {names} {'rolls' if review.counts()['rolls'] == 1 else 'roll'}."
    return "Changes in place. No Pod restarts."


def _fetched(review: Review) -> str:
    seconds = [item.refresh for item in review.dags] + [item.refresh for item in review.dbt]
    return f"agents fetch the new commits{_within(max((item for item in seconds if item), default=None))}"


def _within(seconds: int | None) -> str:
    return f" within {phrases.duration(seconds)}" if seconds else ""


def _replaced(review: Review) -> Iterator[str]:
    for item in review.replaced:
        yield _object_line(item)
    for part in review.deployments:
        if part.fate == "goes":
            yield f"- Deployment `{part.name}` **is removed** with {phrases.count(part.pods_before, 'Pod')}"


def _changes(review: Review) -> Iterator[str]:
    if review.switch:
        yield f"- **Delivery** switches from `{review.switch[0]}` to `{review.switch[1]}`."
    if review.chart:
        before, after = review.chart
        if before is None:
            yield f"- **Chart** `{after}` is installed." if after else "- **Chart** is installed."
        elif after is None:
            yield f"- **Chart** `{before}` is uninstalled."
        else:
            yield f"- **Chart** changes from `{before}` to `{after}`."
    if review.image:
        before, after = review.image.before, review.image.after
        why = f": {'; '.join(review.image.reasons)}" if review.image.reasons else ""
        old = f"`{before}`" if before else "the chart's default"
        new = f"`{after}`" if after else "the chart's default"
        came = f"is {new}" if review.verdict is Verdict.INSTALLS else f"changes from {old} to {new}"
        yield f"- **Image** {came}{why}."
    for dags in review.dags:
        yield _dags(dags)
    for change in review.dbt:
        yield from _dbt(change)
    others = [item for item in review.objects if item.operation in ("create", "update")]
    yield from _folded(
        [_object_line(item) for item in others], f"{phrases.count(len(others), 'more object')} change"
    )


def _dags(change: DagChange) -> str:
    way = f"agents fetch it{_within(change.refresh)}"
    if change.baked:
        way = "it is in the image"
    elif change.refs is None:
        way += ", even without this update"
    old, new = f"`{change.before[:12]}`", f"`{change.after[:12]}`"
    if change.refs:
        old, new = (f"{commit} of {_code(ref)}" for commit, ref in zip((old, new), change.refs, strict=True))
    return f"- **Dag bundle `{change.bundle}`** changes from {old} to {new} ({way}){_pins(change)}."


def _pins(change: DagChange) -> str:
    if not change.pinned:
        return ""
    if change.pinned == 1:
        return "; its dbt project moves with it" if change.moved else "; its dbt project stays"
    if not change.moved:
        return f"; none of its {change.pinned} dbt projects moves"
    verb = "moves" if change.moved == 1 else "move"
    return f"; {change.moved} of its {change.pinned} dbt projects {verb} with it"


def _dbt(change: DbtChange) -> Iterator[str]:
    after = f"`{change.after[:12]}`" if change.after else "a local folder"
    moves = f"changes from `{change.before[:12]}` to {after}" if change.before else f"is at {after}"
    fetched = f" (agents fetch the new commits{_within(change.refresh)})"
    way = fetched if change.before and change.refresh else ""
    yield f"- **dbt project `{change.project}`** {moves}{way}{_summary(change.commits)}"
    if change.commits and change.commits.subjects:
        lines = [f"  - `{commit[:12]}` {_escape(subject)}" for commit, subject in change.commits.subjects]
        if change.commits.more:
            lines.append("  - … and earlier ones")
        yield from _folded(lines, f"{_number(change.commits)}", indent="  ")


def _summary(commits: Commits | None) -> str:
    if commits is None:
        return "."
    if commits.problem:
        return f"; the commits between could not be read: {commits.problem}."
    if commits.back:
        return "; **the new commit does not follow the old one** (reverted, or history was rewritten)."
    return f", {_number(commits)}:" if commits.subjects else "."


def _number(commits: Commits) -> str:
    number = phrases.count(len(commits.subjects), "commit")
    return f"more than {number}" if commits.more else number


def _restarts(review: Review) -> Iterator[str]:
    if not review.deployments:
        if review.verdict not in (Verdict.FAILED, Verdict.NOTHING, Verdict.DRIFTED):
            yield "Nothing: the release does not change."
        return
    yield "| Deployment | Pods | what happens | time for a Pod to stop | because of |"
    yield "|---|---|---|---|---|"
    for part in sorted(review.deployments, key=_order):
        yield f"| `{part.name}` | {_pods(part)} | {_fate(part)} | {_grace(part)} | {_because(part)} |"
    if any(part.fate == "rolls" for part in review.deployments) and review.timeout:
        yield ""
        yield (
            "Rolling update: new Pods become ready before old ones stop. It takes at most "
            f"{phrases.duration(review.timeout)}; if the new Pods are not ready by then, Helm rolls back to the previous revision."
        )


def _order(part: Deployment) -> tuple[int, str]:
    return ("goes", "rolls", "starts", "scales", "stays").index(part.fate), part.name


def _pods(part: Deployment) -> str:
    most = "up to " if part.autoscaled else ""
    if part.fate in ("scales",) and part.pods_before != part.pods_after:
        return f"{part.pods_before} → {most}{part.pods_after}"
    return f"{most}{part.pods_after if part.fate == 'starts' else part.pods_before}"


def _fate(part: Deployment) -> str:
    if part.fate == "scales":
        fewer = part.pods_after < part.pods_before
        return "scales down" if fewer else "scales"
    return {"starts": "starts", "rolls": "**rolls**", "goes": "**is removed**", "stays": "keeps running"}[
        part.fate
    ]


def _grace(part: Deployment) -> str:
    shrinks = part.fate == "scales" and part.pods_after < part.pods_before
    return phrases.duration(part.grace) if part.disturbed or shrinks else _NONE


def _because(part: Deployment) -> str:
    told = list(part.reasons)
    if len(told) > _MOST_REASONS:
        told = [*told[: _MOST_REASONS - 1], f"{len(told) - _MOST_REASONS + 1} more"]
    return phrases.listed(told) or _NONE


def _values(review: Review) -> Iterator[str]:
    lines: list[str] = []
    for group in review.values:
        changes = [_value(item) for item in group.differences]
        if len(changes) == 1:
            lines += changes
        else:
            lines += [f"- {_sentence(group.reason).rstrip('.')}:", *(f"  {line}" for line in changes)]
    number = sum(len(group.differences) for group in review.values)
    yield from _folded(lines, f"{phrases.count(number, 'value')} of the chart differ")


def _value(item: Difference) -> str:
    before, after = shown(item.before, item.path), shown(item.after, item.path)
    return f"- `{item.key}`: {_change(before, after, item.before is None, item.after is None)}"


def _change(before: str, after: str, added: bool, removed: bool) -> str:
    if added:
        return f"added, {_code(after)}"
    if removed:
        return f"removed, was {_code(before)}"
    return f"{_code(before)} → {_code(after)}"


def _findings(review: Review) -> Iterator[str]:
    for item in review.findings:
        yield f"- {_SEVERITIES[item.severity]} `{item.key}` {_escape(item.message)}."


def _violations(review: Review) -> Iterator[str]:
    for item in review.violations:
        yield f"- {'🔴' if item.mandatory else '🟡'} `{item.policy}`: {_escape(item.message)}"


def _object_line(item: ObjectChange) -> str:
    keys = f" ({', '.join(f'`{key}`' for key in item.keys)})" if item.keys else ""
    why = f", because `{'`, `'.join(item.reasons)}` cannot change in place" if item.reasons else ""
    guard = "; it is protected, so Pulumi will refuse" if item.protected else ""
    return f"- {item.kind} `{item.name}` {_OPERATIONS[item.operation]}{keys}{why}{guard}"


def _folded(lines: Sequence[str], title: str, *, indent: str = "") -> Iterable[str]:
    """The lines, folded if there are many."""
    if len(lines) <= LONG:
        return lines
    body = "\n".join(lines)
    return [f"{indent}<details><summary>{title}</summary>\n\n{body}\n\n{indent}</details>"]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _code(text: str) -> str:
    if text == "":
        return "empty"
    fence = "``" if "`" in text else "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _escape(text: str) -> str:
    """Text from elsewhere, escaped so that it does not become markup, a mention or a link to an issue."""
    one_line = " ".join(text.split())
    for sign in ("\\", "`", "*", "_", "[", "]", "<", ">", "|", "~"):
        one_line = one_line.replace(sign, f"\\{sign}") if sign != ">" else one_line.replace(">", "&gt;")
    # A zero-width space keeps `@name` and `#12` in a commit message from notifying people and issues.
    return one_line.replace("\\<", "&lt;").replace("@", "@\u200b").replace("#", "#\u200b")
