"""Chart packages and repositories as Helm writes them."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.http_server import Answer, Request


def chart_files(folder: Path) -> dict[str, str]:
    """Files of a chart's folder, by their path in it; Chart.yaml is left out, because a package gets its own."""
    found = (path for path in folder.rglob("*") if path.is_file() and path != folder / "Chart.yaml")
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def chart_package(name: str, version: str, files: Mapping[str, str | bytes], **metadata: Any) -> bytes:
    """A chart as `helm package` writes it."""
    content = {
        "Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version, **metadata}),
        **files,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in content.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            data = text.encode() if isinstance(text, str) else text
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def chart_repository(name: str, packages: Mapping[str, bytes]) -> Callable[[Request], Answer]:
    """Answers of a chart repository with these versions of one chart."""
    entries = [
        {
            "name": name,
            "version": version,
            "urls": [f"{name}-{version}.tgz"],
            "digest": hashlib.sha256(content).hexdigest(),
        }
        for version, content in packages.items()
    ]
    files = {"/index.yaml": yaml.safe_dump({"apiVersion": "v1", "entries": {name: entries}}).encode()}
    files |= {f"/{name}-{version}.tgz": content for version, content in packages.items()}

    def answer(request: Request) -> Answer:
        return (200, files[request.path], {}) if request.path in files else (404, b"", {})

    return answer
