"""Official releases from a local server with their layout: taken when they are right, built when anything is wrong."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.http_server import Answer, HttpServer, Request
from trial.downloads import Downloads
from trial.gobuild import HELM_VERSION, KUBERNETES_VERSION, PULUMI_VERSION
from trial.layout import Layout
from trial.progress import Progress
from trial.tools import ETCD_VERSION, KWOK_VERSION, SERVER_COMPONENTS, Sites, Toolbox, architecture

ARCHITECTURE = architecture()
PAGE = b"<html><body>Please log in to continue.</body></html>"


class Site(HttpServer):
    """Files by path; a path may also break off in the middle of its answer."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.broken: set[str] = set()
        super().__init__(self._answered)

    def _answered(self, request: Request) -> Answer:
        content = self.files.get(request.path)
        if content is None:
            return 404, b"", {}
        cut = content[:3] if request.path in self.broken else content
        return 200, cut, {"Content-Length": str(len(content))}

    def publish(self, path: str, content: bytes, *, checksum: str, name: str | None = None) -> None:
        """A file, and its line in a checksum file."""
        self.files[path] = content
        line = hashlib.sha256(content).hexdigest() + (f"  {name}" if name else "") + "\n"
        self.files[checksum] = self.files.get(checksum, b"") + line.encode()


def archive(member: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        item = tarfile.TarInfo(member)
        item.size, item.mode = len(content), 0o755
        files.addfile(item, io.BytesIO(content))
    return packed.getvalue()


PULUMI = f"pulumi-v{PULUMI_VERSION}-linux-{'x64' if ARCHITECTURE == 'amd64' else 'arm64'}.tar.gz"
PULUMI_SUMS = f"/pulumi/pulumi-{PULUMI_VERSION}-checksums.txt"
HELM = f"/helm/helm-v{HELM_VERSION}-linux-{ARCHITECTURE}.tar.gz"
RELEASE = f"/kubernetes/v{KUBERNETES_VERSION}/bin/linux/{ARCHITECTURE}"
ETCD = f"etcd-v{ETCD_VERSION}-linux-{ARCHITECTURE}"
KWOK = f"/kwok/v{KWOK_VERSION}/kwok-linux-{ARCHITECTURE}"

MAIN_FILES = {
    "pulumi": (f"/pulumi/{PULUMI}", PULUMI_SUMS),
    "helm": (HELM, f"{HELM}.sha256sum"),
    "kubectl": (f"{RELEASE}/kubectl", f"{RELEASE}/kubectl.sha256"),
    "the control plane": (f"{RELEASE}/kube-scheduler", f"{RELEASE}/kube-scheduler.sha256"),
    "etcd": (f"/etcd/v{ETCD_VERSION}/{ETCD}.tar.gz", f"/etcd/v{ETCD_VERSION}/SHA256SUMS"),
}
"""Tool -> (a file of its release, the file with the checksum)."""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    for name in (*SERVER_COMPONENTS, "kubectl"):
        made.publish(f"{RELEASE}/{name}", name.encode(), checksum=f"{RELEASE}/{name}.sha256")
    etcd = f"/etcd/v{ETCD_VERSION}"
    made.publish(
        f"{etcd}/{ETCD}.tar.gz", archive(f"{ETCD}/etcd", b"etcd"), checksum=f"{etcd}/SHA256SUMS",
        name=f"{ETCD}.tar.gz",
    )  # fmt: skip
    made.publish(KWOK, b"kwok", checksum=f"{KWOK}.sha256")
    helm = archive(f"linux-{ARCHITECTURE}/helm", b"helm")
    made.publish(HELM, helm, checksum=f"{HELM}.sha256sum", name=HELM.rpartition("/")[2])
    made.publish(f"/pulumi/{PULUMI}", archive("pulumi/pulumi", b"pulumi"), checksum=PULUMI_SUMS, name=PULUMI)
    with made:
        yield made


class Builder:
    """Stands in for minutes of compiling."""

    def built(self, _program: object) -> None:
        return None

    def build(self, _program: object) -> Path:
        return Path("/built")


@pytest.fixture
def toolbox(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolbox:
    sites = Sites(
        **{name: f"{site.url()}/{name}" for name in ("kubernetes", "etcd", "kwok", "helm", "pulumi")}
    )
    layout = Layout.of(repo=tmp_path, state=tmp_path / "state", cache=tmp_path / "cache")
    made = Toolbox(layout, Progress(io.StringIO()), Downloads(allowed=True), sites)
    monkeypatch.setattr(made, "builder", Builder)
    return made


def printed(toolbox: Toolbox) -> str:
    """What the user has read."""
    assert isinstance(toolbox.progress.stream, io.StringIO)
    return toolbox.progress.stream.getvalue()


def tools(toolbox: Toolbox) -> dict[str, Callable[[], object]]:
    return {
        "pulumi": toolbox._official_pulumi,
        "helm": toolbox._helm,
        "kubectl": toolbox._kubectl,
        "the control plane": toolbox._official_control_plane,
        "etcd": toolbox._official_control_plane,
    }


def test_right_releases_are_taken(toolbox: Toolbox) -> None:
    assert toolbox._official_pulumi().read_bytes() == b"pulumi"
    assert toolbox._helm().read_bytes() == b"helm"
    assert toolbox._kubectl().read_bytes() == b"kubectl"
    found = toolbox._official_control_plane()
    assert {name: path.read_bytes().decode() for name, path in found.items()} == {
        name: name for name in found
    }
    assert set(found) == {*SERVER_COMPONENTS, "kubectl", "etcd", "kwok"}
    assert "failed" not in printed(toolbox)


FAULTS: dict[str, Callable[[Site, str, str], object]] = {
    "missing file": lambda site, file, sums: site.files.pop(file),
    "missing checksum": lambda site, file, sums: site.files.pop(sums),
    "another checksum": lambda site, file, sums: site.files.update({file: site.files[file] + b"x"}),
    "a connection that breaks": lambda site, file, sums: site.broken.add(file),
    "a proxy's page as the file": lambda site, file, sums: site.files.update({file: PAGE}),
    "a proxy's page as the checksum": lambda site, file, sums: site.files.update({sums: PAGE}),
}


@pytest.mark.parametrize("tool", MAIN_FILES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_download_that_fails_leads_to_the_build_with_one_line(
    site: Site, toolbox: Toolbox, tool: str, fault: str
) -> None:
    FAULTS[fault](site, *MAIN_FILES[tool])
    found = tools(toolbox)[tool]()
    assert found in (None, {}, Path("/built")), "what failed must not be used"
    lines = [line for line in printed(toolbox).splitlines() if "is built here" in line]
    name = "the control plane" if tool == "etcd" else tool
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{name} is built here, because its download failed: ")
    assert not list((toolbox.layout.cache).rglob("*.partial"))
