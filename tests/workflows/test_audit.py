"""`make audit` against a separate index: known flaws, withdrawn ones, and packages that it does not list."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_server import Answer, HttpServer, Request
from tests.support.stacks import ROOT

FLAW = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fixed_in": ["1.0.1"]}


@pytest.fixture
def index() -> Iterator[HttpServer]:
    """An index that knows a flaw of `flawed`, a withdrawn one of `fine`, and nothing of others."""
    known = {
        "/pypi/flawed/1.0.0/json": [FLAW],
        "/pypi/hopeless/1/json": [{"id": "PYSEC-2"}],
        "/pypi/fine/2.0/json": [{**FLAW, "withdrawn": "2026-01-01T00:00:00Z"}],
    }

    def answer(request: Request) -> Answer:
        if request.path not in known:
            return 404, b"", {}
        return 200, json.dumps({"vulnerabilities": known[request.path]}).encode(), {}

    with HttpServer(answer) as host:
        yield host


def audit(index: str, folder: Path, *pinned: str) -> subprocess.CompletedProcess[str]:
    lock = folder / "requirements.txt"
    lock.write_text(
        "".join(f"{pin} \\\n    --hash=sha256:00\n    # via -r requirements.in\n" for pin in pinned)
    )
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", str(lock)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "AUDIT_INDEX": index},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_known_is_a_clean_result(index: HttpServer, tmp_path: Path) -> None:
    done = audit(index.url(), tmp_path, "fine==2.0 ; python_version < '4'")
    assert (done.returncode, done.stdout) == (0, "1 packages, no known vulnerability\n")


def test_a_vulnerability_is_one_sentence_with_its_remedy(index: HttpServer, tmp_path: Path) -> None:
    done = audit(index.url(), tmp_path, "flawed==1.0.0", "fine==2.0", "hopeless==1")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "flawed 1.0.0 has CVE-2026-1; raise it to 1.0.1 in" in first
    assert first.endswith("requirements.in and run `make lock`.")
    assert "hopeless 1 has PYSEC-2; replace it." in second


def test_an_index_without_this_data_is_an_error_and_not_a_clean_result(
    index: HttpServer, tmp_path: Path
) -> None:
    done = audit(index.url(), tmp_path, "flawed==1.0.0", "unheard-of==1", "other==2")
    assert done.returncode == 2
    assert "no vulnerability data for unheard-of 1 and 1 more packages (HTTP 404)" in done.stderr
    assert "CVE-2026-1" in done.stderr


def test_an_index_that_is_down_is_one_sentence(tmp_path: Path) -> None:
    done = audit("http://127.0.0.1:1", tmp_path, "fine==2.0", "flawed==1.0.0")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "error: http://127.0.0.1:1 has no vulnerability data for fine 2.0 and 1 more packages (Connection refused)"
    )


def test_make_audit_audits_every_lock() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "audit"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for lock in ("requirements.txt", "requirements-dev.txt", "policy/requirements.txt"):
        assert lock in done.stdout
