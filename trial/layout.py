"""Where the trial keeps its files: state in the checkout, caches under the user's cache folder."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trial.errors import TrialError

# A Unix socket's path has at most 107 bytes (unix(7)); dockerd makes "containerd/containerd.sock" and longer names below
# its folder for runtime files.
LONGEST_RUNTIME_FOLDER = 50


def cache_folder() -> Path:
    """The folder for what survives `make down`: compiled programs, downloads, the base image."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "astro-dbt"


@dataclass(frozen=True)
class Layout:
    """Paths of one trial."""

    repo: Path
    """The checkout of the project."""
    state: Path
    """Everything that belongs to this trial; `make down` leaves it empty of running things."""
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
        """The file that describes the running trial, also to tests."""
        return self.state / "environment.json"

    @property
    def runtime(self) -> Path:
        """A folder for Unix sockets, short enough for them also when the state lies deep."""
        inside = self.state / "rt"
        if len(os.fsencode(inside)) <= LONGEST_RUNTIME_FOLDER:
            return inside
        digest = hashlib.sha256(os.fsencode(self.state)).hexdigest()[:8]
        return Path(tempfile.gettempdir()) / f"astro-dbt-{os.getuid()}-{digest}"

    def private_folder(self, path: Path) -> Path:
        """Make a folder that only the user can enter, and return it.

        Raises TrialError: somebody else owns it (the folder for sockets may lie in the machine's temporary folder).
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_uid != os.getuid():
            raise TrialError(
                f"{path} belongs to another user; remove it or set TMPDIR to a folder of your own."
            )
        path.chmod(0o700)
        return path


def write_private(path: Path, text: str) -> None:
    """Replace a file at once with text that only the user may read (mode 0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)
