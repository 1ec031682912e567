"""Speaking to Git hosts through the git command line, with credentials that never leave its environment."""

from clients.git.access import Access, AgentsAccess, SecretReader, agents_access
from clients.git.checkout import checkout
from clients.git.errors import Cause, GitError
from clients.git.partial import Entry, Lag, PartialClone
from clients.git.refs import Refs, ls_remote
from clients.git.session import Session

__all__ = [
    "Access",
    "AgentsAccess",
    "Cause",
    "Entry",
    "GitError",
    "Lag",
    "PartialClone",
    "Refs",
    "SecretReader",
    "Session",
    "agents_access",
    "checkout",
    "ls_remote",
]
