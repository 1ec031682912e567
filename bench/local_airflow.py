"""A real Airflow with a local executor, whose Dags come from Git bundles, for as long as a context lasts."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import urllib3

from bench.dag_parse import EXAMPLES, write_project
from tests.support.airflow_env import PythonEnvironment
from tests.support.repositories import git

SLOTS = 4
"""Tasks that the worker runs at once."""
_LIMIT = 3600.0
_PROJECT = "dags/dbt/jaffle"


class Repository:
    """A Dag repository with a dbt project as its submodule."""

    def __init__(self, folder: Path, dag: str, *, models: int) -> None:
        """Make both; ``dag`` is the text of the only Dag file.

        The models depend on each other and hold no rows of each other: DuckDB lets only one process write a file, so each
        process has a database in memory.
        """
        self.folder, self._project, self._added = folder / "repository", folder / "project", 0
        project = write_project(self._project, models)
        (project / "models" / "schema.yml").unlink()
        for model in (project / "models").glob("*.sql"):
            text = model.read_text()
            needs = text.partition("from ")[2].strip() if "ref(" in text else ""
            model.write_text(f"-- depends_on: {needs}\nselect 1 as id\n" if needs else "select 1 as id\n")
        dags = self.folder / "dags"
        dags.mkdir(parents=True)
        shutil.copy(EXAMPLES / "dag-repo" / "dags" / "astro_projects.py", dags)
        (dags / "dag.py").write_text(dag)
        for made in (self._project, self.folder):
            git("init", "--quiet", "--initial-branch=main", cwd=made)
        _commit(self._project)
        allowed = ("-c", "protocol.file.allow=always")
        url = f"file://{self._project}"
        git(*allowed, "submodule", "--quiet", "add", url, _PROJECT, cwd=self.folder)
        self.head = _commit(self.folder)

    def push_a_model(self) -> str:
        """Add a model to the project and move the submodule; returns the commit of the Dag repository."""
        self._added += 1
        (self._project / "models" / f"added_{self._added}.sql").write_text("select 1 as id\n")
        wanted = _commit(self._project)
        git("fetch", "--quiet", cwd=self.folder / _PROJECT)
        git("checkout", "--quiet", wanted, cwd=self.folder / _PROJECT)
        self.head = _commit(self.folder)
        return self.head


def _commit(folder: Path) -> str:
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "-m", "Change", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)


class Airflow:
    """API server, scheduler with a local executor, Dag processor and triggerer, for as long as the context lasts.

    The Dag processor parses each file every 30 seconds, which is Airflow's default: a moved submodule does not change the time of
    a Dag's file, so nothing else has it parsed again.
    """

    def __init__(
        self,
        folder: Path,
        airflow: PythonEnvironment,
        dbt: PythonEnvironment,
        repositories: Mapping[str, Repository],
    ) -> None:
        """Dag id -> repository, which is also the name of its bundle."""
        self._folder, self._airflow, self._repositories = folder, airflow, repositories
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self._variables = airflow.variables(
            {
                "AIRFLOW_HOME": str(folder / "airflow"),
                "AIRFLOW__API__PORT": str(port),
                "AIRFLOW__API__HOST": "127.0.0.1",
                "AIRFLOW__API__WORKERS": "1",
                "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
                "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self._url}/execution/",
                "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                "AIRFLOW__CORE__PARALLELISM": str(SLOTS),
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
                "AIRFLOW__COSMOS__CACHE_DIR": str(folder / "cosmos"),
                "AIRFLOW__COSMOS__ENABLE_CACHE_DBT_LS": "False",
                "AIRFLOW__COSMOS__ENABLE_CACHE_DBT_YAML_SELECTORS": "False",
                "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "3600",
                # Five seconds are not enough on a machine that does much else.
                "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
                **_bundles(folder, repositories),
                "ASTRO_DBT_CACHE": str(folder / "cache"),
                "ASTRO_DBT_EXECUTABLE": str(dbt.program("dbt")),
                "JAFFLE_DUCKDB_PATH": ":memory:",
            }
        )
        self._processes: list[subprocess.Popen[bytes]] = []
        self._http = urllib3.PoolManager(retries=False, timeout=60)
        self._headers: dict[str, str] = {}

    def __enter__(self) -> Airflow:
        self._command("db", "migrate")
        for part in ("api-server", "scheduler", "dag-processor", "triggerer"):
            with (self._folder / f"{part}.log").open("wb") as log:
                self._processes.append(
                    subprocess.Popen(
                        [str(self._airflow.program("airflow")), part],
                        env=self._variables,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        stdin=subprocess.DEVNULL,
                        start_new_session=True,
                    )
                )
        try:
            self._await("its API", self._signed_in)
            self._await("its Dags", self._parsed)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
        for process in self._processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait(30)

    def run(self, dag: str) -> float:
        """Run a Dag to its end; returns the seconds from the request to the end."""
        started = time.perf_counter()
        run = self._call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
        path = f"/api/v2/dags/{dag}/dagRuns/{run}"
        state = self._await(f"the run of {dag}", lambda: self._ended(path))
        seconds = time.perf_counter() - started
        if state != "success":
            states = self._call("GET", f"{path}/taskInstances?limit=200")["task_instances"]
            failed = sorted(item["task_id"] for item in states if item["state"] == "failed")
            said = "".join(f"\n{line}" for task in failed for line in self._errors(f"{dag}.{task} "))
            raise SystemExit(f"error: the run of {dag} ended in {state}: {', '.join(failed[:5])}{said}")
        return seconds

    def _errors(self, task: str) -> list[str]:
        """What the scheduler says of a failed task."""
        log = (self._folder / "scheduler.log").read_text(encoding="utf-8", errors="replace")
        return [line for line in log.splitlines() if "[error " in line and task in line]

    def _ended(self, path: str) -> str:
        state = str(self._call("GET", path)["state"])
        return state if state in {"success", "failed"} else ""

    def _signed_in(self) -> str:
        answer = self._http.request("GET", f"{self._url}/auth/token")
        if answer.status not in {200, 201}:
            return ""
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return "yes"

    def _parsed(self) -> str:
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        if errors:
            raise SystemExit(f"error: Airflow cannot parse a Dag: {errors[0]['stack_trace'][-2000:]}")
        found = {item["dag_id"] for item in self._call("GET", "/api/v2/dags")["dags"]}
        return "yes" if found >= set(self._repositories) else ""

    def await_version(self, dag: str, commit: str) -> None:
        """Wait until a Dag was parsed at a commit of its repository."""
        self._await(
            f"{dag} at {commit}",
            lambda: "yes" if self._call("GET", f"/api/v2/dags/{dag}")["bundle_version"] == commit else "",
        )

    def _await(self, what: str, done: Any) -> str:
        limit = time.monotonic() + _LIMIT
        while time.monotonic() < limit:
            if any(process.poll() is not None for process in self._processes):
                raise SystemExit(f"error: Airflow ended: {self._logs()}")
            with suppress(urllib3.exceptions.HTTPError):
                if found := done():
                    return str(found)
            time.sleep(0.5)
        raise SystemExit(f"error: no end of waiting for {what}: {self._logs()}")

    def _logs(self) -> str:
        return "\n".join(path.read_text()[-700:] for path in sorted(self._folder.glob("*.log")))

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {**self._headers, "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        answer = self._http.request(method, self._url + path, headers=headers, body=sent)
        if answer.status >= 400:
            raise SystemExit(f"error: Airflow answers {path} with {answer.status}: {answer.data[:500]!r}")
        return answer.json()

    def _command(self, *arguments: str) -> None:
        ended = subprocess.run(
            [str(self._airflow.program("airflow")), *arguments],
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise SystemExit(f"error: airflow {' '.join(arguments)} failed: {ended.stderr[-1000:]}")


def _bundles(folder: Path, repositories: Mapping[str, Repository]) -> dict[str, str]:
    """Variables for the bundles, as agents have them, but looked at every ten seconds."""
    kwargs = {"tracking_ref": "main", "submodules": True, "subdir": "dags", "refresh_interval": 10}
    entries = [
        {
            "name": name,
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": {**kwargs, "git_conn_id": f"git_{name}"},
        }
        for name in repositories
    ]
    connections = {
        f"AIRFLOW_CONN_GIT_{name.upper()}": json.dumps({"conn_type": "git", "host": f"file://{item.folder}"})
        for name, item in repositories.items()
    }
    return {
        **connections,
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(entries),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(folder / "bundles"),
        "ASTRO_DBT_BUNDLE_SUBDIR": "dags",
        "ASTRO_DBT_PROJECTS": json.dumps({"jaffle": {"repository": _PROJECT}}),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
