"""The Docker client against one engine, with the registry logins of one pull secret and nothing of the user's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Docker:
    """An engine and the client's own folder."""

    host: str
    """The engine."""
    folder: Path
    """The client's configuration."""

    def login(self, config: bytes) -> None:
        """Know registries by the content of a pull secret (`.dockerconfigjson`), and by nothing else."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "config.json").write_bytes(config)

    def call(self, *arguments: str, stdin: str = "") -> str:
        """Run the client to its end and return what it prints; raises AssertionError when it fails."""
        done = subprocess.run(
            ["docker", *arguments],
            env=self._variables(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"
        return done.stdout

    def popen(self, *arguments: str, variables: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the client with further variables, its input and output as pipes."""
        return subprocess.Popen(
            ["docker", *arguments],
            env={**variables, **self._variables()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    def _variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.folder),
        }
