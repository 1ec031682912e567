"""What a user reads about a release that does not get ready."""

from __future__ import annotations

import base64
import json

import pytest

from clients.helm.pod_failures import PodFailure, Reason
from delivery.connection_data import created_secret
from program.rollout_report import Described, Wording, grouped
from settings.secret_texts import secret_texts
from tests.support.stacks import SSH_KEY, settings_of, stack

POD = {"metadata": {"name": "agent-worker-1", "namespace": "agents", "uid": "1"}}


def wording(**changes) -> Wording:
    return Wording(settings_of(stack(**changes)), project="astro-dbt")


def failure(text: str = "exit code 1 (Error)", reason: Reason = Reason.CRASH, **more) -> PodFailure:
    fields = {"pod": POD, "container": "worker", **more}
    return PodFailure("Deployment agent-worker", "set", reason, text, **fields)


def test_where_what_and_what_to_do_are_one_line() -> None:
    missing = failure('CreateContainerConfigError: secret "a" not found', Reason.MISSING)
    assert wording().sentence([missing]) == (
        "Deployment agent-worker, Pod agent-worker-1, container worker: CreateContainerConfigError: "
        'secret "a" not found; run `pulumi up --refresh` if this stack creates it; else create it in the namespace agents, '
        "or correct the key of `astro-dbt:agent` that names it"
    )


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_remedy(reason: Reason) -> None:
    sentence = wording().sentence([failure("what", reason, pod=None, container=None)])
    assert sentence.startswith("Deployment agent-worker: what; ")
    assert "{" not in sentence
    assert not sentence.endswith(("; ", "."))


def test_pods_of_one_kind_are_counted() -> None:
    first, second, other = failure(), failure(), failure(container="sidecar")
    assert grouped([first, other, second]) == ((first, second), (other,))
    assert "Pod agent-worker-1 and 1 more, container worker" in wording().sentence([first, second])


def test_events_and_the_log_follow_their_reason() -> None:
    described = Described((failure(events=("BackOff: restarting",)),), ("starting", "boom"))
    head, *lines = wording().report([described]).splitlines()
    assert head.startswith("- Deployment agent-worker, Pod")
    assert lines == ["    event | BackOff: restarting", "    log   | starting", "    log   | boom"]


def test_there_is_an_end_to_it() -> None:
    text = wording().report([Described((failure("x" * 5000),), ())] * 30)
    assert text.endswith("- and 22 more reasons.")
    assert len(text) < 6000


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[31mred\x1b[0m",
        "<{%fg 1%}>",
        "##vso[task.setvariable variable=a]b",
        "##[error]x",
        "a\x00b\rc\u2028d",
    ],
)
def test_what_a_pod_writes_is_text_and_nothing_else(hostile: str) -> None:
    text = wording().report([Described((failure(hostile, events=(hostile,)),), (hostile,))])
    for part in ("\x1b", "<{%", "##vso[", "##[", "\x00", "\r", "\u2028"):
        assert part not in text
    assert all(line.startswith(("- ", "    event | ", "    log   | ")) for line in text.splitlines())


def test_no_secret_in_any_spelling() -> None:
    config = stack(
        connections={
            "git": {"type": "https", "login": "robot"},
            "key": {"type": "ssh", "knownHosts": "h ssh-ed25519 A"},
        },
        credentials={"git": {"password": 'canary"git/token'}, "key": {"privateKey": SSH_KEY}},
        sentinelAuth="canary-sentinel-auth",
    )
    settings = settings_of(config)
    secrets = list(secret_texts(settings))
    assert len(secrets) >= 5
    basic = [
        base64.b64encode(b'robot:canary"git/token').decode(),
        base64.b64encode(b"pusher:canary-registry-password").decode(),
    ]
    spelled = [
        *secrets,
        *(json.dumps(text)[1:-1] for text in secrets),
        *(base64.b64encode(text.encode()).decode() for text in secrets),
        *basic,
    ]
    made = [text for text in created_secret(settings, "git").values() if "canary" in text]
    for leak in (*spelled, *made):
        lines = tuple(f"env: VALUE={line};" for line in leak.splitlines())
        found = failure(f"Error: {leak}", events=(f"Failed: {leak}",))
        text = Wording(settings, project="astro-dbt").report([Described((found,), lines)])
        assert "canary" not in text
        for part in spelled:
            assert part not in text
