"""Azure Pipelines: valid by its schema, and the same commands as the other pipelines."""

from __future__ import annotations

import shlex

import pytest

from review.cli import parser
from tests.support.pipelines import load, run_tool
from tests.support.stacks import ROOT

PIPELINE = ROOT / "azure-pipelines.yml"
TEMPLATES = [ROOT / ".azure" / "prepare.yml", ROOT / ".azure" / "up.yml"]
ALL = [PIPELINE, *TEMPLATES]


def validate(*files: str) -> tuple[int, str]:
    # The schema's patterns are not those of Unicode mode.
    options = ("--regex-variant", "nonunicode", "--builtin-schema", "vendor.azure-pipelines")
    return run_tool("check_jsonschema", *options, *files)


def test_files_are_valid_by_the_schema_of_azure() -> None:
    code, output = validate(*map(str, ALL))
    assert code == 0, output


def test_the_schema_would_find_something(tmp_path) -> None:
    broken = tmp_path / "azure-pipelines.yml"
    broken.write_text(PIPELINE.read_text(encoding="utf-8").replace("runOnce:", "runTwice:"))
    assert validate(str(broken))[0] == 1


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_yamllint_finds_nothing(file) -> None:
    assert run_tool("yamllint", "--strict", "--config-file", ".yamllint.yaml", str(file)) == (0, "")


def stages():
    return {stage["stage"]: stage for stage in load(PIPELINE)["stages"]}


def scripts() -> list[str]:
    """Every script of the pipeline and its templates."""
    found = [step["inputs"]["inlineScript"] for step in load(TEMPLATES[1])["steps"] if "inputs" in step]
    for name in ("preview", "drift"):
        for step in stages()[name]["jobs"][0]["steps"]:
            found += [step["inputs"]["inlineScript"]] if "inputs" in step else []
    return found


def test_the_commands_are_this_project_s() -> None:
    called = []
    for script in scripts():
        for line in script.replace("\\\n", " ").splitlines():
            _, mark, rest = line.partition("-m review ")
            if mark:
                called.append(shlex.split(rest))
                parser().parse_args(called[-1])
    assert sorted(arguments[:2] for arguments in called) == [
        ["drift", "--stacks"], ["fleet", "preview"], ["fleet", "up"],
    ]  # fmt: skip


def test_a_failing_command_fails_the_step() -> None:
    for script in scripts():
        assert script.startswith("set -eu\n")


def test_prod_waits_for_staging_and_its_environment() -> None:
    prod = stages()["prod"]
    assert prod["dependsOn"] == ["staging"]
    assert prod["jobs"][0]["environment"] == "astro-dbt-prod"
    assert {stage["lockBehavior"] for name, stage in stages().items() if name in {"staging", "prod"}} == {
        "sequential"
    }


def test_previews_and_drift_use_the_identity_that_may_only_read() -> None:
    for name in ("preview", "drift"):
        steps = stages()[name]["jobs"][0]["steps"]
        assert {step["inputs"]["azureSubscription"] for step in steps if "inputs" in step} == {
            "astro-dbt-preview"
        }
    (task,) = (step for step in load(TEMPLATES[1])["steps"] if "inputs" in step)
    assert task["inputs"]["azureSubscription"] == "astro-dbt-up"


def test_a_schedule_starts_drift_and_the_audit_alone() -> None:
    conditions = {name: stage["condition"] for name, stage in stages().items()}
    scheduled = {name for name, text in conditions.items() if text.startswith("eq(") and "'Schedule'" in text}
    assert scheduled == {"drift", "audit"}
    for name in ("staging", "prod"):
        assert "ne(variables['Build.Reason'], 'Schedule')" in conditions[name]
    assert stages()["audit"]["dependsOn"] == []
    assert [step.get("script") for step in stages()["audit"]["jobs"][0]["steps"]] == [None, "make audit"]


def test_packages_are_checked_against_the_locks() -> None:
    (script,) = (step["script"] for step in load(TEMPLATES[0])["steps"] if "script" in step)
    assert "--require-hashes -r requirements.txt" in script


def test_the_passphrase_is_handed_over_by_the_environment_alone() -> None:
    for script in scripts():
        assert "PASSPHRASE" not in script
