"""Environment variables of a values file: typed where a stack has a form for them, the rest raw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adoption.clear import Clear
from domain.credentials import looks_like_a_credential


@dataclass
class Variables:
    """A list of variables, sorted by what becomes of them."""

    env: dict[str, Any] = field(default_factory=dict)
    """For `env` of the stack: text, or {secret, key}."""
    raw: list[Any] = field(default_factory=list)
    """For the raw list: what `env` has no form for."""
    clear: list[Clear] = field(default_factory=list)
    """Credentials in plain text; `env` names the Secrets that they are moved to."""


def sort(entries: Any, *, place: str, prefix: str, skip: Iterable[str] = ()) -> Variables:
    """Sort a list of variables at ``place`` of the values; ``prefix`` begins the names of new Secrets."""
    found = Variables()
    left_out = frozenset(skip)
    for entry in entries if isinstance(entries, list) else []:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str):
            found.raw.append(entry)
        elif name not in left_out:
            _add(found, name, entry, place=place, prefix=prefix)
    return found


def _add(found: Variables, name: str, entry: Mapping[str, Any], *, place: str, prefix: str) -> None:
    reference = reference_of(entry)
    value = entry.get("value")
    if reference is not None:
        found.env[name] = reference
    elif isinstance(value, str) and looks_like_a_credential(name, value):
        secret = f"{prefix}-{name.lower().strip('_').replace('__', '-').replace('_', '-')}"
        found.env[name] = {"secret": secret, "key": "value"}
        found.clear.append(Clear(f"{place}.{name}", secret=secret, entry="value"))
    elif isinstance(value, str) and set(entry) == {"name", "value"}:
        found.env[name] = value
    else:
        found.raw.append(dict(entry))


def reference_of(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """{secret, key} of a variable that reads a Secret; None for every other one."""
    source = entry.get("valueFrom")
    reference = source.get("secretKeyRef") if isinstance(source, Mapping) and len(source) == 1 else None
    if not isinstance(reference, Mapping) or set(reference) != {"name", "key"}:
        return None
    return {"secret": str(reference["name"]), "key": str(reference["key"])}


def names_of(entries: Any) -> list[str]:
    """Names of a list of variables, in their order."""
    listed = entries if isinstance(entries, list) else []
    return [str(item["name"]) for item in listed if isinstance(item, Mapping) and "name" in item]
