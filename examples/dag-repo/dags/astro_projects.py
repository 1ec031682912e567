"""dbt projects for Airflow Dags: copy this file once into the folder with your Dags.

A Dag names its project, and this module finds it: in the agent's image, as a submodule of the same version of the Dag
repository, or on a laptop in `dbt/` or `include/dbt/`, in the Dag's folder or in one above it.

    jaffle = DbtProject.find("jaffle", __file__)
    dag = DbtDag(dag_id="jaffle", schedule="@daily", **jaffle.cosmos(target="prod"))

Cosmos would run `dbt ls` at each parse of the Dag and at the start of each task. With this module, dbt parses a project
once per content, and all processes and bundle versions of the Pod share a folder with the manifest; dbt packages are
installed once per lock file. Anything that changes the manifest also changes its name in that folder, so it is never
stale. If there is a problem with the folder, Cosmos runs `dbt ls` as usual, and the log has one line with the reason.

Optional environment variables:
    ASTRO_DBT_PROJECTS: where projects are, set by the stack: {"jaffle": {"image": "/usr/local/airflow/dbt/jaffle"}}, or
        {"jaffle": {"repository": "dags/dbt/jaffle"}} relative to the root of the Dag repository. With several Dag bundles
        that also has "bundle", its name, and "subdir", the folder of the repository that it starts in.
    ASTRO_DBT_BUNDLE_SUBDIR: that folder for all projects without one; unset or empty for the repository's root.
    ASTRO_DBT_EXECUTABLE: dbt. Default: /home/astro/dbt_venv/bin/dbt if it exists, else `dbt` on PATH.
    ASTRO_DBT_CACHE: folder of manifests and packages. Default: `astro-dbt-<user id>` in the temporary folder.
    ASTRO_DBT_CACHE_MIB: size to which that folder is cleaned up, in MiB. Default: 512.

Needs Python 3.10 or later and a POSIX system; tested with Airflow 3.3 and Cosmos 1.15.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from airflow.configuration import conf
from cosmos import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode

log = logging.getLogger(__name__)

AGENT_DBT = Path("/home/astro/dbt_venv/bin/dbt")
LAPTOP_FOLDERS = ("dbt", "include/dbt")
LAPTOP_LEVELS = 4
PACKAGE_FILES = ("packages.yml", "dependencies.yml", "package-lock.yml")
WRITTEN_BY_DBT = {"target", "logs", ".user.yml"}
NOT_CONTENT = {".git", ".venv", "__pycache__"}
NOT_CONTENT_SUFFIXES = (".duckdb", ".wal")
DBT_SECONDS = 600
IN_USE_SECONDS = 3600
"""Cache entries younger than this are never removed: a running task may be reading them."""


class NotCachedError(Exception):
    """There is no manifest, or packages are not installed; the message is the reason for the log."""


@dataclass(frozen=True)
class DbtProject:
    """A dbt project on this machine."""

    name: str
    """Name in the Dag."""
    folder: Path
    """Folder with its dbt_project.yml."""
    from_image: bool = False
    """Whether it is part of the image, so that its files never change."""

    @classmethod
    def find(cls, name: str, dag_file: str | Path) -> DbtProject:
        """The project of that name that belongs to a Dag file (pass `__file__`).

        Dashes and underscores in the name are equivalent. The stack's list takes precedence; any other project is searched
        for near the Dag file.

        Raises FileNotFoundError: there is no dbt project in the folder where it should be; with the usual causes.
        Raises ValueError: ASTRO_DBT_PROJECTS cannot be read.
        """
        file = Path(dag_file).absolute()
        names = dict.fromkeys((name, name.replace("_", "-"), name.replace("-", "_")))
        places = _places()
        place = next((places[spelled] for spelled in names if spelled in places), None)
        if place is None:
            return cls(name, _near(file, name, tuple(names), listed=sorted(places)))
        if "image" in place:
            folder = Path(place["image"])
            if not _is_project(folder):
                raise FileNotFoundError(
                    f"No dbt project in {folder}: ASTRO_DBT_PROJECTS names this folder, but the image does not contain "
                    f"{name!r}; build the image with the project in it (`pulumi up` does)."
                )
            return cls(name, folder, from_image=True)
        subdir = place.get("subdir", os.environ.get("ASTRO_DBT_BUNDLE_SUBDIR", ""))
        folder = _root(file, place["repository"], subdir) / place["repository"]
        if not _is_project(folder):
            raise _not_fetched(folder, place.get("bundle"))
        return cls(name, folder)

    def warning(self) -> str:
        """A sentence if the submodule's files are not of the commit that the Dag repository pins, else "".

        Airflow's Git bundle updates the Dag repository before it fetches submodules. If that fetch fails, new Dags are parsed
        with the old dbt project until a refresh succeeds. Runs use the previous version meanwhile, so this is not an error.
        """
        if self.from_image or not (self.folder / ".git").exists():
            return ""
        command = ["git", "--no-optional-locks", "diff", "--no-color", "--no-ext-diff"]
        command += ["--submodule=short", "--ignore-submodules=dirty", "--", self.folder.name]
        try:
            printed = subprocess.run(command, cwd=self.folder.parent, capture_output=True, timeout=10).stdout
        except (OSError, subprocess.SubprocessError):
            return ""  # without Git there is nothing to compare with
        commits = re.findall(rb"^[-+]Subproject commit (\w+)$", printed, re.MULTILINE)
        if len(commits) != 2:
            return ""
        wanted, found = (commit.decode()[:12] for commit in commits)
        return (
            f"The submodule {self.folder} is at commit {found}, but this repository asks for {wanted}: its repository "
            "did not answer, or does not have that commit, so the old dbt project stays in use. The next refresh that "
            "can fetch it fixes this; on a laptop, run `git submodule update`."
        )

    def documented(self, text: str | None) -> str:
        """A Dag's documentation, with the warning, if there is one, which is logged as well."""
        warning = self.warning()
        if not warning:
            return text or ""
        log.warning(warning)
        return f"{text or ''}\n**{warning}**"

    def cosmos(
        self,
        *,
        target: str,
        profile: ProfileConfig | None = None,
        dbt_vars: Mapping[str, Any] | None = None,
        env_vars: Mapping[str, str] | None = None,
        render: Mapping[str, Any] | None = None,
        execution: Mapping[str, Any] | None = None,
        watcher: str | None = None,
    ) -> dict[str, Any]:
        """Arguments of `DbtDag` and `DbtTaskGroup` for parsing and running this project.

        ``target`` is an output of the profile; ``profile`` is by default the one that `dbt_project.yml` names, in the
        project's own `profiles.yml`. ``dbt_vars`` and ``env_vars`` are dbt's variables and its environment variables, for
        parsing and running. ``render`` and ``execution`` are arguments of Cosmos' RenderConfig, for example
        {"select": ["tag:daily"]}, and ExecutionConfig. ``watcher`` is a queue of the stack's workers: one task there runs all of
        the Dag in a single `dbt build`, and the tasks of the models report what became of them (Cosmos' mode WATCHER). By default
        each task starts its dbt separately.
        """
        profile = profile or ProfileConfig(
            profile_name=str(_project_file(self.folder).get("profile", self.name)),
            target_name=target,
            profiles_yml_filepath=self.folder / "profiles.yml",
        )
        run = _Dbt(dbt_executable(), dict(dbt_vars or {}), {**os.environ, **(env_vars or {})})
        folder, manifest, install = self._prepare(run, profile, plain=not dbt_vars and not env_vars)
        models = _project_file(self.folder).get("model-paths") or ["models"]
        dbt = {"dbt_executable_path": run.executable, "invocation_mode": InvocationMode.SUBPROCESS}
        watched: dict[str, Any] = {}
        if watcher:
            watched = {
                "execution_mode": ExecutionMode.WATCHER,
                "setup_operator_args": {"queue": watcher},
            }
        return {
            "project_config": ProjectConfig(
                dbt_project_path=folder,
                manifest_path=manifest,
                models_relative_path=models[0],
                project_name=self.name,
                install_dbt_deps=install,
                dbt_vars=dict(dbt_vars) if dbt_vars else None,
                env_vars=dict(env_vars) if env_vars else None,
            ),
            "profile_config": profile,
            "render_config": RenderConfig(
                **{
                    "load_method": LoadMode.DBT_MANIFEST if manifest else LoadMode.DBT_LS,
                    # A test of two models runs once both are built, not after the first one.
                    "should_detach_multiple_parents_tests": True,
                    **dbt,
                    **(render or {}),
                }
            ),
            "execution_config": ExecutionConfig(**{**dbt, **watched, **(execution or {})}),
        }

    def _prepare(self, run: _Dbt, profile: ProfileConfig, *, plain: bool) -> tuple[Path, Path | None, bool]:
        """The folder to run dbt in, the manifest if there is one, and whether Cosmos must install dbt packages.

        The image's manifest was generated without a Dag's variables, so it is used only for Dags without any (`plain`).
        """
        baked = self.folder / "target" / "manifest.json"
        missing = _packages_missing(self.folder)
        if self.from_image and not missing and baked.is_file():
            reason = "" if plain else "the Dag sets variables"
            if not (reason := reason or self._made_for_another(profile)):
                return self.folder, baked, False
            log.info("dbt project %s: the manifest in the image is not used, because %s", self.name, reason)
        folder = self.folder
        try:
            cache = _Cache.open()
            if missing:
                folder = run.install_packages(self.folder, cache)
            manifest = run.parse(self.name, self.folder, folder, profile, cache)
        except (NotCachedError, OSError, subprocess.SubprocessError, yaml.YAMLError, ValueError) as problem:
            log.warning("dbt project %s: Cosmos runs `dbt ls` at this parse, because %s", self.name, problem)
            return folder, None, missing and folder == self.folder
        return folder, manifest, False

    def _made_for_another(self, profile: ProfileConfig) -> str:
        """Return why the manifest in the image does not fit a profile, else ""."""
        try:
            record = json.loads((self.folder / "target" / "manifest-for.json").read_text())
        except (OSError, ValueError):
            return "target/manifest-for.json does not say which target it is for"
        if (
            not profile.profiles_yml_filepath
            or Path(profile.profiles_yml_filepath) != self.folder / "profiles.yml"
        ):
            return "the Dag has its own profile"
        if record != {"profile": profile.profile_name, "target": profile.target_name}:
            return f"it is for the target {record.get('target')!r} of the profile {record.get('profile')!r}"
        return ""


