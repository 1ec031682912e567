"""Staging the build context of the client image: the same content gives the same files and tag, on every machine and path."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from clients.git import Mirrored
from clients.source_tree import SourceTree
from delivery.recipe import CA_FILE, PACKAGES, Recipe, Source
from domain.build_context import BuildContext
from domain.dbt_output import DEFAULT_PACKAGES, DbtOutput
from domain.errors import ReportedError
from domain.links import LinkError
from domain.plain_yaml import PlainYamlError, load
from program.package_sources import PackageError, package_files
from program.staged_folder import Staged, sync

_STAGED = (b"dbt", b"requirements.txt", b"packages.txt", CA_FILE.encode())
"""Staged by the program (projects, files for the base's ONBUILD, network), so the user's .dockerignore must not hide them."""

Checkout = Callable[[Source, Path], None]
"""Fetches a project's whole repository at its ref into an empty folder, because links may lead out of `subdir`."""


PackageMirror = Callable[
    [Source, str, Collection[str | None], Path, Collection[str]], Mapping[str | None, Mirrored]
]
"""Mirrors a dbt package of a project: address, revisions, empty folder, files to return. Raises StagingError."""


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


class UnstagedPackageError(Exception):
    """A dbt package that the image build would need and cannot get; the text continues `the dbt package …`."""

    def __init__(self, at: str, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        """Stack key of the dbt project that asks for it."""


class UnsafeLinkError(Exception):
    """A link would bring files into the image that are not part of its repository."""

    def __init__(self, at: str, error: LinkError) -> None:
        super().__init__(str(error))
        self.at = at
        """Stack key of the folder or file with the link."""
        self.path = error.path
        """Path of the link in its repository."""
        self.reason = error.reason
        """Where it leads."""


def stage(
    recipe: Recipe,
    *,
    root: Path,
    folder: str,
    checkout: Checkout,
    mirror: PackageMirror,
    below: str | None = None,
) -> BuildContext:
    """Stage ``recipe`` under ``root``/``folder`` and compute the image's tag.

    ``below`` is the tag of the stack's image that this one builds on, if any.

    Unchanged files are not written again; file modes are normalised, because this machine's umask would otherwise count
    as a change. Raises OSError if a source cannot be read, UnsafeLinkError and UnstagedPackageError.
    """
    target = root / folder
    wanted: dict[str, bytes | Path] = {name: text.encode() for name, text in recipe.files.items()}
    if recipe.ca_bundle:
        wanted[CA_FILE] = root / recipe.ca_bundle
    if recipe.dockerfile:
        wanted |= _own_files(root / recipe.dockerfile)
    for source in recipe.sources:
        scratch = target.parent / "sources"
        tree = _tree_of(source, root=root, fetched=scratch / source.target, checkout=checkout)
        wanted |= _source_files(source, tree)
        if source.is_dbt:
            wanted |= _package_files(
                source, tree, wanted, scratch=scratch / f"{source.target}.packages", mirror=mirror
            )
    files = sync(target, wanted)
    return BuildContext(
        folder=folder,
        dockerfile=f"{folder}/Dockerfile",
        tag=_tag(recipe, below, files),
    )


def _own_files(dockerfile: Path) -> dict[str, bytes | Path]:
    """The user's Dockerfile and its folder, with the client files also under the names that the base's ONBUILD expects."""
    try:
        files: dict[str, bytes | Path] = dict(SourceTree.around(dockerfile.parent).files())
    except LinkError as error:
        raise UnsafeLinkError("image.dockerfile", error) from None
    for plain, client in (
        ("requirements.txt", "requirements-client.txt"),
        ("packages.txt", "packages-client.txt"),
    ):
        if client in files:
            files[plain] = files[client]
    files["Dockerfile"] = files.get(dockerfile.name, dockerfile)
    return files | _ignored(files, dockerfile.name)


def _ignored(files: dict[str, bytes | Path], dockerfile: str) -> dict[str, bytes | Path]:
    """The user's .dockerignore, which applies only to the user's folder: what the program stages is never left out.

    `<Dockerfile>.dockerignore` goes before `.dockerignore` (docs.docker.com, build/concepts/context), and the staged file is
    called Dockerfile, so that of another Dockerfile must not be staged under a name that Docker would read.
    """
    own, plain = files.pop(f"{dockerfile}.dockerignore", None), files.pop(".dockerignore", None)
    files.pop("Dockerfile.dockerignore", None)
    found = own if own is not None else plain
    if found is None:
        return {}
    text = found if isinstance(found, bytes) else found.read_bytes()
    return {".dockerignore": text.rstrip(b"\n") + b"\n" + b"".join(b"!%s\n" % name for name in _STAGED)}


def _tree_of(source: Source, *, root: Path, fetched: Path, checkout: Checkout) -> SourceTree:
    try:
        if source.folder is not None:
            return SourceTree.around(root / source.folder / (source.subdir or ""))
        shutil.rmtree(fetched, ignore_errors=True)
        fetched.mkdir(parents=True)
        checkout(source, fetched)
        return SourceTree(fetched, source.subdir or "")
    except LinkError as error:
        raise UnsafeLinkError(source.at, error) from None


def _source_files(source: Source, tree: SourceTree) -> dict[str, bytes | Path]:
    without = _below(source)
    try:
        if source.is_dbt:
            without |= _written_by_dbt(tree, checked_out=source.folder is None)
        return {f"{source.target}/{name}": path for name, path in tree.files(without=without)}
    except LinkError as error:
        raise UnsafeLinkError(source.at, error) from None


def _below(source: Source) -> frozenset[str]:
    """Paths that stay out, relative to the folder that is staged."""
    start = f"{source.subdir}/" if source.subdir else ""
    return frozenset(path.removeprefix(start) for path in source.without if path.startswith(start))


def _package_files(
    source: Source, tree: SourceTree, staged: Collection[str], *, scratch: Path, mirror: PackageMirror
) -> dict[str, bytes | Path]:
    packages = _output_of(tree).packages or DEFAULT_PACKAGES
    vendored = any(name.startswith(f"{source.target}/{packages}/") for name in staged)
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        files = package_files(
            tree, packages=packages, vendored=vendored, scratch=scratch, mirror=partial(mirror, source)
        )
    except PackageError as error:
        raise UnstagedPackageError(source.at, str(error)) from None
    except LinkError as error:
        raise UnsafeLinkError(source.at, error) from None
    return {f"{PACKAGES}/{source.name}/{name}": content for name, content in files.items()}


def _output_of(tree: SourceTree) -> DbtOutput:
    try:
        definition = load(tree.read("dbt_project.yml") or b"")
    except PlainYamlError:
        definition = None
    return DbtOutput.of(definition)


def _written_by_dbt(tree: SourceTree, *, checked_out: bool) -> frozenset[str]:
    """What dbt writes itself, at the project's root only; packages that the repository has committed stay."""
    output = _output_of(tree)
    if output.packages is None or checked_out or tree.tracks(output.packages):
        return output.caches
    return output.caches | {output.packages}


def _tag(recipe: Recipe, below: str | None, files: Mapping[str, Staged]) -> str:
    digest = hashlib.sha256()
    for part in (
        recipe.base or below or "",
        recipe.platform,
        *(f"{k}={v}" for k, v in sorted(recipe.arguments.items())),
    ):
        digest.update(part.encode() + b"\0")
    for name, file in sorted(files.items()):
        mode = b"x" if file.executable else b"-"
        digest.update(name.encode() + b"\0" + mode + bytes.fromhex(file.digest))
    return digest.hexdigest()[:20]
