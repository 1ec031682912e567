"""The stand-ins keep to the trial, and their own Go tests pass."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.plugins.scratch import Scratch
from tests.support.stacks import ROOT
from trial.gobuild import QUICK_COMPILE

pytestmark = pytest.mark.engine

MODULES = ("common", "kubernetes", "docker")


@pytest.mark.parametrize("module", MODULES)
def test_go_tests(module: str) -> None:
    go = shutil.which("go")
    assert go, "the stand-ins are Go programs: install Go 1.26"
    folder = ROOT / "trial" / "go" / "plugins" / module
    # The same flags as for the programs, so that compiled packages are shared.
    done = subprocess.run(
        [go, "test", "-trimpath", QUICK_COMPILE, "./..."],
        cwd=folder,
        env={**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "\nok " in f"\n{done.stdout}", "no test ran"


@pytest.fixture
def standins(scratch: Scratch) -> Scratch:
    """A program that runs on the stand-ins."""
    if scratch.info.pulumi.plugins != "standin":
        pytest.skip("the trial uses the official plugins, which serve everybody")
    return scratch


def test_standins_say_so_once(standins: Scratch) -> None:
    standins.program('k8s.Provider("p", kubeconfig=trial["kubeconfig"])')
    standins.program(
        """
        provider = k8s.Provider("p", kubeconfig=trial["kubeconfig"])
        for name in ("a", "b"):
            k8s.core.v1.ConfigMap(name, metadata={"name": name + pulumi.get_project(), "namespace": "default"},
                                  opts=pulumi.ResourceOptions(provider=provider))
        """
    )
    printed = standins.require("preview", "--diff")
    assert printed.count("this is a stand-in of the Pulumi plugin kubernetes 4.29.0") == 1


def test_refused_outside_of_the_trial(standins: Scratch, tmp_path: Path) -> None:
    standins.program('k8s.Provider("p", kubeconfig="x")', header=HEADER)
    standins.variables.pop("ASTRO_DBT_TRIAL")
    done = standins.pulumi("preview")
    assert done.returncode != 0
    assert "runs only inside the trial environment (ASTRO_DBT_TRIAL is not set)" in done.stdout
    standins.variables["ASTRO_DBT_TRIAL"] = str(tmp_path)
    done = standins.pulumi("preview")
    assert done.returncode != 0
    assert "which holds no readable environment.json" in done.stdout


def test_other_clusters_and_registries_are_refused(standins: Scratch) -> None:
    standins.program(
        """
        elsewhere = json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        })
        provider = k8s.Provider("p", kubeconfig=elsewhere)
        k8s.core.v1.Namespace("n", opts=pulumi.ResourceOptions(provider=provider))
        """
    )
    done = standins.pulumi("preview")
    assert done.returncode != 0
    assert 'refuses the cluster at "192.0.2.1:6443"' in done.stdout

    (standins.folder / "Dockerfile").write_text("FROM scratch\n")
    standins.program(
        """
        import pulumi_docker as docker
        docker.Image("i", image_name="registry.example.com/a:1", build=docker.DockerBuildArgs(context="."))
        """
    )
    assert 'refuses the registry at "registry.example.com"' in standins.fail()


HEADER = "import json, os, pulumi\nimport pulumi_kubernetes as k8s\n"