def dbt_executable() -> str:
    """The dbt to call: ASTRO_DBT_EXECUTABLE, else the one of the agent's image, else the one on PATH."""
    if named := os.environ.get("ASTRO_DBT_EXECUTABLE"):
        return named
    return str(AGENT_DBT) if AGENT_DBT.is_file() else shutil.which("dbt") or "dbt"


# Where a project is.


def _places() -> dict[str, dict[str, str]]:
    """What the stack says: name -> {"image": folder} or {"repository": path}; nothing on a laptop."""
    text = os.environ.get("ASTRO_DBT_PROJECTS", "")
    try:
        found = json.loads(text or "{}")
        if all(len(place.keys() & {"image", "repository"}) == 1 for place in found.values()):
            return dict(found)
    except (ValueError, AttributeError):
        pass
    raise ValueError(
        f"ASTRO_DBT_PROJECTS is {text!r}, but must be JSON such as "
        '{"jaffle": {"image": "/usr/local/airflow/dbt/jaffle"}} or {"jaffle": {"repository": "dags/dbt/jaffle"}}.'
    )


def _is_project(folder: Path) -> bool:
    return (folder / "dbt_project.yml").is_file()


def _not_fetched(folder: Path, bundle: str | None = None) -> FileNotFoundError:
    other = f"this Dag is not in the bundle {bundle}, which has the project, or " if bundle else ""
    return FileNotFoundError(
        f"No dbt project in {folder}: {other}either the submodule was not fetched (set `submodules` to true in the Dag bundle, "
        "or run `git submodule update --init` on a laptop), or its first fetch failed: a Dag processor fetches it again "
        "at its next refresh, but a worker's version of the bundle stays without it for good (once the submodule's "
        "repository answers, restart the Pod or remove this version's folder)."
    )


