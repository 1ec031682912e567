"""Stacks of the project on the real engine, each with its own namespace in the tests' trial environment."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.config import new_client_from_config

from settings.stack import config_key, secret_fields
from tests.support.kube_objects import kubectl
from tests.support.stacks import ROOT, stack
from tests.support.workers import trial_of_this_worker
from trial.environment import Environment, EnvironmentInfo

PROGRAM = (
    "Pulumi.yaml", "__main__.py", "adoption", "clients", "components", "delivery", "domain", "examples", "preflight",
    "program", "settings",
)  # fmt: skip
SECRET_KEYS = {config_key(field) for field in secret_fields()}

# Pulumi derives a key for each salt and each command, and encrypting is a command.
_salts: dict[str, str] = {}
"""File of a trial's passphrase -> the salt of its stacks."""
_encrypted: dict[tuple[str, str], Any] = {}
"""(salt, secret) -> what Pulumi has written into a stack file for it."""


def copy_program(target: Path) -> Path:
    """A copy of the program in another folder, as another checkout has it."""
    (target / "stacks").mkdir(parents=True)
    (target / ".venv").symlink_to(ROOT / ".venv")
    for name in PROGRAM:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("target", "logs")
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy(source, target / name)
    return target


def trial_config(info: EnvironmentInfo, name: str) -> dict[str, Any]:
    """The complete configuration, against the trial environment; its objects carry the stack's name."""
    config = stack()
    git, registry = info.git, info.registry
    config["dags"]["repo"] = f"{git.url}/platform/dags.git"
    config["dbtProjects"][0]["repo"] = f"{git.url}/analytics/jaffle.git"
    config["connections"]["git"] |= {"login": git.username, "caBundle": git.ca_file}
    config["credentials"]["git"]["password"] = git.token
    config["agent"] |= {
        "cluster": {"context": info.context},
        "namespace": f"agents-{name}",
        "chart": {**config["agent"]["chart"], "repository": info.chart_repository},
        "workers": [{"name": "default-worker", "terminationGracePeriodSeconds": 5}],
    }
    return config | {
        "registry": {"server": registry.server, "username": registry.username},
        "registryPassword": registry.password,
        "image": {
            "repository": f"{registry.server}/tests/{name}",
            "base": info.base_image or f"{registry.server}/none:1",
            # The recipe with real adapters is built once, in test_image.py; elsewhere an image is only delivered.
            "adapters": [],
            "packages": [],
        },
        "agentToken": "canary-agent-token",
        "preflight": {"checks": {}},
    }


class Project:
    """A folder with a Pulumi program, and the programs of the trial."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.environment, self.folder, self.info = environment, folder, environment.info()
        self.variables = {**environment.variables(), "NO_COLOR": "1"}

    def run(
        self, *command: str, cwd: Path | None = None, stdin: str = "", stderr: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        """A command with the trial's variables, in the program's folder."""
        return subprocess.run(
            command, cwd=cwd or self.folder, env=self.variables, input=stdin,
            stdout=subprocess.PIPE, stderr=stderr, text=True, check=False,
        )  # fmt: skip


class UpError(Exception):
    """`pulumi up` ended with an error; the text is all that it printed."""


class Up:
    """A `pulumi up` that succeeded. What it is asked for costs a run of the CLI, and is asked before the next update."""

    def __init__(self, stack: Stack, ended: subprocess.CompletedProcess[str]) -> None:
        self._stack = stack
        self.stdout, self.stderr = ended.stdout, ended.stderr

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, decoded from JSON."""
        assert self._stack.last is self, "the outputs are those of a later update"
        return self._stack.outputs()

    @cached_property
    def changes(self) -> dict[str, int]:
        """Number of changed resources by operation, the unchanged left out."""
        assert self._stack.last is self, "the latest update is a later one"
        (entry,) = json.loads(self._stack.printed("history", "--json", "--page-size", "1"))
        return {kind: count for kind, count in entry["resourceChanges"].items() if kind != "same"}


