"""Imports of large packages where they are first needed, safe among the threads of the checks."""

from __future__ import annotations

import threading

IMPORTING = threading.RLock()
"""Hold it around an import inside a function.

Python locks each module by itself. Two threads that import packages which share modules can therefore wait for each other, and
Python ends that by giving one of them a half-initialised module (importlib's _DeadlockError): an ImportError now and then. With
one lock around all late imports there is no second thread to meet.
"""
