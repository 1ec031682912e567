"""Docker images through the plugin and the engine."""

from __future__ import annotations

import os

import pytest

from delivery.recipe import Recipe, Source
from program.build_context import stage
from tests.plugins.scratch import Scratch
from tests.support.docker_client import Docker

pytestmark = pytest.mark.engine

PROGRAM = """
    import pulumi_docker as docker
    registry = trial["registry"]
    image = docker.Image(
        "image",
        image_name=f"{registry['server']}/plugins/{pulumi.get_project()}:1",
        build=docker.DockerBuildArgs(
            context="context",
            dockerfile="context/Dockerfile",
            platform="linux/amd64",
            args={"BASE": trial["base_image"], "TOKEN": pulumi.Output.secret("canary-argument")},
        ),
        registry=docker.RegistryArgs(
            server=registry["server"],
            username=registry["username"],
            password=pulumi.Output.secret(config.get("password") or registry["password"]),
        ),
    )
    pulumi.export("digest", image.repo_digest)
    """
DOCKERFILE = """\
ARG BASE
FROM ${BASE}
ARG TOKEN
RUN echo "the token is ${TOKEN}" > /dev/stderr
COPY a.txt /a.txt
"""


@pytest.fixture
def image(scratch: Scratch) -> Scratch:
    """A program with an image; its base is private, as everything in the trial's registry."""
    assert scratch.info.base_image, "the trial environment has no base image"
    context = scratch.folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / ".dockerignore").write_text("ignored\n")
    (context / "a.txt").write_text("1\n")
    scratch.program(PROGRAM)
    return scratch


def test_image_life(image: Scratch) -> None:
    printed = image.up()
    assert "canary" not in printed
    assert "canary" not in image.state()
    assert image.info.registry.password not in image.state()
    first = image.outputs()["digest"]
    name = f"{image.info.registry.server}/plugins/{image.name}"
    assert first.startswith(f"{name}@sha256:")

    os.utime(image.folder / "context" / "a.txt", (1, 1))
    (image.folder / "context" / "ignored").write_text("x")
    image.configure("password", "another-one-that-is-wrong")
    assert image.changes() == {}, "a touched or ignored file, or a new password, rebuilds"
    image.configure("password", image.info.registry.password)

    (image.folder / "context" / "a.txt").write_text("2\n")
    assert image.changes() == {"update image": {"build": "update"}}
    image.up()
    assert image.outputs()["digest"] != first


def test_failed_build_and_push(image: Scratch) -> None:
    (image.folder / "context" / "Dockerfile").write_text(DOCKERFILE + "RUN exit 7\n")
    assert "exit code: 7" in image.fail()
    (image.folder / "context" / "Dockerfile").write_text("FROM scratch\nCOPY a.txt /\n")
    image.configure("password", "canary-password")
    printed = image.fail()
    assert "error reading push output" in printed
    assert "canary" not in printed


def test_no_docker_engine(image: Scratch) -> None:
    image.variables["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
    assert "failed to connect to any docker daemon" in image.pulumi("preview").stdout


@pytest.mark.parametrize("ignored", [".dockerignore", "Dockerfile.client.dockerignore"])
def test_a_dockerignore_next_to_an_own_dockerfile_hides_nothing_that_is_staged(
    image: Scratch, ignored: str
) -> None:
    client, project = image.folder / "client", image.folder / "jaffle"
    for folder in (client, project / "models"):
        folder.mkdir(parents=True)
    (client / "Dockerfile.client").write_text("ARG BASE\nFROM ${BASE}\nCOPY . /staged\n")
    (client / "requirements-client.txt").write_text("")
    (client / "secret.txt").write_text("left out by the user")
    (client / ignored).write_text("*\n!requirements-client.txt\n")
    (project / "dbt_project.yml").write_text("name: jaffle\n")
    (project / "models" / "a.sql").write_text("select 1\n")
    recipe = Recipe(
        name="context",
        repository="r/x",
        base=None,
        platform="linux/amd64",
        sources=(Source("dbtProjects[0]", "dbt/jaffle", "jaffle", None, "main", None, None),),
        files={"packages.txt": ""},
        dockerfile="client/Dockerfile.client",
    )
    stage(
        recipe,
        root=image.folder,
        folder="context",
        checkout=lambda source, target: None,
        mirror=lambda *_: {},
    )
    image.up()
    assert image.info.docker_host
    docker = Docker(image.info.docker_host, image.folder / "docker")
    find = ("find", image.outputs()["digest"], "/staged", "-type", "f")
    listing = docker.call("run", "--rm", "--network=none", "--entrypoint", *find)
    # Docker needs these two for the build and sends them whatever is ignored.
    needed = {"/staged/.dockerignore", "/staged/Dockerfile"}
    assert sorted(set(listing.split()) - needed) == [
        "/staged/dbt/jaffle/dbt_project.yml",
        "/staged/dbt/jaffle/models/a.sql",
        "/staged/packages.txt",
        "/staged/requirements-client.txt",
        "/staged/requirements.txt",
    ]
