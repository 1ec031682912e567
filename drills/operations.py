"""Operations of a lap: what each of them changes in the configuration of a stack."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.engine import Stack

Config = dict[str, Any]
OLD_CHART, CHART = "1.0.2", "2.3.3"
_PAYLOAD = 24 * 1024 * 1024
TIMEOUT = 90
"""`agent.timeout` of the drills in seconds."""


def prepared(config: Config) -> Config:
    """The configuration that a drill starts with."""
    return _with_agent(config, timeout=TIMEOUT)


def with_ready_image(config: Config, reference: str) -> Config:
    """The configuration with a ready image, so that nothing is built."""
    rest = {key: value for key, value in config.items() if key != "image"}
    return _with_agent({**rest, "delivery": "git-submodule"}, image=reference)


def change(stack: Stack, operation: str, number: int) -> None:
    """Write what an operation needs; ``number`` makes it differ from the one before."""
    if operation == "push":
        _edit(stack.folder / "examples" / "dbt-project", number)
    edit: Callable[[Config], Config] = {
        "install": lambda config: _with_repository(config, number),
        "upgrade": lambda config: _with_values(config, number),
        "rotation": lambda config: {**config, "agentToken": f"canary-drill-{number}"},
        "push": lambda config: {**config, "delivery": "agent-image"},
        "switch to image": lambda config: {**config, "delivery": "agent-image"},
        "switch to submodule": lambda config: {**config, "delivery": "git-submodule"},
        "chart 1.x": lambda config: _with_chart(config, OLD_CHART),
        "chart 2.x": lambda config: _with_chart(config, CHART),
    }.get(operation, lambda config: config)
    stack.write(edit(copy.deepcopy(stack.config)))


def _with_agent(config: Config, **changed: Any) -> Config:
    return {**config, "agent": {**config["agent"], **changed}}


def _with_repository(config: Config, number: int) -> Config:
    """Another repository, because an image that is there would not be pushed again."""
    if "image" not in config:
        return config
    name = re.sub(r"/lap-[0-9]+$", "", config["image"]["repository"])
    return {**config, "image": {**config["image"], "repository": f"{name}/lap-{number}"}}


def _with_values(config: Config, number: int) -> Config:
    """Another variable for all agents, and a queue that comes and goes."""
    workers = [item for item in config["agent"]["workers"] if item["name"] != "drill"]
    if number % 2:
        workers.append({"name": "drill", "queues": ["drill"], "terminationGracePeriodSeconds": 5})
    return _with_agent(config, env={"DRILL": str(number)}, workers=workers)


def _with_chart(config: Config, version: str) -> Config:
    return _with_agent(config, chart={**config["agent"]["chart"], "version": version})


def _edit(project: Path, number: int) -> None:
    """Change a model, and a file that is large enough for a push that can be interrupted."""
    model = sorted((project / "models").rglob("*.sql"))[0]
    model.write_text(f"{model.read_text().split('-- drill')[0]}-- drill {number}\n", encoding="utf-8")
    (project / "payload.bin").write_bytes(random.Random(number).randbytes(_PAYLOAD))  # noqa: S311
