"""From settings to the arguments of the components."""

from __future__ import annotations

import pulumi
import pytest

import delivery
from components.agent_release import ExistingSecret
from components.git_connections import GithubAppCredentials, HttpsCredentials, SshCredentials
from domain.errors import ReportedError
from preflight import BundleFacts, ProjectFacts, Report
from program import wiring
from tests.support.stacks import SSH_KEY, settings_of, stack, with_agent


def secret_text(recorder, output):
    """Value of an output, which must be marked as a secret."""
    found = []

    @pulumi.runtime.test
    def check():
        async def read():
            assert await output.is_secret()
            found.append(await output.future())

        return pulumi.Output.from_input(read())

    check()
    return found[0]


def test_connections_created_here_only(recorder):
    config = stack(
        connections={
            "git": {"type": "https", "login": "robot"},
            "key": {"type": "ssh", "knownHosts": "h ssh-ed25519 A"},
            "app": {"type": "github-app", "appId": 1, "installationId": 2},
            "theirs": {"type": "https", "existingSecret": "s"},
            "vault": {"type": "https", "backend": True},
            "open": {"type": "https", "anonymous": True},
        },
        credentials={
            "git": {"password": "canary"},
            "key": {"privateKey": SSH_KEY},
            "app": {"privateKey": SSH_KEY},
        },
    )
    found = wiring.git_credentials(settings_of(config))
    assert {name: type(item) for name, item in found.items()} == {
        "git": HttpsCredentials,
        "key": SshCredentials,
        "app": GithubAppCredentials,
    }
    assert found["git"].url == "https://git.example.com/platform/dags.git"
    assert secret_text(recorder, found["git"].password) == "canary"
    assert secret_text(recorder, found["key"].private_key) == SSH_KEY


def test_a_submodules_connection_names_its_own_repository():
    project = {"name": "a", "path": "p", "repo": "https://other.example.com/a.git", "connection": "other"}
    config = stack(
        dbtProjects=[project],
        connections={"git": {"type": "https"}, "other": {"type": "https"}},
        credentials={"git": {"password": "x"}, "other": {"password": "y"}},
    )
    assert wiring.git_credentials(settings_of(config))["other"].url == project["repo"]


def test_existing_secrets(recorder):
    config = with_agent(agentTokenSecret="t", imagePullSecret="i", sentinelAuthSecret="s")
    del config["agentToken"]
    found = wiring.agent_secrets(settings_of(config))
    assert (found.agent_token, found.image_pull, found.sentinel_auth) == (
        ExistingSecret("t"),
        ExistingSecret("i"),
        ExistingSecret("s"),
    )
    assert found.open_lineage_api_key is None


def test_both_registries_get_into_the_pull_secret(recorder):
    config = stack(
        baseRegistry={"server": "base.example.com", "username": "cli"}, baseRegistryPassword="canary-base"
    )
    logins = wiring.pull_logins(settings_of(config))
    assert [login.server for login in logins] == ["registry.example.com", "base.example.com"]
    assert secret_text(recorder, logins[1].password) == "canary-base"


def test_a_pull_role_that_differs_from_the_push_role(recorder):
    config = stack(
        delivery="agent-image",
        pullRegistry={"server": "registry.example.com", "username": "puller"},
        pullRegistryPassword="canary-pull",
    )
    settings = settings_of(config)
    (pull,) = wiring.pull_logins(settings)
    assert (pull.username, secret_text(recorder, pull.password)) == ("puller", "canary-pull")
    assert settings.registry is not None
    assert settings.registry.username != "puller"


def test_build_secrets(recorder):
    config = stack(
        proxy="http://u:canary@proxy.example.com:3128", packageIndex="https://u:canary@i.example.com/simple"
    )
    settings = settings_of(config)
    assert set(wiring.build_secrets(settings, package_index=False)) == {"HTTP_PROXY", "HTTPS_PROXY"}
    found = wiring.build_secrets(settings, package_index=True)
    assert set(found) == {"PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY"}
    assert secret_text(recorder, found["HTTP_PROXY"]) == "http://u:canary@proxy.example.com:3128"


def test_outputs_of_projects_carry_what_the_look_found():
    settings = settings_of()
    plan = delivery.plan(settings, authorities={})
    facts = ProjectFacts(repository="https://x", commit="abc", behind=2, dbt_name="jaffle")
    outputs = wiring.project_outputs(plan, Report(projects={"jaffle": facts}))
    assert outputs["jaffle"] == {
        "path": "/tmp/airflow/dag_bundles/dags/tracking_repo/dags/dbt/jaffle",
        "repository": "https://x",
        "commit": "abc",
        "behind": 2,
    }
    assert wiring.project_outputs(plan, Report())["jaffle"]["commit"] is None


def test_outputs_of_bundles_name_class_and_commit(recorder):
    bundles = [
        {"name": "sales", "repo": "https://git.example.com/sales.git", "source": "repository"},
        {"name": "finance", "repo": "https://git.example.com/finance.git", "ref": "v1"},
        {"name": "local", "class": "acme.Bundle"},
    ]
    project = {"name": "jaffle", "bundle": "sales", "source": "examples/dbt-project"}
    settings = settings_of(stack(delivery="agent-image", dags=bundles, dbtProjects=[project]))
    plan = delivery.plan(settings, authorities={})
    report = Report(bundles={"sales": BundleFacts("sales", "abc", files=1, stored=1)})
    assert wiring.bundle_outputs(settings, plan, report) == {
        "sales": {
            "class": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "repository": "https://git.example.com/sales.git",
            "ref": "main",
            "commit": "abc",
            "baked": True,
        },
        "finance": {
            "class": "airflow.providers.git.bundles.git.GitDagBundle",
            "repository": "https://git.example.com/finance.git",
            "ref": "v1",
            "commit": None,
            "baked": False,
        },
        "local": {"class": "acme.Bundle"},
    }


def test_what_keeps_the_context_from_being_staged_is_a_sentence(recorder, tmp_path):
    """A file is in the place of the folder: no permissions are asked of whoever runs this, who may be root."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "dbt_project.yml").write_text("name: jaffle\n")
    (tmp_path / ".build").write_text("")
    config = stack(delivery="agent-image", dbtProjects=[{"name": "jaffle", "source": "project"}])
    settings = settings_of(config, root=tmp_path)
    plan = delivery.plan(settings, authorities={})
    with pytest.raises(ReportedError) as caught:
        wiring.build_contexts(settings, plan, tmp_path)
    assert str(caught.value).startswith(
        f"astro-dbt:image cannot be built, because {tmp_path}/.build/test/runtime "
    )
    assert str(caught.value).count("\n") == 0
