"""The trial's files: state in the checkout, caches in the user's cache folder."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trial.errors import TrialError

# A Unix socket's path has at most 107 bytes (unix(7)); dockerd creates "containerd/containerd.sock" and longer names in its
# folder for runtime files.
LONGEST_RUNTIME_FOLDER = 50


def cache_folder() -> Path:
    """The folder for everything that survives `make down`: compiled programs, downloads, the base image."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "astro-dbt"


@dataclass(frozen=True)
class Layout:
    """Paths of one trial."""

    repo: Path
    """The checkout of the project."""
    state: Path
    """Everything that belongs to this trial."""
    cache: Path
    """Shared by all trials of the user."""

    @classmethod
    def of(cls, *, repo: Path, state: Path | None = None, cache: Path | None = None) -> "Layout":
        """Resolve the paths; the state is `.trial` in the checkout unless another folder is named."""
        repo = repo.resolve()
        return cls(
            repo=repo, state=(state or repo / ".trial").resolve(), cache=(cache or cache_folder()).resolve()
        )

    @property
    def is_default(self) -> bool:
        """Whether this is the trial of `make up`, not one beside it."""
        return self.state == self.repo / ".trial"

    @property
    def sources(self) -> Path:
        """The folder of the trial's own sources (this package)."""
        return self.repo / "trial"

    @property
    def bin(self) -> Path:
        """The folder with links to the tools of this trial; it comes first on PATH."""
        return self.state / "bin"

    @property
    def run(self) -> Path:
        """The folder with the records of started processes."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """The folder with one log per process."""
        return self.state / "logs"

    @property
    def certificates(self) -> Path:
        """The folder with the trial's certificate authority and what it signed."""
        return self.state / "certificates"

    @property
    def environment_file(self) -> Path:
        """The file that describes the running trial."""
        return self.state / "environment.json"

    @property
    def runtime(self) -> Path:
        """A folder for Unix sockets, with a short path even if that of the state is long."""
        inside = self.state / "rt"
        if len(os.fsencode(inside)) <= LONGEST_RUNTIME_FOLDER:
            return inside
        digest = hashlib.sha256(os.fsencode(self.state)).hexdigest()[:8]
        return Path(tempfile.gettempdir()) / f"astro-dbt-{os.getuid()}-{digest}"

    def private_folder(self, path: Path) -> Path:
        """Create a folder that only the user can enter, and return it.

        Raises TrialError: it belongs to another user (the folder for sockets may be in the machine's temporary folder).
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_uid != os.getuid():
            raise TrialError(f"{path} belongs to another user; remove it, or set TMPDIR to another folder.")
        path.chmod(0o700)
        return path


def write_private(path: Path, text: str) -> None:
    """Atomically replace a file with text that only the user may read (mode 0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)
