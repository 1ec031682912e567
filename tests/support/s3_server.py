"""An S3-compatible server with one bucket: for Pulumi's state, and for Dags."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import running

SERVER = "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"
BUCKET = "astro-dbt-state"


def backend_variables(address: str) -> dict[str, str]:
    """Variables with which Pulumi keeps its state in the bucket of a server (host:port)."""
    query = f"endpoint={address}&disableSSL=true&s3ForcePathStyle=true&region=us-east-1"
    return {
        "PULUMI_BACKEND_URL": f"s3://{BUCKET}?{query}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def server_program() -> Path:
    """The server, built from its pinned Go module once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "astro-dbt" / "s3"
    program = cache / f"gofakes3-{SERVER.rpartition('@')[2]}"
    if not program.exists():
        assert shutil.which("go"), "Go is needed to build the S3-compatible server; install it"
        variables = {**os.environ, "GOBIN": str(cache)}
        done = subprocess.run(
            ["go", "install", SERVER],
            env=variables,
            cwd=Path.home(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (cache / "gofakes3").rename(program)
    return program


def put(address: str, name: str, content: str) -> None:
    """Write an object into the bucket of a server (host:port)."""
    _send(address, name, method="PUT", data=content.encode())


def delete(address: str, name: str) -> None:
    """Remove an object from the bucket of a server."""
    _send(address, name, method="DELETE")


def _send(address: str, name: str, *, method: str, data: bytes | None = None) -> None:
    url = f"http://{address}/{BUCKET}/{name}"
    urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)).close()


@contextmanager
def s3_server() -> Iterator[str]:
    """Address (host:port) of a server with one empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = ["-host", address, "-backend", "mem", "-initialbucket", BUCKET, "-quiet"]
    with running([server_program(), *arguments], stderr=subprocess.DEVNULL):
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/{BUCKET}").close()
                break
            except urllib.error.URLError:
                assert time.monotonic() < deadline, "the S3-compatible server did not start"
                time.sleep(0.1)
        yield address
