"""Official releases, if the network reaches them; every file is checked against its published checksum.

On the standard library: the trial may not import clients, which it helps to test.
"""

import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from trial.errors import TrialError

# Seconds to wait for a host's answer; the trial has an alternative if there is none.
PROBE_SECONDS = 3.0
READ_SECONDS = 60.0
CHUNK = 1 << 20


class Downloads:
    """Fetches files over HTTPS and remembers unreachable hosts for one run.

    ``allowed``: False never uses the network (`TRIAL_DOWNLOADS=never`).
    """

    def __init__(self, *, allowed: bool | None = None) -> None:
        self.allowed = os.environ.get("TRIAL_DOWNLOADS", "auto") != "never" if allowed is None else allowed
        self._reachable: dict[str, bool] = {}

    def reaches(self, url: str) -> bool:
        """Whether the URL's host answers; each host is tried once."""
        if not self.allowed:
            return False
        host = urlsplit(url).netloc
        if host not in self._reachable:
            request = urllib.request.Request(url, method="HEAD")  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=PROBE_SECONDS):  # noqa: S310
                    self._reachable[host] = True
            except urllib.error.HTTPError:
                self._reachable[host] = True  # it answers; fetching shows whether it has the file
            except (OSError, ValueError, http.client.HTTPException):
                self._reachable[host] = False
        return self._reachable[host]

    def text(self, url: str) -> str:
        """A small text file. Raises TrialError: it could not be fetched."""
        try:
            with urllib.request.urlopen(url, timeout=READ_SECONDS) as answer:  # noqa: S310
                content: bytes = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(f"{url} could not be fetched: {error}.") from error
        return content.decode(errors="replace")

    def file(self, url: str, target: Path, *, sha256: str, update: Callable[[str], None]) -> Path:
        """Fetch a file, check it and put it in place atomically.

        Raises TrialError: it could not be fetched, or its checksum differs.
        """
        partial = target.with_name(target.name + ".partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        try:
            with urllib.request.urlopen(url, timeout=READ_SECONDS) as answer, partial.open("wb") as file:  # noqa: S310
                total = int(answer.headers.get("Content-Length") or 0)
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    update(f"{size / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{size / 1e6:.0f} MB")
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(f"{url} could not be fetched: {error}.") from error
        if digest.hexdigest() != sha256.lower():
            partial.unlink()
            raise TrialError(f"{url} does not have the published checksum ({sha256}); try again later.")
        partial.replace(target)
        return target


def checksum_for(listing: str, name: str) -> str:
    """Find a file's SHA-256 in a published listing ("<hash>  <name>" lines, or a hash alone).

    Raises TrialError: the listing does not name the file.
    """
    for line in listing.splitlines():
        words = line.split()
        if len(words) == 1 and len(words[0]) == 64:
            return words[0]
        if len(words) == 2 and words[1].lstrip("*").rpartition("/")[2] == name:
            return words[0]
    raise TrialError(f"no checksum is published for {name}.")


def unpack_folder(archive: Path, folder: str, target: Path) -> Path:
    """Extract one folder of a .tar.gz file, all of it or nothing.

    Raises TrialError: it is not such an archive, or does not contain the folder.
    """
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with tarfile.open(archive) as files:
            found = [item for item in files if item.isfile() and item.name.startswith(f"{folder}/")]
            for item in found:
                item.name = item.name.rpartition("/")[2]
                files.extract(item, partial, filter="data")
    except tarfile.TarError as error:
        raise TrialError(f"{archive.name} is not an archive: {error}.") from error
    if not found:
        raise TrialError(f"{archive.name} does not contain {folder}/.")
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
    return target


def unpack_member(archive: Path, member: str, target: Path) -> Path:
    """Extract one program of a .tar.gz file. Raises TrialError: it is not such an archive, or does not contain the program."""
    partial = target.with_name(target.name + ".partial")
    try:
        with tarfile.open(archive) as files:
            source = files.extractfile(member)
            if source is None:
                raise KeyError(member)
            with source, partial.open("wb") as out:
                shutil.copyfileobj(source, out)
    except KeyError:
        raise TrialError(f"{archive.name} does not contain {member}.") from None
    except tarfile.TarError as error:
        raise TrialError(f"{archive.name} is not an archive: {error}.") from error
    partial.chmod(0o755)
    partial.replace(target)
    return target
