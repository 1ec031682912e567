"""The table of checks in docs/preflight.md: `make docs` updates it."""

from __future__ import annotations

import re
from pathlib import Path

from domain.generated import write
from preflight.catalogue import CHECKS

BEGIN, END = "<!-- checks: written by `python -m preflight.table` -->", "<!-- end of checks -->"
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "preflight.md"


def table() -> str:
    """Every check with its cases as Markdown; a word in {braces} is a fact of the case."""
    lines = []
    for name, check in CHECKS.items():
        lines += [
            f"### `{name}`",
            "",
            check.about,
            "",
            "| case | severity | key | message |",
            "|---|---|---|---|",
        ]
        for case, definition in check.cases.items():
            keys = ", ".join(f"`{key}`" for key in definition.keys)
            message = definition.message.replace("|", "\\|").replace("<", "&lt;")
            lines.append(f"| `{case}` | {definition.severity} | {keys} | {message} |")
        lines.append("")
    return "\n".join(lines)


def with_table(document: str) -> str:
    """The document with the table as it is now."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n\n{table()}\n{END}", document)


def main() -> None:
    """Write the table into docs/preflight.md, or with `--check` report whether it is current."""
    write({DOCUMENT: with_table(DOCUMENT.read_text(encoding="utf-8"))})


if __name__ == "__main__":
    main()
