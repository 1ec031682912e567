"""Messages to the user from within a test run."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def visible(config: pytest.Config) -> Iterator[None]:
    """Let what is printed in this block reach the user although pytest captures output."""
    manager = config.pluginmanager.getplugin("capturemanager")
    if manager is None:
        yield
        return
    with manager.global_and_fixture_disabled():
        yield
