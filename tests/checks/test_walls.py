"""The walls that README draws: they hold, and a breach of any of them is caught."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from tests.support.repositories import tracked
from tests.support.stacks import ROOT

CONFIG = ".importlinter"


def rooms() -> list[str]:
    """The packages that the contracts speak of."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / CONFIG)
    return parser["importlinter"]["root_packages"].split()


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter with the project's contracts on the packages in ``folder``."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms, to be breached."""
    for name in rooms():
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "go"))
    shutil.copy(ROOT / CONFIG, tmp_path)
    return tmp_path


def test_the_walls_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("where", "line", "contract"),
    [
        ("clients/http.py", "import settings.stack", "Imports point down"),
        ("clients/http.py", "def late():\n    import settings.stack", "Imports point down"),
        ("components/client_image.py", "def late():\n    import clients.http", "Imports point down"),
        ("components/client_image.py", "import delivery.plan", "Imports point down"),
        ("preflight/git_probe.py", "import program.wiring", "Imports point down"),
        ("domain/names.py", "import clients.errors", "Imports point down"),
        ("delivery/plan.py", "import pulumi", "Only program, components, review and policy know Pulumi"),
        (
            "preflight/dbt_files.py",
            "def late():\n    from pulumi_kubernetes import core",
            "Only program, components, review and policy know Pulumi",
        ),
        ("delivery/plan.py", "import components", "Only program uses components"),
        ("program/wiring.py", "import trial.layout", "The product does not know its trial environment"),
        ("program/wiring.py", "import drills.plan", "The product does not know its trial environment"),
        ("trial/layout.py", "import drills.plan", "The trial does not know what damages it"),
        ("policy/rules.py", "import delivery.plan", "The policy pack and the components can be used alone"),
        ("preflight/dbt_files.py", "def late():\n    import preflight.git_probe", "No two modules of a room"),
    ],
)
def test_a_breach_is_caught(copy: Path, where: str, line: str, contract: str) -> None:
    path = copy / where
    path.write_text(f"{path.read_text(encoding='utf-8')}\n\n{line}\n", encoding="utf-8")
    done = lint(copy)
    assert done.returncode == 1, done.stdout
    broken = [found for found in done.stdout.splitlines() if found.endswith("BROKEN")]
    assert any(found.startswith(contract) for found in broken), done.stdout


def test_no_circle_of_files() -> None:
    """Packages' own files count, which import-linter takes together with what lies below them."""
    graph = grimp.build_graph(*rooms(), cache_dir=None)
    assert not [
        (module, found)
        for module in graph.modules
        for found in graph.find_modules_directly_imported_by(module)
        if graph.find_shortest_chain(found, module) is not None
    ]


def test_every_folder_with_code_is_behind_a_wall() -> None:
    folders = {name.split("/")[0] for name in tracked("*/*.py")}
    # Nothing of the program can import from `package` or `.ci`, which are not on its path.
    assert folders - {"tests", "bench", "examples", "package", ".ci"} == set(rooms())


def _errors() -> Iterator[tuple[str, str, str]]:
    """(error, its base, file) of every class that is an error, as the rooms define them."""
    for room in sorted(set(rooms()) - {"drills", "trial"}):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                    yield node.name, ast.unparse(node.bases[0]), path.relative_to(ROOT).as_posix()


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    drawn = (ROOT / "domain" / "errors.py").read_text(encoding="utf-8").split('"""')[1]
    branches = re.findall(r"^    (.*)── (\w+Error)\S* +([\w/]+\.py): ", drawn, re.MULTILINE)
    outer = min(len(indent) for indent, _, _ in branches)
    tree = {
        (name, "ReportedError" if len(indent) == outer else "RemoteError", path)
        for indent, name, path in branches
    }
    assert tree == {found for found in _errors() if found[1] in {"ReportedError", "RemoteError"}}
