"""Staging the build context of the client image: same content, same files, same tag, on every machine and path."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from delivery.recipe import CA_FILE, Recipe, Source
from domain.build_context import BuildContext
from domain.errors import ReportedError

LEFT_OUT = frozenset(
    {
        ".git",
        ".gitmodules",
        ".venv",
        "__pycache__",
        "target",
        "logs",
        "dbt_packages",
        ".user.yml",
        ".DS_Store",
    }
)
"""Names that never reach the context: history, caches and what dbt makes itself."""

Checkout = Callable[[Source, Path], None]
"""Fetches a project at its ref into an empty folder: the files below its `subdir`, or all of its repository."""


class StagingError(ReportedError):
    """A file of the build context cannot be read or written."""

    @classmethod
    def of(cls, error: OSError, *, project: str) -> StagingError:
        """The error as a sentence with the stack key."""
        reason = (error.strerror or type(error).__name__).lower()
        return cls(
            f"{project}:image cannot be built, because {error.filename or 'a file of its context'} cannot be read or written "
            f"({reason}); correct the file or its permissions, and free space if there is none."
        )


def stage(
    recipe: Recipe, *, root: Path, folder: str, checkout: Checkout, below: str | None = None
) -> BuildContext:
    """Stage ``recipe`` under ``root``/``folder`` and work out the image's tag.

    ``below`` is the tag of the stack's image that this one builds on, if it does.

    Files keep their place when nothing changed; file modes are made equal, because the umask of the machine would
    otherwise show as a change. Raises OSError when a source cannot be read.
    """
    target = root / folder
    wanted: dict[str, bytes | Path] = {name: text.encode() for name, text in recipe.files.items()}
    if recipe.ca_bundle:
        wanted[CA_FILE] = root / recipe.ca_bundle
    if recipe.dockerfile:
        wanted |= _own_files(root / recipe.dockerfile)
    for source in recipe.sources:
        wanted |= _project_files(
            source, root=root, fetched=target.parent / "sources" / source.name, checkout=checkout
        )
    executable = {
        name for name, content in wanted.items() if isinstance(content, Path) and _is_executable(content)
    }
    content = {name: item if isinstance(item, bytes) else item.read_bytes() for name, item in wanted.items()}
    _write(target, content, executable)
    return BuildContext(
        folder=folder,
        dockerfile=f"{folder}/Dockerfile",
        tag=_tag(recipe, below, content, executable),
    )


def _own_files(dockerfile: Path) -> dict[str, bytes | Path]:
    """The user's Dockerfile and its folder; the client files also under the names that the base's ONBUILD looks for."""
    files: dict[str, bytes | Path] = dict(_files(dockerfile.parent))
    for plain, client in (
        ("requirements.txt", "requirements-client.txt"),
        ("packages.txt", "packages-client.txt"),
    ):
        if client in files:
            files[plain] = files[client]
    files["Dockerfile"] = dockerfile
    return files


def _project_files(
    source: Source, *, root: Path, fetched: Path, checkout: Checkout
) -> dict[str, bytes | Path]:
    if source.folder is not None:
        folder = root / source.folder
    else:
        shutil.rmtree(fetched, ignore_errors=True)
        fetched.mkdir(parents=True)
        checkout(source, fetched)
        folder = fetched
    return {f"dbt/{source.name}/{name}": path for name, path in _files(folder)}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name relative to ``folder``, path) of every file that belongs into a context."""
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_dir():
            yield from ((f"{path.name}/{name}", below) for name, below in _files(path))
        elif path.is_file():
            yield path.name, path


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def _write(target: Path, content: Mapping[str, bytes], executable: set[str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(target.rglob("*"), reverse=True):
        name = path.relative_to(target).as_posix()
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in content:
            path.unlink()
    for name, data in content.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
        path.chmod(0o755 if name in executable else 0o644)
    for path in (target, *target.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def _tag(recipe: Recipe, below: str | None, content: Mapping[str, bytes], executable: set[str]) -> str:
    digest = hashlib.sha256()
    for part in (
        recipe.base or below or "",
        recipe.platform,
        *(f"{k}={v}" for k, v in sorted(recipe.arguments.items())),
    ):
        digest.update(part.encode() + b"\0")
    for name in sorted(content):
        mode = b"x" if name in executable else b"-"
        digest.update(name.encode() + b"\0" + mode + hashlib.sha256(content[name]).digest())
    return digest.hexdigest()[:20]
