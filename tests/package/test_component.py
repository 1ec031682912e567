"""AstroAgents with Pulumi's mocks: its arguments, its mistakes, its secrets."""

from __future__ import annotations

import copy
import json
from typing import Any, cast

import pulumi
import pytest
from astro_agents.component import AgentsError

from settings import SettingsError
from tests.package import AstroAgents
from tests.support.pulumi_mocks import Recorder
from tests.support.stacks import settings_of, stack

IMAGE = "registry.example.com/data/client:7"


def arguments(**changes: Any) -> dict[str, Any]:
    """Arguments as a caller passes them; those that are numbers arrive as floats."""
    config = stack()
    agent = {**copy.deepcopy(config["agent"]), "image": IMAGE, "workers": [{"name": "w", "replicas": 2.0}]}
    return {
        "dags": config["dags"],
        "dbt_projects": config["dbtProjects"],
        "connections": config["connections"],
        "credentials": pulumi.Output.secret(config["credentials"]),
        "agent": agent,
        "agent_token": pulumi.Output.secret("canary-agent-token"),
        **changes,
    }


def run(recorder: Recorder, verify, **changes: Any) -> None:
    @pulumi.runtime.test
    def check():
        made = AstroAgents("agents", cast("Any", arguments(**changes)))
        return pulumi.Output.all(made.namespace, made.image, made.release).apply(lambda found: verify(*found))

    check()


def release(recorder: Recorder) -> dict[str, Any]:
    (found,) = recorder.of_type("kubernetes:helm.sh/v3:Release").values()
    return found


def test_release_has_the_values_of_a_stack_file(recorder: Recorder) -> None:
    def verify(namespace, image, _):
        assert (namespace, image) == ("agents", IMAGE)
        values = release(recorder)["values"]
        assert values["image"] == IMAGE
        assert values["workers"][0]["replicas"] == 2
        assert "canary" not in json.dumps(values)
        secrets = recorder.of_type("kubernetes:core/v1:Secret")
        assert secrets["agents-release-agent-token"]["stringData"] == {"token": "canary-agent-token"}
        assert "canary-git-token" in secrets["agents-git-git"]["stringData"]["connection"]

    run(recorder, verify)


def test_several_bundles_are_a_list(recorder: Recorder) -> None:
    more = {"name": "more", "repo": "https://git.example.com/platform/more.git", "connection": "git"}

    def verify(*_):
        bundles = json.loads(release(recorder)["values"]["dagBundleConfigList"])
        assert [item["name"] for item in bundles] == ["dags", "more"]

    projects = [{**item, "bundle": "dags"} for item in stack()["dbtProjects"]]
    run(recorder, verify, dags=[{"name": "dags", **stack()["dags"]}, more], dbt_projects=projects)


def test_image_may_be_an_output(recorder: Recorder) -> None:
    def verify(_, image, __):
        assert image == release(recorder)["values"]["image"] == "r.example.com/a@sha256:1"

    run(recorder, verify, agent_image=pulumi.Output.from_input("r.example.com/a@sha256:1"))


@pytest.mark.parametrize(
    "agent",
    [
        {"workers": [{"name": "w", "queus": ["a"]}]},
        {"namespace": "Not A Name"},
        {"env": {"DB_PASSWORD": "x"}},
        {"values": {"namespace": "other"}},
    ],
)
def test_a_mistake_is_the_sentence_of_a_stack_file(recorder: Recorder, agent) -> None:
    mistaken = {**stack()["agent"], "image": IMAGE, **agent}
    config = stack(agent=mistaken)
    del config["image"]
    with pytest.raises(SettingsError) as in_file:
        settings_of(config)
    with pytest.raises(AgentsError) as in_package:
        AstroAgents("agents", cast("Any", arguments(agent=mistaken)))
    assert str(in_package.value) == str(in_file.value).replace("astro-dbt:", "agents:")


def test_a_missing_credential_is_a_sentence() -> None:
    from astro_agents.component import _part

    with pytest.raises(AgentsError, match=r"credentials\.git\.password is missing; add it"):
        _part({"git": {}}, name="git", part="password")
    assert _part({"a": {"privateKey": "k"}}, name="a", part="privateKey") == "k\n"
