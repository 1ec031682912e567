"""Images, registries and Docker engines, in every state that a check knows."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from clients.registry import Reference
from domain.image_labels import ImageContents, encode
from domain.registries import creation, lifetime
from preflight.report import Report
from tests.preflight.conftest import Trial, expect, expect_nothing, look, only
from tests.support.stacks import stack, with_ready_image
from tests.support.web_hosts import TokenRegistry, put_image, web_host

TAG = "3.1-3-python-3.12-astro-agent-1.2.0"
IMAGE = ("image.base", "image.registry", "image.exists", "image.platform")


def _levels(timeout: int = 10, *, engine: bool = False) -> dict[str, Any]:
    checks = only("image")
    if not engine:
        checks["image.engine"] = {"level": "off", "reason": "not part of this test"}
    return {"checks": checks, "timeout": timeout}


def _config(base: str, target: str, **changes: Any) -> dict[str, Any]:
    packages = ["astronomer-cosmos==1.15.1"]
    image = {"repository": target, "base": base, "packages": packages, **changes.pop("image", {})}
    timeout = changes.pop("timeout", 10)
    config = stack(delivery="agent-image", image=image, preflight=_levels(timeout))
    return {**config, **changes}


@pytest.fixture(autouse=True)
def _no_docker_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def base(trial: Trial) -> str:
    """A base image for two platforms in the trial's registry."""
    info = trial.info.registry
    put_image(
        info.server, (info.username, info.password), "tests/agent", TAG, ["linux/amd64", "linux/arm64/v8"]
    )
    return f"{info.server}/tests/agent:{TAG}"


def _trial_look(trial: Trial, base: str, *, image: dict[str, Any] | None = None, **changes: Any) -> Any:
    described = {**trial.config["image"], "base": base, **(image or {})}
    config = {
        **trial.config,
        "delivery": "agent-image",
        "image": described,
        "preflight": _levels(),
        **changes,
    }
    return look(config)


@pytest.mark.preflight
def test_a_good_base_and_target(trial: Trial, base: str) -> None:
    for platform in ("linux/amd64", "linux/arm64"):
        report = _trial_look(trial, base, image={"platform": platform})
        expect_nothing(report)
    expect(report, "image.base", "facts", at="image.base", says="Runtime 3.1-3, Python 3.12, agent 1.2.0")
    assert report.image_base is not None
    assert (report.image_base.runtime, report.image_base.agent) == ("3.1-3", "1.2.0")


@pytest.mark.preflight
def test_a_base_by_digest_of_one_platform(trial: Trial) -> None:
    info = trial.info.registry
    put_image(info.server, (info.username, info.password), "tests/agent", f"{TAG}-base", ["linux/amd64"])
    expect_nothing(_trial_look(trial, f"{info.server}/tests/agent:{TAG}-base"))


@pytest.mark.preflight
def test_a_platform_that_the_base_has_not(trial: Trial, base: str) -> None:
    report = _trial_look(trial, base, image={"platform": "linux/s390x"})
    expect(report, "image.platform", "missing", at="image.platform", says="linux/amd64, linux/arm64/v8")


@pytest.mark.preflight
def test_a_base_that_does_not_exist(trial: Trial, base: str) -> None:
    report = _trial_look(trial, base.replace("1.2.0", "1.2.9"))
    expect(report, "image.exists", "missing", at="image.base", says="1.2.9")


@pytest.mark.preflight
def test_a_base_whose_tag_says_nothing(trial: Trial, base: str) -> None:
    report = _trial_look(trial, f"{trial.info.registry.server}/tests/agent:latest")
    expect(report, "image.base", "unknown", at="image.base")


@pytest.mark.preflight
def test_a_wrong_password(trial: Trial, base: str) -> None:
    report = _trial_look(trial, base, registryPassword="canary-wrong-password")
    expect(report, "image.registry", "refused", at="registryPassword", says="tests/agent (HTTP 401)")
    assert "canary" not in str(report)


