"""Images, registries and Docker engines, in every state that a check knows."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preflight.report import Report
from tests.preflight.conftest import Trial, expect, expect_nothing, only, report_of
from tests.preflight.samples import (
    TAG,
    image_config,
    image_levels,
)
from tests.support.oci_registry import TokenRegistry, put_image
from tests.support.stacks import stack, with_ready_image


@pytest.fixture
def base(trial: Trial) -> str:
    """A base image for two platforms in the trial's registry."""
    info = trial.info.registry
    put_image(
        info.server, (info.username, info.password), "tests/agent", TAG, ["linux/amd64", "linux/arm64/v8"]
    )
    return f"{info.server}/tests/agent:{TAG}"


def _trial_report(trial: Trial, base: str, *, image: dict[str, Any] | None = None, **changes: Any) -> Any:
    described = {**trial.config["image"], "base": base, **(image or {})}
    config = {
        **trial.config,
        "delivery": "agent-image",
        "image": described,
        "preflight": image_levels(),
        **changes,
    }
    return report_of(config)


@pytest.mark.preflight
def test_a_good_base_and_target(trial: Trial, base: str) -> None:
    for platform in ("linux/amd64", "linux/arm64"):
        report = _trial_report(trial, base, image={"platform": platform})
        expect_nothing(report)
    expect(report, "image.base", "facts", at="image.base", says="Runtime 3.1-3, Python 3.12, agent 1.2.0")
    assert report.image_base is not None
    assert (report.image_base.runtime, report.image_base.agent) == ("3.1-3", "1.2.0")


@pytest.mark.preflight
def test_a_base_by_digest_of_one_platform(trial: Trial) -> None:
    info = trial.info.registry
    put_image(info.server, (info.username, info.password), "tests/agent", f"{TAG}-base", ["linux/amd64"])
    expect_nothing(_trial_report(trial, f"{info.server}/tests/agent:{TAG}-base"))


@pytest.mark.preflight
def test_a_platform_that_the_base_has_not(trial: Trial, base: str) -> None:
    report = _trial_report(trial, base, image={"platform": "linux/s390x"})
    expect(report, "image.platform", "missing", at="image.platform", says="linux/amd64, linux/arm64/v8")


@pytest.mark.preflight
def test_a_base_that_does_not_exist(trial: Trial, base: str) -> None:
    report = _trial_report(trial, base.replace("1.2.0", "1.2.9"))
    expect(report, "image.exists", "missing", at="image.base", says="1.2.9")


@pytest.mark.preflight
def test_a_base_whose_tag_says_nothing(trial: Trial, base: str) -> None:
    report = _trial_report(trial, f"{trial.info.registry.server}/tests/agent:latest")
    expect(report, "image.base", "unknown", at="image.base")


@pytest.mark.preflight
def test_a_wrong_password(trial: Trial, base: str) -> None:
    report = _trial_report(trial, base, registryPassword="canary-wrong-password")
    expect(report, "image.registry", "refused", at="registryPassword", says="tests/agent (HTTP 401)")
    assert "canary" not in str(report)


@pytest.mark.preflight
def test_no_login_for_a_private_base(trial: Trial, base: str) -> None:
    config = {**trial.config, "delivery": "agent-image", "preflight": image_levels()}
    image = {**trial.config["image"], "base": base, "repository": trial.config["image"]["repository"]}
    config |= {"image": image}
    config.pop("registry")
    config.pop("registryPassword")
    expect(report_of(config), "image.registry", "anonymous", at="registry", says="tests/agent")


@pytest.mark.preflight
def test_the_login_of_docker_is_used_when_the_stack_has_none(trial: Trial, base: str, tmp_path: Path) -> None:
    info = trial.info.registry
    login = base64.b64encode(f"{info.username}:{info.password}".encode()).decode()
    (tmp_path / "docker").mkdir()
    file = tmp_path / "docker/config.json"
    config = {**trial.config, "delivery": "agent-image", "preflight": image_levels()}
    config["image"] = {**trial.config["image"], "base": base}
    config.pop("registry")
    config.pop("registryPassword")
    file.write_text(json.dumps({"auths": {info.server: {"auth": login}}}))
    expect_nothing(report_of(config))
    file.write_text(json.dumps({"credsStore": "desktop"}))
    expect(report_of(config), "image.exists", "unverified", at="image.base", says="credential helper")


