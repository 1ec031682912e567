"""Kills and breaks real runs, and reports what became of them: `python -m drills kill` and `python -m drills faults`.

Both bring up a separate trial in `.trial-drills`, damage it, print a table, and remove it. Exit code 1 when something did not
hold.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from drills import faults
from drills import kill as killing
from drills.place import Place, place
from drills.plan import LAP, OPERATIONS, plan


def main() -> int:
    """Run one drill; SIGTERM and Ctrl-C end it after cleaning up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _parser().parse_args()
    if getattr(options, "list", False):
        sys.stdout.write("".join(f"{cell.name}\n" for cell in faults.cells()))
        return 0
    try:
        with place(options.state, keep=options.keep) as found:
            return int(options.run(options, found))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="DRILL")
    kill = commands.add_parser(
        "kill", help="SIGKILL and SIGTERM at chosen moments, then `pulumi cancel` and `pulumi up`"
    )
    kill.add_argument("--kills", type=_count, default=50, help="number of kills (default: %(default)s)")
    kill.add_argument(
        "--seed", type=int, default=1, help="chooses victims and moments (default: %(default)s)"
    )
    kill.add_argument(
        "--operations", nargs="+", choices=OPERATIONS, default=list(LAP), metavar="OPERATION",
        help=f"operations, in this order: {', '.join(OPERATIONS)} (default: all but the last)",
    )  # fmt: skip
    kill.set_defaults(run=_kill)
    fault = commands.add_parser(
        "faults", help="break each dependency in each way, and look at what the run says"
    )
    fault.add_argument(
        "--only", nargs="+", default=[], metavar="TEXT", help="cells whose name contains one of these"
    )
    fault.add_argument("--list", action="store_true", help="list the cells and stop")
    fault.set_defaults(run=_faults)
    for command in (kill, fault):
        command.add_argument("--logs", type=Path, help="folder for the output of all runs")
        command.add_argument(
            "--state", type=Path, help="folder of the trial (default: .trial-drills in the checkout)"
        )
        command.add_argument("--keep", action="store_true", help="leave the trial running")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _kill(options: argparse.Namespace, found: Place) -> int:
    kills = plan(options.seed, options.kills, tuple(options.operations))
    outcomes = killing.drill(found, kills, logs=options.logs)
    return int(any(item.problems for item in outcomes))


def _faults(options: argparse.Namespace, found: Place) -> int:
    chosen = [
        cell for cell in faults.cells() if not options.only or any(text in cell.name for text in options.only)
    ]
    if not chosen:
        raise SystemExit("error: --only names no cell; --list lists them")
    results = faults.drill(found, chosen, logs=options.logs)
    return int(any(item.problems for item in results))


if __name__ == "__main__":
    sys.exit(main())