@pytest.mark.preflight
def test_no_login_for_a_private_base(trial: Trial, base: str) -> None:
    config = {**trial.config, "delivery": "agent-image", "preflight": _levels()}
    image = {**trial.config["image"], "base": base, "repository": trial.config["image"]["repository"]}
    config |= {"image": image}
    config.pop("registry")
    config.pop("registryPassword")
    expect(look(config), "image.registry", "anonymous", at="registry", says="tests/agent")


@pytest.mark.preflight
def test_the_login_of_docker_is_used_when_the_stack_has_none(trial: Trial, base: str, tmp_path: Path) -> None:
    info = trial.info.registry
    login = base64.b64encode(f"{info.username}:{info.password}".encode()).decode()
    (tmp_path / "docker").mkdir()
    file = tmp_path / "docker/config.json"
    config = {**trial.config, "delivery": "agent-image", "preflight": _levels()}
    config["image"] = {**trial.config["image"], "base": base}
    config.pop("registry")
    config.pop("registryPassword")
    file.write_text(json.dumps({"auths": {info.server: {"auth": login}}}))
    expect_nothing(look(config))
    file.write_text(json.dumps({"credsStore": "desktop"}))
    expect(look(config), "image.exists", "unverified", at="image.base", says="credential helper")


def test_a_registry_that_is_down() -> None:
    config = _config(f"127.0.0.1:1/agent:{TAG}", "127.0.0.1:1/data/client")
    del config["registry"], config["registryPassword"]
    report = look(config)
    expect(report, "image.registry", "unreachable", at="image.base", says="Connection refused")
    expect(report, "image.registry", "unreachable", at="image.repository")


def test_a_registry_that_hangs_costs_seconds() -> None:
    with web_host(TokenRegistry("u", "p")) as host:
        host.delay = 60
        begun = time.monotonic()
        login = {"server": host.server, "username": "pusher"}
        report = look(
            _config(f"{host.server}/agent:{TAG}", f"{host.server}/client/x", registry=login, timeout=1)
        )
        assert time.monotonic() - begun < 20
    expect(report, "image.registry", "timeout", at="image.base", says="within 1 s")


def _hosted(host: Any, registry: TokenRegistry, **changes: Any) -> Any:
    login = {"server": host.server, "username": "pusher"}
    registry.manifests[f"agent:{TAG}"] = {
        "manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]
    }
    return look(
        _config(f"{host.server}/agent:{TAG}", f"{host.server}/data/client", registry=login, **changes)
    )


def test_a_registry_with_tokens() -> None:
    registry = TokenRegistry("pusher", "canary-registry-password")
    with web_host(registry) as host:
        expect_nothing(_hosted(host, registry))
        assert not [path for path, _ in host.asked if "canary" in path]
        refused = _hosted(host, registry, registryPassword="canary-wrong-password")
    expect(refused, "image.registry", "refused", at="registryPassword", says="data/client")


def test_a_user_who_may_not_push() -> None:
    registry = TokenRegistry("pusher", "canary-registry-password", actions=("pull",))
    with web_host(registry) as host:
        report = _hosted(host, registry)
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
def test_name_unknown_is_an_error_where_a_push_does_not_create_the_repository(service: str) -> None:
    message, is_error = NAME_UNKNOWN[service]
    registry = TokenRegistry("pusher", "canary-registry-password")
    error = {"errors": [{"code": "NAME_UNKNOWN", "message": message}]} if message else {}

    def answer(path: str, headers: Any) -> Any:
        status, body, more = registry(path, headers)
        return (404, json.dumps(error).encode(), more) if status == 404 else (status, body, more)

    with web_host(answer) as host:
        report = _hosted(host, registry)
    if is_error:
        expect(
            report, "image.registry", "not-created", at="image.repository", says="create it in the registry"
        )
    else:
        expect_nothing(report)


@pytest.mark.preflight
def test_a_repository_that_the_trials_registry_creates_at_the_first_push(trial: Trial, base: str) -> None:
    target = f"{trial.info.registry.server}/never/pushed"
    expect_nothing(_trial_look(trial, base, image={"repository": target}))


