"""Downloading charts: from a repository with an index over HTTP(S), or by tag from a registry, unpacked in memory."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urljoin

from clients.errors import Cause, RemoteError
from clients.http import WebError, request
from clients.importing import IMPORTING
from clients.registry import Login, Registry, RegistryError
from domain.chart import ChartAddress
from domain.image_reference import Reference
from domain.merge import Path, merge_over_defaults
from domain.plain_yaml import load

_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MOST_UNPACKED = 64 * 1024 * 1024


class MissingChartError(RemoteError):
    """The repository has no such chart (NOT_FOUND) or version (MISSING_REF); `known` lists those that it has."""

    def __init__(self, cause: Cause, text: str, *, known: Sequence[str] = ()) -> None:
        super().__init__(cause, text)
        self.known = tuple(known)


def reference(chart: ChartAddress) -> Reference:
    """Reference of a chart in a registry; Helm writes the + of a version as _ in tags, because + is not allowed there."""
    path = f"{chart.repository.removeprefix('oci://').rstrip('/')}/{chart.name}"
    return Reference.parse(f"{path}:{chart.version.replace('+', '_')}")


@dataclass(frozen=True)
class ChartPackage:
    """The parts of a chart that show which values it accepts."""

    metadata: Mapping[str, Any]
    """Chart.yaml."""
    values: Mapping[str, Any]
    """values.yaml: the defaults."""
    schema: Mapping[str, Any] | None
    """values.schema.json."""
    text: str
    """Text of the templates and the defaults."""
    content: bytes = field(default=b"", repr=False)
    """The package itself."""
    subcharts: Mapping[str, ChartPackage] = field(default_factory=dict)
    """Charts within the chart, by the key of their values."""

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name in the templates or the defaults, including comments."""
        return frozenset(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", self.text))

    def knows(self, path: Path) -> bool:
        """Whether the chart accepts a key: its schema or defaults have it there, or its templates or comments name it.

        Comments count because charts show optional values commented out; only keys at the start of a line count.
        """
        if _in_defaults(self.values, path) or (
            self.schema and _in_schema(self.schema, path, self.schema, set())
        ):
            return True
        subchart = self.subcharts.get(str(path[0]))
        if subchart is not None:
            switch = ".".join(map(str, path)) in self._conditions
            return len(path) == 1 or path[1] == "global" or switch or subchart.knows(path[1:])
        name = re.escape(str(path[-1]))
        owner = r"\.Values" if len(path) == 1 else r"[\w)]*"
        read = rf'{owner}\.{name}\b|(?:index|get|hasKey|dig) [^}}\n]*"{name}"'
        return re.search(rf"^[ \t]*#[ \t]*(?:- )?{name}:|{read}", self.text, re.MULTILINE) is not None

    @cached_property
    def _conditions(self) -> frozenset[str]:
        """Paths of the values that switch subcharts on, for example `beacon.enabled`."""
        texts = (str(item.get("condition") or "") for item in self.metadata.get("dependencies") or ())
        return frozenset(path.strip() for text in texts for path in text.split(","))

    def default_of(self, path: Path) -> Any:
        """The chart's default at a path, or None."""
        node: Any = self.values
        for part in path:
            if not isinstance(node, Mapping) or part not in node:
                return None
            node = node[part]
        return node

    def refusals(self, values: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """(path, reason) of every value that the schemas of the chart and of its enabled subcharts reject, as Helm would."""
        merged = self._complete(values)
        yield from self._own_refusals(merged)
        for name, subchart in self.subcharts.items():
            below = merged.get(name)
            if isinstance(below, Mapping) and self._enables(name, merged):
                yield from (((name, *path), why) for path, why in subchart.refusals(below))

    def _complete(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values with the chart's defaults, and those of its subcharts below their keys."""
        merged = dict(merge_over_defaults(self.values, values))
        for name, subchart in self.subcharts.items():
            given = merged.get(name)
            merged[name] = merge_over_defaults(subchart.values, given if isinstance(given, Mapping) else {})
        return merged

    def _enables(self, subchart: str, values: Mapping[str, Any]) -> bool:
        """Whether the values switch a subchart on, by its condition or tags (helm.sh/docs, "Chart dependencies")."""
        listed = self.metadata.get("dependencies") or ()
        entry: Mapping[str, Any] = next(
            (item for item in listed if subchart in {item.get("alias"), item.get("name")}), {}
        )
        for condition in str(entry.get("condition") or "").split(","):
            node: Any = values
            for part in condition.strip().split("."):
                node = node.get(part) if isinstance(node, Mapping) else None
            if isinstance(node, bool):
                return node
        tags = [(values.get("tags") or {}).get(tag) for tag in entry.get("tags") or ()]
        decided = [tag for tag in tags if isinstance(tag, bool)]
        return any(decided) if decided else True

    def _own_refusals(self, merged: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if self.schema is None:
            return
        with IMPORTING:
            import jsonschema
            import jsonschema.validators
            from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

        # Helm reads a schema without $schema as the newest draft that it supports; addresses in it are never fetched here.
        kind = jsonschema.validators.validator_for(self.schema, default=jsonschema.Draft202012Validator)
        for error in kind(self.schema, registry=REGISTRY).iter_errors(merged):
            worst = jsonschema.exceptions.best_match([error]) or error
            yield from _refusal(worst)


def _in_defaults(node: Any, path: Path) -> bool:
    for part in path:
        if isinstance(part, int):
            node = next(iter(node), None) if isinstance(node, list) else None
        elif isinstance(node, Mapping) and part in node:
            node = node[part]
        else:
            return False
    return True


def _in_schema(node: Any, path: Path, root: Any, seen: set[tuple[int, int]]) -> bool:
    """Whether a JSON schema has the path in `properties`; references within the document are followed.

    ``seen`` holds the nodes already visited, because a schema may refer to itself.
    """
    if not isinstance(node, Mapping) or (id(node), len(path)) in seen:
        return False
    seen.add((id(node), len(path)))
    if not path:
        return True
    below = [item for name in ("allOf", "anyOf", "oneOf") for item in node.get(name) or ()]
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        found: Any = root
        for part in filter(None, reference[1:].split("/")):
            found = found.get(part) if isinstance(found, Mapping) else None
        below.append(found)
    if any(_in_schema(item, path, root, seen) for item in below):
        return True
    if isinstance(path[0], int):
        return _in_schema(node.get("items"), path[1:], root, seen)
    return _in_schema((node.get("properties") or {}).get(path[0]), path[1:], root, seen)


def _refusal(error: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Our own wording, because the library's messages quote values."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = set(error.schema.get("properties", {}))
        patterns = error.schema.get("patternProperties", {})
        for name in error.instance:
            if name not in known and not any(re.search(pattern, str(name)) for pattern in patterns):
                yield (*path, name), "this key is unknown"
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


def fetch_chart(chart: ChartAddress, *, login: Login | None = None, timeout: float) -> ChartPackage:
    """Download and unpack a chart; ``login`` is for its registry, ``timeout`` is in seconds per request.

    Raises MissingChartError, WebError (INVALID: not a chart repository), or RegistryError.
    """
    content = _from_registry(chart, login, timeout) if chart.in_registry else _from_index(chart, timeout)
    return unpack(content)


def _from_index(chart: ChartAddress, timeout: float) -> bytes:
    base = chart.repository.rstrip("/") + "/"
    try:
        index = load(_body(base + "index.yaml", timeout=timeout))
        entries = index["entries"]
        versions = {str(item["version"]): item for item in entries.get(chart.name) or []}
    except (ValueError, TypeError, LookupError, AttributeError):
        raise WebError(Cause.INVALID, "its index.yaml is not an index") from None
    if chart.name not in entries:
        raise MissingChartError(
            Cause.NOT_FOUND, f"no chart {chart.name}", known=[str(name) for name in entries]
        )
    if chart.version not in versions:
        raise MissingChartError(
            Cause.MISSING_REF, f"no version {chart.version} of {chart.name}", known=list(versions)
        )
    entry = versions[chart.version]
    urls = entry.get("urls") or []
    if not urls:
        raise WebError(Cause.INVALID, f"its index.yaml has no address for {chart.version}")
    content = _body(urljoin(base, str(urls[0])), timeout=timeout)
    digest = str(entry.get("digest") or "").removeprefix("sha256:")
    if digest and hashlib.sha256(content).hexdigest() != digest:
        raise WebError(
            Cause.INVALID, f"the package of {chart.version} does not have the digest of index.yaml"
        )
    return content


def _body(url: str, *, timeout: float) -> bytes:
    answer = request(url, timeout=timeout)
    if answer.status in {401, 403}:
        raise WebError(Cause.UNAUTHORISED, f"HTTP {answer.status}")
    if answer.status == 404:
        raise WebError(Cause.INVALID, f"{url} does not exist")
    if answer.status >= 400:
        raise WebError(Cause.FAILING, answer.refusal)
    return answer.body


def _from_registry(chart: ChartAddress, login: Login | None, timeout: float) -> bytes:
    place = reference(chart)
    registry = Registry(place.server, login, timeout=timeout)
    try:
        manifest = registry.manifest(place.repository, place.tag)
    except RegistryError as error:
        if error.cause is Cause.NOT_FOUND:
            raise MissingChartError(
                Cause.MISSING_REF, f"no version {chart.version} of {chart.name}"
            ) from None
        raise
    layers = [item for item in manifest.get("layers") or [] if item.get("mediaType") == _LAYER]
    if not layers:
        raise WebError(Cause.INVALID, f"{chart.name} in this registry is not a Helm chart")
    return registry.blob(place.repository, layers[0]["digest"])


def unpack(content: bytes) -> ChartPackage:
    """Read a chart's package with the charts in it. Raises WebError (INVALID)."""
    try:
        return _package(_unpacked(content, _MOST_UNPACKED), content)
    except (tarfile.TarError, EOFError, OSError):
        raise WebError(Cause.INVALID, "the chart's package cannot be read") from None


def _unpacked(content: bytes, most: int) -> dict[str, bytes]:
    """Files of an archive by their path in the chart; those of packed subcharts by their path as if unpacked."""
    files: dict[str, bytes] = {}
    size = 0
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            if not member.isfile():
                continue
            size += member.size
            if size > most:
                raise WebError(Cause.INVALID, "the chart's package is too large")
            name = member.name.partition("/")[2]
            opened = archive.extractfile(member)
            if opened is None:
                continue
            if re.fullmatch(r"charts/[^/]+\.tgz", name):
                inside = _unpacked(opened.read(), most - size)
                size += sum(map(len, inside.values()))
                files |= {f"{name.removesuffix('.tgz')}/{path}": data for path, data in inside.items()}
            elif _is_read(name):
                files[name] = opened.read()
    return files


def _package(files: Mapping[str, bytes], content: bytes) -> ChartPackage:
    """The chart of these files. Raises WebError (INVALID)."""
    own = {name: data for name, data in files.items() if not name.startswith("charts/")}
    try:
        metadata = load(own["Chart.yaml"])
        values = load(own.get("values.yaml", b"")) or {}
        schema = json.loads(own["values.schema.json"]) if "values.schema.json" in own else None
    except (KeyError, ValueError):
        raise WebError(Cause.INVALID, "the chart's package cannot be read") from None
    text = "\n".join(
        data.decode(errors="replace") for name, data in sorted(own.items()) if name != "values.schema.json"
    )
    return ChartPackage(metadata, values, schema, text, content, dict(_subcharts(files, metadata)))


def _subcharts(files: Mapping[str, bytes], metadata: Mapping[str, Any]) -> Iterator[tuple[str, ChartPackage]]:
    """(key of its values, chart) of every chart in the folder `charts`."""
    inside: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        folder, _, name = path.removeprefix("charts/").partition("/")
        if path.startswith("charts/") and name:
            inside.setdefault(folder, {})[name] = data
    for own in inside.values():
        if "Chart.yaml" not in own:
            continue
        chart = _package(own, b"")
        name = str(chart.metadata.get("name"))
        listed = [item for item in metadata.get("dependencies") or () if item.get("name") == name]
        for item in listed or [{}]:
            yield str(item.get("alias") or name), chart


def _is_read(name: str) -> bool:
    name = re.sub(r"^(charts/[^/]+/)+", "", name)
    return name in {"Chart.yaml", "values.yaml", "values.schema.json"} or name.startswith("templates/")
