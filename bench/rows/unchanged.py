"""An update in which nothing changed, with a large dbt project and a large image, against the same steps by hand."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.pairs import SECONDS, Pair, Row, Work
from bench.trial_stacks import Bench, HandMade, bench, copy_project, pulumi_up, write_dockerfile
from tests.support.engine import Stack

FILES = 2_000
MIB = 1_024
REVISIONS = "new revisions of the release"

ROWS = (
    Row(
        "nothing-changed",
        f"nothing changed, {FILES:,} dbt files, image of {MIB // 1024} GiB",
        "`pulumi up`",
        "script: docker build, push, helm upgrade --wait",
        {SECONDS: 2.0, REVISIONS: 0.0},
        "the script asks only Docker's cache and the registry; the program also checks repositories, chart and cluster",
    ),
)


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """A stack on a large base image, and the same release made by hand."""
    with bench() as found:
        stack = found.stack("unchanged")
        _many_models(stack.folder / "examples" / "dbt-project")
        image = {**stack.config["image"], "base": _large_base(found, str(stack.config["image"]["base"]))}
        runtime = str(stack.up({**stack.config, "image": image}).outputs["image"])
        stack.up({**stack.config, "delivery": "agent-image"})
        hand = found.by_hand(stack, "unchanged-by-hand")
        hand.take_values()
        hand.install_secrets()
        script = _script(found, stack, hand, runtime)
        ours = _counted(stack, stack.namespace, lambda: pulumi_up(found, stack))
        yield dict.fromkeys(rows, Pair(ours, _counted(stack, hand.namespace, script)))


def _many_models(project: Path) -> None:
    for number in range(FILES):
        file = project / "models" / f"area_{number % 50:02}" / f"many_{number:04}.sql"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"select {number} as id\n", encoding="utf-8")


def _large_base(found: Bench, base: str) -> str:
    """The base image with a layer that does not compress."""
    context = found.folder / "large"
    context.mkdir()
    with (context / "content").open("wb") as file:
        for _ in range(MIB):
            file.write(os.urandom(1 << 20))
    (context / "Dockerfile").write_text(f"FROM {base}\nCOPY content /opt/large\n")
    image = f"{found.info.registry.server}/bench/large:1"
    found.run("docker", "build", "--quiet", "--tag", image, str(context))
    found.run("docker", "push", "--quiet", image)
    (context / "content").unlink()
    return image


def _script(found: Bench, stack: Stack, hand: HandMade, runtime: str) -> Callable[[], None]:
    context = found.folder / "unchanged-by-hand"
    copy_project(stack, context / "dbt" / "jaffle")
    write_dockerfile(context, runtime)
    image = f"{found.info.registry.server}/bench/unchanged-by-hand:1"

    def run() -> None:
        hand.upgrade("--set-string", f"image={hand.build(context, image)}")

    return run


def _counted(stack: Stack, namespace: str, work: Callable[[], None]) -> Work:
    """Work that also reports how many revisions of the release it made."""

    def newest() -> int:
        done = stack.run("helm", "history", "astro-agent", "--namespace", namespace, "--output", "json")
        return max((item["revision"] for item in json.loads(done.stdout or "[]")), default=0)

    def run() -> Mapping[str, float]:
        before = newest()
        begun = time.perf_counter()
        work()
        return {SECONDS: time.perf_counter() - begun, REVISIONS: newest() - before}

    return run
