"""Marks: the fingerprint of secret values, in the open, and not in the way of other work."""

from __future__ import annotations

import asyncio
import threading

import pulumi

import components.marks
from components.marks import mark
from domain.fingerprint import fingerprint


def test_the_mark_is_the_fingerprint_and_not_secret(recorder):
    del recorder  # only its engine

    @pulumi.runtime.test
    async def check():
        held = mark({"token": pulumi.Output.secret("canary")}, salt="name")
        assert await held.future() == fingerprint({"token": "canary"}, salt="name")
        assert not await held.is_secret()

    check()


def test_marks_are_computed_side_by_side(recorder, monkeypatch):
    """Each waits for the other, which would hang if they were computed one after another."""
    del recorder
    meeting = threading.Barrier(2, timeout=30)

    def slow(values, *, salt):
        meeting.wait()
        return fingerprint(values, salt=salt)

    monkeypatch.setattr(components.marks, "fingerprint", slow)

    @pulumi.runtime.test
    async def check():
        marks = [mark({"token": text}, salt="name") for text in ("one", "two")]
        found = await asyncio.gather(*(item.future() for item in marks))
        assert found == [fingerprint({"token": text}, salt="name") for text in ("one", "two")]

    check()