@pytest.mark.parametrize(
    ("server", "repository", "command"),
    [
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "data/client",
            "aws ecr create-repository --repository-name data/client --region eu-west-1",
        ),
        (
            "123456789012.dkr-ecr.us-east-1.on.aws",
            "x",
            "aws ecr create-repository --repository-name x --region us-east-1",
        ),
        (
            "europe-west3-docker.pkg.dev",
            "acme/data/client",
            "gcloud artifacts repositories create data --repository-format=docker --location=europe-west3 --project=acme",
        ),
    ],
)
def test_name_unknown_says_how_to_create_the_repository(server: str, repository: str, command: str) -> None:
    assert creation(server, repository) == f"create it with `{command}`"


def _docker_file(tmp_path: Path, auths: dict[str, Any]) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps({"auths": auths}))


def _without_login(server: str) -> dict[str, Any]:
    config = _config(f"{server}/agent:{TAG}", f"{server}/data/client")
    del config["registry"], config["registryPassword"]
    return config


def test_the_identitytoken_of_az_acr_login_is_exchanged(tmp_path: Path) -> None:
    """`az acr login` leaves no password: the token service takes the token in a form (distribution, auth/oauth)."""
    from urllib.parse import parse_qs

    registry = TokenRegistry("unused", "unused")
    registry.manifests[f"agent:{TAG}"] = {
        "manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]
    }
    asked: list[dict[str, list[str]]] = []

    def post(path: str, body: str) -> Any:
        form = parse_qs(body)
        asked.append(form)
        if form.get("refresh_token") != ["canary-identity"] or form.get("grant_type") != ["refresh_token"]:
            return 401, b"{}", {}
        return registry.issue(form["scope"][0])

    with web_host(registry, post=post) as host:
        auth = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
        _docker_file(tmp_path, {host.server: {"auth": auth, "identitytoken": "canary-identity"}})
        expect_nothing(look(_without_login(host.server)))
        assert asked
        assert not [path for path, _ in host.asked if "canary" in path]


@pytest.mark.parametrize("key", ["https://{}", "https://{}/v1/", "http://{}/v2/", "{}"])
def test_keys_of_the_docker_configuration_with_https_are_found(key: str, tmp_path: Path) -> None:
    registry = TokenRegistry("me", "canary")
    registry.manifests[f"agent:{TAG}"] = {
        "manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]
    }
    with web_host(registry) as host:
        _docker_file(tmp_path, {key.format(host.server): {"auth": base64.b64encode(b"me:canary").decode()}})
        expect_nothing(look(_without_login(host.server)))


@pytest.mark.parametrize("username", ["oauth2accesstoken", "gitlab-ci-token"])
def test_short_lived_registry_passwords_warn_where_the_cluster_pulls_with_them(username: str) -> None:
    registry = TokenRegistry(username, "canary-registry-password")
    with web_host(registry) as host:
        config = _config(f"{host.server}/agent:{TAG}", f"{host.server}/data/client")
        config |= {"registry": {"server": host.server, "username": username}}
        config["registryPassword"] = registry.password
        registry.manifests[f"agent:{TAG}"] = {
            "manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]
        }
        report = look(config)
        expect(report, "image.registry", "short-lived", at="registryPassword", says="pullRegistry")
        assert not report.errors
        config["agent"] = {**config["agent"], "imagePullSecret": "renewed"}
        expect_nothing(look(config))


@pytest.mark.parametrize(
    ("server", "username", "password", "ends"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "AWS", "x", "12 hours"),
        ("acme.azurecr.io", "00000000-0000-0000-0000-000000000000", "x", "3 hours"),
        ("acme-abc123.westeurope.azurecr.io", "00000000-0000-0000-0000-000000000000", "x", "3 hours"),
        ("europe-west3-docker.pkg.dev", "oauth2accesstoken", "x", "1 hour"),
        ("ghcr.io", "me", "ghs_x", "the length of one CI job"),
        ("ghcr.io", "me", "ghp_x", None),
        ("acme.azurecr.io", "robot", "x", None),
        ("registry.example.com", "AWS", "x", None),
        ("europe-west3-docker.pkg.dev", "_json_key", "{}", None),
    ],
)
def test_how_long_registry_passwords_last(
    server: str, username: str, password: str, ends: str | None
) -> None:
    assert lifetime(server, username, password) == ends


