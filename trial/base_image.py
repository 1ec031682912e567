"""The stand-in for the agent's base image: Debian, Python 3.11, Git and Airflow, with an agent that answers health checks."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trial import file_systems
from trial.file_systems import SUITE, FileSystem, docker_host_without_root
from trial.gobuild import locked
from trial.layers import TIMESTAMP, write_config
from trial.layout import Layout
from trial.packages import install
from trial.progress import Progress
from trial.registry_client import CONFIG_TYPE, LAYER_TYPE, Blob, RegistryClient
from trial.registry_server import RegistryInfo
from trial.tools import architecture

REPOSITORY = "baseimages/astro-remote-execution-agent"
# The same image under the vendor's name for the sentinel's: its agent answers the sentinel's health checks too.
SENTINEL_REPOSITORY = "baseimages/astro-remote-execution-sentinel"
SENTINEL_TAG = "1.8.2"
# The tag follows the vendor's pattern: <runtime>-python-<python>-astro-agent-<agent>.
TAG = "3.1-3-python-3.11-astro-agent-1.8.2"
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
    "Labels": {"org.opencontainers.image.title": "stand-in for the agent's base image, only for a trial"},
}
# Python compiles a module anew at each start if its compiled form names another time than the file has, and agents cannot write
# into their image. A layer's files all get the same time, so they must have it before they are compiled.
_COMPILE = """
import compileall, os, sys
for root in sys.argv[2:]:
    for folder, _, files in os.walk(root):
        for file in files:
            if file.endswith(".py"):
                os.utime(os.path.join(folder, file), (int(sys.argv[1]),) * 2)
    compileall.compile_dir(root, quiet=2, force=True)
"""
# The build's pip reads here what this machine's pip reads from variables.
_PIP_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_BUNDLE = "/tmp/ca.pem"  # noqa: S108 - inside the image
_PIP_CONFIG = "/etc/pip.conf"
_CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class BaseImage:
    """Builds the image once per machine and pushes it to a trial's registry."""

    def __init__(
        self, layout: Layout, progress: Progress, *, other_engine: Callable[[], str | None] = lambda: None
    ) -> None:
        """``other_engine`` finds a Docker engine, which is used without root."""
        self.layout = layout
        self.progress = progress
        self.other_engine = other_engine
        self.agent = layout.sources / "image" / "agent"

    def up(self, registry: RegistryInfo) -> tuple[str, str]:
        """The references of the agent's base image and the sentinel's image in the registry.

        Raises TrialError: it could not be built: neither root nor Docker, or no network.
        """
        client = RegistryClient(registry)
        config, layer = self._read(self.make())
        with self.progress.step("push the base image to the registry") as step:
            for repository, tag in ((REPOSITORY, TAG), (SENTINEL_REPOSITORY, SENTINEL_TAG)):
                client.push(repository, tag, config=config, layers=[layer])
            step.done(f"{REPOSITORY}:{TAG}, {layer.size / 1e6:.0f} MB")
        return (
            f"{registry.server}/{REPOSITORY}:{TAG}",
            f"{registry.server}/{SENTINEL_REPOSITORY}:{SENTINEL_TAG}",
        )

    def make(self) -> Path:
        """Have the image in the cache, and return its folder there.

        Raises TrialError: it could not be built: neither root nor Docker, or no network.
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
            _COMPILE,
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
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with self._debian() as system:
            with self.progress.step(f"base image: {REQUIREMENTS[0]}") as step:
                install_python(system, step.update)
            with self.progress.step("base image: archive") as step:
                finish(system, self.agent)
                layer, diff_id = system.archive(partial / "layer.tar.gz")
                config = write_config(
                    partial / "config.json",
                    architecture=architecture(),
                    diff_ids=[diff_id],
                    settings=CONFIG,
                    made_by="Debian and pip, for a trial",
                )
                step.done(f"{layer.size / 1e6:.0f} MB")
        content = {"config": config.digest, "layer": layer.digest}
        (partial / "image.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.rename(folder)

    @contextmanager
    def _debian(self) -> Iterator[FileSystem]:
        """A Debian with the packages: in a folder with root, else in a container."""
        docker_host = docker_host_without_root(self.other_engine())
        with ExitStack() as stack:
            with self.progress.step(f"base image: Debian {SUITE}") as step:

                def tell(line: str) -> None:
                    if line.startswith(("I: ", "Get:", "Unpacking ", "Setting up ")):
                        step.update(" ".join(line.split()[1:3]).rstrip(".:"))

                system: FileSystem
                if docker_host is None:
                    install(
                        self.layout,
                        self.progress,
                        programs=("debootstrap",),
                        packages=("debootstrap",),
                        why="the trial's base image",
                    )
                    system = stack.enter_context(
                        file_systems.folder(PACKAGES, scratch=self.layout.cache, on_line=tell)
                    )
                else:
                    variables = _variables(_PROXY_VARIABLES)
                    system = stack.enter_context(
                        file_systems.container(
                            PACKAGES, docker_host=docker_host, variables=variables, on_line=tell
                        )
                    )
            yield system


def install_python(
    system: FileSystem,
    update: Callable[[str], None] = lambda _: None,
    requirements: Sequence[str] = REQUIREMENTS,
) -> None:
    """Install the agent's Python packages. Raises TrialError."""
    collected = 0

    def tell(line: str) -> None:
        nonlocal collected
        if line.startswith("Collecting "):
            collected += 1
            update(f"{collected} packages found")
        elif line.startswith("Installing "):
            update(f"installing {collected} packages")

    purpose = "installing Airflow into the base image"
    system.run("python3", "-m", "venv", PYTHON, purpose=purpose)
    with _package_index(system):
        quick = ("--no-cache-dir", "--no-compile", "--progress-bar=off")
        pip = (f"{PYTHON}/bin/python3", "-m", "pip", "install", *quick)
        system.run(*pip, *requirements, purpose=purpose, variables=_variables(_PROXY_VARIABLES), on_line=tell)


