"""Git over its command line, the program that the agents use too, with credentials only in its environment."""

from clients.errors import Cause
from clients.git.access import Access
from clients.git.checkout import checkout, lfs_is_installed
from clients.git.errors import GitError
from clients.git.mirror import Mirrored, mirror
from clients.git.partial import Entry, Lag, PartialClone
from clients.git.refs import Refs, ls_remote
from clients.git.session import Session

__all__ = [
    "Access",
    "Cause",
    "Entry",
    "GitError",
    "Lag",
    "Mirrored",
    "PartialClone",
    "Refs",
    "Session",
    "checkout",
    "lfs_is_installed",
    "ls_remote",
    "mirror",
]