def test_the_pull_role_is_tried_as_well_as_the_push_role() -> None:
    registry = TokenRegistry("pusher", "canary-registry-password")
    with web_host(registry) as host:
        pull = {"server": host.server, "username": "puller"}
        report = _hosted(host, registry, pullRegistry=pull, pullRegistryPassword="canary-other")
    expect(report, "image.registry", "refused", at="pullRegistryPassword", says="data/client")
    assert "canary" not in str(report)


def test_agent_and_sentinel_are_of_one_version() -> None:
    registry = TokenRegistry("pusher", "canary-registry-password")
    with web_host(registry) as host:
        reports = [
            _hosted(
                host,
                registry,
                agent={**stack()["agent"], "sentinel": {"image": f"{host.server}/s:{version}"}},
            )
            for version in ("1.2.0", "1.2.1")
        ]
    assert [
        len([item for item in report.findings if item.check == "image.sentinel"]) for report in reports
    ] == [0, 1]
    expect(reports[1], "image.sentinel", "differs", at="agent.sentinel.image", says="1.2.1, but")


def test_copies_need_a_place_that_may_be_pushed_to() -> None:
    registry = TokenRegistry("pusher", "canary-registry-password", actions=("pull",))
    with web_host(registry) as host:
        report = _hosted(host, registry, mirror={"repository": f"{host.server}/mirror", "sentinel": False})
    expect(report, "image.registry", "no-push", at="registry.username", says="mirror/agent")


def test_a_token_service_in_clear_gets_no_password() -> None:
    from clients.http import Answer
    from clients.registry import Login, Registry, RegistryError

    headers: Any = type("H", (), {"get_all": lambda *_: ['Bearer realm="http://tokens.invalid/t"']})()
    registry = Registry("registry.example.com", Login("u", "canary"), timeout=1)
    with pytest.raises(RegistryError, match="https"):
        registry._authorize(  # noqa: SLF001 - no loopback server is served over https
            Answer(401, headers, b""), "a/b", push=False
        )


def test_images_that_the_stack_only_names() -> None:
    registry = TokenRegistry("u", "p", anonymous=True)
    registry.manifests["agent:good"] = {"config": {}}
    with web_host(registry) as host:
        agent = {
            "image": f"{host.server}/agent:good",
            "workers": [{"name": "w", "image": f"{host.server}/agent:gone"}],
            "sentinel": {"image": "127.0.0.1:1/sentinel:1"},
        }
        report = look({**with_ready_image(**agent), "preflight": _levels()})
    expect(report, "image.exists", "missing", at="agent.workers[0].image", says="agent:gone")
    expect(report, "image.exists", "unverified", at="agent.sentinel.image", says="Connection refused")
    assert not [item for item in report.findings if "agent:good" in item.message and item.severity != "info"]


def test_the_agents_own_image_tells_its_facts() -> None:
    registry = TokenRegistry("u", "p", anonymous=True)
    registry.manifests[f"agent:{TAG}"] = {"config": {}}
    with web_host(registry) as host:
        report = look({**with_ready_image(image=f"{host.server}/agent:{TAG}"), "preflight": _levels()})
    expect_nothing(report)
    expect(report, "image.base", "facts", at="agent.image")


