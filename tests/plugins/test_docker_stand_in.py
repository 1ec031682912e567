"""The stand-in of the Docker plugin keeps to the trial, and its own Go tests pass."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.plugins.scratch import Scratch
from tests.support.stacks import ROOT
from trial.gobuild import COMPILE_FLAGS

pytestmark = pytest.mark.engine

HEADER = "import pulumi\nimport pulumi_docker as docker\n"
IMAGE = 'docker.Image("i", image_name="{name}", build=docker.DockerBuildArgs(context="."))'


def test_go_tests() -> None:
    go = shutil.which("go")
    assert go, "the stand-in is a Go program: install Go 1.26"
    # The same flags as for the program, so that compiled packages are shared.
    done = subprocess.run(
        [go, "test", *COMPILE_FLAGS, "./docker/..."],
        cwd=ROOT / "trial" / "go" / "pulumi",
        env={**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "\nok " in f"\n{done.stdout}", "no test ran"


@pytest.fixture
def standin(scratch: Scratch) -> Scratch:
    """A program that runs on the stand-in."""
    if scratch.info.pulumi.plugins["docker"] != "stand-in":
        pytest.skip("the trial uses the official Docker plugin, which serves everybody")
    (scratch.folder / "Dockerfile").write_text("FROM scratch\n")
    return scratch


def test_the_stand_in_says_once_what_it_is(standin: Scratch) -> None:
    server = standin.info.registry.server
    standin.program(
        "\n".join(IMAGE.replace('"i"', f'"{n}"').format(name=f"{server}/a:{n}") for n in "ab"), header=HEADER
    )
    printed = standin.require("preview", "--diff")
    assert printed.count("this is a stand-in of the Pulumi plugin docker 5.1.0") == 1


def test_the_stand_in_is_refused_outside_of_the_trial(standin: Scratch, tmp_path: Path) -> None:
    standin.program(IMAGE.format(name=f"{standin.info.registry.server}/a:1"), header=HEADER)
    standin.variables.pop("ASTRO_DBT_TRIAL")
    done = standin.pulumi("preview")
    assert done.returncode != 0
    assert "runs only inside the trial environment (ASTRO_DBT_TRIAL is not set)" in done.stdout
    standin.variables["ASTRO_DBT_TRIAL"] = str(tmp_path)
    done = standin.pulumi("preview")
    assert done.returncode != 0
    assert "which holds no readable environment.json" in done.stdout


def test_the_stand_in_refuses_other_registries(standin: Scratch) -> None:
    standin.program(IMAGE.format(name="registry.example.com/a:1"), header=HEADER)
    assert 'refuses the registry at "registry.example.com"' in standin.fail()
