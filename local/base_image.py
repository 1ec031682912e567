"""The stand-in of the agent's base image: Debian, Python 3.11, Git and Airflow, with an agent that answers health checks."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.commands import run
from local.errors import TrialError
from local.gobuild import locked
from local.layers import write_config, write_layer
from local.layout import Layout
from local.packages import install
from local.progress import Progress
from local.registry import RegistryInfo
from local.registry_client import CONFIG_TYPE, LAYER_TYPE, Blob, RegistryClient
from local.tools import architecture

REPOSITORY = "baseimages/astro-remote-execution-agent"
# The tag is made like the vendor's: <runtime>-python-<python>-astro-agent-<agent>.
TAG = "3.1-3-python-3.11-astro-agent-1.8.2"
SUITE = "bookworm"
PACKAGES = ("python3-venv", "git", "openssh-client", "ca-certificates", "tini")
REQUIREMENTS = (
    "apache-airflow==3.3.2",
    "apache-airflow-providers-git==1.0.1",
    "apache-airflow-providers-common-io",
)
PYTHON = "/opt/agent"
UID = 50000
CONFIG = {
    "User": str(UID),
    "WorkingDir": "/usr/local/airflow",
    "Env": [
        f"PATH={PYTHON}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/home/astro",
        "AIRFLOW_HOME=/usr/local/airflow",
        "LANG=C.UTF-8",
    ],
    "Entrypoint": ["/usr/bin/tini", "--", "/usr/local/bin/agent"],
    "ExposedPorts": {"39091/tcp": {}, "8080/tcp": {}},
    "Labels": {"org.opencontainers.image.title": "stand-in of the agent's base image, for a trial only"},
}
# Where pip of the build looks for what this machine's pip is told by variables.
_PIP_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class BaseImage:
    """Makes the image once per machine and puts it into a trial's registry."""

    def __init__(self, layout: Layout, progress: Progress) -> None:
        self.layout = layout
        self.progress = progress
        self.agent = layout.sources / "image" / "agent"

    def up(self, registry: RegistryInfo) -> str:
        """Return the reference of the image in the registry.

        Raises:
            TrialError: it could not be made: no root, no network.
        """
        reference = f"{registry.server}/{REPOSITORY}:{TAG}"
        client = RegistryClient(registry)
        config, layer = self._read(self.make())
        with self.progress.step("put the base image into the registry") as step:
            client.push(REPOSITORY, TAG, config=config, layers=[layer])
            step.done(f"{REPOSITORY}:{TAG}, {layer.size / 1e6:.0f} MB")
        return reference

    def make(self) -> Path:
        """Have the image in the cache, and return its folder there.

        Raises:
            TrialError: it could not be made: no root, no network.
        """
        folder = self.layout.cache / "base-image" / self._key()
        with locked(self.layout.cache / "locks" / "base-image.lock"):
            if not (folder / "image.json").exists():
                self._make(folder)
        return folder

    def _key(self) -> str:
        parts = [
            SUITE,
            *PACKAGES,
            *REQUIREMENTS,
            PYTHON,
            str(UID),
            json.dumps(CONFIG, sort_keys=True),
            architecture(),
        ]
        digest = hashlib.sha256("\0".join(parts).encode())
        digest.update(self.agent.read_bytes())
        return digest.hexdigest()[:20]

    def _read(self, folder: Path) -> tuple[Blob, Blob]:
        content = json.loads((folder / "image.json").read_text(encoding="utf-8"))

        def blob(name: str, media_type: str, file: str) -> Blob:
            path = folder / file
            return Blob(media_type, content[name], path.stat().st_size, path)

        return blob("config", CONFIG_TYPE, "config.json"), blob("layer", LAYER_TYPE, "layer.tar.gz")

    def _make(self, folder: Path) -> None:
        if os.getuid() != 0:
            raise TrialError(
                "making the trial's base image needs root; run as root, "
                "or with NO_DOCKER=1 and the delivery git-submodule."
            )
        install(
            self.layout,
            self.progress,
            programs=("debootstrap",),
            packages=("debootstrap",),
            why="the trial's base image",
        )
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=self.layout.cache, prefix="rootfs-") as temporary:
            root = Path(temporary) / "root"
            with self.progress.step(f"base image: Debian {SUITE}") as step:
                self._debian(root, step.update)
            with self.progress.step(f"base image: {REQUIREMENTS[0]}") as step:
                self._airflow(root, step.update)
            with self.progress.step("base image: archive") as step:
                self._finish(root)
                layer, diff_id = write_layer(root, partial / "layer.tar.gz")
                made_by = "debootstrap and pip, for a trial"
                config = write_config(
                    partial / "config.json",
                    architecture=architecture(),
                    diff_ids=[diff_id],
                    settings=CONFIG,
                    made_by=made_by,
                )
                step.done(f"{layer.size / 1e6:.0f} MB")
        content = {"config": config.digest, "layer": layer.digest}
        (partial / "image.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.rename(folder)

    def _debian(self, root: Path, update: Callable[[str], None]) -> None:
        def tell(line: str) -> None:
            if line.startswith("I: "):
                update(" ".join(line.split()[1:3]).rstrip("."))

        argv: list[str | Path] = [
            "debootstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            SUITE,
            root,
        ]
        run(argv, purpose="making a Debian file system", on_line=tell)

    def _airflow(self, root: Path, update: Callable[[str], None]) -> None:
        collected = 0

        def tell(line: str) -> None:
            nonlocal collected
            if line.startswith("Collecting "):
                collected += 1
                update(f"{collected} packages found")
            elif line.startswith("Installing "):
                update(f"installing {collected} packages")

        with _network(root) as variables:
            purpose = "installing Airflow into the base image"
            _inside(root, "python3", "-m", "venv", PYTHON, purpose=purpose)
            settings = [f"{name}={value}" for name, value in variables.items()]
            pip = ["python3", "-m", "pip", "install", "--no-cache-dir", "--progress-bar=off", *REQUIREMENTS]
            _inside(root, "env", *settings, *pip, purpose=purpose, on_line=tell)

    def _finish(self, root: Path) -> None:
        """Add the user and the agent, and remove what the build left."""
        purpose = "finishing the base image"
        _inside(root, "groupadd", f"--gid={UID}", "astro", purpose=purpose)
        user = ("useradd", f"--uid={UID}", f"--gid={UID}", "--create-home", "--shell=/bin/bash", "astro")
        _inside(root, *user, purpose=purpose)
        home = root / "usr" / "local" / "airflow"
        home.mkdir(parents=True)
        os.chown(home, UID, UID)
        target = root / "usr" / "local" / "bin" / "agent"
        shutil.copyfile(self.agent, target)
        target.chmod(0o755)
        for path in ("var/cache/apt/archives", "var/lib/apt/lists", "var/log", "tmp", "root/.cache"):
            shutil.rmtree(root / path, ignore_errors=True)
        for path in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt"):
            (root / path).mkdir(parents=True)
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)


