"""What a run of the bench printed, as a table, as JSON, and as a chart for the documentation."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from bench.pairs import Figures, Measured, Row

HEAD = """\
# Results of `make bench`

Written by the last run; ratios are medians of A divided by medians of B from that one run. Two ways are measured by turns
after a warm-up. Seconds depend on the machine ({machine}), ratios much less. The load is the mean number of processes
that wanted to run in the minute before the row's end; its own are among them.
"""
COLUMNS = "| what | metric | A: ours | B: peer or floor | A/B | goal | load | |\n|---|---|---:|---:|---:|---:|---:|---|\n"
LONGEST = 1.4
"""Goals that the longest bar of the chart stands for."""
NOT_LOOKED_INTO = "not looked into yet"
"""The reason of a miss that nobody has explained."""


def verdict(measured: Measured) -> str:
    """Whether the goal is met, and if not, why; nothing where there is none."""
    if measured.goal is None:
        return ""
    return "met" if measured.met else f"MISS: {measured.why or NOT_LOOKED_INTO}"


def lines(measured: Sequence[Measured], rows: Mapping[str, Row]) -> list[str]:
    """The table's lines."""
    found = []
    for item in measured:
        row = rows[item.row]
        goal = "" if item.goal is None else f"≤ {item.goal:g}"
        found.append(
            f"| {row.title} | {item.metric} | {row.a}: {_figure(item.a, item.metric)} | {row.b}: {_figure(item.b, item.metric)} "
            f"| **{_ratio(item)}** | {goal} | {item.load:.1f} | {verdict(item)} |"
        )
    return found


def _figure(figures: Figures, metric: str) -> str:
    low, high = figures.spread
    if metric.endswith("bytes"):
        return f"{figures.median:,.0f}"
    return f"{figures.median:.2f}" + (f" ({low:.2f}-{high:.2f})" if low < high else "")


def _ratio(measured: Measured) -> str:
    """With as many digits as show on which side of a small goal it is."""
    return f"{measured.ratio:.2f}" if measured.ratio >= 0.1 else f"{measured.ratio:.3g}"


def machine() -> str:
    """Processors, architecture and Python version."""
    return f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}"


def markdown(measured: Sequence[Measured], rows: Mapping[str, Row], problems: Mapping[str, str]) -> str:
    """The page."""
    text = HEAD.format(machine=machine()) + "\n" + COLUMNS + "\n".join(lines(measured, rows)) + "\n"
    missed = [item for item in measured if not item.met]
    if missed:
        reasons: dict[str, list[str]] = {}
        for item in missed:
            reasons.setdefault(item.why or NOT_LOOKED_INTO, []).append(
                f"{rows[item.row].title} ({item.metric})"
            )
        text += "\n## Missed goals\n\n" + "".join(
            f"- {'; '.join(titles)}: {why}.\n" for why, titles in reasons.items()
        )
    if problems:
        text += "\n## Not measured\n\n" + "".join(
            f"- {rows[name].title}: {problem}\n" for name, problem in problems.items()
        )
    return text + "\n![ratios against their goals](results.svg)\n"


def as_json(measured: Sequence[Measured]) -> str:
    """Every value of the run."""
    found = [
        {
            "row": item.row,
            "metric": item.metric,
            "a": item.a.values,
            "b": item.b.values,
            "ratio": item.ratio,
            "goal": item.goal,
            "met": item.met,
            "load": item.load,
        }
        for item in measured
    ]
    return json.dumps({"machine": machine(), "results": found}, indent=2) + "\n"


def svg(measured: Sequence[Measured], rows: Mapping[str, Row]) -> str:
    """Ratios against goals: a bar ends at the vertical line where the goal is just met."""
    shown = [item for item in measured if item.goal is not None]
    height, width, left, full = 26, 1120, 530, 300
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height * (len(shown) + 1) + 20}" '
        'font-family="sans-serif" font-size="12" role="img" aria-label="Ratios against their goals">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, item in enumerate(shown):
        top = 10 + height * (number + 1)
        share = min(item.ratio / (item.goal or 1), LONGEST)
        colour = "#2e7d32" if item.met else "#c62828"
        label = escape(f"{rows[item.row].title} ({item.metric})".replace("`", ""))
        parts += [
            f'<text x="{left - 8}" y="{top + 15}" text-anchor="end" fill="#222222">{label}</text>',
            f'<rect x="{left}" y="{top + 3}" width="{share * full:.0f}" height="16" fill="{colour}"/>',
            f'<text x="{left + share * full + 6:.0f}" y="{top + 15}" fill="#222222">{_ratio(item)} (goal {item.goal:g})</text>',
        ]
    end = 10 + height * (len(shown) + 1)
    caption = (
        f"A/B as a share of its goal, which is the dashed line; a bar ends at {LONGEST:g} times the goal"
    )
    parts += [
        f'<text x="{left}" y="22" fill="#222222">{caption}</text>',
        f'<line x1="{left + full}" y1="32" x2="{left + full}" y2="{end}" stroke="#555555" stroke-dasharray="4 3"/>',
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def write(
    folder: Path, measured: Sequence[Measured], rows: Mapping[str, Row], problems: Mapping[str, str]
) -> None:
    """Write RESULTS.md, results.json and results.svg into a folder, which is created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.md").write_text(markdown(measured, rows, problems), encoding="utf-8")
    (folder / "results.json").write_text(as_json(measured), encoding="utf-8")
    (folder / "results.svg").write_text(svg(measured, rows), encoding="utf-8")
