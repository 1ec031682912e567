"""When a silent host ends a build or a push; `make faults` has real ones with hosts that hang."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from clients.docker import EngineError
from clients.errors import Cause, RemoteError
from program.push_watch import PATIENCE, PAUSE, Host, PushWatch

SILENCE = RemoteError(Cause.TIMEOUT, "no answer within 15 s")
REFUSALS = [
    RemoteError(Cause.UNAUTHORISED, "HTTP 401"),
    RemoteError(Cause.FAILING, "HTTP 503"),
    RemoteError(Cause.NOT_FOUND, "HTTP 404"),
]


@dataclass
class Push:
    """A watch, what the registry answers, and what it did."""

    possible: bool = True
    meeting: RemoteError | None = None
    uploading: RemoteError | None = None
    engine: RemoteError | None = None
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ended: int = 0

    def __post_init__(self) -> None:
        registry = Host(
            "image.repository is on images.example.com",
            lambda: self._answer("read", self.meeting),
            lambda: self._answer("upload", self.uploading),
        )
        engine = Host("image.engine leads to unix:///d.sock", self._ping, self._ping)
        self.watch = PushWatch((engine, registry), "astro-dbt", self.said.append, self._end)

    def _ping(self) -> None:
        if self.engine is not None:
            raise self.engine

    def _answer(self, what: str, error: RemoteError | None) -> None:
        self.asked.append(what)
        if error is not None:
            raise error

    def _end(self) -> bool:
        self.ended += 1
        return self.possible

    def look(self, *, until: float) -> None:
        for step in range(int(until / PAUSE) + 1):
            self.watch.look(1000 + step * PAUSE)


def test_a_registry_that_falls_silent_ends_the_push_once() -> None:
    push = Push(uploading=SILENCE)
    push.look(until=PATIENCE - PAUSE)
    assert (push.ended, push.said) == (0, [])
    push.look(until=3 * PATIENCE)
    assert push.ended == 1
    assert push.said == [
        "astro-dbt:image.repository is on images.example.com, which has not answered for 120 s while an image is built and pushed, "
        "and Docker would wait for ever, so that was ended; agents keep running: run this again once it answers."
    ]
    assert push.asked[0] == "read"
    assert set(push.asked[1:]) == {"upload"}


def test_an_engine_that_falls_silent_ends_the_build() -> None:
    push = Push()
    push.look(until=PAUSE)
    push.engine = EngineError(Cause.UNREACHABLE, "no answer within 15 s")
    for step in range(2, 40):
        push.watch.look(1000 + step * PAUSE)
    assert push.ended == 1
    (sentence,) = push.said
    assert sentence.startswith(
        "astro-dbt:image.engine leads to unix:///d.sock, which has not answered for 120 s"
    )


def test_where_the_plugin_cannot_be_found_the_reader_is_told_to_end_it() -> None:
    push = Push(possible=False, uploading=SILENCE)
    push.look(until=2 * PATIENCE)
    (sentence,) = push.said
    assert "so interrupt this run, twice; agents keep running" in sentence


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_registry_that_refuses_answers_and_docker_says_so(refusal: RemoteError) -> None:
    push = Push(uploading=refusal)
    push.look(until=3 * PATIENCE)
    assert (push.ended, push.said) == (0, [])


def test_one_answer_in_time_begins_anew() -> None:
    push = Push(uploading=SILENCE)
    for step in range(40):
        push.uploading = None if step % 5 == 0 else SILENCE
        push.watch.look(1000 + step * PAUSE)
    assert push.ended == 0


def test_a_registry_that_only_the_docker_engine_reaches_is_left_alone() -> None:
    push = Push(meeting=RemoteError(Cause.UNREACHABLE, "no such host"))
    push.look(until=10 * PATIENCE)
    assert (push.ended, push.said) == (0, [])
    assert set(push.asked) == {"read"}