def _ready(
    contents: ImageContents | None, *, workers: int = 0, is_index: bool = False, **changes: Any
) -> tuple[Report, list[str]]:
    """The findings of a stack with a ready image for everything (and each worker), and the paths that its registry was asked."""
    registry = TokenRegistry("u", "p", anonymous=True)
    labels = encode(contents) if contents else {"org.opencontainers.image.title": "somebody's"}
    registry.blobs["sha256:config"] = json.dumps({"config": {"Labels": labels}}).encode()
    manifest = {"config": {"digest": "sha256:config"}}
    if is_index:
        platforms = ({"os": "unknown", "architecture": "unknown"}, {"os": "linux", "architecture": "arm64"})
        entries = [{"platform": item, "digest": f"sha256:{number}"} for number, item in enumerate(platforms)]
        registry.manifests |= {"agent:ours": {"manifests": entries}, "agent:sha256:1": manifest}
    else:
        registry.manifests["agent:ours"] = manifest
    with web_host(registry) as host:
        reference = f"{host.server}/agent:ours"
        agent: dict[str, Any] = {"image": reference}
        if workers:
            agent["workers"] = [{"name": f"w{number}", "image": reference} for number in range(workers)]
        config = {**with_ready_image(**agent), "preflight": _levels(), **changes}
        return look(config), [path for path, _ in host.asked]


GOOD = ImageContents(
    f"agent:{TAG}", ("astronomer-cosmos==1.15.1",), ("dbt-core==1.11.16", "dbt-duckdb==1.11.1")
)


@pytest.mark.parametrize("is_index", [False, True])
def test_a_ready_image_of_this_program_is_known_by_its_labels(is_index: bool) -> None:
    report, _ = _ready(GOOD, is_index=is_index)
    expect_nothing(report)
    assert not [item for item in report.findings if item.check == "image.contents"]


def test_a_ready_image_without_labels_is_not_checked() -> None:
    report, _ = _ready(None)
    expect_nothing(report)
    expect(report, "image.contents", "unknown", at="agent.image", says="agent:ours")


def test_a_ready_image_is_not_read_when_its_contents_do_not_matter() -> None:
    levels = _levels()
    levels["checks"]["image.contents"] = {"level": "off", "reason": "a bare image serves"}
    report, asked = _ready(replace(GOOD, packages=()), preflight=levels)
    expect_nothing(report)
    assert not [path for path in asked if "/blobs/" in path]


def test_the_labels_of_a_registry_that_hangs_are_asked_for_once() -> None:
    with web_host(TokenRegistry("u", "p", anonymous=True)) as host:
        host.delay = 60
        references = [f"{host.server}/agent:{number}" for number in range(2)]
        agent = {"image": references[0], "workers": [{"name": "w", "image": references[1]}]}
        report = look({**with_ready_image(**agent), "preflight": _levels(timeout=1)})
        assert sorted(path[-1] for path, _ in host.asked) == ["0", "0", "1"]
    expect(report, "image.exists", "unverified", at="agent.workers[0].image")


def test_ready_images_without_cosmos() -> None:
    report, _ = _ready(replace(GOOD, packages=("apache-airflow-providers-git==1.0.1",)), workers=1)
    for at in ("agent.image", "agent.workers[0].image"):
        expect(report, "image.cosmos", "missing", at=at, says="where it is built")


def test_an_image_built_here_without_cosmos(tmp_path: Path) -> None:
    config = stack(preflight=_levels())
    for spelling in ("astronomer_cosmos[dbt-duckdb]>=1.15", "Astronomer-Cosmos==1.15.1"):
        config["image"] |= {"packages": [spelling]}
        assert not [item for item in look(config).findings if item.check == "image.cosmos"]
    config["image"] |= {"packages": ["astronomer-cosmos-extras==1.0"]}
    expect(look(config), "image.cosmos", "missing", at="image.packages", says="unless the base image")
    (tmp_path / "client").mkdir()
    (tmp_path / "client/Dockerfile").write_text("FROM scratch\n")
    config["image"] = {**config["image"], "dockerfile": "client/Dockerfile", "packages": []}
    config["dbtProjects"][0].pop("source")
    assert not [item for item in look(config, root=tmp_path).findings if item.check == "image.cosmos"]


def test_a_ready_image_with_an_old_git_provider() -> None:
    packages = (*GOOD.packages, "apache-airflow-providers-git==0.5.0")
    report, _ = _ready(replace(GOOD, packages=packages))
    found = expect(
        report, "image.provider", "old", at="agent.image", says="git 0.5.0, which leaves the token"
    )
    assert "1.0.0 or later" in found.message
    fresh, _ = _ready(replace(GOOD, packages=(*GOOD.packages, "apache-airflow-providers-git==1.0.0")))
    expect_nothing(fresh)


