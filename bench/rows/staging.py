"""Staging a build context in which nothing changed, against reading its files once."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.pairs import SECONDS, Pair, Row
from clients.git import Mirrored
from delivery.recipe import Recipe, Source
from program.build_context import stage

FILES = 20_000

_ROW = Row(
    name="staging",
    title=f"staging and change detection, {FILES:,} files unchanged",
    a="program",
    b="one SHA-256 pass",
    goals={SECONDS: 1.5},
    why="in processor time the ratio is 1.2 to 1.5; a look at each staged file and a path object for each source come on top of the pass",
)


ROWS = (_ROW,)


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """A dbt project of many small files, staged once."""
    with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as name:
        root = Path(name)
        project = root / "project"
        for number in range(FILES):
            file = project / "models" / f"area_{number % 200}" / f"model_{number}.sql"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"select {number} as id, '{'x' * (number % 1500)}' as text\n", encoding="utf-8")
        (project / "dbt_project.yml").write_text("name: bench\n", encoding="utf-8")
        recipe = Recipe(
            name="context",
            repository="registry.example.com/bench",
            base=None,
            platform="linux/amd64",
            files={"Dockerfile": "FROM scratch\n"},
            sources=(Source("dbtProjects[0]", "dbt/bench", "project", None, "main", None, None),),
        )

        def ours() -> None:
            stage(recipe, root=root, folder=".build/bench/context", checkout=_no_checkout, mirror=_no_mirror)

        def floor() -> None:
            digest = hashlib.sha256()
            for path in sorted(project.rglob("*")):
                if path.is_file():
                    digest.update(path.read_bytes())

        yield dict.fromkeys(rows, Pair(ours, floor))


def _no_mirror(source: Source, url: str, *_: object) -> dict[str | None, Mirrored]:
    raise AssertionError(f"{source.name} asks for no package, but {url} was to be fetched")


def _no_checkout(source: Source, folder: Path) -> None:
    raise AssertionError(f"{source.at} is a local folder, and {folder} stays empty")
