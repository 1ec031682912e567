"""What preflight's checks of Git cost against a full clone with submodules, on a generated repository.

Both ask the same real Git server (git http-backend over HTTPS on loopback): bytes as the server sends them. A network makes
bytes count for more than they do here.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import delivery
import preflight
from bench.pairs import SECONDS, Pair, Row, Work
from domain.connection_secret import http_header
from preflight.catalogue import FAMILIES
from tests.support.git_server import GitServer, serve
from tests.support.repositories import git
from tests.support.stacks import ROOT, settings_of, stack

LOGIN, TOKEN = "robot", "bench-only"
"""Credentials of the generated server; they end with it."""
FILES, COMMITS, GROWTH = 50_000, 2_000, 512 * 1024
"""Files of the tracked commit, commits of its history, and bytes that each of them adds and the next one removes."""

ROWS = (
    Row(
        "preflight-git",
        f"checks of Git, {FILES:,} files and {COMMITS * GROWTH / 2**30:.1f} GiB of history",
        "preflight",
        "full clone with submodules",
        {"bytes": 0.02, SECONDS: 0.05},
        "what remains is Git's own: requests one after another, and names of all folders and files of the commit",
    ),
)


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """A Git server with a Dag repository and a submodule."""
    with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as name:
        folder = Path(name)
        server = serve(folder / "server")
        try:
            dbt = server.root / "bench" / "dbt.git"
            _import(dbt, _project(200))
            pin = git("rev-parse", "refs/heads/main", cwd=dbt)
            _import(server.root / "bench" / "dags.git", _dags(server.url("bench/dbt.git"), pin))
            for repository in ("dbt.git", "dags.git"):
                server.grants[f"bench/{repository}"] = [(LOGIN, TOKEN)]
            ours = _counted(server, _checks(server, "bench"))
            clone = _counted(server, _clone(server, "bench", folder / "clone"))
            yield dict.fromkeys(rows, Pair(ours, clone))
        finally:
            server.stop()


def _counted(server: GitServer, work: Callable[[], None]) -> Work:
    def run() -> Mapping[str, float]:
        server.forget()
        work()
        return {"bytes": server.bytes_sent, "requests": len(server.asked)}

    return run


def _checks(server: GitServer, group: str) -> Callable[[], None]:
    """Preflight with everything but Git and dbt switched off."""
    elsewhere = {
        name: {"level": "off", "reason": "not measured here"}
        for name in FAMILIES - {"preflight", "git", "dbt"}
    }
    project = {"name": "bench", "path": "dags/dbt/bench", "repo": server.url(f"{group}/dbt.git")}
    config = stack(
        dags={"repo": server.url(f"{group}/dags.git"), "subdir": "dags", "connection": "git"},
        dbtProjects=[{**project, "connection": "git"}],
        connections={"git": {"type": "https", "login": LOGIN, "caBundle": str(server.authority)}},
        credentials={"git": {"password": TOKEN}},
        image=None,
        preflight={"checks": elsewhere, "timeout": 300},
    )
    settings = settings_of(config)
    authority = server.authority.read_text(encoding="utf-8")
    plan = delivery.plan(settings, authorities={"git": authority})

    def run() -> None:
        report = preflight.run(settings, plan, project="bench", root=ROOT)
        report.raise_for_errors()
        if report.projects["bench"].behind is None:
            raise RuntimeError("the checks did not get as far as the submodule")

    return run


def _clone(server: GitServer, group: str, target: Path) -> Callable[[], None]:
    """The alternative to preflight: cloning the Dag repository and its submodule."""
    header = http_header(LOGIN, TOKEN)

    def run() -> None:
        shutil.rmtree(target, ignore_errors=True)
        url = server.url(f"{group}/dags.git")
        git("clone", "--quiet", "--recurse-submodules", url, str(target), cwd=target.parent, variables={
            "GIT_SSL_CAINFO": str(server.authority),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": header,
        })  # fmt: skip

    return run


def _import(bare: Path, stream: Iterator[bytes]) -> None:
    bare.mkdir(parents=True)
    git("init", "--quiet", "--bare", "--initial-branch=main", ".", cwd=bare)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=bare, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101
        process.stdin.writelines(stream)
    if process.returncode != 0:
        raise RuntimeError("git fast-import failed")
    git("-c", "pack.window=0", "-c", "core.compression=0", "repack", "-adq", cwd=bare)


def _commit(number: int, message: str) -> bytes:
    who = f"Bench <bench@example.com> {1_700_000_000 + number} +0000"
    data = message.encode()
    return f"commit refs/heads/main\ncommitter {who}\ndata {len(data)}\n".encode() + data + b"\n"


def _file(path: str, content: str, mode: str = "100644") -> bytes:
    data = content.encode()
    return f"M {mode} inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def _dags(url: str, pin: str) -> Iterator[bytes]:
    """Files of about a kilobyte in folders of a hundred; then each commit replaces a large file that does not compress."""
    noise = random.Random(1)  # noqa: S311 - the same repository in each run
    yield _commit(0, "Begin")
    yield _file(".gitmodules", f'[submodule "bench"]\n\tpath = dags/dbt/bench\n\turl = {url}\n')
    yield f"M 160000 {pin} dags/dbt/bench\n".encode()
    for number in range(FILES):
        yield _file(_path(number), _text(number, 0))
    for number in range(1, COMMITS):
        yield _commit(number, f"Change {number}")
        data = noise.randbytes(GROWTH)
        yield f"M 100644 inline data/extract.bin\ndata {len(data)}\n".encode() + data + b"\n"


def _path(number: int) -> str:
    return f"dags/team{number // 10_000:02}/area{number // 100 % 100:02}/dag_{number:06}.py"


def _text(number: int, version: int) -> str:
    lines = [f"value_{line} = {(number * 31 + line * 17 + version * 13) % 1_000_003}" for line in range(40)]
    return "\n".join(lines) + "\n"


def _project(commits: int) -> Iterator[bytes]:
    for number in range(commits):
        yield _commit(number, f"Model {number}")
        yield _file("dbt_project.yml", "name: bench\n")
        yield _file(f"models/model_{number % 300:03}.sql", f"select {number} as number\n")
