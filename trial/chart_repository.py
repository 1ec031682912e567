"""The trial's Helm repository: the stand-in charts, packaged and served over HTTP."""

import filecmp
import shutil
import tarfile
import tempfile
from pathlib import Path

import yaml

from trial.commands import run
from trial.http_check import answers
from trial.layout import Layout
from trial.memory import LOOPBACK, Memory
from trial.processes import Service, Supervisor
from trial.progress import Progress


class ChartRepository:
    """Serves the charts in trial/chart."""

    def __init__(self, layout: Layout, progress: Progress, supervisor: Supervisor, memory: Memory) -> None:
        self.layout = layout
        self.progress = progress
        self.supervisor = supervisor
        self.memory = memory
        self.folder = layout.state / "charts"

    def up(self) -> str:
        """Package what changed, start the server unless it runs, and return the repository's URL."""
        port = self.memory.port("charts", in_use=self.supervisor.identity("charts") is not None)
        address = f"{LOOPBACK}:{port}"
        self.folder.mkdir(parents=True, exist_ok=True)
        argv: list[str | Path] = [
            self.layout.bin / "trial-services",
            "charts",
            "-listen",
            address,
            "-folder",
            self.folder,
        ]
        service = Service("charts", argv, ready=answers(f"http://{address}/healthz"))
        with self.progress.step("start the chart repository") as step:
            packaged = self._package(f"http://{address}")
            self.supervisor.start(service)
            self.supervisor.wait(service)
            step.done(f"http://{address} with {', '.join(packaged)}")
        return f"http://{address}"

    def _package(self, url: str) -> list[str]:
        """Package the charts and write the index; unchanged charts keep their file, so that digests stay the same."""
        helm = self.layout.bin / "helm"
        sources = sorted(path.parent for path in (self.layout.sources / "chart").glob("*/Chart.yaml"))
        names = []
        with tempfile.TemporaryDirectory(dir=self.layout.state) as temporary:
            fresh = Path(temporary)
            for source in sources:
                chart = yaml.safe_load((source / "Chart.yaml").read_text(encoding="utf-8"))
                purpose = f"packaging the chart {chart['name']} {chart['version']}"
                run([helm, "package", source, "--destination", fresh], purpose=purpose)
                names.append(f"{chart['name']} {chart['version']}")
            for package in fresh.glob("*.tgz"):
                kept = self.folder / package.name
                if not (kept.exists() and _same_content(kept, package)):
                    shutil.copyfile(package, kept)
            for old in self.folder.glob("*.tgz"):
                if not (fresh / old.name).exists():
                    old.unlink()
        run(
            [helm, "repo", "index", self.folder, "--url", url], purpose="writing the chart repository's index"
        )
        return names


def _same_content(one: Path, other: Path) -> bool:
    """Compare the content of two packages, because the archives contain their creation time."""
    if filecmp.cmp(one, other, shallow=False):
        return True
    with tarfile.open(one) as first, tarfile.open(other) as second:

        def content(archive: tarfile.TarFile) -> dict[str, bytes]:
            files = ((member.name, archive.extractfile(member)) for member in archive.getmembers())
            return {name: file.read() for name, file in files if file is not None}

        return content(first) == content(second)
