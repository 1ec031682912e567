"""The command line of the trial: `python -m trial up|preview|stop|down|clean|env|status|exec`."""

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trial import proof, stack
from trial.environment import Environment
from trial.errors import TrialError
from trial.git_server import DAG_REPOSITORY, head_of
from trial.layout import cache_folder
from trial.progress import Progress
from trial.pulumi_cli import STACK, PulumiCli
from trial.summary import summary

REPO = Path(__file__).resolve().parent.parent
NODES = ("kwok", "real")
# The example's Dag and its dbt project.
DAG = "jaffle"
DELIVERIES = ("git-submodule", "agent-image")


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m trial", description=__doc__)
    top.add_argument(
        "--state", type=Path, default=None, help="folder of the trial (default: .trial in the checkout)"
    )
    commands = top.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="bring the trial environment up, then the stack")
    up.add_argument("--no-stack", action="store_true", help="only the environment, without `pulumi up`")
    up.add_argument(
        "--no-engine", action="store_true", help="without Pulumi's resource plugins; implies --no-stack"
    )
    preview = commands.add_parser(
        "preview", help="bring the trial environment up, then show what the stack would change"
    )
    for command in (up, preview):
        command.add_argument(
            "--node", choices=NODES, default=os.environ.get("NODE") or None, help="kind of node (NODE)"
        )
        command.add_argument(
            "--delivery", choices=DELIVERIES, default=os.environ.get("DELIVERY") or None,
            help="how the dbt project reaches the agents (DELIVERY)",
        )  # fmt: skip
        command.add_argument(
            "--no-docker", action="store_true", default=bool(os.environ.get("NO_DOCKER")),
            help="without a Docker engine: the stack names a ready image (NO_DOCKER=1); for git-submodule",
        )  # fmt: skip
    commands.add_parser("stop", help="stop all processes and keep the state; `up` continues from there")
    commands.add_parser("down", help="stop everything and remove the trial's state")
    commands.add_parser("clean", help="down, and remove the caches")
    commands.add_parser("env", help="print export lines for a shell")
    commands.add_parser("status", help="show what is running")
    execute = commands.add_parser("exec", help="run a program with the trial's variables")
    execute.add_argument("program", nargs=argparse.REMAINDER, help="after --: program and arguments")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace, Progress], None] = _COMMANDS[options.command]
    try:
        with Progress() as progress:
            command(options, progress)
    except TrialError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to continue.", file=sys.stderr)
        return 130
    return 0


def _check(variable: str, value: str | None, choices: Sequence[str]) -> None:
    """Refuse a misspelt value; argparse checks the command line, but not variables."""
    if value is not None and value not in choices:
        raise TrialError(f"{variable} is {value!r}; write {' or '.join(choices)}.")


def _environment(options: argparse.Namespace, progress: Progress) -> Environment:
    _check("NODE", getattr(options, "node", None), NODES)
    _check("DELIVERY", getattr(options, "delivery", None), DELIVERIES)
    engine = not getattr(options, "no_engine", False)
    return Environment(
        repo=REPO,
        state=options.state,
        node=getattr(options, "node", None),
        docker=not getattr(options, "no_docker", False),
        engine=engine,
        progress=progress,
    )


def _pulumi(environment: Environment) -> PulumiCli:
    info = environment.info()
    return PulumiCli(
        repo=REPO,
        info=info.pulumi,
        variables=environment.variables(),
        command=environment.layout.bin / "pulumi",
    )


def _up(options: argparse.Namespace, progress: Progress) -> None:
    environment = _environment(options, progress)
    environment.up()
    if options.no_stack or options.no_engine:
        return
    pulumi = _configured(options, progress, environment)
    progress.say(f"pulumi up --stack {STACK}")
    pulumi.show(["up", "--stack", STACK, "--yes", "--skip-preview"])
    dag = _run_dag(environment, pulumi, progress) if environment.info().node == "real" else None
    progress.say(summary(environment, pulumi, dag))


def _run_dag(environment: Environment, pulumi: PulumiCli, progress: Progress) -> proof.Ran:
    """Run the example's Dag on the stack's workers."""
    namespace = json.loads(pulumi.output(["stack", "output", "--json", "--stack", STACK]))["namespace"]
    version = head_of(Path(environment.info().git.repositories_dir) / DAG_REPOSITORY)
    with progress.step(f"run the Dag {DAG} on a worker") as step:
        ran = proof.run_dag(environment.kubectl, namespace=namespace, dag=DAG, version=version)
        step.done(str(ran))
    return ran


def _preview(options: argparse.Namespace, progress: Progress) -> None:
    environment = _environment(options, progress)
    environment.up()
    pulumi = _configured(options, progress, environment)
    progress.say(f"pulumi preview --stack {STACK}")
    pulumi.show(["preview", "--stack", STACK, "--diff"])


def _configured(options: argparse.Namespace, progress: Progress, environment: Environment) -> PulumiCli:
    pulumi = _pulumi(environment)
    with progress.step("configure the stack dev"):
        stack.remember(repo=REPO, state=environment.layout.state)
        pulumi.prepare()
        stack.configure(
            environment.info(),
            pulumi.run,
            repo=REPO,
            state=environment.layout.state,
            delivery=options.delivery,
        )
    return pulumi


def _stop(options: argparse.Namespace, progress: Progress) -> None:
    _environment(options, progress).stop()


def _down(options: argparse.Namespace, progress: Progress) -> None:
    environment = _environment(options, progress)
    if not stack.restore(repo=REPO, state=environment.layout.state):
        progress.say(f"stacks/Pulumi.{STACK}.yaml still has your changes")
    environment.down()


def _clean(options: argparse.Namespace, progress: Progress) -> None:
    _down(options, progress)
    with progress.step(f"remove the caches in {cache_folder()}"):
        shutil.rmtree(cache_folder(), ignore_errors=True)


def _env(options: argparse.Namespace, progress: Progress) -> None:
    for name, value in _environment(options, progress).exports().items():
        print(f"export {name}={shlex.quote(value)}")


def _status(options: argparse.Namespace, progress: Progress) -> None:
    supervisor = _environment(options, progress).supervisor
    names = supervisor.names()
    for name in names:
        identity = supervisor.identity(name)
        print(f"{name:26} {'pid ' + str(identity.pid) if identity else 'not running'}")
    if not names:
        print("nothing has been started")


def _exec(options: argparse.Namespace, progress: Progress) -> None:
    words = options.program[1:] if options.program[:1] == ["--"] else options.program
    if not words:
        raise TrialError("exec needs a program; write: python -m trial exec -- <program> [arguments].")
    variables = dict(_environment(options, progress).variables())
    try:
        os.execvpe(words[0], words, variables)  # noqa: S606 - replacing this process is the purpose
    except FileNotFoundError:
        raise TrialError(f"the program {words[0]} does not exist.") from None


_COMMANDS = {
    "exec": _exec,
    "up": _up,
    "preview": _preview,
    "stop": _stop,
    "down": _down,
    "clean": _clean,
    "env": _env,
    "status": _status,
}