class Stack(Project):
    """One stack of a copy of the program."""

    def __init__(self, environment: Environment, folder: Path, name: str) -> None:
        super().__init__(environment, folder)
        self.name = name
        self.config = trial_config(self.info, name)
        self.last: Up | None = None
        self.file = folder / "stacks" / f"Pulumi.{name}.yaml"
        if (salt := _salts.get(self.info.pulumi.passphrase_file)) and not self.file.exists():
            self.file.write_text(yaml.safe_dump({"encryptionsalt": salt}))
        made = self.run("pulumi", "stack", "init", name, "--non-interactive")
        if "already exists" in made.stderr:
            made = self.run("pulumi", "stack", "select", name, "--non-interactive")
        assert made.returncode == 0, made.stderr

    @property
    def namespace(self) -> str:
        """Namespace of the agents."""
        return str(self.config["agent"]["namespace"])

    def write(self, config: dict[str, Any] | None = None) -> None:
        """Write the configuration into the stack file; Pulumi encrypts the secrets that it has not encrypted yet."""
        if config is not None:
            self.config = copy.deepcopy(config)
        content = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        salt = content.get("encryptionsalt", "")
        plain = {key: value for key, value in self.config.items() if key not in SECRET_KEYS}
        secret = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in self.config.items()
            if key in SECRET_KEYS
        }
        known = {key: found for key, value in secret.items() if (found := _encrypted.get((salt, value)))}
        content["config"] = {f"astro-dbt:{key}": value for key, value in {**plain, **known}.items()}
        self.file.write_text(yaml.safe_dump(content, sort_keys=False))
        new = {key: value for key, value in secret.items() if key not in known}
        if not new:
            return
        words = [word for key, value in new.items() for word in ("--secret", f"astro-dbt:{key}={value}")]
        done = self.pulumi("config", "set-all", *words)
        assert done.returncode == 0, done.stderr
        content = yaml.safe_load(self.file.read_text())
        salt = content["encryptionsalt"]
        _salts.setdefault(self.info.pulumi.passphrase_file, salt)
        _encrypted.update(
            {(salt, value): content["config"][f"astro-dbt:{key}"] for key, value in new.items()}
        )

    def up(self, config: dict[str, Any] | None = None) -> Up:
        """`pulumi up` with this configuration, or with the present one. Raises UpError."""
        self.write(config)
        return self.up_as_written()

    def up_as_written(self) -> Up:
        """`pulumi up` with the stack file as it is. Raises UpError."""
        ended = self.pulumi("up", "--yes", "--skip-preview", "--color", "never")
        if ended.returncode != 0:
            raise UpError(ended.stdout + ended.stderr)
        self.last = Up(self, ended)
        return self.last

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, decoded from JSON."""
        found: dict[str, Any] = json.loads(self.printed("output", "--json", "--show-secrets"))
        return found

    def printed(self, *arguments: str) -> str:
        """What a command of `pulumi stack` prints."""
        done = self.pulumi("stack", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def preview(
        self, config: dict[str, Any] | None = None, *, arguments: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """`pulumi preview`, with its exit code and everything it printed."""
        self.write(config)
        return self.pulumi("preview", "--diff", *arguments)

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The CLI in the program's folder."""
        return self.run("pulumi", *arguments, "--stack", self.name, "--non-interactive")

    def review(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`python -m review` on the program's folder; it never ends with a traceback."""
        command = (sys.executable, "-m", "review", "--cwd", str(self.folder), *arguments)
        done = self.run(*command, cwd=ROOT, stdin=stdin)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def kubectl(self, *arguments: str) -> str:
        """Output of kubectl on this stack's namespace."""
        return kubectl(self.environment, "--namespace", self.namespace, *arguments)

    def helm(self, *arguments: str) -> Any:
        """Output of a Helm command on this stack's namespace, decoded from JSON."""
        done = self.run("helm", "--namespace", self.namespace, *arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def history(self) -> list[int]:
        """Revisions of the release."""
        return [item["revision"] for item in self.helm("history", "astro-agent")]

    def api(self) -> client.CoreV1Api:
        """The Kubernetes API."""
        return client.CoreV1Api(new_client_from_config(self.info.kubeconfig, context=self.info.context))

    def deployments(self) -> dict[str, Any]:
        """Name -> Deployment of the release."""
        apps = client.AppsV1Api(self.api().api_client)
        return {
            str(item.metadata.name): item for item in apps.list_namespaced_deployment(self.namespace).items
        }

    def uids(self) -> dict[str, str]:
        """Name -> UID of the namespace and of every Secret that Helm does not write."""
        api = self.api()
        objects = [item.metadata for item in api.list_namespaced_secret(self.namespace).items]
        found = {
            str(item.name): str(item.uid) for item in objects if not str(item.name).startswith("sh.helm.")
        }
        return {"namespace": str(api.read_namespace(self.namespace).metadata.uid), **found}

    def state(self) -> str:
        """The stack's state as Pulumi stores it."""
        return self.printed("export")

    def forget(self) -> None:
        """Remove its namespace and its state, without a run of Pulumi and without waiting; for a test's end."""
        if namespace := self.config["agent"].get("namespace"):
            with contextlib.suppress(client.ApiException):
                self.api().delete_namespace(namespace)
        backend = self.info.pulumi.backend
        for path in backend.glob(f"stacks/*/{self.name}.json*"):
            path.unlink()
        for path in list(backend.rglob(self.name)):
            shutil.rmtree(path)

    def remove(self) -> None:
        """Destroy the stack."""
        if self.pulumi("destroy", "--yes", "--skip-preview", "--remove").returncode != 0:
            self.pulumi("stack", "rm", "--yes", "--force")


def environment_for_tests() -> Environment:
    """The trial environment of this worker's tests: a separate state folder, the user's cache."""
    state = Path(os.environ.get("TRIAL_TEST_STATE") or ROOT / trial_of_this_worker())
    return Environment(repo=ROOT, state=state)
