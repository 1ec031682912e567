"""A chart as its repository serves it: found in an index over HTTP(S) or by its tag in a registry, and unpacked in memory."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urljoin

import yaml

from clients.http import WebError, get
from clients.registry import Login, Reference, Registry, RegistryError
from settings.stack import Settings

_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MOST_UNPACKED = 64 * 1024 * 1024
_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""An index of many megabytes takes a tenth of the time with libyaml."""


class MissingChartError(Exception):
    """The repository has no such chart (`case` no-chart) or version (missing); `known` are those it has."""

    def __init__(self, case: str, known: list[str]) -> None:
        super().__init__(case)
        self.case = case
        self.known = known


@dataclass(frozen=True)
class ChartPackage:
    """The parts of a chart that tell what it takes."""

    metadata: Mapping[str, Any]
    """Chart.yaml."""
    values: Mapping[str, Any]
    """values.yaml: the defaults."""
    schema: Mapping[str, Any] | None
    """values.schema.json."""
    text: str
    """Templates and defaults as they are written."""

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name that stands anywhere in the templates or the defaults, comments included."""
        return frozenset(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", self.text))

    def refusals(self, values: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """(path, reason) of every value that the chart's schema refuses, as Helm would."""
        if self.schema is None:
            return
        import jsonschema
        import jsonschema.validators
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

        # Helm reads a schema without $schema as the newest draft it knows; an address in it is never fetched from here.
        kind = jsonschema.validators.validator_for(self.schema, default=jsonschema.Draft202012Validator)
        merged = _with_defaults(self.values, values)
        for error in kind(self.schema, registry=REGISTRY).iter_errors(merged):
            worst = jsonschema.exceptions.best_match([error]) or error
            yield from _refusal(worst)


def _refusal(error: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Reasons in words of ours: the library's quote values."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = set(error.schema.get("properties", {}))
        patterns = error.schema.get("patternProperties", {})
        for name in error.instance:
            if name not in known and not any(re.search(pattern, str(name)) for pattern in patterns):
                yield (*path, name), "it does not know this key"
    elif error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        yield path, f"it needs {', '.join(missing)} there"
    elif error.validator == "type":
        yield path, f"it needs the type {error.validator_value}"
    elif error.validator in {"enum", "const"}:
        yield path, f"it takes {json.dumps(error.validator_value)} only"
    elif error.validator in {
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    }:
        yield path, f"its {error.validator} is {error.validator_value}"
    else:
        yield path, f"it breaks the schema's rule {error.validator}"


def _with_defaults(defaults: Any, values: Any) -> Any:
    """Values over defaults, as Helm merges them: a null removes a default, lists are replaced."""
    if not isinstance(defaults, Mapping) or not isinstance(values, Mapping):
        return values
    merged = {key: value for key, value in defaults.items() if key not in values}
    for key, value in values.items():
        if value is not None:
            merged[key] = _with_defaults(defaults.get(key), value)
    return merged


def fetch_chart(settings: Settings, *, timeout: float) -> ChartPackage:
    """Download and unpack the stack's chart; ``timeout`` in seconds per request.

    Raises MissingChartError, WebError (case `invalid`: no chart repository), or RegistryError.
    """
    if settings.agent.chart.repository.startswith("oci://"):
        return unpack(_from_registry(settings, timeout=timeout))
    return unpack(_from_index(settings, timeout=timeout))


def _from_index(settings: Settings, *, timeout: float) -> bytes:
    chart = settings.agent.chart
    base = chart.repository.rstrip("/") + "/"
    try:
        index = yaml.load(_body(base + "index.yaml", timeout=timeout), Loader=_YAML)  # noqa: S506 - a safe loader
        entries = index["entries"]
        versions = {str(item["version"]): item for item in entries.get(chart.name) or []}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        raise WebError("invalid", "its index.yaml is none") from None
    if chart.name not in entries:
        raise MissingChartError("no-chart", [str(name) for name in entries])
    if chart.version not in versions:
        raise MissingChartError("missing", list(versions))
    entry = versions[chart.version]
    urls = entry.get("urls") or []
    if not urls:
        raise WebError("invalid", f"its index.yaml has no address for {chart.version}")
    content = _body(urljoin(base, str(urls[0])), timeout=timeout)
    digest = str(entry.get("digest") or "").removeprefix("sha256:")
    if digest and hashlib.sha256(content).hexdigest() != digest:
        raise WebError("invalid", f"the package of {chart.version} does not have the digest of index.yaml")
    return content


def _body(url: str, *, timeout: float) -> bytes:
    answer = get(url, timeout=timeout)
    if answer.status in {401, 403}:
        raise WebError("refused", f"HTTP {answer.status}")
    if answer.status == 404:
        raise WebError("invalid", f"{url} does not exist")
    if answer.status >= 400:
        raise WebError("unreachable", f"HTTP {answer.status}")
    return answer.body


def _from_registry(settings: Settings, *, timeout: float) -> bytes:
    chart = settings.agent.chart
    place = Reference.parse(
        f"{chart.repository.removeprefix('oci://').rstrip('/')}/{chart.name}:{_tag(chart.version)}"
    )
    registry = Registry(place.server, login_for(settings, place.server), timeout=timeout)
    try:
        manifest = registry.manifest(place.repository, place.tag)
    except RegistryError as error:
        if error.case == "missing":
            raise MissingChartError("missing", []) from None
        raise
    layers = [item for item in manifest.get("layers") or [] if item.get("mediaType") == _LAYER]
    if not layers:
        raise WebError("invalid", f"{chart.name} is no Helm chart there")
    return registry.blob(place.repository, layers[0]["digest"])


def _tag(version: str) -> str:
    """Helm writes the + of a version as _ in tags, where + is not allowed."""
    return version.replace("+", "_")


def login_for(settings: Settings, server: str) -> Login | None:
    """The stack's login for a registry."""
    pairs = (
        (settings.registry, settings.registry_password),
        (settings.base_registry, settings.base_registry_password),
    )
    for registry, password in pairs:
        if registry is not None and password is not None and registry.server == server:
            return Login(registry.username, password.get_secret_value())
    return None


def unpack(content: bytes) -> ChartPackage:
    """Read a chart's package. Raises WebError (case `invalid`)."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            size = 0
            for member in archive:
                if not member.isfile():
                    continue
                size += member.size
                if size > _MOST_UNPACKED:
                    raise WebError("invalid", "the chart's package is too large")
                name = member.name.partition("/")[2]
                opened = archive.extractfile(member)
                if opened is not None and _is_read(name):
                    files[name] = opened.read()
        metadata = yaml.safe_load(files["Chart.yaml"])
        values = yaml.safe_load(files.get("values.yaml", b"")) or {}
        schema = json.loads(files["values.schema.json"]) if "values.schema.json" in files else None
    except (tarfile.TarError, KeyError, ValueError, EOFError, OSError, yaml.YAMLError):
        raise WebError("invalid", "the chart's package cannot be read") from None
    text = "\n".join(
        data.decode(errors="replace") for name, data in sorted(files.items()) if name != "values.schema.json"
    )
    return ChartPackage(metadata, values, schema, text)


def _is_read(name: str) -> bool:
    return name in {"Chart.yaml", "values.yaml", "values.schema.json"} or name.startswith("templates/")
