"""Imports that the components need, made while the checks wait for other hosts."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MODULES = ("pulumi_kubernetes.core.v1", "pulumi_kubernetes.helm.v3")
"""Modules of the Kubernetes SDK, which loads them at first use: a quarter of a second of processor time."""


@contextmanager
def warm_up() -> Iterator[None]:
    """Import the modules next to what is done inside."""
    thread = threading.Thread(target=_import, name="warm-up", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _import() -> None:
    for module in MODULES:
        importlib.import_module(module)
