"""Every secret of a stack, for those who keep it out of texts."""

from __future__ import annotations

from settings.secret_texts import secret_texts
from settings.stack import config_key, secret_fields
from tests.support.stacks import SSH_KEY, settings_of, stack


def test_every_secret_key_is_among_them() -> None:
    """A secret key that is added later is found too, without a list that has to be maintained."""
    plain = {
        config_key(field): f"https://u:canary-{field}@x.example.com"
        for field in secret_fields() - {"credentials"}
    }
    config = stack(
        connections={"git": {"type": "https"}, "key": {"type": "ssh"}},
        credentials={"git": {"password": "canary-password"}, "key": {"privateKey": SSH_KEY}},
        baseRegistry={"server": "base.example.com", "username": "cli"},
        pullRegistry={"server": "registry.example.com", "username": "puller"},
        **plain,
    )
    config["dags"] |= {"submodules": [{"repo": "git@h.example.com:a/b.git", "connection": "key"}]}
    config["agent"]["openLineage"] = {"enabled": True}
    found = set(secret_texts(settings_of(config)))
    assert found == {"canary-password", SSH_KEY, *plain.values()}
