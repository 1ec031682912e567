"""Measures what this program does against doing it by hand and against the floor: `python -m bench [ROW …]`.

Needs the running trial (`make up`) for rows that provision something. Ways are measured by turns in one run; ratios of medians
are compared with goals. Writes RESULTS.md, results.json and results.svg into this folder when all rows are measured, or
into the folder that `--write` names. Exit code 1 when a row could not be measured.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench import results
from bench.pairs import Measured, Row, measure
from bench.rows import GROUPS, ROWS
from bench.trial_stacks import STATE


def main() -> int:
    """Measure the chosen rows and print them."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to measure; all when none is named")
    parser.add_argument(
        "--pairs", type=int, default=5, help="measurements of each way (default: %(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="list the rows and stop")
    parser.add_argument("--write", type=Path, help="folder for the results")
    parser.add_argument("--state", type=Path, help="folder of the trial; the checkout's when none is named")
    options = parser.parse_args()
    if options.state:
        os.environ[STATE] = str(options.state.resolve())
    if options.list:
        for row in ROWS.values():
            sys.stdout.write(f"{row.name:28} {row.title}: {row.a} / {row.b}\n")
        return 0
    unknown = sorted(set(options.rows) - set(ROWS))
    if unknown:
        parser.error(f"{', '.join(unknown)}: not a row; --list lists them")
    if options.pairs < 1:
        parser.error("--pairs must be at least 1")
    chosen = set(options.rows or ROWS)
    sys.stdout.write(results.COLUMNS)
    sys.stdout.flush()
    measured, problems = _measure(chosen, options.pairs)
    for name, problem in problems.items():
        sys.stdout.write(f"not measured: {name}: {problem}\n")
    folder = options.write or (Path(__file__).parent if not options.rows else None)
    if folder is not None:
        results.write(folder, measured, ROWS, problems)
        sys.stdout.write(f"written: {folder / 'RESULTS.md'}\n")
    return 1 if problems else 0


def _measure(chosen: set[str], pairs: int) -> tuple[list[Measured], dict[str, str]]:
    measured: list[Measured] = []
    problems: dict[str, str] = {}
    for group in GROUPS:
        rows: list[Row] = [row for row in group.rows if row.name in chosen]
        if not rows:
            continue
        sys.stderr.write(f"preparing {', '.join(row.name for row in rows)} …\n")
        try:
            with group.prepare(frozenset(row.name for row in rows)) as prepared:
                for row in rows:
                    found = measure(row, prepared[row.name], pairs=pairs)
                    measured += found
                    sys.stdout.write("".join(f"{line}\n" for line in results.lines(found, ROWS)))
                    sys.stdout.flush()
        except (SystemExit, Exception) as error:  # noqa: BLE001 - the other rows are measured all the same
            left = [row.name for row in rows if not any(item.row == row.name for item in measured)]
            problems |= dict.fromkeys(left, str(error).removeprefix("error: ") or type(error).__name__)
    return measured, problems


if __name__ == "__main__":
    sys.exit(main())