def _root(file: Path, path: str, subdir: str) -> Path:
    """The root of the Dag repository in the version that `file` is of.

    The bundle's folder is below it by ASTRO_DBT_BUNDLE_SUBDIR. The Git checkout that has the project is meant: a folder
    of Dags may itself be a submodule, and folder names may repeat.
    """
    subdir = subdir.strip("/")
    above = [folder for folder in file.parents if file.is_relative_to(folder / subdir)] or [file.parent]
    checkouts = [folder for folder in above if (folder / ".git").exists()]
    holding = [folder for folder in (*checkouts, *above) if (folder / path).is_dir()]
    return (holding or checkouts or above)[0]


def _near(file: Path, name: str, names: tuple[str, ...], *, listed: list[str]) -> Path:
    """A project's folder in one of the usual places next to a Dag file or above it."""
    looked = []
    for above in list(file.parents)[:LAPTOP_LEVELS]:
        for folder in (above / place / spelled for place in LAPTOP_FOLDERS for spelled in names):
            if _is_project(folder):
                return folder
            looked.append(folder)
        if (above / ".git").exists():
            break
    empty = [folder for folder in looked if folder.is_dir()]
    if empty:
        raise _not_fetched(empty[0])
    stack = f"ASTRO_DBT_PROJECTS lists {', '.join(listed)}, and " if listed else ""
    raise FileNotFoundError(
        f"No dbt project {name!r}: {stack}there is none in {', '.join(map(str, looked))}; write the name from "
        "`dbtProjects` of the stack, or put the project into one of these folders."
    )