def test_a_registry_that_is_down() -> None:
    config = image_config(f"127.0.0.1:1/agent:{TAG}", "127.0.0.1:1/data/client")
    del config["registry"], config["registryPassword"]
    report = report_of(config)
    expect(report, "image.registry", "unreachable", at="image.base", says="Connection refused")
    expect(report, "image.registry", "unreachable", at="image.repository")


def test_a_registry_that_hangs_costs_seconds() -> None:
    with TokenRegistry() as host:
        host.delay = 60
        begun = time.monotonic()
        login = {"server": host.server, "username": "pusher"}
        report = report_of(
            image_config(f"{host.server}/agent:{TAG}", f"{host.server}/client/x", registry=login, timeout=1)
        )
        assert time.monotonic() - begun < 20
    expect(report, "image.registry", "timeout", at="image.base", says="within 1 s")


AMD64 = {"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]}


@pytest.fixture
def registry() -> Iterator[TokenRegistry]:
    """A registry with tokens that has the base image."""
    with TokenRegistry("pusher", "canary-registry-password") as made:
        made.describe("agent", TAG, AMD64)
        yield made


def _hosted(registry: TokenRegistry, **changes: Any) -> Report:
    login = {"server": registry.server, "username": "pusher"}
    base, target = f"{registry.server}/agent:{TAG}", f"{registry.server}/data/client"
    return report_of(image_config(base, target, registry=login, **changes))


def test_a_registry_with_tokens(registry: TokenRegistry) -> None:
    expect_nothing(_hosted(registry))
    assert not [path for path in registry.asked if "canary" in path]
    refused = _hosted(registry, registryPassword="canary-wrong-password")
    expect(refused, "image.registry", "refused", at="registryPassword", says="data/client")


def test_a_user_who_may_not_push(registry: TokenRegistry) -> None:
    registry.actions = ("pull",)
    report = _hosted(registry)
    expect(report, "image.registry", "no-push", at="registry.username", says="data/client")


# Answers as the services give them: ECR and Artifact Registry in the errors that clients show, ACR as distribution does.
NAME_UNKNOWN = {
    "ECR": (
        "The repository with name 'data/client' does not exist in the registry with id '123456789012'",
        True,
    ),
    "Artifact Registry": ('Repository "data" not found', True),
    "Harbor": ("project data not found", True),
    "ACR": ("repository name not known to registry", False),
    "Docker Hub": ("", False),
}


@pytest.mark.parametrize("service", NAME_UNKNOWN)
def test_name_unknown_is_an_error_where_a_push_does_not_create_the_repository(
    service: str, registry: TokenRegistry
) -> None:
    message, is_error = NAME_UNKNOWN[service]
    registry.unknown = {"errors": [{"code": "NAME_UNKNOWN", "message": message}]} if message else {}
    report = _hosted(registry)
    if is_error:
        expect(
            report, "image.registry", "not-created", at="image.repository", says="create it in the registry"
        )
    else:
        expect_nothing(report)


@pytest.mark.preflight
def test_a_repository_that_the_trials_registry_creates_at_the_first_push(trial: Trial, base: str) -> None:
    target = f"{trial.info.registry.server}/never/pushed"
    expect_nothing(_trial_report(trial, base, image={"repository": target}))


def _docker_file(tmp_path: Path, auths: dict[str, Any]) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps({"auths": auths}))


def _without_login(server: str) -> dict[str, Any]:
    config = image_config(f"{server}/agent:{TAG}", f"{server}/data/client")
    del config["registry"], config["registryPassword"]
    return config


def test_the_identitytoken_of_az_acr_login_is_exchanged(registry: TokenRegistry, tmp_path: Path) -> None:
    """`az acr login` leaves no password: the token service takes the token in a form (distribution, auth/oauth)."""
    registry.identity = "canary-identity"
    auth = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
    _docker_file(tmp_path, {registry.server: {"auth": auth, "identitytoken": registry.identity}})
    expect_nothing(report_of(_without_login(registry.server)))
    assert "/token" in registry.asked
    assert not [path for path in registry.asked if "canary" in path]


