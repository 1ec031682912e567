"""Removing copies of the kubeconfig from the temporary folder.

Each time pulumi-kubernetes is configured with a kubeconfig, by content or by path, it writes all of it, credentials included, to
`kubeconfig<digits>` in the temporary folder, and never removes that file (provider/pkg/provider/util.go, 4.25.0). It is meant for
Helm's template functions, which this program does not use.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from domain import plain_yaml
from program import interruption

_NAME = re.compile(r"kubeconfig\d+")


def remove_at_exit(kubeconfig: str | None) -> None:
    """Remove the copies of a kubeconfig when this program ends, including those that earlier runs left.

    By then the plugin is configured. ``kubeconfig`` is its path or content; None stands for the path in the variable KUBECONFIG,
    which Pulumi's SDK passes to the plugin. Without any of these the plugin writes no copy.
    """
    given = kubeconfig or os.environ.get("KUBECONFIG")
    if given:
        interruption.at_end(lambda: remove(given, Path(tempfile.gettempdir())))


def remove(kubeconfig: str, folder: Path) -> None:
    """Remove files of the plugin that name the same clusters, users and contexts as a kubeconfig, given as path or content."""
    with contextlib.suppress(OSError):
        path = Path(kubeconfig).expanduser()
        kubeconfig = path.read_text(encoding="utf-8") if path.is_file() else kubeconfig
    wanted = _names(kubeconfig)
    if wanted is None:
        return
    for path in folder.glob("kubeconfig*"):
        if _NAME.fullmatch(path.name) and not path.is_symlink():
            with contextlib.suppress(OSError, UnicodeError):
                if _names(path.read_text(encoding="utf-8")) == wanted:
                    path.unlink()


def _names(text: str) -> frozenset[tuple[str, str, str]] | None:
    """(kind, name, server) of every entry; None for what is no kubeconfig."""
    try:
        content: Any = plain_yaml.load(text)
        return frozenset(
            (kind, str(entry["name"]), str((entry.get("cluster") or {}).get("server", "")))
            for kind in ("clusters", "users", "contexts")
            for entry in content.get(kind) or ()
        ) or None  # fmt: skip
    except (plain_yaml.PlainYamlError, AttributeError, KeyError, TypeError):
        return None
