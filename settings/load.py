"""From the raw configuration of a stack to :class:`Settings`; all mistakes are collected before anything else happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.merge import merge
from settings import helm_yaml
from settings.agent import Agent
from settings.connections import Credential
from settings.consistency import check
from settings.dags import model_of
from settings.dbt import DbtPackage, DbtProject
from settings.errors import Problem, SettingsError, problems_of, unknown_key
from settings.image import Image, ImageRegistry
from settings.mirror import Mirror
from settings.preflight import Preflight
from settings.stack import Settings, config_key, secret_fields

_SECTIONS: Mapping[str, type[BaseModel]] = {
    "agent": Agent,
    "registry": ImageRegistry,
    "pull_registry": ImageRegistry,
    "base_registry": ImageRegistry,
    "image": Image,
    "mirror": Mirror,
    "preflight": Preflight,
}

_LISTS: Mapping[str, tuple[type[BaseModel], str]] = {
    "dbt_projects": (DbtProject, "projects"),
    "dbt_packages": (DbtPackage, "packages"),
}
"""Keys whose value is a list: field -> (model of an entry, what entries are called)."""


@dataclass(frozen=True)
class RawValue:
    """One value of the stack's configuration, as Pulumi provides it."""

    text: str
    """Scalar, or JSON text of a mapping or list."""
    secret: bool = False
    """Whether it, or a part of it, is stored encrypted."""

    def __repr__(self) -> str:
        return "RawValue(…)"


def parse(raw: Mapping[str, RawValue], *, project: str, root: Path) -> Settings:
    """Validate one stack's configuration.

    ``raw`` maps keys without the project's prefix to values; relative paths start at the folder ``root``.
    Reads only local files that the configuration names. Raises SettingsError with every problem.
    """
    return _Parser(raw, project=project, root=root).parse()


