"""The stack `dev` of the trial: what this machine adds to the committed stack file, and removes again."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from trial.environment import EnvironmentInfo
from trial.layout import write_private

STACK = "dev"
PROJECT = "astro-dbt"
_TRIAL_TOKEN = "agentToken"  # noqa: S105 - the name of a key


class RunPulumi(Protocol):
    """Runs the pulumi CLI with the trial's variables."""

    def __call__(self, arguments: Sequence[str], *, stdin: str | None = None) -> None:
        """Run `pulumi` with ``arguments``; secrets go through ``stdin``, never into arguments."""


def stack_file(repo: Path) -> Path:
    """The stack file of the trial."""
    return repo / "stacks" / f"Pulumi.{STACK}.yaml"


def remember(*, repo: Path, state: Path) -> None:
    """Save the stack file; called before `pulumi stack init`, which adds a line to it."""
    kept = state / "stack-file-before"
    if not kept.exists():
        write_private(kept, stack_file(repo).read_text(encoding="utf-8"))


def configure(
    environment: EnvironmentInfo, run: RunPulumi, *, repo: Path, state: Path, delivery: str | None = None
) -> None:
    """Write the trial's addresses and secrets into the stack; the original file is kept in ``state``."""
    remember(repo=repo, state=state)
    _choose_image(repo, state, ready=environment.ready_image)
    plain = dict(_plain(environment, repo))
    if delivery:
        plain["delivery"] = delivery
    pairs = [part for key, value in plain.items() for part in ("--plaintext", f"{PROJECT}:{key}={value}")]
    run(["config", "set-all", "--stack", STACK, "--path", *pairs])
    present = _config(yaml.safe_load(stack_file(repo).read_text(encoding="utf-8")))
    for key, value in _secret(environment).items():
        if key == _TRIAL_TOKEN and key in present:
            continue  # generated once, because a new one would roll every Pod
        run(["config", "set", "--stack", STACK, "--secret", "--path", f"{PROJECT}:{key}"], stdin=value)


def _choose_image(repo: Path, state: Path, *, ready: str | None) -> None:
    """Without Docker the stack names a ready image; otherwise it has the section for building one."""
    file = stack_file(repo)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    kept = yaml.safe_load((state / "stack-file-before").read_text(encoding="utf-8"))["config"]
    config, section = content["config"], f"{PROJECT}:image"
    built = kept.get(section) if ready is None else None
    if (section in config) == (built is not None) and _get(config, _path("agent.image")) == ready:
        return
    _put(config, [section], config.get(section, built) if built else None)
    _put(config, _path("agent.image"), ready or _get(kept, _path("agent.image")))
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _plain(environment: EnvironmentInfo, repo: Path) -> Iterator[tuple[str, str]]:
    authority = Path(environment.git.ca_file)
    inside = authority.relative_to(repo) if authority.is_relative_to(repo) else authority
    yield "dags.repo", f"{environment.git.url}/platform/dags.git"
    yield "dbtProjects[0].repo", f"{environment.git.url}/analytics/jaffle.git"
    yield "connections.git.login", environment.git.username
    yield "connections.git.caBundle", str(inside)
    yield "registry.server", environment.registry.server
    yield "registry.username", environment.registry.username
    if environment.ready_image is None:
        yield "image.repository", f"{environment.registry.server}/data/astro-client"
        yield from _network_of_this_machine()
    yield "agent.cluster.context", environment.context
    yield "agent.chart.repository", environment.chart_repository
    if environment.base_image:
        yield "image.base", environment.base_image
    if environment.sentinel_image:
        yield "agent.sentinel.image", environment.sentinel_image


def _network_of_this_machine() -> Iterator[tuple[str, str]]:
    """For networks with TLS inspection or a private package index: builds need this machine's settings."""
    for variable in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        bundle = os.environ.get(variable)
        if bundle and Path(bundle).is_file():
            yield "image.caBundle", bundle
            break
    index = os.environ.get("PIP_INDEX_URL")
    if index and "@" not in index:
        yield "image.packageIndex", index


def _secret(environment: EnvironmentInfo) -> Mapping[str, str]:
    found = {
        "credentials.git.password": environment.git.token,
        "registryPassword": environment.registry.password,
        _TRIAL_TOKEN: "trial-" + secrets.token_urlsafe(16),
    }
    index = os.environ.get("PIP_INDEX_URL")
    if index and "@" in index:
        found["packageIndex"] = index
    return found


def restore(*, repo: Path, state: Path) -> bool:
    """Remove from the stack file what :func:`configure` wrote, but keep the user's changes.

    Returns whether the file is the same as before the trial.
    """
    kept, file = state / "stack-file-before", stack_file(repo)
    if not kept.exists():
        return True
    before_text = kept.read_text(encoding="utf-8")
    before, now = yaml.safe_load(before_text), yaml.safe_load(file.read_text(encoding="utf-8"))
    for key in ("encryptionsalt", "secretsprovider", "encryptedkey"):
        _put(now, [key], before.get(key))
    section = f"{PROJECT}:image"
    if section in before["config"]:
        now["config"].setdefault(section, before["config"][section])
    written = [*_WRITTEN, "delivery"]
    for key in written:
        path = _path(key)
        _put(now["config"], path, _get(before["config"], path))
        if _get(now["config"], path[:-1]) == {} and _get(before["config"], path[:-1]) is None:
            _put(now["config"], path[:-1], None)
    if now == before:
        file.write_text(before_text, encoding="utf-8")
        return True
    file.write_text(yaml.safe_dump(now, sort_keys=False), encoding="utf-8")
    return False


_WRITTEN = (
    "dags.repo",
    "dbtProjects[0].repo",
    "connections.git.login",
    "connections.git.caBundle",
    "registry.server",
    "registry.username",
    "image.repository",
    "image.base",
    "image.caBundle",
    "image.packageIndex",
    "agent.image",
    "agent.sentinel.image",
    "agent.cluster.context",
    "agent.chart.repository",
    "credentials",
    "registryPassword",
    "agentToken",
    "packageIndex",
)


def _config(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix(f"{PROJECT}:"): value for key, value in content.get("config", {}).items()}


def _path(key: str) -> list[str | int]:
    head, *rest = [int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", key) if part]
    return [f"{PROJECT}:{head}", *rest]


def _get(node: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _put(node: Any, path: Sequence[str | int], value: Any) -> None:
    """Set the value at ``path``, or remove it if ``value`` is None; a missing path stays missing."""
    above = _get(node, path[:-1])
    last = path[-1]
    if value is None:
        if isinstance(above, dict):
            above.pop(last, None)
    elif isinstance(above, dict):
        above[last] = value
