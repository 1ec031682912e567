"""The language host, through the engine: output, exit codes, hooks, plugin versions, installation."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.plugins.scratch import Scratch
from tests.support.stacks import ROOT

pytestmark = pytest.mark.engine


def test_host_imports_the_protocol_and_not_the_sdk() -> None:
    host = ROOT / "trial" / "language_host" / "pulumi-language-python"
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", host, "--version"], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert ended.stdout.strip() == version("pulumi")
    assert "pulumi.runtime.proto" in imported
    assert not {"pulumi", "pulumi.resource"} & imported


def test_run_error_is_one_line(scratch: Scratch) -> None:
    scratch.program('raise pulumi.RunError("the key x is missing: write x: 1")')
    printed = scratch.fail()
    assert "error: the key x is missing: write x: 1" in printed
    assert "Traceback" not in printed


def test_exception_shows_the_programs_frames(scratch: Scratch) -> None:
    scratch.program(
        """
        def fail():
            raise ValueError("boom")
        fail()
        """
    )
    printed = scratch.fail()
    assert "Program failed with an unhandled exception" in printed
    assert "ValueError: boom" in printed
    assert "run_program.py" not in printed
    assert "runpy" not in printed


def test_output_and_exit_code(scratch: Scratch) -> None:
    scratch.program('import sys\nprint("to stdout")\nprint("to stderr", file=sys.stderr)\nsys.exit(3)')
    printed = scratch.fail()
    assert "to stdout" in printed
    assert "to stderr" in printed
    assert "exited with non-zero exit code: 3" in printed


def test_context_of_the_program(scratch: Scratch) -> None:
    scratch.configure("hidden", "canary")
    scratch.program(
        """
        import sys
        pulumi.export("value", config.require_secret("hidden"))
        pulumi.export("context", {
            "project": pulumi.get_project(), "stack": pulumi.get_stack(), "organization": pulumi.get_organization(),
            "root": pulumi.runtime.get_root_directory(), "preview": pulumi.runtime.is_dry_run(), "argv": sys.argv,
            "python": sys.prefix,
        })
        try:
            config.require("hidden")
        except Exception as error:
            raise pulumi.RunError(str(error))
        """
    )
    printed = scratch.up()
    assert "canary" not in printed
    assert "canary" not in scratch.state()
    outputs = scratch.outputs()
    assert outputs["value"] == "canary"
    assert outputs["context"]["project"] == scratch.name
    assert outputs["context"]["stack"] == "dev"
    assert outputs["context"]["organization"] == "organization"
    assert outputs["context"]["root"] == str(scratch.folder)
    assert outputs["context"]["preview"] is False
    assert outputs["context"]["python"].endswith(".venv")


def test_hooks_run(scratch: Scratch) -> None:
    scratch.program(
        """
        def note(arguments):
            pulumi.log.info(f"hook before {arguments.name}")
        provider = k8s.Provider("p", kubeconfig=trial["kubeconfig"])
        hook = pulumi.ResourceHook("note", note)
        k8s.core.v1.Namespace(
            "space", metadata={"name": pulumi.get_project()},
            opts=pulumi.ResourceOptions(provider=provider, hooks=pulumi.ResourceHookBinding(before_create=[hook])),
        )
        """
    )
    assert "hook before space" in scratch.up()


def test_what_is_installed(scratch: Scratch) -> None:
    scratch.program("")
    about = json.loads(scratch.require("about", "--json"))
    plugins = {plugin["name"]: plugin["version"] for plugin in about["plugins"] or []}
    assert plugins["kubernetes"] == "4.25.0"
    assert plugins["docker"] == "5.1.0"
    dependencies = {item["name"]: item["version"] for item in about["dependencies"]}
    assert (
        dependencies["pulumi_kubernetes" if "pulumi_kubernetes" in dependencies else "pulumi-kubernetes"]
        == "4.25.0"
    )
    assert about["runtime"]["executable"].endswith(".venv/bin/python")


def test_missing_environment_is_reported(scratch: Scratch) -> None:
    scratch.program("")
    project = json.loads((scratch.folder / "Pulumi.yaml").read_text())
    project["runtime"]["options"]["virtualenv"] = "no-such-venv"
    (scratch.folder / "Pulumi.yaml").write_text(json.dumps(project))
    done = scratch.pulumi("preview")
    assert done.returncode != 0
    assert "no-such-venv" in done.stdout
    assert "Traceback" not in done.stdout


def test_policy_pack_knows_the_stack(scratch: Scratch, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
    (pack / "PulumiPolicy.yaml").write_text(json.dumps({"runtime": runtime}))
    (pack / "__main__.py").write_text(
        "import pulumi\n"
        "from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy\n"
        "def check(arguments, report):\n"
        "    report(f'seen {len(arguments.resources)} of {pulumi.get_project()}/{pulumi.get_stack()}')\n"
        "PolicyPack('pack', enforcement_level=EnforcementLevel.MANDATORY, policies=[\n"
        "    StackValidationPolicy(name='rule', description='a rule', validate=check)])\n"
    )
    scratch.program("")
    done = scratch.pulumi("preview", "--policy-pack", str(pack))
    assert done.returncode != 0
    assert f"seen 1 of {scratch.name}/dev" in done.stdout
    assert "KeyboardInterrupt" not in done.stdout
    assert "Traceback" not in done.stdout
