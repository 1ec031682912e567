"""`python -m adoption`: from a release that was installed by hand to a stack."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adoption.clear import text_of
from adoption.draft import Draft
from adoption.errors import AdoptionError
from adoption.hand_made import HandMade, from_files, from_release
from adoption.import_file import KINDS, command, import_file
from adoption.project import AstroProject, DbtFolder, read_project
from adoption.stack_file import as_comment, stack_text
from adoption.translate import Given, submodules, translate
from adoption.withhold import Change, held, withhold
from clients.charts import fetch_chart
from clients.errors import RemoteError
from clients.kubernetes import Cluster, connect, secret_data
from domain.address import AddressError, RepositoryAddress
from domain.chart import CHART_NAME, CHART_REPOSITORY, DEFAULT_NAME, ChartAddress
from domain.errors import ReportedError
from domain.image_reference import split_reference
from domain.names import STACK_LABEL
from domain.plain_yaml import load
from settings.errors import SettingsError

EXIT_OK, EXIT_INCOMPLETE, EXIT_FAILED = 0, 1, 2
_TIMEOUT = 30.0
_EXAMPLE = {"name": "my_project", "path": "dags/dbt/my_project"}
_EXAMPLE_REASON = "the addresses of this example do not exist"
"""Reason in the stack files that are examples."""
_WHO = "the name of the stack, as `pulumi stack init` gets it"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ReportedError as error:
        print(f"error: {error}.".replace("..", "."), file=sys.stderr)
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adoption", description=__doc__)
    commands = parser.add_subparsers(required=True)
    stack = commands.add_parser(
        "from-values",
        help="write the stack file of a release that Helm installed, and print the commands that take it over",
        description="Exit code 0: the file is complete; 1: it needs the corrections that are listed; 2: nothing was written.",
    )
    _source(stack)
    stack.add_argument("--stack", default="prod", help=f"{_WHO} (default: prod)")
    stack.add_argument("--chart-version", help="version of the chart (default: that of the live release)")
    stack.add_argument("--chart-repository", default=CHART_REPOSITORY, help="repository of the chart")
    stack.add_argument("--chart-name", default=CHART_NAME, help="name of the chart")
    stack.add_argument(
        "--release-name", default=DEFAULT_NAME, help="name of the Helm release, for a values file"
    )
    stack.add_argument(
        "--release-namespace",
        help="namespace that `helm list` shows, for a values file (default: that of the agents)",
    )
    stack.add_argument("--dags-repo", help="clone URL of the Dag repository, where the values do not say it")
    stack.add_argument(
        "--astro-project",
        type=Path,
        metavar="DIR",
        help="folder with Dockerfile.client, .gitmodules and dbt projects",
    )
    stack.add_argument(
        "--force", action="store_true", help="replace the configuration of a stack file that exists"
    )
    stack.set_defaults(run=_from_values)
    secret = commands.add_parser(
        "secret",
        help="write one credential of the values to a pipe, for the commands that from-values prints",
    )
    secret.add_argument("where", help="place of the credential, as from-values prints it")
    _source(secret)
    secret.set_defaults(run=_secret)
    taken = commands.add_parser("import-file", help="print the file for `pulumi import --file`")
    taken.add_argument("kind", choices=KINDS)
    taken.add_argument("identity", help="<namespace>, or <namespace>/<release>")
    taken.set_defaults(run=_import_file)
    return parser


def _source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "values", nargs="*", type=Path, help="values files of the release, in the order of Helm's --values"
    )
    parser.add_argument("--release", metavar="NAMESPACE/NAME", help="read the live release instead of a file")
    parser.add_argument("--context", help="context of the kubeconfig")


def _import_file(options: argparse.Namespace) -> int:
    json.dump(import_file(options.kind, options.identity), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return EXIT_OK


def _secret(options: argparse.Namespace) -> int:
    if sys.stdout.isatty():
        raise AdoptionError(
            "a credential is not written to a terminal; pipe it into the command that from-values prints"
        )
    sys.stdout.write(text_of(_hand_made(options)[0].values, options.where))
    return EXIT_OK


def _hand_made(options: argparse.Namespace) -> tuple[HandMade, Cluster | None]:
    if bool(options.values) == bool(options.release):
        raise AdoptionError("name values files, or a live release with --release <namespace>/<name>")
    if options.values:
        return from_files(options.values, namespace=getattr(options, "release_namespace", None)), None
    cluster = connect(None, options.context, timeout=_TIMEOUT)
    return from_release(cluster, options.release), cluster


def _from_values(options: argparse.Namespace) -> int:
    root = Path.cwd()
    if not (root / "Pulumi.yaml").is_file():
        raise AdoptionError(f"{root} has no Pulumi.yaml; run this in the folder of the program")
    file = root / "stacks" / f"Pulumi.{options.stack}.yaml"
    others = _others(file, force=options.force)
    made, cluster = _hand_made(options)
    version = options.chart_version or made.chart_version
    if version is None:
        raise AdoptionError(
            "--chart-version is missing, and a values file does not say it; `helm list` shows it after the chart's name"
        )
    chart = ChartAddress(repository=options.chart_repository, name=options.chart_name, version=version)
    try:
        defaults = fetch_chart(chart, timeout=_TIMEOUT).values
    except RemoteError as error:
        raise AdoptionError(
            f"--chart-repository is {chart.repository}, which does not serve {chart.name} {version} ({error}); correct it or --chart-version"
        ) from None
    project = read_project(options.astro_project) if options.astro_project else AstroProject()
    given = Given(
        chart=chart,
        release=made.release or options.release_name,
        context=options.context,
        dags_repository=options.dags_repo or project.repository,
        secrets=_reader(cluster, made),
    )
    draft = translate(made, given, defaults)
    if cluster is None and made.namespace is None:
        draft.notes.append(
            f"`helm list --all-namespaces` shows in which namespace Helm keeps the release: if it is not {draft.agent['namespace']}, add "
            "--release-namespace"
        )
    _dbt_projects(draft, made, project, root=root, folder=options.astro_project)
    changes: tuple[Change, ...] = ()
    problems: list[str] = []
    try:
        changes = withhold(draft, made.values, defaults, root=root)
    except SettingsError as error:
        problems = [str(problem) for problem in error.problems]
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        stack_text(draft.config, others=others, remarks=_remarks(draft, project)), encoding="utf-8"
    )
    _report(options, made, draft, changes, problems, file.relative_to(root))
    return EXIT_INCOMPLETE if problems else EXIT_OK


def _others(file: Path, *, force: bool) -> dict[str, Any]:
    """Content of an existing stack file other than its configuration."""
    if not file.exists():
        return {}
    try:
        content = load(file.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise AdoptionError(f"{file.name} exists and cannot be read; move it away")
    if content.get("config") and not force and not _is_example(content["config"]):
        raise AdoptionError(
            f"{file.name} has a configuration already; name another stack with --stack, or add --force to replace it"
        )
    kept = content.get("config") or {}
    secret = {key: value for key, value in kept.items() if isinstance(value, dict) and "secure" in value}
    if secret:
        raise AdoptionError(
            f"{file.name} contains secrets, which --force would remove; name another stack with --stack, or move the file away"
        )
    return {key: value for key, value in content.items() if key != "config"}


def _is_example(config: Any) -> bool:
    """Whether a configuration is the one that this repository shows, with addresses that nothing answers at."""
    preflight = config.get("astro-dbt:preflight") if isinstance(config, dict) else None
    return isinstance(preflight, dict) and preflight.get("reason") == _EXAMPLE_REASON


def _reader(cluster: Cluster | None, made: HandMade) -> Any:
    namespace = str(made.values.get("namespace") or made.namespace)

    def read(name: str) -> Mapping[str, str] | None:
        if cluster is None:
            return None
        try:
            return secret_data(cluster, namespace=namespace, name=name)
        except RemoteError:
            return None

    return read


def _dbt_projects(
    draft: Draft, made: HandMade, project: AstroProject, *, root: Path, folder: Path | None
) -> None:
    draft.notes += project.notes
    fetched = submodules(made.values)
    in_image = bool(project.dbt) and not fetched and draft.agent.get("image") is not None
    if in_image:
        draft.config["delivery"] = "agent-image"
    entries = []
    for item in project.dbt:
        entry: dict[str, Any] = {"name": item.name, "path": item.path}
        if item.repository:
            entry["repo"] = item.repository
            draft.notes += _elsewhere(item, str(draft.config["dags"]["repo"]))
        else:
            entry["submodule"] = False
        if item.branch:
            entry["ref"] = item.branch
        if item.subdir:
            entry["subdir"] = item.subdir
        if in_image and folder is not None:
            entry["source"] = os.path.relpath(folder / item.path, root)
        entries.append(entry)
    if not entries:
        if folder is None:
            draft.notes.append(
                "dbtProjects: values do not say where the dbt projects are; give --astro-project, or correct the example in the file"
            )
        entries = [dict(_EXAMPLE)]
    draft.config["dbtProjects"] = entries
    if project.modules and fetched:
        draft.config["dags"]["submodules"] = [
            {"repo": url} for url in dict.fromkeys(project.modules.values())
        ]


def _elsewhere(project: DbtFolder, dags: str) -> list[str]:
    """The Dag repository's connection opens submodules on its own host alone."""
    try:
        hosts = {RepositoryAddress.parse(url).authority for url in (str(project.repository), dags)}
    except AddressError:
        return []
    if len(hosts) == 1:
        return []
    return [
        f"{project.path} is a submodule on another host than the Dag repository; unless it is public, add a connection for it "
        "and name that in its entry of dbtProjects (docs/connections.md)"
    ]


