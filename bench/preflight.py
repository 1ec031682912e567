"""What preflight's look at Git costs against a full clone, on a generated repository; `python -m bench.preflight`.

Both are measured in one run, by turns, against the same real Git server (git http-backend over HTTPS on loopback): bytes as
the server sends them, seconds as the caller waits. Read the ratios: seconds depend on the machine, and a network makes the
bytes count for more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import delivery
import preflight
from domain.connection_secret import http_header
from preflight.catalogue import FAMILIES
from settings import RawValue, parse
from tests.support.git_server import GitServer, serve

LOGIN, TOKEN = "robot", "bench-only"
"""Credentials of the generated server; they end with it."""


@dataclass(frozen=True)
class Cost:
    """What one way of looking took."""

    seconds: float
    sent: int
    requests: int


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=50_000, help="files in the Dag repository")
    parser.add_argument("--commits", type=int, default=3_000, help="commits of its history")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as name:
        folder = Path(name)
        server = serve(folder / "server")
        try:
            results = [
                _measure(server, folder, arguments.files, commits, arguments.rounds)
                for commits in (1, arguments.commits)
            ]
        finally:
            server.stop()
    for result in results:
        _print(result)
    short, long = (result["preflight"]["bytes"] for result in results)
    sys.stdout.write(f"bytes of preflight, long history against one commit: {long / short:.2f}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _measure(server: GitServer, folder: Path, files: int, commits: int, rounds: int) -> dict[str, Any]:
    group = f"bench{commits}"
    sys.stderr.write(f"generating {files} files and {commits} commits …\n")
    dbt = server.root / group / "dbt.git"
    _import(dbt, _project(max(1, commits // 10)))
    pin = _git("rev-parse", "refs/heads/main", cwd=dbt)
    dags = server.root / group / "dags.git"
    _import(dags, _dags(files, commits, server.url(f"{group}/dbt.git"), pin))
    for repository in ("dbt.git", "dags.git"):
        server.grants[f"{group}/{repository}"] = [(LOGIN, TOKEN)]
    look = _look(server, group)
    clone = _clone(server, group, folder / "clone")
    looked, cloned = [], []
    for number in range(rounds):
        sys.stderr.write(f"round {number + 1} of {rounds}\n")
        looked.append(_cost(server, look))
        cloned.append(_cost(server, clone))
    return {"files": files, "commits": commits, "preflight": _median(looked), "clone": _median(cloned)}


def _cost(server: GitServer, work: Callable[[], None]) -> Cost:
    server.forget()
    begun = time.perf_counter()
    work()
    return Cost(time.perf_counter() - begun, server.bytes_sent, len(server.seen))


def _median(costs: list[Cost]) -> dict[str, float]:
    seconds = [cost.seconds for cost in costs]
    return {
        "seconds": round(statistics.median(seconds), 3),
        "fastest": round(min(seconds), 3),
        "slowest": round(max(seconds), 3),
        "bytes": int(statistics.median(cost.sent for cost in costs)),
        "requests": int(statistics.median(cost.requests for cost in costs)),
    }


def _look(server: GitServer, group: str) -> Callable[[], None]:
    """Preflight with everything but Git and dbt switched off."""
    elsewhere = {
        name: {"level": "off", "reason": "not measured here"}
        for name in FAMILIES - {"preflight", "git", "dbt"}
    }
    config = {
        "dags": {"repo": server.url(f"{group}/dags.git"), "subdir": "dags", "connection": "git"},
        "dbtProjects": [
            {
                "name": "bench",
                "path": "dags/dbt/bench",
                "repo": server.url(f"{group}/dbt.git"),
                "connection": "git",
            }
        ],
        "connections": {"git": {"type": "https", "login": LOGIN, "caBundle": str(server.authority)}},
        "credentials": {"git": {"password": TOKEN}},
        "agent": {
            "namespace": "agents",
            "apiUrl": "https://bench.example.com/d",
            "ids": {"organization": "o", "workspace": "w", "deployment": "d", "deploymentNamespace": "n"},
            "chart": {"version": "2.3.3"},
        },
        "agentToken": "bench-only",
        "preflight": {"checks": elsewhere, "timeout": 300},
    }
    secret = {"credentials", "agentToken"}
    raw = {
        key: RawValue(value if isinstance(value, str) else json.dumps(value), secret=key in secret)
        for key, value in config.items()
    }
    settings = parse(raw, project="bench", root=Path())
    authority = server.authority.read_text(encoding="utf-8")
    plan = delivery.plan(settings, authorities={"git": authority})

    def run() -> None:
        report = preflight.run(settings, plan, project="bench", root=Path())
        report.raise_for_errors()
        if report.projects["bench"].behind is None:
            raise RuntimeError("the look did not get as far as the submodule")

    return run


def _clone(server: GitServer, group: str, target: Path) -> Callable[[], None]:
    """What finding the same out takes without preflight: the Dag repository and its submodule, cloned."""
    header = http_header(LOGIN, TOKEN)

    def run() -> None:
        shutil.rmtree(target, ignore_errors=True)
        url = server.url(f"{group}/dags.git")
        _git("clone", "--quiet", "--recurse-submodules", url, str(target), cwd=target.parent, extra={
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "http.sslCAInfo",
            "GIT_CONFIG_VALUE_0": str(server.authority),
            "GIT_CONFIG_KEY_1": "http.extraHeader",
            "GIT_CONFIG_VALUE_1": header,
        })  # fmt: skip

    return run


def _git(*arguments: str, cwd: Path, extra: dict[str, str] | None = None) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    plain = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    ended = subprocess.run(
        ["git", *arguments], cwd=cwd, env={**kept, **plain, **(extra or {})}, capture_output=True, check=False
    )
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr.decode(errors="replace"))
    return ended.stdout.decode().strip()


def _import(bare: Path, stream: Iterator[bytes]) -> None:
    bare.mkdir(parents=True)
    _git("init", "--quiet", "--bare", "--initial-branch=main", ".", cwd=bare)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=bare, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101
        process.stdin.writelines(stream)
    if process.returncode != 0:
        raise RuntimeError("git fast-import failed")
    _git("repack", "-adq", cwd=bare)


def _commit(number: int, message: str) -> bytes:
    who = f"Bench <bench@example.com> {1_700_000_000 + number} +0000"
    data = message.encode()
    return f"commit refs/heads/main\ncommitter {who}\ndata {len(data)}\n".encode() + data + b"\n"


def _file(path: str, content: str, mode: str = "100644") -> bytes:
    data = content.encode()
    return f"M {mode} inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def _dags(files: int, commits: int, url: str, pin: str) -> Iterator[bytes]:
    """Files of about a kilobyte in folders of a hundred; then one file changes per commit."""
    yield _commit(0, "Begin")
    yield _file(".gitmodules", f'[submodule "bench"]\n\tpath = dags/dbt/bench\n\turl = {url}\n')
    yield f"M 160000 {pin} dags/dbt/bench\n".encode()
    for number in range(files):
        yield _file(_path(number), _text(number, 0))
    for number in range(1, commits):
        yield _commit(number, f"Change {number}")
        changed = (number * 7919) % files
        yield _file(_path(changed), _text(changed, number))


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


def _print(result: dict[str, Any]) -> None:
    look, clone = result["preflight"], result["clone"]
    sys.stdout.write(f"{result['files']} files, {result['commits']} commits\n")
    for name, cost in (("preflight", look), ("full clone", clone)):
        spread = f"{cost['fastest']}-{cost['slowest']}"
        sys.stdout.write(
            f"  {name:10} {cost['bytes']:>12,} bytes  {cost['requests']:>3} requests  "
            f"{cost['seconds']:>7} s (spread {spread})\n"
        )
    sys.stdout.write(
        f"  preflight / full clone: bytes {look['bytes'] / clone['bytes']:.3f}, "
        f"seconds {look['seconds'] / clone['seconds']:.3f}\n"
    )


if __name__ == "__main__":
    main()
