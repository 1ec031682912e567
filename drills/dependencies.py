"""What a run depends on, each part behind a faulty proxy, and a stack that needs all of them."""

from __future__ import annotations

import base64
import copy
import shutil
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trustme
import yaml

from clients.image_copy import Place as Repository
from clients.image_copy import copy_image
from clients.registry import Login, Registry
from domain.image_reference import Reference
from drills.operations import with_ready_image
from drills.place import Place
from drills.proxy import Applies, Proxy, Upstream, always, server_context
from tests.support.engine import Stack
from tests.support.s3_server import backend_variables, s3_server
from trial.certificates import Authority, Certificate
from trial.environment import Environment
from trial.git_server import (
    DBT_REPOSITORY,
    SUBMODULE_PATH,
    Grant,
    Submodule,
    head_of,
    make_repository,
    read_grants,
    write_grants,
)

GIT, REGISTRY, CHARTS = "Git host", "registry", "chart repository"
CLUSTER, DOCKER, STATE = "API server", "Docker engine", "state backend"
_DAGS = "drills/dags.git"


def _writes(method: str, path: str) -> bool:
    return method in {"POST", "PUT", "PATCH"} and "/v2/" in path


def _changes(method: str, path: str) -> bool:
    """Helm's and the provider's changes; reviews, dry runs and the Lease are no changes of the release."""
    asked = ("authorization.k8s.io", "authentication.k8s.io", "dryRun", "/leases")
    return method in {"POST", "PUT", "PATCH", "DELETE"} and not any(word in path for word in asked)


def _builds(method: str, path: str) -> bool:
    return method == "POST" and ("/build" in path or "/push" in path)


def _saves(method: str, path: str) -> bool:
    return method == "PUT" and ".pulumi/stacks/" in path


FIRST_CHANGE: Mapping[str, Applies] = {REGISTRY: _writes, CLUSTER: _changes, DOCKER: _builds, STATE: _saves}
"""Dependencies that are also changed, and the requests with which that begins."""


class Behind(Environment):
    """The trial with its API server, Docker engine and state behind proxies."""

    def __init__(self, environment: Environment, variables: Mapping[str, str]) -> None:
        super().__init__(repo=environment.layout.repo, state=environment.layout.state)
        self._variables = dict(variables)

    def variables(self) -> Mapping[str, str]:
        """Variables of the trial, with the proxies' addresses."""
        return {**super().variables(), **self._variables}


@dataclass(frozen=True)
class Surroundings:
    """A stack behind proxies."""

    stack: Stack
    """The stack; nothing is provisioned yet."""
    proxies: Mapping[str, Proxy]
    """Dependency -> its proxy."""

    def applies(self, dependency: str, *, at_first_change: bool) -> Applies:
        """Requests that a fault concerns."""
        return FIRST_CHANGE[dependency] if at_first_change else always


@contextmanager
def surroundings(place: Place, *, ready: bool = False) -> Iterator[Surroundings]:
    """A stack with every dependency behind a proxy; ``ready``: with a ready image, so that nothing is built.

    Raises SystemExit without the trial's Docker engine.
    """
    info = place.environment.info()
    if info.docker_host is None or info.base_image is None:
        raise SystemExit("error: faults need a trial with a Docker engine; run without NO_DOCKER")
    with ExitStack() as ends:
        proxies = _proxies(place, ends.enter_context(s3_server()))
        for proxy in proxies.values():
            ends.callback(proxy.close)
        charts = urlsplit(info.chart_repository).netloc
        proxies[CHARTS].answers_with(charts.encode())
        kubeconfig = place.folder / "kubeconfig"
        content = yaml.safe_load(Path(info.kubeconfig).read_text(encoding="utf-8"))
        content["clusters"][0]["cluster"]["server"] = f"https://{proxies[CLUSTER].server}"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(yaml.safe_dump(content), encoding="utf-8")
        variables = {
            **backend_variables(proxies[STATE].server),
            "KUBECONFIG": str(kubeconfig),
            "DOCKER_HOST": f"tcp://{proxies[DOCKER].server}",
        }
        stack = place.stack("faults", Behind(place.environment, variables))
        _make_dag_repository(place.environment, proxies[GIT])
        config = _config(stack, proxies)
        if ready:
            config = with_ready_image(config, config["image"]["base"])
        else:
            _put_base_layers(stack)
        stack.write(config)
        yield Surroundings(stack, proxies)