def _project_file(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "dbt_project.yml").read_text(encoding="utf-8")) or {}


# What dbt generates.


def _packages_folder(folder: Path) -> str:
    path = str(_project_file(folder).get("packages-install-path") or "dbt_packages")
    if "{{" in path or "/" in path:
        raise NotCachedError("`packages-install-path` is not the name of a folder")
    return path


def _packages_missing(folder: Path) -> bool:
    """Whether a project asks for dbt packages that are not in its folder."""
    asked = any(
        (folder / name).is_file() and re.search(rb"^packages:\s*(#.*)?$", (folder / name).read_bytes(), re.M)
        for name in ("packages.yml", "dependencies.yml")
    )
    with suppress(NotCachedError):
        installed = folder / _packages_folder(folder)
        return asked and not any(installed.glob("*/dbt_project.yml"))
    return asked


def _local_packages(folder: Path) -> list[str]:
    """The paths of `local:` packages, as the project writes them."""
    texts = [(folder / name).read_text() for name in PACKAGE_FILES[:2] if (folder / name).is_file()]
    found = re.findall(r"^[\s-]*local:\s*[\"']?([^\"'\n#]+)", "\n".join(texts), re.M)
    return sorted({path.strip() for path in found})


@dataclass(frozen=True)
class _Dbt:
    """dbt, as one Dag calls it."""

    executable: str
    dbt_vars: dict[str, Any]
    environment: dict[str, str]

    def parse(self, name: str, source: Path, folder: Path, profile: ProfileConfig, cache: _Cache) -> Path:
        """The manifest of a project; `folder` is `source` with its packages."""
        with profile.ensure_profile(use_mock_values=True) as (profiles, variables):
            files = [Path(profiles), *([folder / "package-lock.yml"] if folder != source else [])]
            folders = [source, *(source / path for path in _local_packages(source))]
            arguments = ["--profile", profile.profile_name, "--target", profile.target_name]
            family = _hash([name, self.version(), arguments, self.dbt_vars])
            content = _content(files, folders, self.environment)

            def make(entry: Path) -> None:
                started = time.monotonic()
                earlier = cache.newest(f"manifest-{family[:8]}-*/partial_parse.msgpack")
                with tempfile.TemporaryDirectory(dir=entry) as scratch:
                    target = Path(scratch, "target")
                    target.mkdir()
                    if earlier:  # dbt parses only what has changed since
                        shutil.copy(earlier, target)
                    places = ["--target-path", str(target), "--log-path", scratch]
                    self._call("parse", folder, Path(profiles), [*arguments, *places], variables)
                    if content != _content(files, folders, self.environment):
                        raise NotCachedError("its files changed while dbt read them")
                    _without_times(target / "manifest.json")
                    for kept in ("manifest.json", "partial_parse.msgpack"):
                        if (target / kept).exists():
                            (target / kept).rename(entry / kept)
                log.info("dbt project %s: parsed in %.1f s", name, time.monotonic() - started)

            key = f"manifest-{family[:8]}-{_hash([family, content])[:32]}"
            return cache.entry(key, "manifest.json", make) / "manifest.json"

    def install_packages(self, source: Path, cache: _Cache) -> Path:
        """A folder that has everything of a project and its packages, installed once per lock file."""
        subfolder, local = _packages_folder(source), _local_packages(source)
        files = [source / name for name in PACKAGE_FILES if (source / name).is_file()]
        content = _content(files, [source / path for path in local], self.environment)
        key = _hash([self.version(), subfolder, self.dbt_vars, content])

        def make(entry: Path) -> None:
            started = time.monotonic()
            with tempfile.TemporaryDirectory(dir=entry) as scratch:
                # Deep enough that the relative paths of local packages stay inside.
                stage = Path(scratch, *["d"] * max([0, *(path.count("..") for path in local)]), "project")
                _mirror(source, stage, without=[subfolder, "package-lock.yml"])
                for path in (path for path in local if ".." in path):
                    link = Path(os.path.normpath(stage / path))
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to((source / path).resolve())
                if (source / "package-lock.yml").is_file():
                    shutil.copy(source / "package-lock.yml", stage)
                self._call("deps", stage, None, ["--log-path", scratch], {})
                # dbt links local packages; the copy remains when the bundle version with the originals is removed.
                shutil.copytree(stage / subfolder, entry / "packages", ignore=shutil.ignore_patterns(".git"))
                shutil.copy(stage / "package-lock.yml", entry)
            log.info("dbt packages of %s: installed in %.1f s", source.name, time.monotonic() - started)

        packages = cache.entry(f"packages-{key[:32]}", "package-lock.yml", make)
        names = sorted(path.name for path in source.iterdir())

        def link(entry: Path) -> None:
            _mirror(source, entry, without=[subfolder, "package-lock.yml"])
            (entry / subfolder).symlink_to(packages / "packages")
            (entry / "package-lock.yml").symlink_to(packages / "package-lock.yml")

        return cache.entry(f"view-{_hash([str(source), names, key])[:32]}", "package-lock.yml", link)

    def version(self) -> list[str]:
        """What is installed next to dbt, adapters included: quicker than `dbt --version` by a second."""
        program = Path(
            shutil.which(self.executable, path=self.environment.get("PATH")) or self.executable
        ).resolve()
        found = sorted(path.name for path in program.parents[1].glob("lib/python*/site-packages/*.dist-info"))
        status = program.stat()
        return [*found, f"{program} {status.st_size} {status.st_mtime_ns}"]

    def _call(
        self,
        command: str,
        folder: Path,
        profiles: Path | None,
        arguments: list[str],
        variables: Mapping[str, str],
    ) -> None:
        """Run dbt in a folder; `NotCachedError` when it fails."""
        words = [self.executable, command, "--project-dir", str(folder), *arguments]
        words += ["--profiles-dir", str(profiles.parent)] if profiles else []
        words += ["--vars", json.dumps(self.dbt_vars, sort_keys=True)] if self.dbt_vars else []
        ended = subprocess.run(
            words, cwd=folder, env={**self.environment, **variables, "NO_COLOR": "1"}, timeout=DBT_SECONDS,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        if ended.returncode:
            last = re.sub(r"://[^/@\s]+@", "://", " ".join(ended.stdout.split()[-60:]))
            raise NotCachedError(f"`dbt {command}` ended with exit code {ended.returncode}: {last}")


def _mirror(source: Path, into: Path, *, without: list[str]) -> None:
    """Create a folder of links to everything in a project except what dbt writes."""
    into.mkdir(parents=True, exist_ok=True)
    for child in source.iterdir():
        if child.name not in {*NOT_CONTENT, *WRITTEN_BY_DBT, *without}:
            (into / child.name).symlink_to(child)


def _without_times(manifest: Path) -> None:
    """Remove from a manifest what differs between parses of the same content, or Airflow would see a new Dag version."""
    found = json.loads(manifest.read_bytes())
    for name in ("generated_at", "run_started_at", "invocation_started_at", "invocation_id", "user_id"):
        found["metadata"].pop(name, None)
    for node in (node for kind in found.values() if isinstance(kind, dict) for node in kind.values()):
        if isinstance(node, dict):
            node.pop("created_at", None)
    manifest.write_text(json.dumps(found, sort_keys=True), encoding="utf-8")


# Where it is stored.


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _content(files: list[Path], folders: list[Path], environment: Mapping[str, str]) -> str:
    """A hash of files, folders, and the environment variables that count for them.

    Relevant are dbt's own variables and those that the files read with `env_var`; all variables, if a name is an
    expression. Reading all files takes 8 ms for 300 models, so neither file times nor Git need to be trusted.
    """
    found, names, any_name = hashlib.sha256(), set(), False
    read = [(file.name, file) for file in files]
    read += [(str(file.relative_to(folder)), file) for folder in folders for file in _walk(folder)]
    for name, file in read:
        data = file.read_bytes()
        found.update(f"{len(name)}:{name}:{len(data)}:".encode() + data)
        for literal in re.findall(rb"env_var\s*\(\s*(?:['\"](\w+)['\"])?", data):
            names.add(literal.decode())
            any_name |= not literal
    variables = {
        name: value
        for name, value in environment.items()
        if any_name or name in names or name.startswith("DBT_")
    }
    return _hash([found.hexdigest(), variables])


def _walk(folder: Path) -> Iterator[Path]:
    """Yield all files in a folder that dbt may read, following links, in the same order on every machine."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        skip = NOT_CONTENT | WRITTEN_BY_DBT if parent == str(folder) else NOT_CONTENT
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen else sorted(name for name in folders if name not in skip)
        for name in sorted(files) if real not in seen else ():
            if name not in skip and not name.endswith(NOT_CONTENT_SUFFIXES) and Path(parent, name).is_file():
                yield Path(parent, name)
        seen.add(real)


@dataclass(frozen=True)
class _Cache:
    """A folder of entries that all processes of a Pod share; each entry is a folder that appears complete and never changes."""

    root: Path
    limit: int

    @classmethod
    def open(cls) -> _Cache:
        """The cache of this user, who alone may write to it."""
        user = os.getuid()
        root = Path(os.environ.get("ASTRO_DBT_CACHE") or Path(tempfile.gettempdir(), f"astro-dbt-{user}"))
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if root.stat().st_uid != user:
            raise NotCachedError(f"{root} belongs to another user")
        size = os.environ.get("ASTRO_DBT_CACHE_MIB") or "512"
        if not size.isdecimal():
            raise NotCachedError(f"ASTRO_DBT_CACHE_MIB is {size!r}, but must be a number")
        return cls(root, int(size) * 2**20)

    def entry(self, name: str, sealed: str, make: Callable[[Path], None]) -> Path:
        """An entry, made by one process while others wait; the file `sealed` in it is checked at each use.

        Raises NotCachedError: another process did not finish it in time.
        """
        entry = self.root / name
        if self._intact(entry, sealed):
            return entry
        with self._lock(name):
            if not self._intact(entry, sealed):
                shutil.rmtree(entry, ignore_errors=True)
                with tempfile.TemporaryDirectory(prefix="new-", dir=self.root) as scratch:
                    fresh = Path(scratch, name)
                    fresh.mkdir()
                    make(fresh)
                    (fresh / ".seal").write_text(_seal(fresh / sealed))
                    fresh.rename(entry)
                self._clean()
        return entry

    def newest(self, pattern: str) -> Path | None:
        """The file that was written last of those that match."""
        return max(self.root.glob(pattern), key=lambda path: path.stat().st_mtime, default=None)

    def _intact(self, entry: Path, sealed: str) -> bool:
        try:
            if (entry / ".seal").read_text() != _seal(entry / sealed):
                return False
        except OSError:
            return False
        with suppress(OSError):
            os.utime(entry)
        return True

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Hold the lock of an entry, which ends with the process that holds it, however that ends."""
        limit = conf.getfloat("core", "dagbag_import_timeout", fallback=30.0)
        until = time.monotonic() + (limit / 2 if limit > 0 else DBT_SECONDS)
        # Few locks, never removed: a lock that is removed while another process waits for it protects nothing.
        with (self.root / f"lock-{_hash([name])[:2]}").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise NotCachedError(
                            f"another process has been creating {name} for too long"
                        ) from None
                    time.sleep(0.1)
            yield

    def _clean(self) -> None:
        """Remove what interrupted processes left, and the least recently used entries, down to the limit."""
        now, sizes = time.time(), 0
        for entry in sorted(self.root.glob("*-*"), key=_age):
            if not entry.is_dir():
                continue
            sizes += sum(path.lstat().st_size for path in entry.rglob("*") if not path.is_dir())
            unused = now - entry.stat().st_mtime > IN_USE_SECONDS
            if unused and (sizes > self.limit or entry.name.startswith("new-")):
                shutil.rmtree(entry, ignore_errors=True)


def _age(path: Path) -> float:
    """The sorting key that puts what was used last first."""
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def _seal(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
