"""Symbolic links of a repository: where they lead, resolved without ever leaving it."""

from __future__ import annotations

from collections.abc import Callable

from domain.printable import printable

ReadLink = Callable[[str], str | None]
"""Path from the root of the repository -> target of the link there; None when it is not a link."""

_MOST = 40
"""Maximum number of links on the way to one file (as in Linux, path_resolution(7))."""


class LinkError(Exception):
    """A link that must not be followed; the message says where it leads: `leads out of the repository`."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = printable(path)
        super().__init__(f"{self.path} {reason}")
        self.reason = reason


def follow(path: str, readlink: ReadLink) -> str:
    """Real path of ``path``, both from the root of the repository.

    Every part of the path is checked, so that a link within a link cannot lead out either. Raises LinkError.

    >>> follow("models/x.sql", {"models/x.sql": "../views/x.sql"}.get)
    'views/x.sql'
    """
    real: list[str] = []
    rest = path.split("/")
    links = 0
    while rest:
        part = rest.pop(0)
        if part in {"", "."}:
            continue
        if part == "..":
            if not real:
                raise LinkError(path, "leads out of the repository")
            real.pop()
            continue
        if part.casefold() == ".git":
            raise LinkError(path, "leads into .git, which contains credentials")
        target = readlink("/".join([*real, part]))
        if target is None:
            real.append(part)
            continue
        links += 1
        if links > _MOST:
            raise LinkError(path, "leads in circles")
        if target.startswith(("/", "\\")):
            raise LinkError(path, "leads to an absolute path, which differs from machine to machine")
        rest = [*target.split("/"), *rest]
    return "/".join(real)


def check_upwards(path: str, real: str, above: tuple[str, ...] = ()) -> None:
    """Refuse a link to a folder that contains the link itself, which would recurse forever.

    ``above`` are the real paths of the folders on the way to it. Raises LinkError.
    """
    if any(not real or place == real or place.startswith(f"{real}/") for place in (path, *above)):
        raise LinkError(path, "leads upwards, to a folder that contains it")