def _remarks(draft: Draft, project: AstroProject) -> list[str]:
    """How the image would be built here, as a comment: until then agents run the one that they have."""
    image = draft.agent.get("image")
    if image is None or project.base is None:
        return []
    repository, _, _ = split_reference(image)
    section: dict[str, Any] = {"repository": repository, "base": project.base}
    for key, value in (
        ("adapters", project.adapters),
        ("packages", project.packages),
        ("systemPackages", project.system_packages),
    ):
        if value:
            section[key] = list(value)
    server = repository.partition("/")[0]
    built = as_comment({"registry": {"server": server, "username": "…"}, "image": section})
    return ["To build the image here, remove agent.image, set registryPassword, and add:", *built]


def _report(
    options: argparse.Namespace,
    made: HandMade,
    draft: Draft,
    changes: Sequence[Change],
    problems: Sequence[str],
    file: Path,
) -> None:
    kept = list(held(draft))
    print(f"Wrote {file}.")
    _section("Correct these keys first", problems)
    _section("Check these", draft.notes)
    _section(
        "Values that this program would add, withheld so that no Pod restarts",
        [f"{key}: {reason}" for key, reason in kept],
    )
    _section("`pulumi up` changes", [f"{change.path}: {change.reason}" for change in changes])
    if not changes and not problems:
        print("\nNothing changes for the agents: the stack gives the chart what it has.")
    agent = draft.agent
    namespace, release, stack = agent["namespace"], agent.get("release", DEFAULT_NAME), options.stack
    context = f" --context {options.context}" if options.context else ""
    steps = [f"pulumi stack init {stack}"]
    steps += [item.command(made.argument + context, stack=stack, namespace=namespace) for item in draft.clear]
    steps += [
        f"kubectl label namespace {namespace} {STACK_LABEL}=astro-dbt.{stack}{context}",
        command("release", f"{made.namespace or namespace}/{release}", stack=stack),
        f"pulumi preview --diff --stack {stack}",
        f"pulumi up --stack {stack}",
    ]
    print("\nThen:")
    for step in steps:
        print(f"  {step}")


def _section(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"\n{title}:")
        for line in lines:
            print(f"  {line}")
