"""The report over real previews: one stack walked through everything that a pull request may do to it.

After each step that is applied, the Pods that really rolled are compared with those that the report had named. Set
UPDATE_GOLDEN=1 to write the golden files anew.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from review import Verdict, build, parse
from tests.support.repositories import Repository, git
from tests.support.stacks import ROOT
from trial.git_server import Grant, read_grants, write_grants

pytestmark = pytest.mark.engine

GOLDEN = ROOT / "tests" / "review" / "golden"
PROJECT = {
    "dbt_project.yml": "name: jaffle\nversion: '1.0'\nprofile: jaffle\nmodel-paths: [models]\n",
    "models/orders.sql": "select 1 as id\n",
}


class Repositories:
    """A Dag repository with a dbt submodule on the trial's Git server, apart from those of other tests."""

    def __init__(self, info):
        self.info = info
        folder = Path(info.git.repositories_dir) / "review"
        file = Path(info.git.credentials_file)
        grants = read_grants(file)
        allowed = [Grant(username=info.git.username, token=info.git.token)]
        write_grants(file, {**grants, "review/dags.git": allowed, "review/jaffle.git": allowed})
        self.dbt = Repository(folder / "jaffle.git")
        self.dags = Repository(folder / "dags.git")
        self.url = f"{info.git.url}/review/jaffle.git"
        self.pin(self.dbt.commit(PROJECT, message="Start"))

    def pin(self, commit):
        self.dags.commit(
            {"dags/example.py": "# a Dag\n"},
            submodules={"dags/dbt/jaffle": (self.url, commit)},
            message="Move jaffle",
        )


@pytest.fixture
def repositories(environment):
    info = environment.info()
    file = Path(info.git.credentials_file)
    grants = read_grants(file)
    made = Repositories(info)
    yield made
    write_grants(file, grants)
    shutil.rmtree(Path(info.git.repositories_dir) / "review")


class Walk:
    """One stack, its previews as reports, and what its updates really do."""

    def __init__(self, stack, repositories):
        self.stack, self.repositories = stack, repositories
        self.json = ""

    def report(self, name, config, *arguments, code=0):
        """Markdown of the preview of ``config`` by the command, compared with its golden file."""
        self.stack.write(config)
        self.json = self.stack.pulumi("preview", "--json").stdout
        file = self.stack.folder / f"{name}.md"
        source = ("--stack", self.stack.name, "--json", "-", "--output", str(file))
        done = self.stack.review("report", *source, *arguments, stdin=self.json)
        assert done.returncode == code, done.stderr + (file.read_text() if file.exists() else "")
        text = file.read_text(encoding="utf-8")
        self.assert_no_secret(text + done.stdout + done.stderr)
        self.compare(name, text)
        return text

    def assert_no_secret(self, text):
        secrets = [
            self.stack.config["agentToken"],
            self.stack.info.git.token,
            self.stack.info.registry.password,
        ]
        for secret in secrets:
            assert secret not in text

    def compare(self, name, text):
        golden = GOLDEN / f"{name}.md"
        plain = self.normal(text)
        if os.environ.get("UPDATE_GOLDEN"):
            golden.write_text(plain, encoding="utf-8")
        assert plain == golden.read_text(encoding="utf-8")

    def normal(self, text):
        """The text without what differs from one trial environment to the next."""
        info = self.stack.info
        # tests/review/test_objects.py compares this section with a golden file.
        text = re.sub(r"### Objects\n\n<details>.*?\n</details>\n\n?", "", text, flags=re.DOTALL)
        for found, name in (
            (info.git.url, "https://git.trial"),
            (info.git.url.removeprefix("https://").split(":")[0], "git.trial"),
            (info.chart_repository, "https://charts.trial"),
            (str(info.registry.server), "registry.trial"),
            (str(info.base_image).rpartition("/")[2], "agent:base"),
        ):
            text = text.replace(found, name)
        text = re.sub(r"git\.trial:\d+", "registry.trial", text)
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:<digest>", text)
        text = re.sub(r"(/tests/[a-z-]+):[0-9a-f]{20}\b", r"\1:<tag>", text)
        commits = re.findall(r"`([0-9a-f]{12})`", text)
        for number, commit in enumerate(dict.fromkeys(commits), start=1):
            text = text.replace(commit, f"<commit {number}>")
        return text

    def apply(self, config):
        """`up`; what rolled must be what the last report predicted."""
        predicted = build(parse(self.json, stack=self.stack.name))
        before = self.templates()
        self.stack.up(config)
        after = self.templates()
        fates = {part.name: part.fate for part in predicted.deployments}
        if predicted.deployments:
            assert set(fates) == {*before, *after}
        for name in {*before, *after}:
            if name not in before:
                really = "starts"
            elif name not in after:
                really = "goes"
            else:
                really = "rolls" if before[name] != after[name] else "stays"
            expected = "stays" if fates.get(name, "stays") == "scales" else fates.get(name, "stays")
            assert (name, expected) == (name, really)
        return predicted

    def templates(self):
        namespaces = [item.metadata.name for item in self.stack.api().list_namespace().items]
        if self.stack.namespace not in namespaces:
            return {}
        return {
            name: json.dumps(item.spec.template.to_dict(), sort_keys=True, default=str)
            for name, item in self.stack.deployments().items()
        }


