"""An S3-compatible server with one bucket: for Pulumi's state, and for Dags."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3

from tests.support.go_program import go_program
from tests.support.processes import running
from trial.http_check import answers

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


def put(address: str, name: str, content: str) -> None:
    """Write an object into the bucket of a server (host:port)."""
    urllib3.request("PUT", f"http://{address}/{BUCKET}/{name}", body=content)


def delete(address: str, name: str) -> None:
    """Remove an object from the bucket of a server."""
    urllib3.request("DELETE", f"http://{address}/{BUCKET}/{name}")


@contextmanager
def s3_server() -> Iterator[str]:
    """Address (host:port) of a server with one empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = ["-host", address, "-backend", "mem", "-initialbucket", BUCKET, "-quiet"]
    check = answers(f"http://{address}/{BUCKET}")
    with running([go_program(SERVER), *arguments], stderr=subprocess.DEVNULL) as server:
        while problem := check():
            assert server.poll() is None, problem
            time.sleep(0.1)
        yield address
