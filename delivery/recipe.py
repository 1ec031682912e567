"""Recipes of the images: the runtime image of both options, and the layers with dbt projects (and Dags) that `agent-image` adds.

There are two images, and the second is built FROM the digest of the first. So the layers below the projects are identical
under both options, on every machine, and switching builds and pushes only the projects' layers.

Reasons for the order and other choices (docs pages agent-images and the astro CLI's source):

- The plain tags of the agent's base image carry ONBUILD triggers that copy `packages.txt` and `requirements.txt` from the
  context, so the runtime's context always has both, empty.
- A build argument appears in `docker history` of the stage that uses it. Everything that needs a package index with
  credentials therefore runs in a separate stage, from which the image only copies files.
- dbt is in a separate virtual environment, away from Airflow's dependencies. Its pip is called by its path, because
  `source` fails if /bin/sh is dash.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.image_labels import ImageContents, encode, instructions
from settings.dags import REPOSITORY, GitBundle
from settings.dbt import DbtProject
from settings.image import Image
from settings.stack import Settings

PROJECTS_ROOT = "/usr/local/airflow/dbt"
"""Folder of the image with one folder per dbt project."""
BUNDLES_ROOT = "/usr/local/airflow/bundles"
"""Folder of the image with one folder per Dag bundle that is baked into it."""
DBT_VENV = "/home/astro/dbt_venv"
"""dbt's virtual environment in the image."""
DBT = f"{DBT_VENV}/bin/dbt"
"""dbt in the image."""
AGENT_UID = 50000
"""User id that the agents run as (chart's default podSecurityContext)."""

PACKAGES = "packages"
"""Folder of the projects' context with one folder per dbt project: what installs its packages, visible to that step only."""
PACKAGES_PATH = "/run/astro-dbt"
"""Where that step sees it."""
_INSTALL, _PARSE = "install_packages.py", "create_manifest.py"
_IN_IMAGE = Path(__file__).with_name("in_image")

RECIPE_KEYS = ("adapters", "packages", "systemPackages", "constraints", "dockerfile", "caBundle")
"""Keys of `image` that decide what is in the image below the dbt projects, apart from its base and platform."""

CA_FILE = "ca.crt"
"""Name of the extra certificate authorities in the context."""
_CA_PATH = "/run/astro-dbt-ca.crt"
_CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")


@dataclass(frozen=True)
class Source:
    """Where the files of a dbt project or a Dag bundle come from."""

    at: str
    """Stack key of the project or bundle, for example `dbtProjects[0]`."""
    target: str
    """Folder of the context that they are staged in, for example `dbt/jaffle`."""
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
    is_dbt: bool = True
    """Whether it is a dbt project, whose output stays out of the image."""
    without: tuple[str, ...] = ()
    """Other paths, from the root of the folder or repository, that are left out."""

    @property
    def name(self) -> str:
        """Name of the project or bundle."""
        return self.target.rpartition("/")[2]


@dataclass(frozen=True)
class Recipe:
    """How one image is built."""

    name: str
    """Name of its context's folder."""
    repository: str
    """Image repository to push to, without a tag."""
    base: str | None
    """Base image; None: the runtime image of the same stack."""
    platform: str
    """Platform, for example linux/amd64."""
    files: Mapping[str, str]
    """Files of the context: name -> content."""
    sources: tuple[Source, ...] = ()
    """dbt projects and Dag bundles that are staged in the context."""
    dockerfile: str | None = None
    """The user's own Dockerfile (path relative to Pulumi.yaml); None: `files["Dockerfile"]`."""
    ca_bundle: str | None = None
    """PEM file with extra certificate authorities (path relative to Pulumi.yaml)."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Build arguments that are not secret."""
    uses_package_index: bool = False
    """Whether it installs Python packages and needs the package index as a build argument."""


def runtime_recipe(settings: Settings) -> Recipe | None:
    """Recipe of the image that agents run under both options; None if the stack names a ready image."""
    image = settings.image
    if image is None:
        return None
    files = {"packages.txt": "", "requirements.txt": ""}
    if image.dockerfile is not None:
        files["dbt/.keep"] = ""  # the projects come later, and a Dockerfile that copies `dbt` keeps working
    else:
        files |= {
            "Dockerfile": runtime_dockerfile(image),
            "requirements-agent.txt": _lines(image.packages),
            "requirements-dbt.txt": _lines(image.adapters),
        }
    index = {"PIP_INDEX_URL": image.package_index} if image.package_index else {}
    return Recipe(
        name="runtime",
        repository=image.repository,
        base=image.base,
        platform=image.platform,
        files=files,
        dockerfile=image.dockerfile,
        ca_bundle=image.ca_bundle,
        arguments={"BASE_IMAGE": image.base, **index, **_network(image)},
        uses_package_index=True,
    )


def projects_recipe(settings: Settings) -> Recipe | None:
    """Recipe of the runtime image with the dbt projects on top; None if the stack has no `image`."""
    image = settings.image
    if image is None:
        return None
    return Recipe(
        name="context",
        repository=image.repository,
        base=None,
        platform=image.platform,
        files={
            "Dockerfile": projects_dockerfile(
                image, settings.dbt_projects, dags=bool(settings.baked_bundles)
            ),
            **_programs(settings),
        },
        sources=(
            *(_source(index, project) for index, project in enumerate(settings.dbt_projects)),
            *(_dags_source(settings, bundle) for bundle in settings.baked_bundles),
        ),
        ca_bundle=image.ca_bundle,
        arguments=_network(image),
    )