def test_reports_of_one_stack_from_its_first_install_to_its_replacement(stack_in, tmp_path, repositories):
    stack = stack_in(tmp_path / "program", "review-walk")
    walk = Walk(stack, repositories)
    config = copy.deepcopy(stack.config)
    config["dags"]["repo"] = f"{stack.info.git.url}/review/dags.git"
    project = config["dbtProjects"][0]
    project["repo"] = repositories.url
    del project["source"]
    config["preflight"] = {
        "checks": {"dbt": {"level": "off", "reason": "the project of this test is no real one"}}
    }
    config["agent"]["chart"]["version"] = "1.0.2"
    config["agent"]["workers"] = [
        {"name": "default-worker", "terminationGracePeriodSeconds": 5},
        {"name": "dbt", "queues": ["dbt"], "replicas": 2, "terminationGracePeriodSeconds": 90},
    ]

    text = walk.report("first-install", config)
    assert "installs the agents" in text
    assert "Deployment `astro-agent-dag-processor`" in text
    assert "are added" in text
    walk.apply(config)
    assert "nothing to do" in walk.report("no-change", config)

    upgraded = copy.deepcopy(config)
    upgraded["agent"]["chart"]["version"] = "2.3.3"
    text = walk.report("chart-upgrade", upgraded)
    assert "from `1.0.2` to `2.3.3`" in text
    assert "- ServiceAccount `astro-agent-sentinel` is added" in text
    assert "- Secret `astro-agent-sentinel-auth` is read by `astro-agent-sentinel` from now on" in text
    config = upgraded
    walk.apply(config)

    repositories.dbt.commit({"models/orders.sql": "select 2 as id\n"}, message="Count orders twice (#7)")
    newest = repositories.dbt.commit(
        {"models/orders.sql": "select 3 as id\n"}, message="Name | the *third* order"
    )
    repositories.pin(newest)
    text = walk.report("dbt-bump-by-submodule", config)
    assert "no Pod restarts" in text
    assert newest[:12] in text
    walk.apply(config)

    wider = copy.deepcopy(config)
    wider["agent"]["workers"][1]["replicas"] = 3
    text = walk.report("more-workers", wider)
    assert "safe in place" in text
    assert "- Deployment `astro-agent-worker-dbt` changes:\n  - `spec.replicas`: `2` → `3`" in text
    config = wider
    walk.apply(config)

    image = {**copy.deepcopy(config), "delivery": "agent-image"}
    assert "rolls workers" in walk.report("switch-to-image", image)
    assert walk.apply(image).verdict is Verdict.ROLLS

    repositories.dbt.commit({"models/orders.sql": "select 4 as id\n"}, message="Fourth")
    text = walk.report("dbt-bump-by-image", image)
    assert "the commit of jaffle changes" in text
    walk.apply(image)

    rotated = {**copy.deepcopy(image), "agentToken": "canary-rotated-token"}
    text = walk.report("credential-rotation", rotated)
    assert "a Secret that it reads" in text
    walk.apply(rotated)

    repositories.pin(git("rev-parse", "HEAD", cwd=repositories.dbt.tree))
    back = {**copy.deepcopy(rotated), "delivery": "git-submodule"}
    assert "rolls workers" in walk.report("switch-to-submodule", back)
    walk.apply(back)

    moved = copy.deepcopy(back)
    moved["agent"]["namespace"] = "agents-review-elsewhere"
    assert "is deleted with everything in it" in walk.report(
        "destructive", moved, "--stop-on-replace", code=3
    )

    stack.config = copy.deepcopy(back)  # the stack file still holds the other namespace
    before = walk.templates()
    assert before
    done = stack.review("fleet", "up", "--stacks", stack.name, "--offline")
    assert done.returncode == 3, done.stderr
    assert "was not updated, because that would replace or remove something" in done.stdout
    assert walk.templates() == before

    wrong = copy.deepcopy(back)
    wrong["dags"]["ref"] = "no-such-branch"
    text = walk.report("failed-preflight", wrong, code=1)
    assert "astro-dbt:dags.ref" in text

    stack.write(back)
    done = stack.review("report", "--stack", stack.name)
    assert (done.returncode, done.stderr) == (0, "")
    assert "`review-walk`: nothing to do" in done.stdout
    walk.assert_no_secret(done.stdout)
    done = stack.review("report", "--stack", stack.name, "--json", "-", stdin="no preview")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the preview is not JSON")
    done = stack.review("report", "--stack", "no-such-stack")
    assert done.returncode == 2
    assert "no stack named 'no-such-stack' found" in done.stderr
