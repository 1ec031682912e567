"""The objects of a release as Markdown: folded, bounded in size, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from domain.names import SECRETS_MARK
from review import phrases
from review.differences import Difference, shown
from review.live_edits import Edit
from review.objects import EditedObject, ObjectsReport, RenderedChange, SecretChange

MOST_OBJECTS, MOST_FIELDS = 30, 10
"""Entries of a list, and fields of an entry; a comment takes 65,536 characters."""
_POD = ("spec", "template", "spec")


def changes(report: ObjectsReport) -> Iterator[str]:
    """Lines on what an update changes; nothing when it changes nothing."""
    if not report.changes and not report.secrets:
        return
    lines = [*_bounded(_groups(report.changes)), *_bounded(_secret(item) for item in report.secrets)]
    body = "\n".join(lines)
    title = phrases.count(len(report.changes), "object") + (
        " changes" if len(report.changes) == 1 else " change"
    )
    yield f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def edited(report: ObjectsReport) -> Iterator[str]:
    """Lines on what others changed in the cluster."""
    if not report.edited:
        return
    yield from _bounded(_edited(item) for item in report.edited)
    yield ""
    yield (
        "The next update of the release restores what the chart sets; what was added stays. See docs/review.md for how to restore "
        "it at once."
    )


def _bounded(entries: Iterable[Sequence[str]]) -> Iterator[str]:
    found = list(entries)
    for lines in found[:MOST_OBJECTS]:
        yield from lines
    if len(found) > MOST_OBJECTS:
        yield f"- … and {len(found) - MOST_OBJECTS} more"


def _groups(items: Sequence[RenderedChange]) -> Iterator[list[str]]:
    """Objects of a kind with the same changes as one entry."""
    grouped: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for item in items:
        lines = tuple(_difference(found) for found in item.differences)
        grouped.setdefault((item.kind, item.fate, lines), []).append(item.name)
    for (kind, fate, lines), names in grouped.items():
        verb = (
            fate
            if len(names) == 1
            else {"is added": "are added", "is removed": "are removed"}.get(fate, "change")
        )
        title = f"- {kind} {phrases.listed([f'`{name}`' for name in names])} {verb}"
        yield [f"{title}:" if lines else title, *_fields(lines)]


def _fields(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:MOST_FIELDS]:
        yield f"  - {line}"
    if len(lines) > MOST_FIELDS:
        yield f"  - … and {len(lines) - MOST_FIELDS} more fields"


def _difference(item: Difference) -> str:
    if item.path[-1] == SECRETS_MARK and None not in (item.before, item.after):
        return f"{_path(item.path)}: a Secret that it reads changes"
    before, after = _value(item.before, item.path), _value(item.after, item.path)
    if item.before is None:
        return f"{_path(item.path)}: added, {after}"
    if item.after is None:
        return f"{_path(item.path)}: removed, was {before}"
    return f"{_path(item.path)}: {before} → {after}"


def _secret(item: SecretChange) -> list[str]:
    started = f"is read by {_names(item.started)} from now on" if item.started else ""
    stopped = f"is no longer read by {_names(item.stopped)}" if item.stopped else ""
    return [f"- Secret `{item.name}` {' and '.join(text for text in (started, stopped) if text)}"]


def _names(names: Sequence[str]) -> str:
    return phrases.listed([f"`{name}`" for name in names])


def _edited(item: EditedObject) -> list[str]:
    if not item.edits:
        return [f"- {item.kind} `{item.name}` **is missing** in the cluster"]
    return [f"- {item.kind} `{item.name}`:", *_fields([_edit(found) for found in item.edits])]


def _edit(item: Edit) -> str:
    live, rendered = _value(item.live, item.path), _value(item.rendered, item.path)
    if item.live is None:
        what = f"was removed; the release has {rendered}"
    elif item.rendered is None:
        what = f"was added: {live}"
    else:
        what = f"is {live}; the release has {rendered}"
    when = f" at {item.time}" if item.time else ""
    who = f" (by `{item.manager}`{when})" if item.manager else ""
    return f"{_path(item.path)} {what}{who}"


def _path(path: Sequence[str]) -> str:
    shorter = path[len(_POD) :] if tuple(path[: len(_POD)]) == _POD and len(path) > len(_POD) else path
    return _code(".".join(shorter))


def _value(value: Any, path: tuple[str, ...]) -> str:
    """A value in one line; of a longer text only its length, because it may hold anything."""
    if isinstance(value, str) and "\n" in value.strip():
        return f"a text of {len(value.strip().splitlines())} lines"
    return _code(shown(value, path)) or "empty"


def _code(text: str) -> str:
    if not text:
        return ""
    fence = "``" if "`" in text else "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
