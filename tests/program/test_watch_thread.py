"""The thread that looks while the engine works: again and again, whatever a look raises, and not after its end."""

from __future__ import annotations

import threading

from clients.errors import Cause, RemoteError
from program.watch_thread import WatchThread


class Look:
    """Fails every time but the third."""

    def __init__(self) -> None:
        self.count = 0
        self.third = threading.Event()

    def look(self, now: float) -> None:
        assert now > 0
        self.count += 1
        if self.count == 3:
            self.third.set()
        raise RemoteError(Cause.TIMEOUT, "silence") if self.count % 2 else KeyError("status")


def test_what_a_look_raises_is_left_to_the_next_one() -> None:
    look = Look()
    thread = WatchThread(look, pause=0.01)
    assert look.third.wait(10)
    thread.stop()
    seen = look.count
    assert not threading.Event().wait(0.1)
    assert look.count == seen