def _programs(settings: Settings) -> dict[str, str]:
    return {
        f"{PACKAGES}/{project.name}/{name}": (_IN_IMAGE / name).read_text(encoding="utf-8")
        for project in settings.dbt_projects
        for name in (_INSTALL, _PARSE)
    }


def bundle_folder(bundle: GitBundle) -> str:
    """Folder of the image with the Dags of a bundle."""
    return f"{BUNDLES_ROOT}/{bundle.name}"


def _dags_source(settings: Settings, bundle: GitBundle) -> Source:
    """The folder with the Dags, without the dbt projects in it, which the image has anyway."""
    local = bundle.source != REPOSITORY
    return Source(
        at=bundle.at,
        target=f"dags/{bundle.name}",
        folder=bundle.source if local else None,
        repo=None if local else bundle.repo,
        ref=bundle.ref,
        subdir=bundle.subdir,
        connection=None if local else bundle.connection,
        is_dbt=False,
        without=tuple(project.path for project in settings.projects_in(bundle) if project.path),
    )


def _source(index: int, project: DbtProject) -> Source:
    local = project.source is not None
    return Source(
        at=f"dbtProjects[{index}]",
        target=f"dbt/{project.name}",
        folder=project.source,
        repo=None if local else project.repo,
        ref=project.ref,
        subdir=None if local else project.subdir,
        connection=None if local else project.connection,
    )


def recipe_settings(image: Image) -> dict[str, Any]:
    """The settings of RECIPE_KEYS as in the stack file, without those that are not set."""
    every = image.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: every[key] for key in RECIPE_KEYS if key in every}


def contents_of(image: Image) -> ImageContents:
    """What the generated Dockerfile installs; the user's own may install anything."""
    return ImageContents(image.base, image.packages, image.adapters)


def _network(image: Image) -> dict[str, str]:
    """Docker's predefined build arguments for a proxy."""
    arguments: dict[str, str] = {}
    if image.proxy:
        arguments |= {"HTTP_PROXY": image.proxy, "HTTPS_PROXY": image.proxy}
    if image.no_proxy:
        arguments["NO_PROXY"] = image.no_proxy
    return arguments


def _lines(requirements: tuple[str, ...]) -> str:
    return "".join(f"{requirement}\n" for requirement in requirements)


def runtime_dockerfile(image: Image) -> str:
    """The generated Dockerfile of the runtime image."""
    end = f"USER {AGENT_UID}\n{instructions(encode(contents_of(image)))}"
    return "\n".join([_packages_stage(image), _image_stage(image), end])


def projects_dockerfile(image: Image, projects: tuple[DbtProject, ...], *, dags: bool = False) -> str:
    """The generated Dockerfile of the projects' layers: files, then dbt packages and manifest of each project.

    With ``dags`` the Dags are the last layer, so that a change of theirs needs no `dbt parse`.
    """
    parts = [
        "ARG RUNTIME_IMAGE\nFROM ${RUNTIME_IMAGE}\n",
        f"USER {AGENT_UID}\nCOPY --chown={AGENT_UID}:{AGENT_UID} dbt {PROJECTS_ROOT}\n",
    ]
    if image.adapters or image.dockerfile:
        for project in projects:
            parts.append(_packages_step(image, project))
            if image.parse:
                parts.append(_parse_step(image, project))
    if dags:
        parts.append(f"COPY --chown={AGENT_UID}:{AGENT_UID} dags {BUNDLES_ROOT}\n")
    return "\n".join(parts)


def _run(image: Image, script: list[str], *, mounts: tuple[str, ...] = ()) -> str:
    """A RUN instruction with access to the certificate authorities, which do not stay in the image."""
    options = list(mounts)
    steps = list(script)
    if image.ca_bundle:
        options.insert(0, f"--mount=type=bind,source={CA_FILE},target={_CA_PATH}")
        steps.insert(0, "export " + " ".join(f"{name}={_CA_PATH}" for name in _CA_VARIABLES))
    lead = " ".join(["RUN", *options]) + (" \\\n    " if options else " ")
    return lead + " \\\n && ".join(["set -e", *steps]) + "\n"


def _packages_stage(image: Image) -> str:
    """Everything that uses a package index; none of its layers or arguments reach the image."""
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
    return "".join(lines)


def _packages_step(image: Image, project: DbtProject) -> str:
    """dbt's own packages, unless the repository contains them: once per image, never per task."""
    return _dbt_step(image, project, f"python3 {PACKAGES_PATH}/{_INSTALL} {DBT}")


def _parse_step(image: Image, project: DbtProject) -> str:
    """The manifest, so that no agent has to create it."""
    target = f" {shlex.quote(project.target)}" if project.target else ""
    return _dbt_step(image, project, f"python3 {PACKAGES_PATH}/{_PARSE} {DBT}{target}")


def _dbt_step(image: Image, project: DbtProject, command: str) -> str:
    """A command in the project's folder, as the agents' user; an own Dockerfile may have no dbt at that place."""
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in sorted(project.parse_env.items()))
    guarded = f"if [ -x {DBT} ]; then {command}; fi" if image.dockerfile else command
    script = [
        f"cd {PROJECTS_ROOT}/{project.name}",
        "export HOME=/tmp DBT_SEND_ANONYMOUS_USAGE_STATS=false" + (f" {variables}" if variables else ""),
        guarded,
    ]
    mount = f"--mount=type=bind,source={PACKAGES}/{project.name},target={PACKAGES_PATH}"
    return _run(image, script, mounts=(mount,))
