"""The table of what was proved: one line per case, printed at the end of a run and kept in reports/delivery.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "delivery.md"
REPORT = ROOT / "reports" / "delivery.md"
MATRIX = "matrix"


@dataclass(frozen=True)
class Entry:
    """One proved case."""

    table: str
    case: str
    on: str
    """Version of the Git provider, or the kind of proof."""
    result: str
    seconds: float
    detail: str = ""
    image: str = ""
    """Reference of the image that ran."""

    @property
    def digest(self) -> str:
        """The image's digest in short, or the whole reference where it has none."""
        digest = self.image.partition("@sha256:")[2]
        return digest[:12] or self.image


@dataclass
class Ledger:
    """All entries of a run."""

    entries: list[Entry] = field(default_factory=list)

    def add(
        self,
        table: str,
        case: str,
        on: str,
        result: str,
        seconds: float,
        detail: str = "",
        *,
        image: str = "",
    ) -> None:
        """Note what came out of a case, and in which image."""
        self.entries.append(Entry(table, case, on, result, seconds, detail, image))

    def text(self) -> str:
        """The report, as Markdown."""
        lines = ["# Proof of delivery", ""]
        for table in dict.fromkeys(entry.table for entry in self.entries):
            lines += [
                f"## {table}",
                "",
                "| case | on | image | result | seconds | |",
                "|---|---|---|---|---|---|",
            ]
            lines += [
                f"| {entry.case} | {entry.on} | {entry.digest} | {entry.result} | {entry.seconds:.1f} | {entry.detail} |"
                for entry in self.entries
                if entry.table == table
            ]
            lines.append("")
        return "\n".join(lines)

    def write(self) -> Path | None:
        """Write the report; None when there is nothing to tell."""
        if not self.entries:
            return None
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(self.text(), encoding="utf-8")
        return REPORT


def documented(name: str) -> dict[str, dict[str, str]]:
    """A table of docs/delivery.md between the comments `<!-- name -->` and `<!-- /name -->`: case -> column -> cell."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    if found is None:
        raise LookupError(f"{DOCUMENT} has no table {name}")
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in found[1].strip().splitlines()
    ]
    header, _, *body = rows
    return {row[0].strip("`"): dict(zip(header[1:], row[1:], strict=True)) for row in body}
