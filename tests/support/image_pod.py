"""A Pod of the agents in the image that the live cluster names, on a Docker engine: its own Airflow, its own dbt, its own files."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.agent_process import AGENT_GROUP, DATABASE, HARNESS, Pod
from trial.proof import DRIVER


@dataclass(kw_only=True)
class ImagePod(Pod):
    """A Pod whose process runs in the container's image, with what the container's security context says.

    Attributes:
        docker_host: the engine.
        login: content of the Pod's pull secret (`.dockerconfigjson`).
    """

    docker_host: str
    login: bytes

    def environment(self) -> dict[str, str]:
        """The container's variables and the database; PATH, HOME and the like are the image's."""
        return {
            **self.container.environment,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{DATABASE}",
        }

    def pull(self) -> None:
        """Pull the image with the Pod's pull secret."""
        done = subprocess.run(
            ["docker", "pull", "--quiet", self.container.image],
            env=self._client(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _client(self) -> dict[str, str]:
        config = self.folder / "docker"
        if not config.exists():
            config.mkdir(mode=0o700)
            (config / "config.json").write_bytes(self.login)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(config),
            "DOCKER_HOST": self.docker_host,
            "DOCKER_CONFIG": str(config),
        }

    def _start(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        variables = self.environment()
        mounts = {
            str(DRIVER): f"{HARNESS}/agent_driver.py:ro",
            str(self.folder / "state"): f"{HARNESS}/state",
        }
        for number, volume in enumerate(self.container.volumes):
            source: Path = self.materialise(number, volume)
            mounts[str(source)] = volume.path + ("" if volume.writable else ":ro")
        command = [
            "docker", "run", "--rm", "--interactive", "--pull", "never", "--network", "host",
            "--user", f"{self.container.uid}:{AGENT_GROUP}", "--group-add", str(self.container.gid),
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            *(["--read-only"] if self.container.read_only_root else []),
            *(word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}")),
            # Names alone: the client takes the values from its own environment, so that none is an argument.
            *(word for name in variables for word in ("--env", name)),
            "--entrypoint", "python", self.container.image, f"{HARNESS}/agent_driver.py",
        ]  # fmt: skip
        return subprocess.Popen(
            command,
            env={**variables, **self._client()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
