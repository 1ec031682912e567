"""The images that agents run in this proof: made once by the stack's own recipe, one per Git provider, and broken ones from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.delivery_proof.example import recipe
from tests.support import engine
from tests.support.docker_client import Docker
from trial.environment import Environment

PROVIDERS = ("1.0.1", "0.5.0")
"""A new version of the Git provider, and the last that puts tokens into clone URLs."""
BROKEN: Mapping[str, str] = {
    "an image without Cosmos": "python -m pip uninstall --yes astronomer-cosmos",
    "an image without the adapter": "/home/astro/dbt_venv/bin/python -m pip uninstall --yes dbt-duckdb",
}
"""What is wrong -> the command that takes it out of a good image."""


@dataclass
class Images:
    """Name (a provider version, or what is broken) -> reference by digest in the trial's registry."""

    environment: Environment
    folder: Path
    _made: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        if name == DEFAULT:
            return self.environment.info().base_image or ""
        if name not in self._made:
            make: Callable[[str], str] = self._break if name in BROKEN else self._build
            self._made[name] = make(name)
        return self._made[name]

    def _build(self, provider: str) -> str:
        """The image that a stack builds and pushes for a version of the Git provider."""
        label = provider.replace(".", "-")
        program = engine.copy_program(self.folder / label)
        stack = engine.Stack(self.environment, program, f"proof-recipe-{label}")
        stack.config["image"] |= recipe(provider=provider)
        try:
            return str(stack.up().outputs["image"])
        finally:
            stack.forget()

    def _break(self, name: str) -> str:
        """An image of the newest provider with one thing taken out."""
        info = self.environment.info()
        assert info.docker_host
        docker = Docker(info.docker_host, self.folder / "docker")
        login = {"username": info.registry.username, "password": info.registry.password}
        docker.login(json.dumps({"auths": {info.registry.server: login}}).encode())
        reference = f"{info.registry.server}/tests/broken-{list(BROKEN).index(name)}:1"
        recipe_text = f"FROM {self[PROVIDERS[0]]}\nUSER root\nRUN {BROKEN[name]}\nUSER 50000\n"
        docker.call("build", "--quiet", "--tag", reference, "-", stdin=recipe_text)
        docker.call("push", "--quiet", reference)
        (digest,) = json.loads(docker.call("inspect", "--format", "{{json .RepoDigests}}", reference))
        return str(digest)


DEFAULT = "the chart's default"
"""The trial's stand-in of it has what the vendor's has: Airflow and the Git provider, no Cosmos and no dbt."""
