"""What looks like a credential, and that settings and policies agree about it."""

from __future__ import annotations

import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import credentials
from domain.credentials import holds_a_credential, in_clear, looks_like_a_credential, named_like_a_credential
from domain.names import RELEASE_TYPE
from policy.rules import RULES, PolicyInput, Resource
from settings import SettingsError
from tests.support.stacks import settings_of, with_agent

# None of these opens anything.
TOKEN = "aAbBcCdDeEfFgGhHiIjJkK0123456789abcd"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"
CREDENTIALS = {
    "GITHUB": f"ghp_{TOKEN}",
    "GITHUB_FINE": f"github_pat_{TOKEN}",
    "GITLAB": f"glpat-{TOKEN}",
    "AWS": "AKIAABCDEFGHIJKLMNOP",
    "SESSION": JWT,
    "DATABASE": "postgresql://user:canary@db.example.com/x",
    "AIRFLOW_CONN_DB": json.dumps({"conn_type": "postgres", "password": "canary"}),
    "KEY_FILE": "-----BEGIN RSA PRIVATE KEY-----",
    "MYTOKEN": "canary",
    "DBPASSWORD": "canary",
    "apiKey": "canary",
    "VAULT_SECRET_ID": "canary",
    "HOST_CREDENTIALS": "canary",
}
HARMLESS = {
    "URL": "https://user@example.com/path",
    "TOKENIZER": "words",
    "PASSWORD_FILE": "/run/password",
    "GOOGLE_APPLICATION_CREDENTIALS": "/var/run/key.json",
    "KEYRING": "x",
    "TOKEN": "",
}


def refused_by_settings(name: str, value: str) -> bool:
    """Whether the settings refuse a variable of the agents."""
    try:
        settings_of(with_agent(env={name: value}))
    except SettingsError as error:
        return "in plain text" in str(error)
    return False


def reported_by_policy(name: str, value: str) -> bool:
    """Whether the policy pack reports it."""
    (rule,) = [item for item in RULES if item.name == "no-credential-in-clear"]
    values = {"commonEnv": [{"name": name, "value": value}]}
    return bool(list(rule.check(PolicyInput("prod", [Resource(RELEASE_TYPE, "agent", {"values": values})]))))


@pytest.mark.parametrize(("name", "value"), CREDENTIALS.items(), ids=CREDENTIALS)
def test_credentials_are_refused_and_reported(name: str, value: str) -> None:
    assert refused_by_settings(name, value)
    assert reported_by_policy(name, value)


@pytest.mark.parametrize(("name", "value"), HARMLESS.items(), ids=HARMLESS)
def test_other_values_pass_both(name: str, value: str) -> None:
    assert not refused_by_settings(name, value)
    assert not reported_by_policy(name, value)


_NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True).flatmap(
    lambda head: st.sampled_from(
        ["", "TOKEN", "_TOKEN", "PASSWORD", "_SECRET", "_API_KEY", "_CREDENTIALS", "_X"]
    ).map(lambda tail: head + tail)
)
_VALUES = st.one_of(
    st.text(alphabet="abc/:@.-_ eyJ0", max_size=20),
    st.sampled_from(["/run/key.json", *CREDENTIALS.values()]),
)


@given(_NAMES, _VALUES)
def test_settings_and_policies_agree(name: str, value: str) -> None:
    assert reported_by_policy(name, value) == looks_like_a_credential(name, value)
    if not name.startswith(("AIRFLOW", "GIT", "ASTRO")):
        assert refused_by_settings(name, value) == looks_like_a_credential(name, value)


@pytest.mark.parametrize("name", ["client_secret", "password", "secret_id", "gcp_keyfile_dict", "token"])
def test_arguments_of_a_secrets_backend(name: str) -> None:
    backend = {"class": "airflow.providers.hashicorp.secrets.vault.VaultBackend", "kwargs": {name: "canary"}}
    with pytest.raises(SettingsError, match=f"contains {name} in plain text"):
        settings_of(with_agent(secretsBackend=backend))


def test_arguments_of_a_secrets_backend_at_any_depth() -> None:
    kwargs = {"connections_prefix": "airflow", "auth": {"password": "canary"}}
    backend = {"class": "a.B", "kwargs": kwargs}
    with pytest.raises(SettingsError, match=r"contains auth\.password in plain text"):
        settings_of(with_agent(secretsBackend=backend))


@pytest.mark.parametrize(
    "name", ["dbPassword", "DB_PASSWORD", "api_key", "apiKey", "AUTH_TOKEN", "clientSecret", "MYTOKEN"]
)
def test_names_of_credentials(name: str) -> None:
    assert named_like_a_credential(name)


@pytest.mark.parametrize("name", ["tokenizer", "AIRFLOW_HOME", "secretBackend", "PASSWORD_FILE", "keyring"])
def test_other_names(name: str) -> None:
    assert not named_like_a_credential(name)


def test_references_and_names_of_secrets_are_not_credentials() -> None:
    values = {
        "openLineage": {"apiKeySecret": "mine"},
        "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "password": "[secret]",
    }
    assert list(in_clear(values)) == []


def test_forms_of_credentials() -> None:
    assert holds_a_credential("postgresql://user:canary@host/db")
    assert holds_a_credential('{"password": "canary"}')
    assert not holds_a_credential("https://host/path")


def test_examples() -> None:
    assert doctest.testmod(credentials).failed == 0
