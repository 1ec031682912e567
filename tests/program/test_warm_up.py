"""Imports next to the checks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from program.warm_up import MODULES, warm_up


def test_the_modules_are_there_when_the_checks_are_done():
    program = f"""
import sys
from program.warm_up import warm_up
assert not set({MODULES!r}) & set(sys.modules)
with warm_up():
    pass
assert set({MODULES!r}) <= set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_error_of_the_checks_passes_through():
    with pytest.raises(ValueError, match="checks"), warm_up():
        raise ValueError("checks")