def _inside(root: Path, *words: str, purpose: str, on_line: Callable[[str], None] | None = None) -> None:
    """Run a program inside the file system, without this process' variables (they name files that are not there)."""
    clean = ("env", "-i", f"PATH={PYTHON}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")
    run(["chroot", root, *clean, *words], purpose=purpose, on_line=on_line)


@contextmanager
def _network(root: Path) -> Iterator[Mapping[str, str]]:
    """Lend the file system this machine's way to the package index, and take it back before it becomes an image.

    Yields:
        variables for pip; credentials in an index's address go into a file, for arguments are visible to everybody.
    """
    resolver, bundle, pip = root / "etc" / "resolv.conf", root / "tmp" / "ca.pem", root / "etc" / "pip.conf"
    variables = {name: value for name in _PROXY_VARIABLES if (value := os.environ.get(name))}
    shutil.copyfile("/etc/resolv.conf", resolver)
    settings = {name: value for name in _PIP_VARIABLES if (value := os.environ.get(name))}
    lines = ["[global]"]
    lines += [
        f"{name.removeprefix('PIP_').lower().replace('_', '-')} = {value}" for name, value in settings.items()
    ]
    authority = next(
        (path for name in _CA_VARIABLES if (path := os.environ.get(name)) and Path(path).is_file()), None
    )
    if authority is not None:
        shutil.copyfile(authority, bundle)
        lines.append("cert = /tmp/ca.pem")
    pip.write_text("\n".join(lines) + "\n", encoding="utf-8")
    pip.chmod(0o600)
    try:
        yield variables
    finally:
        for lent in (resolver, bundle, pip):
            lent.unlink(missing_ok=True)