class _Parser:
    def __init__(self, raw: Mapping[str, RawValue], *, project: str, root: Path) -> None:
        self.raw = raw
        self.project = project
        self.root = root
        self.problems: list[Problem] = []
        self.values: dict[str, Any] = {}

    def key(self, field: str) -> str:
        return f"{self.project}:{config_key(field)}"

    def parse(self) -> Settings:
        known = {config_key(field): field for field in Settings.model_fields}
        for name in sorted(self.raw):
            if name not in known:
                self.problems.append(unknown_key(f"{self.project}:{name}", name, sorted(known)))
        for name, field in known.items():
            if name in self.raw:
                self._field(field, self.raw[name])
        missing = [
            field
            for field, info in Settings.model_fields.items()
            if info.is_required() and config_key(field) not in self.raw
        ]
        self.problems += [
            Problem(self.key(field), "is missing; add it (docs/settings.md shows an example)")
            for field in missing
        ]
        broken = {problem.key.partition(":")[2].split(".")[0].split("[")[0] for problem in self.problems}
        self.problems += check(self.values, broken=broken, project=self.project, root=self.root)
        if self.problems:
            raise SettingsError(self.problems)
        return Settings.model_construct(**{**_defaults(), **self.values})

    def _field(self, field: str, raw: RawValue) -> None:
        if field in secret_fields() and not raw.secret:
            self.problems.append(
                Problem(
                    self.key(field),
                    f"is stored in plain text; set it with `pulumi config set --secret {_secret_hint(field)}`",
                )
            )
        if field == "delivery":
            self._validate(field, raw.text, _adapter(field))
        elif field in secret_fields() and field != "credentials":
            self._scalar_secret(field, raw)
        else:
            self._object(field, raw)

    def _scalar_secret(self, field: str, raw: RawValue) -> None:
        if not raw.text.strip():
            self.problems.append(
                Problem(
                    self.key(field),
                    f"is empty; set it with `pulumi config set --secret {config_key(field)}`",
                )
            )
        else:
            self._validate(field, raw.text.strip(), _adapter(field))

    def _object(self, field: str, raw: RawValue) -> None:
        try:
            value = json.loads(raw.text)
        except (
            ValueError,
            RecursionError,
        ):  # not JSON, a number with thousands of digits, or nested too deeply
            value = raw.text
        if field == "dags" and isinstance(value, dict | list):
            self._bundles(field, value)
            return
        if not isinstance(value, list if field in _LISTS else dict):
            what = f"a list of {_LISTS[field][1]}" if field in _LISTS else "a mapping"
            what += ", or a list of bundles" if field == "dags" else ""
            self.problems.append(
                Problem(self.key(field), f"is not {what}; write its keys under it, as in docs/settings.md")
            )
            return
        if isinstance(value, list):
            model = _LISTS[field][0]
            self._items(field, list(enumerate(value)), TypeAdapter(model), model)
        elif field == "connections":
            self._items(field, list(value.items()), TypeAdapter(_item_type(field)), None)
        elif field == "credentials":
            self._items(field, list(value.items()), TypeAdapter(Credential), Credential)
        else:
            if field == "agent":
                value = self._with_values_files(value)
            self._validate(field, value, TypeAdapter(_SECTIONS[field]), _SECTIONS[field])

    def _items(
        self,
        field: str,
        items: list[tuple[Any, Any]],
        adapter: TypeAdapter[Any],
        model: type[BaseModel] | None,
    ) -> None:
        """Validate entries one by one, so that a mistake in one does not hide those in others."""
        if field == "dbt_projects" and not items:
            self.problems.append(Problem(self.key(field), "is empty; write at least one project"))
        parsed: dict[Any, Any] = {}
        for name, item in items:
            at = f"{self.key(field)}[{name}]" if isinstance(name, int) else f"{self.key(field)}.{name}"
            try:
                parsed[name] = adapter.validate_python(item)
            except ValidationError as error:
                self.problems += problems_of(at, error, model)
        if field not in _LISTS:
            self._ids(field, parsed)
        self.values[field] = tuple(parsed.values()) if field in _LISTS else parsed

    def _bundles(self, field: str, value: dict[str, Any] | list[Any]) -> None:
        """Validate the bundles one by one; a mapping is a single one, whose keys have no position."""
        bundles = []
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            at = f"{config_key(field)}[{index}]" if isinstance(value, list) else config_key(field)
            model = model_of(item)
            try:
                bundles.append(model.model_validate(item).located(at))
            except ValidationError as error:
                self.problems += problems_of(f"{self.project}:{at}", error, model)
        if value == []:
            self.problems.append(Problem(self.key(field), "is empty; write at least one bundle"))
        self.values[field] = tuple(bundles)

    def _ids(self, field: str, parsed: Mapping[str, Any]) -> None:
        adapter: TypeAdapter[Any] = TypeAdapter(_key_type(field))
        for name in parsed:
            try:
                adapter.validate_python(name)
            except ValidationError:
                self.problems.append(
                    Problem(
                        f"{self.key(field)}.{name}",
                        "is not a connection id; write letters, digits and _ - . : / # ! ( ), at most 250, for example git_dbt",
                    )
                )

    def _validate(
        self,
        field: str,
        value: Any,
        adapter: TypeAdapter[Any],
        model: type[BaseModel] | None = None,
    ) -> None:
        try:
            self.values[field] = adapter.validate_python(value)
        except UnicodeEncodeError:  # a validator's message quotes it, and Pydantic encodes messages
            wrong = "has text with half of a surrogate pair, which is no character; remove it"
            self.problems.append(Problem(self.key(field), wrong))
        except ValidationError as error:
            self.problems += problems_of(self.key(field), error, model)

    def _with_values_files(self, agent: dict[str, Any]) -> dict[str, Any]:
        """Merge `agent.valuesFiles` into `agent.values`, which overrides them."""
        files, inline = agent.get("valuesFiles"), agent.get("values", {})
        if not isinstance(files, list) or not isinstance(inline, dict):
            return agent
        merged: dict[str, Any] = {}
        for index, name in enumerate(files):
            at = f"{self.key('agent')}.valuesFiles[{index}]"
            content = self._read_yaml(at, str(name))
            merged = merge(merged, content)
        return {**agent, "values": merge(merged, inline)}

    def _read_yaml(self, at: str, name: str) -> dict[str, Any]:
        path = self.root / name
        try:
            content = helm_yaml.load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            what = "which cannot be read; write a path relative to Pulumi.yaml"
            if isinstance(error, helm_yaml.HelmYamlError | UnicodeDecodeError):
                line = getattr(error, "line", None)
                what = f"which is not valid YAML{f' (line {line})' if line else ''}; correct the file"
            self.problems.append(Problem(at, f"names {name}, {what}"))
            return {}
        if content is None:
            return {}
        if not isinstance(content, dict):
            self.problems.append(
                Problem(at, f"names {name}, which is not a mapping; write Helm values in it")
            )
            return {}
        return content


def _secret_hint(field: str) -> str:
    return "--path 'credentials.<connection>.password'" if field == "credentials" else config_key(field)


def _adapter(field: str) -> TypeAdapter[Any]:
    return TypeAdapter(Settings.model_fields[field].annotation)  # type: ignore[arg-type]


def _item_type(field: str) -> Any:
    return Settings.model_fields[field].annotation.__args__[1]  # type: ignore[union-attr]


def _key_type(field: str) -> Any:
    return Settings.model_fields[field].annotation.__args__[0]  # type: ignore[union-attr]


def _defaults() -> dict[str, Any]:
    return {
        field: info.get_default(call_default_factory=True)
        for field, info in Settings.model_fields.items()
        if not info.is_required()
    }
