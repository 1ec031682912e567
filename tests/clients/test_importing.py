"""Late imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("clients", "components", "delivery", "domain", "preflight", "program", "settings")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "in_image" not in path.parts)


def unprotected(tree: ast.AST) -> list[int]:
    """Lines of imports inside functions that are not made inside ``with IMPORTING``."""
    found: list[int] = []

    def visit(node: ast.AST, *, late: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom) and late:
                found.append(child.lineno)
            holds = isinstance(child, ast.With) and any(
                isinstance(item.context_expr, ast.Name) and item.context_expr.id == "IMPORTING"
                for item in child.items
            )
            inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            visit(child, late=inside and not holds)

    visit(tree, late=False)
    return found


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(ROOT).as_posix() for path in FILES])
def test_threads_import_one_after_the_other(path: Path) -> None:
    assert unprotected(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import yaml\ndef f():\n    import jwt", [3]),
        ("def f():\n    with IMPORTING:\n        import jwt\n    import yaml", [4]),
        ("class A:\n    def f(self):\n        if self:\n            from a import b", [4]),
        ("if TYPE_CHECKING:\n    import yaml", []),
    ],
)
def test_an_import_without_the_lock_is_seen(source: str, lines: list[int]) -> None:
    assert unprotected(ast.parse(source)) == lines
