"""The agent client image: what goes into it, in which order, and the Dockerfile that says so.

Facts behind the order and the oddities (docs pages agent-images and the astro CLI's source):

- The plain tags of the agent's base image carry ONBUILD triggers that copy `packages.txt` and `requirements.txt` from the
  context, so both are always staged, empty.
- A build argument reaches `docker history` of the stage that uses it. Whatever needs a package index with credentials
  therefore happens in a stage of its own; the image takes over files only.
- dbt lives in a virtual environment of its own, away from Airflow's dependencies; its pip is called by its path, because
  `source` fails where /bin/sh is dash.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from settings.dbt import DbtProject
from settings.image import Image
from settings.stack import Settings

PROJECTS_ROOT = "/usr/local/airflow/dbt"
"""Folder of the image with one folder per dbt project."""
DBT_VENV = "/home/astro/dbt_venv"
"""dbt's virtual environment in the image."""
AGENT_UID = 50000
"""User that the agents run as (chart's default podSecurityContext)."""

CA_FILE = "ca.crt"
"""Name of the extra certificate authorities in the context."""
_CA_PATH = "/run/astro-dbt-ca.crt"
_CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")


@dataclass(frozen=True)
class Source:
    """Where the files of one dbt project come from."""

    name: str
    """Name of the project."""
    folder: str | None
    """Local folder, or …"""
    repo: str | None
    """… clone URL with …"""
    ref: str
    """… branch, tag or commit, and …"""
    subdir: str | None
    """… folder inside it."""
    connection: str | None
    """Connection that opens the repository."""


@dataclass(frozen=True)
class Recipe:
    """How the client image is built."""

    repository: str
    """Where it is pushed, without a tag."""
    base: str
    """Image it builds on."""
    platform: str
    """Platform, for example linux/amd64."""
    sources: tuple[Source, ...]
    """dbt projects, staged under `dbt/<name>` of the context."""
    files: Mapping[str, str]
    """Further files of the context: name -> content."""
    dockerfile: str | None
    """The user's own Dockerfile (path relative to Pulumi.yaml); None: `files["Dockerfile"]`."""
    ca_bundle: str | None
    """PEM file with extra certificate authorities (path relative to Pulumi.yaml)."""
    arguments: Mapping[str, str]
    """Build arguments that are no secrets."""


def recipe(settings: Settings) -> Recipe | None:
    """Recipe of the stack's client image; None when the stack has no `image`."""
    image = settings.image
    if image is None:
        return None
    files = {"packages.txt": "", "requirements.txt": ""}
    if image.dockerfile is None:
        files |= {
            "Dockerfile": dockerfile(image, settings.dbt_projects),
            "requirements-agent.txt": _lines(image.packages),
            "requirements-dbt.txt": _lines(image.adapters),
        }
    return Recipe(
        repository=image.repository,
        base=image.base,
        platform=image.platform,
        sources=tuple(_source(project) for project in settings.dbt_projects),
        files=files,
        dockerfile=image.dockerfile,
        ca_bundle=image.ca_bundle,
        arguments=_arguments(image),
    )


def _source(project: DbtProject) -> Source:
    local = project.source is not None
    return Source(
        name=project.name,
        folder=project.source,
        repo=None if local else project.repo,
        ref=project.ref,
        subdir=None if local else project.subdir,
        connection=None if local else project.connection,
    )


def _arguments(image: Image) -> dict[str, str]:
    arguments = {"BASE_IMAGE": image.base}
    if image.package_index:
        arguments["PIP_INDEX_URL"] = image.package_index
    if image.proxy:
        arguments |= {"HTTP_PROXY": image.proxy, "HTTPS_PROXY": image.proxy}
    if image.no_proxy:
        arguments["NO_PROXY"] = image.no_proxy
    return arguments


def _lines(requirements: tuple[str, ...]) -> str:
    return "".join(f"{requirement}\n" for requirement in requirements)