NEWER = TAG.replace("3.12", "3.14")


def test_dbt_core_on_a_python_that_it_does_not_import_on() -> None:
    config = stack(preflight=_levels())
    config["image"] |= {"base": f"images.example.com/agent:{NEWER}"}
    says = "dbt-core==1.11.16, which does not import on the Python 3.14"
    expect(look(config), "image.python", "refused", at="image.adapters", says=says)
    ready, _ = _ready(replace(GOOD, base=f"agent:{NEWER}"))
    expect(ready, "image.python", "refused", at="agent.image", says=says)


@pytest.mark.parametrize("requirement", ["dbt-core==1.12.0", "dbt-core", "dbt==2.0.9", "dbt-duckdb==1.10.0"])
def test_dbt_that_runs_on_any_python(requirement: str) -> None:
    report, _ = _ready(replace(GOOD, base=f"agent:{NEWER}", adapters=(requirement,)))
    expect_nothing(report)


@pytest.mark.parametrize(
    ("text", "server", "repository", "tag"),
    [
        ("python:3.12", "docker.io", "library/python", "3.12"),
        ("acme/agent", "docker.io", "acme/agent", "latest"),
        ("localhost/agent:1", "localhost", "agent", "1"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000", "a/b", "1"),
        ("r.example.com/a@sha256:" + "0" * 64, "r.example.com", "a", "sha256:" + "0" * 64),
        ("r.example.com/a:1@sha256:" + "0" * 64, "r.example.com", "a", "sha256:" + "0" * 64),
    ],
)
def test_references(text: str, server: str, repository: str, tag: str) -> None:
    assert Reference.parse(text) == Reference(server, repository, tag)


class _Ping(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        assert self.path == "/_ping"
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """A socket that answers as a Docker engine does."""
    path = str(tmp_path / "e.sock")
    with _UnixServer(path, _Ping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{path}"
        server.shutdown()


def _engine_look(engine: str | None, *, delivery: str = "agent-image") -> Any:
    config = _config("images.example.com/agent:1", "registry.example.com/data/client", delivery=delivery)
    if engine:
        config["image"]["engine"] = engine
    checks = only("image") | {name: {"level": "off", "reason": "not part of this test"} for name in IMAGE}
    config["preflight"] = {"checks": checks, "timeout": 2}
    return look(config)


def test_an_engine_that_answers(engine: str) -> None:
    expect_nothing(_engine_look(engine))


@pytest.mark.preflight
def test_the_trials_own_engine_answers(trial: Trial) -> None:
    assert trial.info.docker_host is not None
    expect_nothing(_engine_look(trial.info.docker_host))


def test_the_engine_of_the_surroundings(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    expect_nothing(_engine_look(None))


def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    report = _engine_look(f"unix://{tmp_path}/none.sock")
    expect(report, "image.engine", "unreachable", at="image.engine", says="No such file")


def test_both_options_build_and_need_an_engine(tmp_path: Path) -> None:
    for option in ("git-submodule", "agent-image"):
        report = _engine_look(f"unix://{tmp_path}/none.sock", delivery=option)
        expect(report, "image.engine", "unreachable", at="image.engine", says="none.sock")


def test_a_stack_with_a_ready_image_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    config = with_ready_image(image="127.0.0.1:1/agent:1")
    expect_nothing(look({**config, "preflight": {"checks": only("image.engine")}}))


def test_a_stack_that_says_nothing_of_its_image() -> None:
    report = look({**with_ready_image(), "preflight": _levels()})
    expect(report, "image.runtime", "bare", at="image", says="neither Cosmos nor dbt")


def test_an_engine_that_cannot_be_looked_at() -> None:
    report = _engine_look("npipe:////./pipe/docker_engine")
    expect(report, "image.engine", "unverified", at="image.engine", says="npipe")
