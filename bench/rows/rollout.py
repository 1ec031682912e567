"""What changes agents, against a careful script of the steps on the vendor's page: docker, kubectl, helm."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.pairs import SECONDS, Pair, Row
from bench.trial_stacks import Bench, HandMade, bench, copy_project, pulumi_up, touch_model, write_dockerfile
from tests.support.engine import Stack

_SCRIPT = "script: docker build, push, helm upgrade --wait"
GAP = "seconds without a ready worker"

_RUN = (
    "by Pulumi's event log of an install, half of the time is the start of engine, plugins and program with the checks of Git, registry, "
    "chart and cluster, none of which the script does, and a third is Helm"
)

ROWS = (
    Row("dbt-edit", "dbt edit rolled out, agent-image", "`pulumi up`", _SCRIPT, {SECONDS: 1.1}, _RUN),
    Row(
        "dbt-edit-empty-builder",
        "dbt edit rolled out with an empty builder",
        "`pulumi up`",
        f"{_SCRIPT}, registry cache",
        {SECONDS: 1.1},
        _RUN,
    ),
    Row(
        "install",
        "first install",
        "`pulumi up` with a ready image",
        "script: kubectl apply, helm install --wait",
        {SECONDS: 1.2},
        _RUN,
    ),
    Row(
        "switch",
        "switch of the option",
        "`pulumi up`",
        "script: helm uninstall, helm install --wait",
        {SECONDS: 0.7, GAP: 0.01},
        f"{_RUN}; and Pods of the simulated node stop and start at once, so the script's gap is the shortest there can be, while a "
        "rolling update waits for its Pods by turns",
    ),
)


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """A stack and the same release made by hand, next to each other."""
    with bench() as found:
        stack = found.stack("rollout")
        runtime = str(stack.up().outputs["image"])
        stack.up({**stack.config, "delivery": "agent-image"})
        hand = found.by_hand(stack, "by-hand")
        hand.take_values()
        if rows - {"install"}:
            hand.install_secrets()
            hand.upgrade()
        edit = _Edit(found, stack, hand, runtime)
        pairs = {
            "dbt-edit": Pair(edit.ours, edit.script),
            "dbt-edit-empty-builder": Pair(edit.ours, edit.script, between=edit.empty_the_builder),
            "switch": _switch(stack, hand),
            "install": _install(found, hand, runtime),
        }
        yield {name: pairs[name] for name in rows}


class _Edit:
    """A change of one model, brought to the agents both ways."""

    def __init__(self, found: Bench, stack: Stack, hand: HandMade, runtime: str) -> None:
        self._found, self._stack, self._hand = found, stack, hand
        self._number = 0
        self._context = found.folder / "by-hand"
        self._project = copy_project(stack, self._context / "dbt" / "jaffle")
        write_dockerfile(self._context, runtime)

    def _next(self, project: Path) -> int:
        self._number += 1
        touch_model(project, f"edit {self._number}")
        return self._number

    def ours(self) -> None:
        """`pulumi up`."""
        self._next(self._stack.folder / "examples" / "dbt-project")
        pulumi_up(self._found, self._stack)

    def script(self) -> None:
        """Build with the cache that the registry holds, push, upgrade."""
        number = self._next(self._project)
        repository = f"{self._found.info.registry.server}/bench/by-hand"
        reference = self._hand.build(self._context, f"{repository}:{number}")
        self._hand.upgrade("--set-string", f"image={reference}")

    def empty_the_builder(self) -> None:
        """What a new CI runner has: no images, no build cache."""
        self._found.run("docker", "image", "prune", "--all", "--force")
        self._found.run("docker", "builder", "prune", "--all", "--force")


def _switch(stack: Stack, hand: HandMade) -> Pair:
    """From one option to the other; the script does what a public template of such agents does."""

    def ours() -> Mapping[str, float]:
        option = {"agent-image": "git-submodule", "git-submodule": "agent-image"}[stack.config["delivery"]]
        with _Watch(stack, stack.namespace) as watch:
            stack.write({**stack.config, "delivery": option})
            pulumi_up(hand.bench, stack)
        return {GAP: watch.without}

    def script() -> Mapping[str, float]:
        with _Watch(stack, hand.namespace) as watch:
            hand.uninstall()
            hand.upgrade()
        return {GAP: watch.without}

    return Pair(ours, script)


def _install(found: Bench, hand: HandMade, image: str) -> Pair:
    """A new namespace each time, with a ready image both ways; earlier ones are removed between the measurements."""
    made: list[Stack | HandMade] = []

    def ours() -> None:
        stack = found.stack(f"install-{len(list(found.folder.iterdir()))}")
        rest = {key: value for key, value in stack.config.items() if key != "image"}
        stack.write({**rest, "delivery": "git-submodule", "agent": {**rest["agent"], "image": image}})
        made.append(stack)
        pulumi_up(found, stack)

    def script() -> None:
        release = hand.another(f"install-{len(list(found.folder.iterdir()))}")
        made.append(release)
        release.install_secrets()
        release.upgrade()

    def clear() -> None:
        while made:
            made.pop().remove()

    return Pair(ours, script, between=clear)


class _Watch(threading.Thread):
    """Counts the seconds in which a namespace has no ready worker."""

    EVERY = 0.2

    def __init__(self, stack: Stack, namespace: str) -> None:
        super().__init__(daemon=True)
        self._api, self._namespace = stack.api(), namespace
        self._ended = threading.Event()
        self.without = 0.0

    def __enter__(self) -> _Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Poll until the measurement ends."""
        last = time.perf_counter()
        while not self._ended.wait(self.EVERY):
            pods = self._api.list_namespaced_pod(self._namespace, label_selector="component=worker").items
            now = time.perf_counter()
            if not any(_ready(pod) for pod in pods):
                self.without += now - last
            last = now


def _ready(pod: Any) -> bool:
    conditions = pod.status.conditions or []
    return not pod.metadata.deletion_timestamp and any(
        item.type == "Ready" and item.status == "True" for item in conditions
    )