def dockerfile(image: Image, projects: tuple[DbtProject, ...]) -> str:
    """The generated Dockerfile: dependencies first, so that a change of a dbt project costs its own layers only."""
    parts = [_packages_stage(image), _image_stage(image)]
    if image.adapters and image.parse:
        parts += [_parse_step(image, project) for project in projects]
    parts.append(f"USER {AGENT_UID}\n")
    return "\n".join(parts)


def _run(image: Image, script: list[str], *, mounts: tuple[str, ...] = ()) -> str:
    """A RUN instruction that sees the certificate authorities without leaving them in the image."""
    options = list(mounts)
    steps = list(script)
    if image.ca_bundle:
        options.insert(0, f"--mount=type=bind,source={CA_FILE},target={_CA_PATH}")
        steps.insert(0, "export " + " ".join(f"{name}={_CA_PATH}" for name in _CA_VARIABLES))
    lead = " ".join(["RUN", *options]) + (" \\\n    " if options else " ")
    return lead + " \\\n && ".join(["set -e", *steps]) + "\n"


def _packages_stage(image: Image) -> str:
    """Everything that talks to a package index; none of its layers or arguments reach the image."""
    constraint = f" --constraint {shlex.quote(image.constraints)}" if image.constraints else ""
    agent = [
        "mkdir -p /wheels",
        "python3 -m pip freeze | sort > /tmp/before.txt",
        f"python3 -m pip install --no-cache-dir{constraint} -r /tmp/requirements-agent.txt",
        "python3 -m pip freeze | sort > /tmp/after.txt",
        "comm -13 /tmp/before.txt /tmp/after.txt > /wheels/agent.txt",
        "python3 -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels -r /wheels/agent.txt",
    ]
    dbt = [
        f"python3 -m venv {DBT_VENV}",
        f"{DBT_VENV}/bin/pip install --no-cache-dir -r /tmp/requirements-dbt.txt",
    ]
    lines = ["ARG BASE_IMAGE", "FROM ${BASE_IMAGE} AS packages", "USER root", "ARG PIP_INDEX_URL"]
    lines.append("COPY requirements-agent.txt requirements-dbt.txt /tmp/")
    body = "\n".join(lines) + "\n"
    body += _run(image, agent) if image.packages else "RUN mkdir -p /wheels && touch /wheels/agent.txt\n"
    if image.adapters:
        body += _run(image, dbt)
    return body


def _image_stage(image: Image) -> str:
    lines = ["FROM ${BASE_IMAGE}\n", "USER root\n"]
    if image.system_packages:
        names = " ".join(shlex.quote(name) for name in image.system_packages)
        install = [
            "apt-get update",
            f"apt-get install -y --no-install-recommends {names}",
            "rm -rf /var/lib/apt/lists/*",
        ]
        lines.append(_run(image, install))
    lines.append(
        "RUN --mount=type=bind,from=packages,source=/wheels,target=/wheels \\\n"
        "    python3 -m pip install --no-cache-dir --no-index --no-deps --find-links /wheels -r /wheels/agent.txt\n"
    )
    if image.adapters:
        lines.append(f"COPY --from=packages --chown={AGENT_UID}:{AGENT_UID} {DBT_VENV} {DBT_VENV}\n")
    lines.append(f"COPY --chown={AGENT_UID}:{AGENT_UID} dbt {PROJECTS_ROOT}\n")
    return "".join(lines)


def _parse_step(image: Image, project: DbtProject) -> str:
    """dbt packages and manifest at build time, as the agents' user, so that no agent has to make them."""
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in sorted(project.parse_env.items()))
    dbt = f"{DBT_VENV}/bin/dbt"
    script = [
        f"cd {PROJECTS_ROOT}/{project.name}",
        "export HOME=/tmp DBT_SEND_ANONYMOUS_USAGE_STATS=false" + (f" {variables}" if variables else ""),
        f"if [ -f packages.yml ] || [ -f dependencies.yml ]; then {dbt} deps; fi",
        f"if [ -f profiles.yml ]; then {dbt} parse --profiles-dir . --log-path /tmp/dbt-logs; fi",
    ]
    return f"USER {AGENT_UID}\n" + _run(image, script)
