"""The pipelines' YAML: checked by the tools made for it, and by what this project asks of a pipeline."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from review.cli import parser
from tests.support.go_program import go_program
from tests.support.pipelines import (
    GITLAB,
    PREPARE,
    WORKFLOWS,
    gitlab_jobs,
    jobs,
    load,
    resolved,
    run_tool,
    steps,
)
from tests.support.stacks import ROOT

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
ALL = [*WORKFLOWS, PREPARE, GITLAB]
SCHEMAS = {
    "vendor.github-workflows": (*WORKFLOWS,),
    "custom.github-workflows-require-timeout": (*WORKFLOWS,),
    "vendor.github-actions": (PREPARE,),
    "vendor.gitlab-ci": (GITLAB,),
}
"""Schemas of the hosts, as check-jsonschema ships them."""


@pytest.fixture(scope="session")
def actionlint() -> str:
    """The tool, built from its pinned Go module once."""
    return str(go_program(ACTIONLINT))


def lint(tool: str, *files: Path) -> subprocess.CompletedProcess[str]:
    # Without shellcheck and pyflakes the answer does not depend on the machine.
    command = [tool, "-no-color", "-shellcheck=", "-pyflakes=", *map(str, files)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_actionlint_finds_nothing(actionlint):
    done = lint(actionlint, *WORKFLOWS)
    assert (done.stdout, done.returncode) == ("", 0)


def test_actionlint_would_find_something(actionlint, tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:"))
    assert lint(actionlint, broken).returncode == 1


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_yamllint_finds_nothing(file):
    assert run_tool("yamllint", "--strict", "--config-file", ".yamllint.yaml", str(file)) == (0, "")


def validate(schema: str, *files: Path) -> tuple[int, str]:
    # `!reference` and the like are GitLab's own; the schema sees the file without them.
    transform = ("--data-transform", "gitlab-ci") if schema == "vendor.gitlab-ci" else ()
    return run_tool("check_jsonschema", *transform, "--builtin-schema", schema, *map(str, files))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_are_valid_by_the_schema_of_their_host(schema):
    code, output = validate(schema, *SCHEMAS[schema])
    assert code == 0, output


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ("vendor.github-workflows", "runs-on:", "run-on:"),
        ("vendor.github-actions", "using: composite", "use: composite"),
        ("vendor.gitlab-ci", "resource_group: drift", "resource_group: [drift]"),
        ("vendor.gitlab-ci", "when: manual", "when: by-hand"),
    ],
)
def test_a_schema_would_find_something(schema, right, wrong, tmp_path):
    text = SCHEMAS[schema][0].read_text(encoding="utf-8")
    assert right in text
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace(right, wrong), encoding="utf-8")
    assert validate(schema, broken)[0] == 1


@pytest.mark.parametrize("file", [*WORKFLOWS, PREPARE], ids=lambda file: file.name)
def test_actions_are_pinned_to_commits(file):
    used = [step["uses"] for step in steps(file) if "uses" in step]
    assert used or file.name == "up.yml"
    for name in used:
        assert name.startswith("./") or re.search(r"@[0-9a-f]{40}$", name), name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_job_has_the_permissions_that_its_steps_need_and_no_others(file):
    assert load(file)["permissions"] == {}
    for job in jobs(file).values():
        text = str(job)
        needed = {"contents": "read"}
        if "actions/prepare" in text or "uses" in job:
            needed["id-token"] = "write"
        if "-m review comment" in text:
            needed["pull-requests"] = "write"
        if "--issue" in text:
            needed["issues"] = "write"
        assert job["permissions"] == needed


def test_no_long_lived_cloud_keys():
    for file in ALL:
        text = file.read_text(encoding="utf-8")
        assert "AWS_SECRET_ACCESS_KEY" not in text
        assert "access-key" not in text
    assert "id_tokens" in load(GITLAB)[".pulumi"]


def test_runs_of_the_same_stacks_never_overlap():
    up = load(ROOT / ".github/workflows/up-stacks.yml")["concurrency"]
    assert up["cancel-in-progress"] == "false"
    groups = {name: resolved(up, {"inputs.environment": name})["group"] for name in ("staging", "prod")}
    assert len(set(groups.values())) == 2, "runs of one environment wait for each other, and for no others"
    for name, job in gitlab_jobs().items():
        if any("fleet up" in line for line in job.get("script", [])):
            assert job["resource_group"], name


def test_prod_waits_for_staging_and_an_approval():
    prod = jobs(ROOT / ".github/workflows/up.yml")["prod"]
    assert (prod["needs"], prod["with"]["environment"]) == ("staging", "prod")
    assert jobs(ROOT / ".github/workflows/up-stacks.yml")["up"]["environment"] == "${{ inputs.environment }}"
    gitlab = gitlab_jobs()["prod"]
    assert gitlab["environment"] == "prod"
    assert [rule["when"] for rule in gitlab["rules"]] == ["manual"]
    assert load(GITLAB)["stages"].index("staging") < load(GITLAB)["stages"].index("prod")


def test_forks_get_no_credentials():
    """A job that may request cloud credentials never runs for a pull request of a fork."""
    guarded = 0
    for file in WORKFLOWS:
        if "pull_request" not in load(file)["on"]:
            continue
        for job in jobs(file).values():
            if "id-token" in job["permissions"] or "secrets." in str(job):
                assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
                guarded += 1
    assert guarded == 1


def test_nothing_of_an_event_is_written_into_a_script():
    for file in [*WORKFLOWS, PREPARE]:
        for step in steps(file):
            assert "${{" not in step.get("run", ""), file.name


def commands() -> list[list[str]]:
    """Arguments of every `python -m review` in the pipelines."""
    scripts = [step.get("run", "") for file in WORKFLOWS for step in steps(file)]
    scripts += [line for job in gitlab_jobs().values() for line in job.get("script", [])]
    found = []
    for script in scripts:
        for line in script.replace("\n", " ").split("||"):
            _, mark, rest = line.partition("-m review ")
            if mark:
                found.append(
                    shlex.split(
                        rest.partition("||")[0]
                        .replace('"$NUMBER"', "1")
                        .replace('"$CI_MERGE_REQUEST_IID"', "1")
                    )
                )
    return found


def test_every_command_of_the_pipelines_is_one_that_this_project_has():
    called = commands()
    for arguments in called:
        parser().parse_args(arguments)
    assert {arguments[0] for arguments in called} == {"fleet", "comment", "drift"}
    assert len(called) == 8


def test_drift_and_audit_run_on_a_schedule_and_nothing_else_does():
    """GitLab runs every job of a scheduled pipeline whose rules match."""
    scheduled = [file for file in WORKFLOWS if "schedule" in load(file)["on"]]
    assert [file.name for file in scheduled] == ["audit.yml", "drift.yml"]
    for file in scheduled:
        (schedule,) = load(file)["on"]["schedule"]
        assert len(schedule["cron"].split()) == 5
    for name, job in gitlab_jobs().items():
        if name.startswith("."):
            continue
        conditions = [rule["if"] for rule in job.get("rules", gitlab_jobs()[".up"]["rules"])]
        assert conditions, name
        assert all(("schedule" in text) == (name in {"audit", "drift"}) for text in conditions), name


def test_the_audit_gets_no_credentials_and_does_not_keep_drift_from_running():
    (audit,) = jobs(ROOT / ".github/workflows/audit.yml").values()
    assert [step["run"] for step in audit["steps"] if "run" in step] == ["make audit"]
    assert "secrets." not in str(audit)
    assert "vars." not in str(audit)
    gitlab = gitlab_jobs()
    assert gitlab["audit"]["script"] == ["make audit"]
    assert "extends" not in gitlab["audit"]
    assert "allow_failure" not in gitlab["audit"]
    assert gitlab["drift"]["needs"] == []


def test_files_that_pipelines_name_exist():
    text = "".join(file.read_text(encoding="utf-8") for file in ALL)
    locks = set(re.findall(r"(?:-r|--requirement) (\S+)", text))
    packs = set(re.findall(r"--policy-pack (\S+)", text))
    assert locks
    assert packs
    assert [name for name in locks if not (ROOT / name).is_file()] == []
    assert [name for name in packs if not (ROOT / name / "PulumiPolicy.yaml").is_file()] == []