@pytest.mark.parametrize("key", ["https://{}", "https://{}/v1/", "http://{}/v2/", "{}"])
def test_keys_of_the_docker_configuration_with_https_are_found(
    key: str, registry: TokenRegistry, tmp_path: Path
) -> None:
    auth = base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    _docker_file(tmp_path, {key.format(registry.server): {"auth": auth}})
    expect_nothing(report_of(_without_login(registry.server)))


@pytest.mark.parametrize("username", ["oauth2accesstoken", "gitlab-ci-token"])
def test_short_lived_registry_passwords_warn_where_the_cluster_pulls_with_them(
    username: str, registry: TokenRegistry
) -> None:
    registry.username = username
    config = _without_login(registry.server)
    config |= {"registry": {"server": registry.server, "username": username}}
    config["registryPassword"] = registry.password
    report = report_of(config)
    expect(report, "image.registry", "short-lived", at="registryPassword", says="pullRegistry")
    assert not report.errors
    config["agent"] = {**config["agent"], "imagePullSecret": "renewed"}
    expect_nothing(report_of(config))


def test_the_pull_role_is_tried_as_well_as_the_push_role(registry: TokenRegistry) -> None:
    pull = {"server": registry.server, "username": "puller"}
    report = _hosted(registry, pullRegistry=pull, pullRegistryPassword="canary-other")
    expect(report, "image.registry", "refused", at="pullRegistryPassword", says="data/client")
    assert "canary" not in str(report)


def test_agent_and_sentinel_are_of_one_version(registry: TokenRegistry) -> None:
    reports = [
        _hosted(registry, agent={**stack()["agent"], "sentinel": {"image": f"{registry.server}/s:{version}"}})
        for version in ("1.2.0", "1.2.1")
    ]
    assert [
        len([item for item in report.findings if item.check == "image.sentinel"]) for report in reports
    ] == [0, 1]
    expect(reports[1], "image.sentinel", "differs", at="agent.sentinel.image", says="1.2.1, but")


def test_copies_need_a_place_that_may_be_pushed_to(registry: TokenRegistry) -> None:
    registry.actions = ("pull",)
    report = _hosted(registry, mirror={"repository": f"{registry.server}/mirror", "sentinel": False})
    expect(report, "image.registry", "no-push", at="registry.username", says="mirror/agent")


def test_images_that_the_stack_only_names(registry: TokenRegistry) -> None:
    registry.anonymous = True
    registry.describe("agent", "good", {"config": {}})
    agent = {
        "image": f"{registry.server}/agent:good",
        "workers": [{"name": "w", "image": f"{registry.server}/agent:gone"}],
        "sentinel": {"image": "127.0.0.1:1/sentinel:1"},
    }
    report = report_of({**with_ready_image(**agent), "preflight": image_levels()})
    expect(report, "image.exists", "missing", at="agent.workers[0].image", says="agent:gone")
    expect(report, "image.exists", "unverified", at="agent.sentinel.image", says="Connection refused")
    assert not [item for item in report.findings if "agent:good" in item.message and item.severity != "info"]


def test_the_agents_own_image_tells_its_facts(registry: TokenRegistry) -> None:
    registry.anonymous = True
    registry.describe("agent", TAG, {"config": {}})
    image = f"{registry.server}/agent:{TAG}"
    report = report_of({**with_ready_image(image=image), "preflight": image_levels()})
    expect_nothing(report)
    expect(report, "image.base", "facts", at="agent.image")


def test_a_stack_that_says_nothing_of_its_image() -> None:
    report = report_of({**with_ready_image(), "preflight": image_levels()})
    expect(report, "image.runtime", "bare", at="image", says="neither Cosmos nor dbt")


def test_an_image_that_its_registry_does_not_show_to_everybody(registry: TokenRegistry) -> None:
    levels = {"checks": only("image"), "timeout": 10}
    report = report_of({**with_ready_image(image=f"{registry.server}/agent:1"), "preflight": levels})
    expect(report, "image.exists", "unverified", at="agent.image", says=registry.server)
    assert not report.errors
