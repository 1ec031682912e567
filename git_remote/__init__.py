"""Speaking to Git hosts through the git command line, with credentials that never leave its environment."""

from git_remote.access import Access, AgentsAccess, SecretReader, agents_access
from git_remote.checkout import checkout
from git_remote.errors import Cause, GitError
from git_remote.partial import Entry, Lag, PartialClone
from git_remote.refs import Refs, ls_remote
from git_remote.session import Session

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
