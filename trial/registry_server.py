"""The trial's container registry, with a password."""

from dataclasses import dataclass

from trial import kept
from trial.commands import run
from trial.http_check import answers
from trial.layout import Layout, write_private
from trial.memory import LOOPBACK, Memory
from trial.processes import Service, Supervisor
from trial.progress import Progress

USERNAME = "trial"


@dataclass(frozen=True)
class RegistryInfo:
    """How to reach the registry: `server` is "127.0.0.1:<port>", which Docker uses without TLS."""

    server: str
    username: str
    password: str


class RegistryServer:
    """Runs the registry of one trial."""

    def __init__(self, layout: Layout, progress: Progress, supervisor: Supervisor, memory: Memory) -> None:
        self.layout = layout
        self.progress = progress
        self.supervisor = supervisor
        self.memory = memory
        self.images = layout.state / "registry" / "images"
        self.kept = layout.cache / "registry"

    def up(self) -> RegistryInfo:
        """Start it unless it is running, and return how to reach it."""
        password = self.memory.secret("registry")
        folder = self.layout.private_folder(self.layout.state / "registry")
        if self.layout.is_default:
            kept.take(self.kept, self.images)
        self.layout.private_folder(self.images)
        passwords = folder / "htpasswd"
        program = self.layout.bin / "trial-services"
        if not passwords.exists():
            purpose = "creating the registry's password file"
            write_private(
                passwords, run([program, "htpasswd", USERNAME], stdin=password + "\n", purpose=purpose)
            )
        port = self.memory.port("registry", in_use=self.supervisor.identity("registry") is not None)
        server = f"{LOOPBACK}:{port}"
        service = Service(
            "registry",
            [program, "registry", "-listen", server, "-folder", self.images, "-htpasswd", passwords],
            ready=answers(f"http://{server}/healthz"),
        )
        with self.progress.step("start the registry") as step:
            self.supervisor.start(service)
            self.supervisor.wait(service)
            step.done(server)
        return RegistryInfo(server=server, username=USERNAME, password=password)

    def keep(self) -> None:
        """Keep the images of the checkout's own trial for the next one, when the registry has stopped."""
        if self.layout.is_default:
            kept.keep(self.images, self.kept)
