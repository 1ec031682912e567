"""What tests proved reaches the table at the end of a run, from workers too."""

from __future__ import annotations

from types import SimpleNamespace

import execnet

from tests.delivery_proof.ledger import Ledger, entries


def test_entries_are_properties_of_a_test_that_workers_can_send() -> None:
    properties: list[tuple[str, object]] = [("another", "one")]
    Ledger(lambda name, value: properties.append((name, value))).add(
        "matrix", "one token", "1.0.1", "works", 2.54, image="agent@sha256:" + "0" * 64
    )
    sent = SimpleNamespace(user_properties=execnet.loads(execnet.dumps(properties)))
    assert entries([sent]) == [["matrix", "one token", "1.0.1", "0" * 12, "works", "2.5", ""]]
