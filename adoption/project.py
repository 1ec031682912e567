"""An Astro project with remote agents: the content of its client image, its submodules and its dbt projects.

The names of the files are those of the Astro CLI (astronomer.io/docs/astro/remote-execution-configure-agents).
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adoption.errors import AdoptionError
from domain.address import AddressError, RepositoryAddress, is_relative, resolved
from domain.plain_yaml import PlainYamlError, load

_SKIPPED = frozenset({"dbt_packages", "target", "logs", "node_modules", "site-packages", "venv", "dbt_venv"})
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


@dataclass(frozen=True)
class DbtFolder:
    """A folder with a dbt project."""

    name: str
    """Name in dbt_project.yml."""
    path: str
    """Path in the Astro project."""
    repository: str | None
    """Address of its submodule; None for a folder of the Astro project itself."""
    branch: str | None
    """Branch that .gitmodules names."""
    subdir: str | None
    """Folder inside the submodule."""


@dataclass(frozen=True)
class AstroProject:
    """Content of the folder."""

    base: str | None = None
    """Image that Dockerfile.client builds on."""
    adapters: tuple[str, ...] = ()
    """dbt packages that it installs."""
    packages: tuple[str, ...] = ()
    """Lines of requirements-client.txt."""
    system_packages: tuple[str, ...] = ()
    """Lines of packages-client.txt."""
    dbt: tuple[DbtFolder, ...] = ()
    """dbt projects."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Path -> address of the other submodules."""
    repository: str | None = None
    """Address of the project's own repository."""
    notes: tuple[str, ...] = ()
    """What the user has to check."""


