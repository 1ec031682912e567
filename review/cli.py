"""`python -m review`: reports and fleets, on a laptop or in a pipeline."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pulumi import automation as auto

from domain.errors import ReportedError
from review import engine, fleet, publish
from review.live import review_of, without
from review.markdown import render
from review.model import Verdict
from review.preview import parse

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_REPLACES = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (ReportedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except auto.CommandError as error:
        print(f"error: {fleet.explain(error, getattr(options, 'stack', 'fleet'))}", file=sys.stderr)
        return EXIT_USAGE


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m review", description=__doc__)
    parser.add_argument(
        "--cwd", type=Path, default=Path(), help="folder with Pulumi.yaml (default: this one)"
    )
    commands = parser.add_subparsers(required=True)
    report = commands.add_parser(
        "report",
        help="explain a preview of one stack in Markdown",
        description="Exit code 0: the preview succeeded; 1: it failed; 3: it replaces or removes something and "
        "--stop-on-replace was given; 2: there is no preview.",
    )
    report.add_argument("--stack", required=True, help="name of the stack")
    report.add_argument(
        "--json", help="output of `pulumi preview --json`, - for standard input (default: run it)"
    )
    report.add_argument("--output", type=Path, help="file for the Markdown (default: standard output)")
    report.add_argument("--refresh", action="store_true", help="compare with the live objects")
    report.add_argument(
        "--policy-pack", action="append", default=[], help="folder of a policy pack; repeatable"
    )
    report.add_argument("--offline", action="store_true", help="read nothing from Git and the cluster")
    report.add_argument("--stop-on-replace", action="store_true", help="exit code 3 if something is replaced")
    report.set_defaults(run=_report)
    _fleet_parser(commands)
    _publish_parsers(commands)
    return parser


def _publish_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    comment = commands.add_parser(
        "comment", help="post a report on a pull or merge request, updated in place"
    )
    comment.add_argument("--number", type=int, required=True, help="number of the pull or merge request")
    comment.add_argument("--report", type=Path, required=True, help="file with the report")
    comment.set_defaults(run=_comment)
    drift = commands.add_parser(
        "drift",
        help="compare stacks with the live objects, and open, update or close an issue",
        description="Exit code 0: checked, whether there is drift or not; 1: a stack could not be checked.",
    )
    drift.add_argument("--stacks", required=True, action="append", help="pattern of names; repeatable")
    drift.add_argument("--parallel", type=_positive, default=4, help="stacks at once (default: 4)")
    drift.add_argument("--output", type=Path, help="file for the Markdown (default: standard output)")
    drift.add_argument("--issue", action="store_true", help="maintain an issue on the host of this job")
    drift.set_defaults(run=_drift)


def _comment(options: argparse.Namespace) -> int:
    text = options.report.read_text(encoding="utf-8")
    print(publish.comment(publish.host(), options.number, text))
    return EXIT_OK


def _drift(options: argparse.Namespace) -> int:
    folder = options.cwd.resolve()
    where = publish.host() if options.issue else None
    names = fleet.select(engine.stacks(folder), options.stacks)
    chosen = fleet.Options(folder=folder, refresh=True)
    outcomes = fleet.run(names, parallel=options.parallel, work=lambda name: fleet.work_on(name, chosen))
    text = fleet.render_fleet(outcomes, title=f"drift of {' '.join(options.stacks)}", update=False)
    write(text, options.output)
    drifted = any(item.review is None or item.review.verdict is not Verdict.NOTHING for item in outcomes)
    if where is not None:
        title = f"Drift in {' '.join(options.stacks)}"
        print(publish.drift_issue(where, text, title=title, drifted=drifted), file=sys.stderr)
    return EXIT_FAILED if any(item.failed for item in outcomes) else EXIT_OK


def _fleet_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "fleet",
        help="preview or update many stacks at once",
        description="Exit code 0: all went well; 1: a preview or an update failed; 3: a stack replaces or removes "
        "something (up: it was held back; preview: only with --stop-on-replace); 2: there is nothing to work on.",
    )
    parser.add_argument("action", choices=("preview", "up"))
    parser.add_argument(
        "--stacks", required=True, action="append", help="pattern of names, e.g. 'prod-*'; repeatable"
    )
    parser.add_argument("--parallel", type=_positive, default=4, help="stacks at once (default: 4)")
    parser.add_argument("--output", type=Path, help="file for the Markdown (default: standard output)")
    parser.add_argument("--offline", action="store_true", help="read nothing from Git and the cluster")
    parser.add_argument("--refresh", action="store_true", help="compare with the live objects")
    parser.add_argument(
        "--policy-pack", action="append", default=[], help="folder of a policy pack; repeatable"
    )
    parser.add_argument("--stop-on-replace", action="store_true", help="exit code 3 if something is replaced")
    parser.add_argument("--allow-replace", action="store_true", help="up: even if something is replaced")
    parser.set_defaults(run=_fleet)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of stacks; write 1 or more")
    return number


def _fleet(options: argparse.Namespace) -> int:
    folder = options.cwd.resolve()
    update = options.action == "up"
    names = fleet.select(engine.stacks(folder), options.stacks)
    chosen = fleet.Options(
        folder=folder,
        update=update,
        hold_replacements=not options.allow_replace,
        offline=options.offline,
        policy_packs=_packs(options),
        refresh=options.refresh,
    )

    def report_progress(outcome: fleet.Outcome) -> None:
        verdict = outcome.review.verdict.value if outcome.review else "no preview"
        print(f"{outcome.stack}: {outcome.problem or verdict} ({outcome.seconds:.0f} s)", file=sys.stderr)

    outcomes = fleet.run(
        names, parallel=options.parallel, work=lambda name: fleet.work_on(name, chosen), done=report_progress
    )
    write(fleet.render_fleet(outcomes, title=" ".join(options.stacks), update=update), options.output)
    return fleet_exit_code(outcomes, stop_on_replace=options.stop_on_replace)


def fleet_exit_code(outcomes: Sequence[fleet.Outcome], *, stop_on_replace: bool) -> int:
    """Exit code for a fleet: a failure takes precedence over a stack that was held back or is replaced."""
    if any(item.failed and item.applied != "held back" for item in outcomes):
        return EXIT_FAILED
    verdicts = [item.review.verdict for item in outcomes if item.review]
    if any(item.applied == "held back" for item in outcomes):
        return EXIT_REPLACES
    return exit_code(verdicts, stop_on_replace=stop_on_replace)


def _report(options: argparse.Namespace) -> int:
    folder = options.cwd.resolve()
    if options.json is None:
        stack = engine.select(options.stack, folder)
        printed = engine.preview(stack, policy_packs=_packs(options), refresh=options.refresh)
    else:
        printed = engine.Printed(_read(options.json), ())
    preview = parse(printed.text, stack=options.stack)
    review, secrets = review_of(
        preview, folder=folder, offline=options.offline, violations=printed.violations
    )
    write(without(render(review), secrets), options.output)
    return exit_code([review.verdict], stop_on_replace=options.stop_on_replace)


def _read(source: str) -> str:
    return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")


def _packs(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(str(Path(pack).resolve()) for pack in options.policy_pack)


def exit_code(verdicts: Sequence[Verdict], *, stop_on_replace: bool) -> int:
    """Exit code for these verdicts: a failure takes precedence over a replacement."""
    if Verdict.FAILED in verdicts:
        return EXIT_FAILED
    if stop_on_replace and Verdict.REPLACES in verdicts:
        return EXIT_REPLACES
    return EXIT_OK


def write(text: str, output: Path | None) -> None:
    """Write to the file, or to standard output."""
    if output is None:
        sys.stdout.write(text)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
