"""Every secret that Pulumi can come across in a run, in plain text and in this process' memory only.

Those of the stack file, those that the state remembers, those that the cluster has in the same Secrets (someone may have changed
them by hand), and the credentials of who runs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from clients.kubernetes import ClusterError, RefusedError, connect, secret_data
from domain import plain_yaml
from domain.names import CLUSTER_PROVIDER_TYPE, SECRET_TYPE

_MARK, _IS_SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""Key and value that mark a secret in an exported state (pulumi/pulumi v3.246.0, sdk/go/common/resource/sig.go)."""
_COPY_OF_INPUTS = "__inputs"
_SHORTEST = 8
"""Characters of what may be a word: a part of a Secret or a variable, which need not be secret as a whole one is."""
_VARIABLE = re.compile(r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIALS?|KEY)(?:_|$)", re.IGNORECASE)
_TIMEOUT = 10.0
"""Seconds in which the API server has to answer."""


def of_configuration(configuration: Mapping[str, Any]) -> Iterator[str]:
    """Secrets of what `pulumi config --json --show-secrets` prints."""
    for entry in configuration.values():
        if entry.get("secret"):
            yield from _leaves(entry.get("value"))


def of_state(state: Mapping[str, Any], configuration: Mapping[str, Any]) -> Iterator[str]:
    """Secrets of what `pulumi stack export --show-secrets` prints, without what is in plain text in the configuration.

    Providers mark their copy of a resource's inputs as a whole; the secrets among them are marked in the inputs themselves.
    """
    for value in _marked(_resources(state)):
        with suppress(ValueError):
            yield from _long(_leaves(json.loads(value)), configuration)


def of_cluster(state: Mapping[str, Any], configuration: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What the cluster has now in the Secrets of a state. Where it does not let them be read, Pulumi does not read them either.

    ``root`` is the folder to which the path of a kubeconfig is relative.
    """
    resources = _resources(state)
    secrets = _secrets(resources)
    providers = {
        f"{item['urn']}::{item['id']}": item.get("inputs") or {}
        for item in resources
        if item.get("type") == CLUSTER_PROVIDER_TYPE
    }
    for provider in sorted({item["provider"] for item in secrets}):
        inputs = providers.get(provider, {})
        with suppress(ClusterError):
            cluster = connect(
                _text(inputs.get("kubeconfig")), _text(inputs.get("context")), root=root, timeout=_TIMEOUT
            )
            for item in secrets:
                if item["provider"] == provider:
                    namespace, _, name = str(item["id"]).rpartition("/")
                    with suppress(RefusedError):
                        data = secret_data(cluster, namespace=namespace or "default", name=name)
                        yield from _long(_leaves(data), configuration)


def of_user(variables: Mapping[str, str], kubeconfigs: Iterable[Path]) -> Iterator[str]:
    """Secret variables of the environment, and the credentials in files that kubectl reads."""
    for name, value in variables.items():
        if _VARIABLE.search(name):
            yield from _long(_leaves(value), {})
    for path in kubeconfigs:
        with suppress(OSError, UnicodeError, plain_yaml.PlainYamlError):
            content: Any = plain_yaml.load(path.read_text(encoding="utf-8"))
            users = content.get("users") if isinstance(content, Mapping) else None
            for entry in users if isinstance(users, list) else ():
                yield from _long(_leaves(entry.get("user") if isinstance(entry, Mapping) else None), {})


def _leaves(value: Any) -> Iterator[str]:
    """Every text in a value, and in texts that are JSON, YAML or an address with a password themselves."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str) and value:
        yield value
        yield from _password(value)
        inner = _parsed(value)
        if isinstance(inner, Mapping | list):
            yield from _leaves(inner)


def _parsed(text: str) -> Any:
    if text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError):
            return json.loads(text)
    if "\n" in text and "-----" not in text.partition("\n")[0]:
        with suppress(plain_yaml.PlainYamlError):
            return plain_yaml.load(text)
    return None


def _password(text: str) -> Iterator[str]:
    with suppress(ValueError):
        if "://" in text and (password := urlsplit(text).password):
            yield from (password, unquote(password))


def _long(texts: Iterable[str], configuration: Mapping[str, Any]) -> Iterator[str]:
    plain = "\n".join(str(entry.get("value")) for entry in configuration.values() if not entry.get("secret"))
    yield from (text for text in texts if len(text) >= _SHORTEST and text not in plain)


def _marked(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if value.get(_MARK) == _IS_SECRET:
            yield str(value.get("plaintext"))
        for key, item in value.items():
            if key != _COPY_OF_INPUTS:
                yield from _marked(item)
    elif isinstance(value, list):
        for item in value:
            yield from _marked(item)


def _resources(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (state.get("deployment") or {}).get("resources") or []


def _secrets(resources: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [
        item
        for item in resources
        if item.get("type") == SECRET_TYPE and item.get("id") and item.get("provider")
    ]


def _text(value: Any) -> str | None:
    """An input of a provider, which may be secret."""
    if isinstance(value, Mapping):
        with suppress(ValueError):
            value = json.loads(str(value.get("plaintext")))
    return value if isinstance(value, str) and value else None
