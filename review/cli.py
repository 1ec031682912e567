"""`python -m review`: reports and fleets from a shell, a laptop's or a pipeline's."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from review import fleet
from review.build import Facts, build
from review.live import PulumiError, facts_of, preview_json, without
from review.markdown import render
from review.model import Verdict
from review.preview import PreviewError, parse

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_REPLACES = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (PulumiError, PreviewError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m review", description=__doc__)
    parser.add_argument(
        "--cwd", type=Path, default=Path(), help="folder with Pulumi.yaml (default: this one)"
    )
    commands = parser.add_subparsers(required=True)
    report = commands.add_parser(
        "report",
        help="say in Markdown what a preview of one stack means",
        description="Exit code 0: the preview succeeded; 1: it failed; 3: it replaces or removes something and "
        "--stop-on-replace was given; 2: there is no preview.",
    )
    report.add_argument("--stack", required=True, help="name of the stack")
    report.add_argument(
        "--json", help="output of `pulumi preview --json`, - for standard input (default: run it)"
    )
    report.add_argument("--output", type=Path, help="file for the Markdown (default: standard output)")
    report.add_argument("--offline", action="store_true", help="ask neither Git nor the cluster for more")
    report.add_argument(
        "--stop-on-replace", action="store_true", help="exit code 3 when something is replaced"
    )
    report.set_defaults(run=_report)
    _fleet_parser(commands)
    return parser


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
    parser.add_argument("--offline", action="store_true", help="ask neither Git nor the cluster for more")
    parser.add_argument("--refresh", action="store_true", help="compare with what is really there")
    parser.add_argument(
        "--policy-pack", action="append", default=[], help="folder of a policy pack; repeatable"
    )
    parser.add_argument(
        "--stop-on-replace", action="store_true", help="exit code 3 when something is replaced"
    )
    parser.add_argument("--allow-replace", action="store_true", help="up: also where something is replaced")
    parser.set_defaults(run=_fleet)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of stacks; write 1 or more")
    return number


def _fleet(options: argparse.Namespace) -> int:
    folder = options.cwd.resolve()
    update = options.action == "up"
    names = fleet.select(fleet.stacks(folder), options.stacks)
    chosen = fleet.Options(
        folder=folder,
        update=update,
        hold_replacements=not options.allow_replace,
        offline=options.offline,
        policy_packs=tuple(str(Path(pack).resolve()) for pack in options.policy_pack),
        refresh=options.refresh,
    )

    def told(outcome: fleet.Outcome) -> None:
        verdict = outcome.review.verdict.value if outcome.review else "no preview"
        print(f"{outcome.stack}: {outcome.problem or verdict} ({outcome.seconds:.0f} s)", file=sys.stderr)

    outcomes = fleet.run(
        names, parallel=options.parallel, work=lambda name: fleet.work_on(name, chosen), done=told
    )
    write(fleet.render_fleet(outcomes, title=" ".join(options.stacks), update=update), options.output)
    return fleet_exit_code(outcomes, stop_on_replace=options.stop_on_replace)


def fleet_exit_code(outcomes: Sequence[fleet.Outcome], *, stop_on_replace: bool) -> int:
    """Exit code for a fleet: a failure counts more than a stack that was held back or is replaced."""
    if any(item.failed and item.applied != "held back" for item in outcomes):
        return EXIT_FAILED
    verdicts = [item.review.verdict for item in outcomes if item.review]
    if any(item.applied == "held back" for item in outcomes):
        return EXIT_REPLACES
    return exit_code(verdicts, stop_on_replace=stop_on_replace)


def _report(options: argparse.Namespace) -> int:
    folder = options.cwd.resolve()
    text = _preview_text(options, folder)
    preview = parse(text, stack=options.stack)
    facts, secrets = (Facts(), ()) if options.offline else facts_of(preview, folder=folder)
    review = build(preview, facts)
    write(without(render(review), secrets), options.output)
    return exit_code([review.verdict], stop_on_replace=options.stop_on_replace)


def _preview_text(options: argparse.Namespace, folder: Path) -> str:
    if options.json is None:
        return preview_json(options.stack, folder=folder)
    if options.json == "-":
        return sys.stdin.read()
    return Path(options.json).read_text(encoding="utf-8")


def exit_code(verdicts: Sequence[Verdict], *, stop_on_replace: bool) -> int:
    """Exit code for these verdicts: a failure counts more than a replacement."""
    if Verdict.FAILED in verdicts:
        return EXIT_FAILED
    if stop_on_replace and Verdict.REPLACES in verdicts:
        return EXIT_REPLACES
    return EXIT_OK


def write(text: str, output: Path | None) -> None:
    """To the file, or to standard output."""
    if output is None:
        sys.stdout.write(text)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
