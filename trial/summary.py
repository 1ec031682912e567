"""The last output of `make up`: what was provisioned, and what to try next."""

import json
from collections.abc import Mapping
from typing import Any

from trial.environment import Environment
from trial.proof import Ran
from trial.pulumi_cli import PLUGINS, STACK, PulumiCli

NEXT = """\
Try next:
  eval "$(make -s env)"                                   # pulumi, kubectl and helm of this trial
  kubectl get pods --namespace {namespace}
  helm history {release} --namespace {namespace}
  pulumi preview --stack dev
{switch}  make down                                               # stop and remove everything"""
SWITCH = """\
  pulumi config set delivery {other} --stack dev && pulumi up --stack dev     # the other option
"""


def summary(environment: Environment, pulumi: PulumiCli, dag: Ran | None = None) -> str:
    """Describe the provisioned stack in a few lines; ``dag`` is the run on its worker."""
    outputs: Mapping[str, Any] = json.loads(pulumi.output(["stack", "output", "--json", "--stack", STACK]))
    info = environment.info()
    release = outputs.get("release") or {}
    name, namespace = release.get("name", "astro-agent"), outputs.get("namespace", "astro-agents")
    lines = [
        "",
        f"The stack {STACK} is up (delivery: {outputs.get('delivery')}).",
        f"  release     {name} in namespace {namespace}, {release.get('chart', 'chart')} {release.get('version', '')},"
        f" revision {release.get('revision', '?')}, {release.get('status', '')}",
        f"  image       {outputs.get('image')} (what the agents' Pods run)",
        *_projects(outputs.get("dbtProjects") or {}),
        f"  node        {'simulated by kwok: Pods become ready, nothing runs in them' if info.node == 'kwok' else 'real'}",
        *([f"  dag         ran on {dag.pod} in {dag.seconds:.0f} s: {dag}"] if dag else []),
        f"  registry    {info.registry.server}",
        f"  git         {info.git.url}",
        f"  charts      {info.chart_repository}",
        *(f"  plugin      {name} {PLUGINS[name]} ({kind})" for name, kind in info.pulumi.plugins.items()),
        "",
    ]
    other = "agent-image" if outputs.get("delivery") == "git-submodule" else "git-submodule"
    # agent-image builds an image, so it needs the engine that NO_DOCKER leaves out.
    switch = SWITCH.format(other=other) if info.docker_host else ""
    return "\n".join(lines) + NEXT.format(namespace=namespace, release=name, switch=switch)


def _projects(projects: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = []
    for name, project in projects.items():
        commit = str(project.get("commit") or "")[:12]
        lines.append(
            f"  dbt         {name} at {project.get('path')}{' (commit ' + commit + ')' if commit else ''}"
        )
    return lines
