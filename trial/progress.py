"""Progress output of the trial: one line per step, redrawn on a terminal, sparse in a log."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

# A step is announced once it has taken this long (seconds); shorter ones only print their result.
ANNOUNCE_AFTER = 2.0
# In a log file, a running step reports its progress at this interval (seconds).
LOG_INTERVAL = 15.0
TERMINAL_INTERVAL = 0.25


def duration(seconds: float) -> str:
    """Readable duration: 0.4 s, 12 s, 3 min 05 s."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


class Step:
    """One piece of work with a title, shown by `Progress`."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.result = ""
        self.started = time.monotonic()

    def update(self, detail: str) -> None:
        """Report the step's progress, for example "1200 of 3090 packages"."""
        self.detail = detail

    def done(self, result: str) -> None:
        """Set the result, which is shown in the step's last line."""
        self.result = result

    @property
    def seconds(self) -> float:
        """The time since the start of the step, in seconds."""
        return time.monotonic() - self.started

    def text(self) -> str:
        """The line of a running step."""
        return f"{self.title}{': ' + self.detail if self.detail else ''} ({duration(self.seconds)})"


class Progress:
    """Prints steps. On a terminal the running one is redrawn in place; elsewhere there is a line now and then."""

    def __init__(self, stream: TextIO | None = None, *, terminal: bool | None = None) -> None:
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty() if terminal is None else terminal
        self._steps: list[Step] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_text: dict[int, float] = {}
        self._drawn = False

    def __enter__(self) -> "Progress":
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._erase()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run a block as a step; its last line shows how long it took, or that it failed."""
        step = Step(title)
        with self._lock:
            self._steps.append(step)
        try:
            yield step
        except BaseException:
            self._end(step, "✗")
            raise
        self._end(step, "✓")

    def say(self, text: str) -> None:
        """Print a separate line."""
        with self._lock:
            self._erase()
            print(text, file=self.stream, flush=True)

    def _end(self, step: Step, mark: str) -> None:
        with self._lock:
            self._steps.remove(step)
            self._last_text.pop(id(step), None)
            self._erase()
            result = f": {step.result}" if step.result else ""
            print(f"{mark} {step.title}{result} ({duration(step.seconds)})", file=self.stream, flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(TERMINAL_INTERVAL):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        running = [step for step in self._steps if step.seconds >= ANNOUNCE_AFTER]
        if self.terminal:
            self._erase()
            if running:
                line = " | ".join(step.text() for step in running)
                self.stream.write(f"… {line}"[:118])
                self.stream.flush()
                self._drawn = True
            return
        for step in running:
            if time.monotonic() - self._last_text.get(id(step), -LOG_INTERVAL) >= LOG_INTERVAL:
                self._last_text[id(step)] = time.monotonic()
                print(f"… {step.text()}", file=self.stream, flush=True)

    def _erase(self) -> None:
        if self._drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._drawn = False
