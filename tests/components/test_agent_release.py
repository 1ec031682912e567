"""AgentRelease: Secrets, their names in the values, and the marks."""

from __future__ import annotations

import asyncio
import json

import pulumi
import pytest

from components.agent_release import (
    AgentRelease,
    AgentReleaseArgs,
    AgentSecrets,
    ExistingSecret,
)
from components.registry_login import RegistryLogin
from domain.chart import ChartAddress
from domain.names import SECRETS_MARK
from tests.support.pulumi_mocks import plain

SECRET = "kubernetes:core/v1:Secret"
RELEASE = "kubernetes:helm.sh/v3:Release"


def make(
    version="2.3.3",
    values=None,
    repository="https://charts.example.com",
    release_namespace=None,
    confirm=None,
    **secrets,
):
    defaults = {"agent_token": pulumi.Output.secret("canary-token")}
    return AgentRelease(
        "agent",
        AgentReleaseArgs(
            namespace="agents",
            release_name="astro-agent",
            release_namespace=release_namespace,
            prefix="p",
            chart=ChartAddress(repository=repository, name="chart", version=version),
            values=values or {"commonEnv": [{"name": "A", "value": "1"}], "openLineage": {"enabled": True}},
            agent_secrets=AgentSecrets(**(defaults | secrets)),
            connection_marks=["aaaa"],
            timeout_seconds=900,
            confirm=confirm,
        ),
    )


def run(recorder, build, verify):
    @pulumi.runtime.test
    def check():
        return build().status.apply(lambda status: verify(recorder.of_type(RELEASE)["agent"], status))

    check()


@pytest.mark.parametrize(("elsewhere", "expected"), [(None, "agents"), ("default", "default")])
def test_records_may_be_in_another_namespace_than_the_agents(recorder, elsewhere, expected):
    def verify(release, _):
        assert release["namespace"] == expected
        secrets = recorder.of_type(SECRET).values()
        assert {secret["metadata"]["namespace"] for secret in secrets} == {"agents"}

    run(recorder, lambda: make(release_namespace=elsewhere, version="1.0.2"), verify)


def test_the_release_waits_until_its_secrets_are_confirmed(recorder):
    told = []

    async def look(ids):
        await asyncio.sleep(0.2)
        told.append((ids, recorder.of_type(RELEASE)))

    def confirm(secrets):
        return pulumi.Output.all(*(secret.id for secret in secrets)).apply(look)

    def verify(release, _):
        assert told == [(["agent-agent-token-id"], {})]
        assert release["namespace"] == "agents"

    run(recorder, lambda: make(version="1.0.2", confirm=confirm, image_pull=ExistingSecret("i")), verify)


def mark_of(env):
    return {item["name"]: item["value"] for item in env}[SECRETS_MARK]


def test_release_is_atomic_pinned_and_named(recorder):
    def verify(release, status):
        assert release["atomic"] is True
        assert release["version"] == "2.3.3"
        assert release["name"] == "astro-agent"
        assert release["timeout"] == 900
        assert release["repositoryOpts"] == {"repo": "https://charts.example.com"}
        assert status["status"] == "deployed"
        assert status["version"] == "2.3.3"

    run(recorder, make, verify)


def test_values_name_secrets_and_hold_none(recorder):
    logins = [RegistryLogin(server="r.example.com", username="u", password="canary-pull")]

    def verify(release, _):
        values = release["values"]
        assert values["agentTokenSecretName"] == "p-agent-token"
        assert values["imagePullSecretName"] == "p-image-pull"
        assert values["sentinelAuthSecretName"] == "p-sentinel-auth"
        assert values["openLineage"] == {"enabled": True, "apiKeySecret": "p-openlineage"}
        assert "canary" not in json.dumps(values)
        secrets = recorder.of_type(SECRET)
        assert secrets["agent-agent-token"]["stringData"] == {"token": "canary-token"}
        pull = json.loads(secrets["agent-image-pull"]["stringData"][".dockerconfigjson"])
        assert pull["auths"]["r.example.com"]["password"] == "canary-pull"
        assert "canary" not in recorder.in_clear()
        assert secrets["agent-image-pull"]["type"] == "kubernetes.io/dockerconfigjson"

    run(recorder, lambda: make(image_pull=logins, open_lineage_api_key="canary-lineage"), verify)


def test_existing_secrets_are_named_and_not_made(recorder):
    existing = {
        "agent_token": ExistingSecret("t"),
        "image_pull": ExistingSecret("i"),
        "sentinel_auth": ExistingSecret("s"),
        "open_lineage_api_key": ExistingSecret("o"),
    }

    def verify(release, _):
        assert recorder.of_type(SECRET) == {}
        assert release["values"]["sentinelAuthSecretName"] == "s"
        assert release["values"]["openLineage"]["apiKeySecret"] == "o"

    run(recorder, lambda: make(**existing), verify)


def test_first_generation_has_no_sentinel(recorder):
    def verify(release, _):
        assert "sentinel" not in release["values"]
        assert "sentinelAuthSecretName" not in release["values"]
        assert "agent-sentinel-auth" not in recorder.of_type(SECRET)

    run(recorder, lambda: make(version="1.0.2"), verify)


def test_chart_from_an_oci_registry(recorder):
    def verify(release, _):
        assert release["chart"] == "oci://r.example.com/charts/chart"
        assert "repositoryOpts" not in release

    run(recorder, lambda: make(repository="oci://r.example.com/charts/"), verify)


@pytest.mark.parametrize(
    ("changed", "agents", "sentinel"),
    [
        ({"agent_token": "canary-other"}, True, False),
        ({"sentinel_auth": "canary-other"}, False, True),
        ({"open_lineage_api_key": "canary-other"}, True, False),
        ({"image_pull": [RegistryLogin(server="r", username="u", password="canary-other")]}, False, False),
    ],
    ids=["agent token", "sentinel auth", "lineage key", "pull secret"],
)
def test_a_changed_secret_changes_the_marks_of_its_readers_only(recorder, changed, agents, sentinel):
    before = {
        "sentinel_auth": "canary-s",
        "open_lineage_api_key": "canary-o",
        "image_pull": [RegistryLogin(server="r", username="u", password="canary-p")],
    }

    @pulumi.runtime.test
    def check():
        first, second = make(**before), make(**(before | changed))

        def verify(_):
            old, new = [plain(item.inputs["values"]) for item in recorder.resources if item.typ == RELEASE]
            assert (mark_of(old["commonEnv"]) != mark_of(new["commonEnv"])) is agents
            assert (mark_of(old["sentinel"]["env"]) != mark_of(new["sentinel"]["env"])) is sentinel

        return pulumi.Output.all(first.status, second.status).apply(verify)

    check()


def test_the_same_registry_password_renewed_changes_nothing_but_the_pull_secret(recorder):
    def run(password):
        login = RegistryLogin(server="r.example.com", username="AWS", password=pulumi.Output.secret(password))

        @pulumi.runtime.test
        def check():
            return make(image_pull=(login,), sentinel_auth=pulumi.Output.secret("s")).status

        check()
        secrets = {name: plain(inputs) for name, inputs in recorder.of_type(SECRET).items()}
        return secrets, {name: plain(inputs) for name, inputs in recorder.of_type(RELEASE).items()}

    first, released = run("canary-of-monday")
    second, released_again = run("canary-of-tuesday")
    assert released
    assert released == released_again
    assert {name for name in first if first[name] != second[name]} == {"agent-image-pull"}
