"""The example in Airflow's own Git bundle, from real repositories: every version has its project, and each content one manifest."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import Workspace
from tests.support.repositories import git
from trial.proof import DRIVER

pytestmark = pytest.mark.airflow


class Bundle:
    """A Dag repository with the project as its submodule, and the processes of a Pod that follow it."""

    def __init__(self, workspace: Workspace, *, path: str, name: str, subdir: str) -> None:
        self.workspace = workspace
        self.path = path
        self.project = workspace.place_project(workspace.root / "project")
        self.dags = workspace.root / "repository"
        dag = workspace.dags / "jaffle_dag.py"
        dag.write_text(dag.read_text().replace('find("jaffle"', f'find("{name}"'))
        for folder in (self.project, self.dags):
            git("init", "--quiet", "--initial-branch=main", cwd=folder)
        self._commit(self.project)
        git(
            *(
                "-c",
                "protocol.file.allow=always",
                "submodule",
                "--quiet",
                "add",
                f"file://{self.project}",
                path,
            ),
            cwd=self.dags,
        )
        self._commit(self.dags)
        kwargs = {"tracking_ref": "main", "submodules": True, "subdir": subdir or None}
        entry = {
            "name": "dags",
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": kwargs,
        }
        self.variables = workspace.variables(
            AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps([entry]),
            AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH=str(workspace.root / "bundles"),
            AIRFLOW_CONN_GIT_DEFAULT=json.dumps({"conn_type": "git", "host": f"file://{self.dags}"}),
            ASTRO_DBT_BUNDLE_SUBDIR=subdir,
            ASTRO_DBT_EXECUTABLE=str(workspace.counted_dbt()),
            ASTRO_DBT_PROJECTS=json.dumps({name: {"repository": path}}),
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0="protocol.file.allow",
            GIT_CONFIG_VALUE_0="always",
        )

    def _commit(self, folder: Path) -> str:
        git("add", ".", cwd=folder)
        git("commit", "--quiet", "-m", "Change", cwd=folder)
        return git("rev-parse", "HEAD", cwd=folder)

    def head(self) -> str:
        """Return the commit of the Dag repository."""
        return git("rev-parse", "HEAD", cwd=self.dags)

    def add_model(self, name: str) -> str:
        """Commit a model, move the submodule, and return the commit of the Dag repository."""
        (self.project / "models" / f"{name}.sql").write_text("select 1 as id\n")
        wanted = self._commit(self.project)
        git("fetch", "--quiet", cwd=self.dags / self.path)
        git("checkout", "--quiet", wanted, cwd=self.dags / self.path)
        return self._commit(self.dags)

    def process(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """Let a new process of Airflow do something; return its answers but the greeting."""
        ended = subprocess.run(
            [self.workspace.python, DRIVER],
            env=self.workspace.airflow.variables(self.variables),
            input="".join(json.dumps(request) + "\n" for request in requests),
            capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        answers = [json.loads(line) for line in ended.stdout.splitlines()][1:]
        assert ended.returncode == 0, ended.stderr[-3000:]
        assert [answer for answer in answers if not answer["ok"]] == [], ended.stderr[-3000:]
        return answers


@pytest.mark.parametrize(
    ("path", "name", "subdir"),
    [("dags/dbt/jaffle", "jaffle", "dags"), ("dbt/jaffle-shop", "jaffle-shop", "")],
    ids=["in the Dags' folder", "next to it, without subdir"],
)
def test_each_version_has_its_project_and_each_content_one_manifest(
    workspace: Workspace, path: str, name: str, subdir: str
) -> None:
    bundle = Bundle(workspace, path=path, name=name, subdir=subdir)
    first = bundle.head()
    *_, before = bundle.process({"do": "initialise"}, {"do": "parse"})
    second = bundle.add_model("added")
    *_, after = bundle.process({"do": "initialise"}, {"do": "refresh"}, {"do": "parse"})
    seen = {
        version: bundle.process(
            {"do": "initialise", "version": version}, {"do": "parse", "version": version}
        )[-1]
        for version in (first, second)
    }
    assert before["errors"] == after["errors"] == {}
    assert set(after["dags"]["jaffle"]) - set(before["dags"]["jaffle"]) == {"added_run"}
    assert seen[first]["dags"] == before["dags"]
    assert seen[second]["dags"] == after["dags"]
    assert workspace.dbt_calls == ["parse", "parse"]
