"""Image layers and configurations from a folder: the same files give the same bytes."""

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trial.errors import TrialError
from trial.registry_client import CONFIG_TYPE, LAYER_TYPE, Blob

CHUNK = 1 << 20
# The time of everything in an image, 2026-01-01, in seconds since 1970.
TIMESTAMP = 1767225600
CREATED = "2026-01-01T00:00:00Z"


def write_layer(root: Path, target: Path) -> tuple[Blob, str]:
    """Archive a folder as a compressed layer, with the same bytes for the same files; returns the same as `pack`.

    Raises TrialError: tar failed.
    """
    argv = ["tar", "--create", "--sort=name", "--numeric-owner", f"--mtime=@{TIMESTAMP}", "--format=gnu"]
    return pack(subprocess.Popen([*argv, "-C", str(root), "."], stdout=subprocess.PIPE), target)


def pack(archive: "subprocess.Popen[bytes]", target: Path) -> tuple[Blob, str]:
    """Compress the archive that a program writes; return the layer and the digest before compression.

    Raises TrialError: the program or gzip failed.
    """
    plain = hashlib.sha256()
    with (
        target.open("wb") as out,
        archive,
        # Without -n, the archive would contain its creation time.
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

    ``architecture`` is in Docker's spelling, such as amd64; ``diff_ids`` are digests of the layers before compression;
    ``settings`` are Env, Entrypoint, User, WorkingDir, ExposedPorts and Labels; ``made_by`` is shown by `docker history`.
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
