"""Samples that tests of several probes share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from preflight.report import Report
from tests.preflight.conftest import GitStack, only, report_of
from tests.support.stacks import stack

TAG = "3.1-3-python-3.12-astro-agent-1.2.0"


def image_levels(timeout: int = 10, *, engine: bool = False) -> dict[str, Any]:
    checks = only("image")
    if not engine:
        checks["image.engine"] = {"level": "off", "reason": "not part of this test"}
    return {"checks": checks, "timeout": timeout}


def image_config(base: str, target: str, **changes: Any) -> dict[str, Any]:
    packages = ["astronomer-cosmos==1.15.1"]
    image = {"repository": target, "base": base, "packages": packages, **changes.pop("image", {})}
    timeout = changes.pop("timeout", 10)
    config = stack(delivery="agent-image", image=image, preflight=image_levels(timeout))
    return {**config, **changes}


PROFILES = (
    "jaffle:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: x}\n    prod: {type: postgres}\n"
)


def local_project(tmp_path: Path, files: dict[str, str], **image: Any) -> Report:
    folder = tmp_path / "project"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    config = stack(
        delivery="agent-image",
        dbtProjects=[{"name": "jaffle", "source": str(folder)}],
        preflight={"checks": only("dbt")},
    )
    config["image"] |= image
    return report_of(config)


PROJECT = {"dbt_project.yml": "name: jaffle\nprofile: jaffle\n"}


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"


LFS = {
    ".gitattributes": "*.csv filter=lfs diff=lfs merge=lfs -text\nseeds/plain.csv -filter\n",
    "seeds/raw.csv": POINTER,
    "seeds/plain.csv": "a,b\n",
}


def edit_gitmodules(stack: GitStack, *lines: str) -> None:
    """Replace .gitmodules."""
    stack.dags.commit({".gitmodules": "\n".join(lines) + "\n"})


def gitmodules_entry(stack: GitStack, *more: str, path: str = "dags/dbt/jaffle") -> tuple[str, ...]:
    url = stack.server.url("analytics/jaffle.git")
    return ('[submodule "jaffle"]', f"  path = {path}", f"  url = {url}", *(f"  {line}" for line in more))