def read_project(folder: Path) -> AstroProject:
    """Read an Astro project; nothing in it is executed. Raises AdoptionError."""
    if not folder.is_dir():
        raise AdoptionError(
            f"--astro-project is {folder}, which is not a folder; name the one with Dockerfile.client"
        )
    notes: list[str] = []
    dockerfile = _text(folder / "Dockerfile.client")
    base, adapters = _dockerfile(dockerfile, notes)
    packages = tuple(_lines(folder / "requirements-client.txt", notes))
    origin = _origin(folder)
    modules, branches = _modules(folder, origin, notes)
    dbt = tuple(_dbt_folders(folder, modules, branches, notes))
    if not dockerfile:
        notes.append(
            f"Dockerfile.client is not in {folder}, so how the agents' image is built is not known; they keep the one that they run"
        )
    if not dbt:
        notes.append(
            f"no dbt_project.yml and no dbt submodule is below {folder}; correct the example in `dbtProjects`"
        )
    used = {item.path if item.subdir is None else item.path.removesuffix(f"/{item.subdir}") for item in dbt}
    return AstroProject(
        base=base,
        adapters=adapters,
        packages=packages,
        system_packages=tuple(_lines(folder / "packages-client.txt", notes)),
        dbt=dbt,
        modules={path: url for path, url in modules.items() if path not in used},
        repository=origin,
        notes=tuple(notes),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        raise AdoptionError(f"{path} cannot be read; correct the file") from None


def _lines(path: Path, notes: list[str]) -> Iterator[str]:
    for line in _text(path).splitlines():
        entry = line.partition(" #")[0].strip()
        if not entry or entry.startswith("#"):
            continue
        if entry.startswith("-") or "://" in entry:
            notes.append(
                f"{path.name}: {entry.split()[0]} is not a plain requirement; bring it in with image.dockerfile"
            )
        else:
            yield entry


def _dockerfile(text: str, notes: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """(base image, dbt packages) of a Dockerfile; other instructions than those are noted."""
    base, adapters, other = None, [], set()
    arguments: dict[str, str] = {}
    for line in re.sub(r"\\\s*\n", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        rest = _filled(rest, arguments)
        if word.upper() == "ARG":
            name, _, value = rest.partition("=")
            arguments[name.strip()] = value.strip().strip("\"'")
        elif word.upper() == "FROM":
            base = rest.split()[0] if rest else None
        elif word.upper() == "RUN":
            found = list(_dbt_packages(rest))
            adapters += found
            if not found:
                other.add("RUN")
        elif word and not word.startswith("#") and not (word.upper() == "COPY" and "dbt" in rest):
            other.add(word.upper())
    if other:
        notes.append(
            f"Dockerfile.client also has {', '.join(sorted(other))}; keep it as image.dockerfile if the agents need that "
            "(docs/image.md)"
        )
    if base is not None and "$" in base:
        notes.append("Dockerfile.client takes its base image from a build argument; write it into image.base")
        base = None
    return base, tuple(dict.fromkeys(adapters))


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    """The text with the build arguments that have a default."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found[1]) or found[0], text)


def _dbt_packages(command: str) -> Iterator[str]:
    try:
        words = shlex.split(command.replace("&&", " ; "))
    except ValueError:
        return
    installing = False
    for word in words:
        if word in {";", "deactivate"}:
            installing = False
        elif word == "install":
            installing = True
        elif installing and re.match(r"^dbt-[A-Za-z0-9_.-]+", word):
            yield word


def _git(folder: Path, *arguments: str) -> str:
    """Output of a Git command that only reads; empty when it fails."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout if done.returncode == 0 else ""


def _origin(folder: Path) -> str | None:
    """Address of the repository that the folder is the root of, without a login in it."""
    if not (folder / ".git").exists():
        return None
    return _clean(_git(folder, "config", "--get", "remote.origin.url").strip())


def _clean(url: str) -> str | None:
    try:
        address = RepositoryAddress.parse(url)
    except AddressError:
        return None
    if address.fetched_over_ssh:
        return url
    return str(address.without_user()) if address.user or address.carries_credentials else url


def _modules(folder: Path, origin: str | None, notes: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """(path -> address, path -> branch) of .gitmodules."""
    if not (folder / ".gitmodules").is_file():
        return {}, {}
    entries: dict[str, dict[str, str]] = {}
    for entry in filter(
        None, _git(folder, "config", "--file", ".gitmodules", "--null", "--list").split("\0")
    ):
        key, _, value = entry.partition("\n")
        name, _, setting = key.removeprefix("submodule.").rpartition(".")
        entries.setdefault(name, {})[setting] = value
    urls, branches = {}, {}
    for item in entries.values():
        path, url = item.get("path", "").strip("/"), item.get("url", "")
        if not path or not url:
            continue
        if is_relative(url):
            notes.append(
                f".gitmodules: {path} has the relative address {url}, which agents cannot follow; write it as a whole URL"
            )
            url = resolved(url, origin) if origin else ""
        clean = _clean(url) if url else None
        if clean:
            urls[path] = clean
            if item.get("branch") and item["branch"] != ".":
                branches[path] = item["branch"]
    return urls, branches


def _dbt_folders(
    folder: Path, modules: Mapping[str, str], branches: Mapping[str, str], notes: list[str]
) -> Iterator[DbtFolder]:
    found: set[str] = set()
    for file in sorted(folder.rglob("dbt_project.yml")):
        relative = file.parent.relative_to(folder)
        if any(part in _SKIPPED or part.startswith(".") for part in relative.parts) or relative == Path():
            continue
        path = relative.as_posix()
        module = next((item for item in modules if path == item or path.startswith(f"{item}/")), None)
        found.add(module or "")
        yield DbtFolder(
            name=_name(file, notes),
            path=path,
            repository=modules.get(module or ""),
            branch=branches.get(module or ""),
            subdir=path.removeprefix(f"{module}/") if module and path != module else None,
        )
    for path, url in modules.items():
        if path not in found and not (folder / path / ".git").exists() and "dbt" in path:
            notes.append(
                f"{path} is a submodule that is not checked out; it is taken for a dbt project by its path"
            )
            yield DbtFolder(_identifier(Path(path).name), path, url, branches.get(path), None)


def _name(file: Path, notes: list[str]) -> str:
    try:
        content: Any = load(_text(file))
    except PlainYamlError:
        content = None
    name = content.get("name") if isinstance(content, dict) else None
    if isinstance(name, str) and _NAME.match(name):
        return name
    notes.append(f"{file.parent.name}: dbt_project.yml names no project; its folder's name is taken")
    return _identifier(file.parent.name)


def _identifier(text: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return cleaned if _NAME.match(cleaned) else f"_{cleaned}"
