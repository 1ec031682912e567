"""Image layers and configurations from a folder, the same bytes for the same files."""

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trial.errors import TrialError
from trial.registry_client import CONFIG_TYPE, LAYER_TYPE, Blob

CHUNK = 1 << 20
# All times in an image are this one: seconds since 1970 of 2026-01-01.
TIMESTAMP = 1767225600
CREATED = "2026-01-01T00:00:00Z"


def write_layer(root: Path, target: Path) -> tuple[Blob, str]:
    """Archive a folder as a compressed layer, the same bytes for the same files; return as `pack` does.

    Raises TrialError: tar failed.
    """
    argv = ["tar", "--create", "--sort=name", "--numeric-owner", f"--mtime=@{TIMESTAMP}", "--format=gnu"]
    return pack(subprocess.Popen([*argv, "-C", str(root), "."], stdout=subprocess.PIPE), target)


def pack(archive: "subprocess.Popen[bytes]", target: Path) -> tuple[Blob, str]:
    """Compress what a program archives; return the layer and the digest of the archive before compression.

    Raises TrialError: the program or gzip failed.
    """
    plain = hashlib.sha256()
    with (
        target.open("wb") as out,
        archive,
        # Without -n, the archive would hold the time it was made.
        subprocess.Popen(["gzip", "-n", "-1"], stdin=subprocess.PIPE, stdout=out) as gzip,
    ):
        assert archive.stdout is not None  # noqa: S101
        assert gzip.stdin is not None  # noqa: S101
        while chunk := archive.stdout.read(CHUNK):
            plain.update(chunk)
            gzip.stdin.write(chunk)
        gzip.stdin.close()
        codes = (archive.wait(), gzip.wait())
    if codes != (0, 0):
        raise TrialError(f"archiving an image failed (tar ended with code {codes[0]}, gzip with {codes[1]}).")
    return blob_of(target, LAYER_TYPE), f"sha256:{plain.hexdigest()}"


def write_config(
    target: Path, *, architecture: str, diff_ids: Sequence[str], settings: Mapping[str, Any], made_by: str
) -> Blob:
    """Write an image's configuration.

    Args:
        target: the file.
        architecture: as Docker spells it, such as amd64.
        diff_ids: digests of the layers before compression.
        settings: what a container gets: Env, Entrypoint, User, WorkingDir, ExposedPorts, Labels.
        made_by: the line that `docker history` shows.
    """
    content = {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": dict(settings),
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created": CREATED, "created_by": made_by}],
    }
    target.write_text(json.dumps(content, sort_keys=True), encoding="utf-8")
    return blob_of(target, CONFIG_TYPE)


def blob_of(path: Path, media_type: str) -> Blob:
    """Describe a file as a blob."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Blob(media_type, f"sha256:{digest}", path.stat().st_size, path)
