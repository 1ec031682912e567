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
from dataclasses import dataclass
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


def copied(folder: Path) -> Path:
    """The rooms and their contracts in ``folder``, to be breached."""
    for name in rooms():
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "go"))
    shutil.copy(ROOT / CONFIG, folder)
    return folder


def test_the_walls_hold(tmp_path: Path) -> None:
    done = lint(copied(tmp_path))
    assert done.returncode == 0, done.stdout


BREACHES = [
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
]


@dataclass(frozen=True)
class Breached:
    """What import-linter says about the rooms with all breaches at once."""

    text: str
    lines: list[int]
    """The line of each breach's import, in the order of BREACHES."""

    def section(self, contract: str) -> str:
        """What is broken of a contract, by the beginning of its name."""
        sections = re.split(r"\n(?=[^\n]+\n-{5,}\n)", self.text.partition("Broken contracts")[2])
        (found,) = [section for section in sections if section.startswith(contract)]
        return found


@pytest.fixture(scope="module")
def breached(tmp_path_factory: pytest.TempPathFactory) -> Breached:
    """One run on a copy with every breach; the program starts and reads 350 files once."""
    folder, lines = copied(tmp_path_factory.mktemp("breached")), []
    for where, added, _ in BREACHES:
        text = f"{(folder / where).read_text(encoding='utf-8')}\n\n{added}\n"
        (folder / where).write_text(text, encoding="utf-8")
        lines.append(text.count("\n"))
    done = lint(folder)
    assert done.returncode == 1, done.stdout
    return Breached(done.stdout, lines)


@pytest.mark.parametrize(
    "number", range(len(BREACHES)), ids=[f"{where}: {line}" for where, line, _ in BREACHES]
)
def test_a_breach_is_caught(breached: Breached, number: int) -> None:
    where, line, contract = BREACHES[number]
    importer, imported = where.removesuffix(".py").replace("/", "."), line.split("import ")[-1]
    if " from " in line:
        imported = line.split(" from ")[1].split()[0]
    at = rf"\(([^)]*, )?l\.{breached.lines[number]}\b"
    if contract.startswith("No two"):  # names within the room, and how many imports
        importer, imported = (f".{name.partition('.')[2]}" for name in (importer, imported))
        at = r"\(1 import\)"
    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported)} {at}", breached.section(contract)), (
        breached.text
    )


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
    own = set(re.findall(r"^    (\w+Error) +([\w/]+\.py): ", drawn.partition("Others have")[2], re.MULTILINE))
    found = set(_errors())
    assert tree == {error for error in found if error[1] in {"ReportedError", "RemoteError"}}
    assert own == {(name, path) for name, base, path in found if (name, base, path) not in tree} - {
        ("ReportedError", "domain/errors.py")
    }
