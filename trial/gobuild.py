"""Building Go programs from pinned modules, with progress, into a cache keyed by their sources and flags."""

import fcntl
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from trial.commands import run
from trial.errors import TrialError
from trial.layout import Layout
from trial.progress import Progress

# Without inlining the control plane compiles in four fifths of the time; measured on a sample of its packages. Nobody
# debugs these programs, so the compiler need not write what the linker's -w drops. The flags are part of a package's key
# in Go's build cache: programs share packages because all of them have the same.
COMPILE_FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-l -dwarf=false")

KUBERNETES_VERSION = "1.36.3"
HELM_VERSION = "3.21.4"
PULUMI_VERSION = version("pulumi")
KUBERNETES_PLUGIN_VERSION = "4.25.0"
KUBERNETES_PLUGIN_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"

_COMPONENT_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Embedded:
    """Files of another module that a package embeds; `go build -overlay` adds them to the package's folder."""

    module: str
    """Module with the files, required by the program's go.mod."""
    folder: str
    """Folder in that module."""
    names: tuple[str, ...]
    """Names of the files."""


@dataclass(frozen=True)
class Program:
    """A Go program of the trial."""

    name: str
    """Name of the built file."""
    module: str
    """Folder with its go.mod, under trial/go."""
    package: str = "."
    """Package to build; "." is the module's own folder."""
    ldflags: tuple[str, ...] = ()
    """Arguments for the linker, in addition to `-s -w`."""
    embedded: Embedded | None = None
    """Files of a required module that the program's package embeds."""


_KUBERNETES_STAMPS = (
    f"-X {_COMPONENT_VERSION}.gitVersion=v{KUBERNETES_VERSION}",
    f"-X {_COMPONENT_VERSION}.gitMajor=1",
    f"-X {_COMPONENT_VERSION}.gitMinor={KUBERNETES_VERSION.split('.')[1]}",
    f"-X k8s.io/client-go/pkg/version.gitVersion=v{KUBERNETES_VERSION}",
)
_HELM_LIBRARY_STAMPS = (
    "-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1",
    f"-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor={KUBERNETES_VERSION.split('.')[1]}",
)

PROGRAMS: Mapping[str, Program] = {
    program.name: program
    for program in (
        Program("trial-cluster", "cluster", ldflags=_KUBERNETES_STAMPS),
        Program("trial-services", "services"),
        Program("pause", "pause"),
        Program(
            "helm",
            "cluster",
            package="helm.sh/helm/v3/cmd/helm",
            ldflags=(f"-X helm.sh/helm/v3/internal/version.version=v{HELM_VERSION}", *_HELM_LIBRARY_STAMPS),
        ),
        Program(
            "pulumi",
            "pulumi",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            ldflags=(f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={PULUMI_VERSION}",),
        ),
        Program(
            "pulumi-resource-kubernetes",
            "pulumi",
            package="./kubernetes",
            ldflags=(f"-X {KUBERNETES_PLUGIN_MODULE}/pkg/version.Version=v{KUBERNETES_PLUGIN_VERSION}",),
            embedded=Embedded(
                KUBERNETES_PLUGIN_MODULE,
                "cmd/pulumi-resource-kubernetes",
                ("schema.json", "terraform-mapping.json"),
            ),
        ),
        Program("pulumi-resource-docker", "pulumi", package="./docker"),
        Program("pulumi-python-sdk", "pulumi", package="./python_sdk"),
    )
}


def modules_of(module: Path) -> list[Path]:
    """The module's folder and the folders its go.mod replaces modules with, directly or through them."""
    found: list[Path] = []
    waiting = [module.resolve()]
    while waiting:
        folder = waiting.pop()
        if folder in found:
            continue
        found.append(folder)
        text = (folder / "go.mod").read_text(encoding="utf-8")
        waiting += [(folder / path).resolve() for path in re.findall(r"=>\s+(\.\.?/\S+)", text)]
    return found


def source_files(module: Path) -> Iterator[tuple[str, Path]]:
    """Yield the source files of a module's programs in a stable order: (name for the key, file), without tests."""
    for number, folder in enumerate(modules_of(module)):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.endswith("_test.go") and "testdata" not in path.parts:
                yield f"{number}/{path.relative_to(folder).as_posix()}", path


def build_key(program: Program, module: Path, go_version: str) -> str:
    """The key of a build: equal keys mean equal sources, compiler and flags."""
    digest = hashlib.sha256()
    parts = (
        go_version,
        program.name,
        program.package,
        *program.ldflags,
        *COMPILE_FLAGS,
        repr(program.embedded),
    )
    for part in parts:
        digest.update(part.encode() + b"\0")
    for name, path in source_files(module):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:20]


@contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on a file, across processes; ``waiting`` is called if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class GoBuilder:
    """Builds programs with one Go toolchain; ``go_version`` is the output of `go env GOVERSION`."""

    def __init__(self, layout: Layout, progress: Progress, *, go: Path, go_version: str) -> None:
        self.layout = layout
        self.progress = progress
        self.go = go
        self.go_version = go_version

    def built(self, program: Program) -> Path | None:
        """The program's file if the cache has it."""
        path = self._folder(program) / program.name
        return path if path.exists() else None

    def build(self, program: Program) -> Path:
        """The program's file, building it unless the cache has it.

        Raises TrialError: a module is missing or does not compile; with the compiler's last lines.
        """
        found = self.built(program)
        if found is not None:
            return found
        folder = self._folder(program)
        with self.progress.step(f"build {program.name}") as step:

            def wait() -> None:
                step.update("waiting for another build of it")

            with locked(self.layout.cache / "locks" / f"{program.name}.lock", wait):
                if (folder / program.name).exists():
                    step.done("another run built it")
                    return folder / program.name
                self._build(program, folder, step.update)
                step.done(f"{(folder / program.name).stat().st_size / 1e6:.0f} MB")
        self._forget_old(folder)
        return folder / program.name

    def module_files(self, *, module: str, path: str, folders: Sequence[str]) -> dict[str, bytes]:
        """YAML files in ``folders`` of the module ``path`` (such as "sigs.k8s.io/kwok"), by their path in it.

        ``module`` is the folder under trial/go whose go.mod requires it, and whose go.sum verifies it.
        """
        root = self._module_folder(module, path)
        files = (file for folder in folders for file in sorted((root / folder).glob("*.yaml")))
        return {file.relative_to(root).as_posix(): file.read_bytes() for file in files}

    def _module_folder(self, module: str, path: str) -> Path:
        """The Go command's folder for a module that one of the trial's modules requires."""
        argv: list[str | Path] = [self.go, "mod", "download", "-json", path]
        cwd = self.layout.sources / "go" / module
        found = run(argv, purpose=f"downloading {path}", cwd=cwd, env=self._environment())
        return Path(json.loads(found)["Dir"])

    def _overlay(self, program: Program, folder: Path) -> list[str]:
        """Flags that overlay the embedded files onto the program's package."""
        embedded = program.embedded
        if embedded is None:
            return []
        source = self._module_folder(program.module, embedded.module) / embedded.folder
        target = self._module(program) / program.package
        replaced = {str(target.resolve() / name): str(source / name) for name in embedded.names}
        path = folder / "overlay.json"
        path.write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
        return [f"-overlay={path}"]

    def _folder(self, program: Program) -> Path:
        key = build_key(program, self._module(program), self.go_version)
        return self.layout.cache / "programs" / program.name / key

    def _module(self, program: Program) -> Path:
        return self.layout.sources / "go" / program.module

    def _environment(self) -> dict[str, str]:
        # The workspace and flags of the user's own Go projects do not apply here.
        return {"GOWORK": "off", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}

    def _build(self, program: Program, folder: Path, update: Callable[[str], None]) -> None:
        module = self._module(program)
        purpose = f"building {program.name}"
        downloaded = 0

        def count_download(line: str) -> None:
            nonlocal downloaded
            if line.startswith("go: downloading "):
                downloaded += 1
                update(f"downloading modules, {downloaded} so far")

        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        overlay = self._overlay(program, partial)
        common = [*COMPILE_FLAGS, *overlay]
        listing: list[str | Path] = [self.go, "list", "-deps", *overlay, program.package]
        packages = run(listing, purpose=purpose, cwd=module, env=self._environment(), on_line=count_download)
        total = sum(1 for line in packages.splitlines() if line and not line.startswith("go: "))
        compiled = 0

        def count_package(line: str) -> None:
            nonlocal compiled
            if line.startswith("go: downloading "):
                count_download(line)
            elif re.fullmatch(r"[\w./~-]+", line):
                compiled += 1
                update(f"compiled {compiled} of at most {total} packages")

        ldflags = " ".join(("-s", "-w", *program.ldflags))
        argv: list[str | Path] = [
            self.go,
            "build",
            "-v",
            *common,
            "-ldflags",
            ldflags,
            "-o",
            partial / program.name,
            program.package,
        ]
        nice: list[str | Path] = [nice_path] if (nice_path := shutil.which("nice")) else []
        run([*nice, *argv], purpose=purpose, cwd=module, env=self._environment(), on_line=count_package)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)

    def _forget_old(self, current: Path, keep: int = 3) -> None:
        others = [path for path in current.parent.iterdir() if path != current and path.is_dir()]
        for old in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[keep - 1 :]:
            shutil.rmtree(old, ignore_errors=True)


GO_MINIMUM = (1, 26)
GO_WITH_SWITCH = (1, 21)


def parse_go_version(text: str) -> tuple[int, int]:
    """Read "go1.26.8" as (1, 26). Raises TrialError: the text is not a Go version."""
    found = re.match(r"go(\d+)\.(\d+)", text)
    if not found:
        raise TrialError(
            f"'go env GOVERSION' prints {text!r}, which is not a released Go version; install Go 1.26."
        )
    return int(found[1]), int(found[2])


def go_is_enough(version: str, toolchain: str) -> bool:
    """Whether a Go command can build the trial, itself or by fetching the toolchain that go.mod names."""
    number = parse_go_version(version)
    return number >= GO_MINIMUM or (
        number >= GO_WITH_SWITCH and toolchain != "local" and "+path" not in toolchain
    )


def go_environment(go: Path) -> tuple[str, str]:
    """GOVERSION and GOTOOLCHAIN of a Go command."""
    lines = run([go, "env", "GOVERSION", "GOTOOLCHAIN"], purpose="reading Go's version").splitlines()
    return lines[0], lines[1] if len(lines) > 1 else "local"
