"""The ssh command that apache-airflow-providers-git builds from a connection: its options override the ssh configuration.

Read in the provider's GitHook (0.5.0, 1.0.1): every connection except a GitHub App's sets GIT_SSH_COMMAND, even one over https.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clients.errors import Cause
from clients.git import GitError

_DEFAULT = "accept-new"
_KNOWN = ("yes", "no", "accept-new", "off", "ask")


def ssh_arguments(extra: Mapping[str, Any]) -> tuple[str, ...]:
    """Arguments that a connection's extra adds to ssh, as far as this machine can apply them.

    Raises GitError (OTHER): with this extra, agents open nothing over SSH; the text continues after the Secret's name.
    """
    if not extra.get("ssh_config_file"):
        raise GitError(
            Cause.OTHER,
            "holds a connection whose extra has no ssh_config_file, so no submodule opens over SSH",
        )
    checking = str(extra.get("strict_host_key_checking") or _DEFAULT)
    if checking not in _KNOWN:
        known = ", ".join(_KNOWN)
        reason = f"holds a connection whose strict_host_key_checking is not one of {known}"
        raise GitError(Cause.OTHER, reason)
    arguments = ("-o", f"StrictHostKeyChecking={checking}")
    return (*arguments, "-o", "UserKnownHostsFile=/dev/null") if checking == "no" else arguments