def finish(system: FileSystem, agent: Path) -> None:
    """Add the user and the agent, compile Python's modules, and remove leftovers of the build. Raises TrialError."""
    purpose = "finishing the base image"
    python = f"{PYTHON}/bin/python3"
    system.run(python, "-c", _COMPILE, str(TIMESTAMP), "/usr/lib", PYTHON, purpose=purpose)
    system.run("groupadd", f"--gid={UID}", "astro", purpose=purpose)
    user = ("useradd", f"--uid={UID}", f"--gid={UID}", "--create-home", "--shell=/bin/bash", "astro")
    system.run(*user, purpose=purpose)
    system.run("install", "-d", f"--owner={UID}", f"--group={UID}", "/usr/local/airflow", purpose=purpose)
    system.put(agent, "/usr/local/bin/agent", 0o755)
    left = ("/var/cache/apt/archives", "/var/lib/apt/lists", "/var/log", "/root/.cache")
    kept = ("/var/lib/apt/lists/partial", "/var/cache/apt/archives/partial", "/var/log/apt")
    system.run("rm", "-rf", *left, purpose=purpose)
    system.run("mkdir", "-p", *kept, purpose=purpose)
    system.run("find", "/tmp", "-mindepth", "1", "-delete", purpose=purpose)  # noqa: S108 - inside the image


@contextmanager
def _package_index(system: FileSystem) -> Iterator[None]:
    """Give the file system access to this machine's package index, and remove it before it becomes an image.

    Credentials in an index's address go into a file, because arguments are visible to everybody.
    """
    lines = ["[global]"]
    lines += [
        f"{name.removeprefix('PIP_').lower().replace('_', '-')} = {value}"
        for name, value in _variables(_PIP_VARIABLES).items()
    ]
    authority = next((path for path in _variables(_CA_VARIABLES).values() if Path(path).is_file()), None)
    if authority is not None:
        system.put(Path(authority), _BUNDLE, 0o644)
        lines.append(f"cert = {_BUNDLE}")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as settings:
        settings.write("\n".join(lines) + "\n")
        settings.flush()
        system.put(Path(settings.name), _PIP_CONFIG, 0o600)
    try:
        yield
    finally:
        system.run("rm", "-f", _PIP_CONFIG, _BUNDLE, purpose="finishing the base image")


def _variables(names: Sequence[str]) -> dict[str, str]:
    return {name: value for name in names if (value := os.environ.get(name))}