def _config(stack: Stack, proxies: Mapping[str, Proxy]) -> dict[str, Any]:
    config = copy.deepcopy(stack.config)
    info = stack.info
    git, registry = f"https://{proxies[GIT].server}", proxies[REGISTRY].server
    config["delivery"] = "agent-image"
    config["dags"]["repo"] = f"{git}/{_DAGS}"
    config["dbtProjects"][0]["repo"] = f"{git}/{DBT_REPOSITORY}"
    config["registry"]["server"] = registry
    config["image"]["repository"] = f"{registry}/tests/{stack.name}"
    config["image"]["base"] = str(info.base_image).replace(info.registry.server, registry)
    config["agent"]["chart"]["repository"] = f"http://{proxies[CHARTS].server}"
    config["agent"]["timeout"] = 60
    return config


def _proxies(place: Place, bucket: str) -> dict[str, Proxy]:
    info, layout = place.environment.info(), place.environment.layout
    pair = Authority(layout.certificates).ensure([Certificate("drills", "drills", hosts=("127.0.0.1",))])
    serve = server_context(pair["drills"].certificate, pair["drills"].key)
    strange = _of_another_authority(place.folder)
    git, server = urlsplit(info.git.url), yaml.safe_load(Path(info.kubeconfig).read_text(encoding="utf-8"))
    docker = urlsplit(str(info.docker_host))
    engine: tuple[str, int] | str = (
        docker.path if docker.scheme == "unix" else (str(docker.hostname), int(docker.port or 2375))
    )
    trust = ssl.create_default_context(cafile=info.git.ca_file)
    as_admin = ssl.create_default_context(cafile=info.git.ca_file)
    admin = place.folder / "admin.pem"
    admin.touch(mode=0o600)
    user = server["users"][0]["user"]
    admin.write_bytes(
        b"".join(base64.b64decode(user[key]) for key in ("client-certificate-data", "client-key-data"))
    )
    as_admin.load_cert_chain(admin)

    def plain(address: str) -> Upstream:
        host, _, port = address.rpartition(":")
        return Upstream((host, int(port)))

    api = urlsplit(server["clusters"][0]["cluster"]["server"])
    return {
        GIT: Proxy(Upstream((str(git.hostname), int(git.port or 443)), trust), serve=serve, strange=strange),
        REGISTRY: Proxy(plain(info.registry.server), strange=strange),
        CHARTS: Proxy(plain(urlsplit(info.chart_repository).netloc), strange=strange),
        CLUSTER: Proxy(
            Upstream((str(api.hostname), int(api.port or 443)), as_admin), serve=serve, strange=strange
        ),
        DOCKER: Proxy(Upstream(engine), strange=strange),
        STATE: Proxy(plain(bucket), strange=strange),
    }


def _of_another_authority(folder: Path) -> ssl.SSLContext:
    issued = trustme.CA(organization_name="another authority").issue_cert("127.0.0.1")
    path = folder / "strange.pem"
    path.touch(mode=0o600)
    path.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    return server_context(path, path)


def _make_dag_repository(environment: Environment, proxy: Proxy) -> None:
    """A Dag repository whose submodule has the proxy's address."""
    info, sources = environment.info(), environment.layout.repo / "examples"
    repositories = Path(info.git.repositories_dir)
    submodule = Submodule(
        SUBMODULE_PATH, f"https://{proxy.server}/{DBT_REPOSITORY}", head_of(repositories / DBT_REPOSITORY)
    )
    shutil.rmtree(repositories / _DAGS, ignore_errors=True)
    make_repository(
        repositories / _DAGS, sources / "dag-repo", submodules=[submodule], message="Add the Dags"
    )
    grants = read_grants(Path(info.git.credentials_file))
    grants[_DAGS] = [Grant(info.git.username, info.git.token)]
    write_grants(Path(info.git.credentials_file), grants)


def _put_base_layers(stack: Stack) -> None:
    """The layers of the base image in the stack's repository, so that they need not go through the proxy."""
    info = stack.info
    registry = Registry(
        info.registry.server, Login(info.registry.username, info.registry.password), timeout=60
    )
    base = Reference.parse(str(info.base_image))
    manifest = registry.raw_manifest(base.repository, base.tag)
    copy_image(
        Repository(registry, base.repository),
        manifest,
        Repository(registry, f"tests/{stack.name}"),
        tag="base",
    )
