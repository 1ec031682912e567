"""JSON Schema of the stack files and the reference page, both generated from the settings.

`make docs` writes stacks/schema.json and docs/settings.md with `python -m settings.schema`; `make check` checks with `--check`
that they are current.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domain.generated import write
from settings.descriptions import described_schema
from settings.stack import config_key, secret_fields

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "astro-dbt"


def stack_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a file `stacks/Pulumi.<stack>.yaml`."""
    model = described_schema()
    encrypted = {
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": False,
    }
    properties = {}
    secret = {config_key(field) for field in secret_fields()}
    for name, schema in model["properties"].items():
        described = {"description": schema["description"]}
        if name == "credentials":
            leaf = {"type": "object", "additionalProperties": encrypted}
            shape: dict[str, Any] = {"anyOf": [encrypted, {"type": "object", "additionalProperties": leaf}]}
        elif name in secret:
            shape = encrypted
        else:
            shape = schema
        properties[f"{PROJECT}:{name}"] = {**shape, **described}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack of astro-dbt",
        "type": "object",
        "properties": {
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "environment": {},
            "config": {
                "type": "object",
                "properties": properties,
                "patternProperties": {f"^(?!{PROJECT}:)": {}},
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
        "$defs": model["$defs"],
    }


def reference() -> str:
    """The page docs/settings.md."""
    model = described_schema()
    lines = [
        "# Settings",
        "",
        "Every key of `stacks/Pulumi.<stack>.yaml`, under `config:` and with the prefix `astro-dbt:`. Generated from the code by",
        "`python -m settings.schema`; editors with a YAML language server complete and validate the files with",
        "`stacks/schema.json`. A stack can hold the settings of both delivery options; switching changes one line.",
        "",
        *_table(model, model["$defs"]),
    ]
    for name, schema in sorted(model["$defs"].items()):
        if "properties" in schema:
            lines += [
                "",
                f"## {name}",
                "",
                schema.get("description", ""),
                "",
                *_table(schema, model["$defs"]),
            ]
    return "\n".join(lines) + "\n"


def _table(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", []))
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, item in schema["properties"].items():
        default = "**required**" if name in required else _default(item)
        yield f"| `{name}` | {_type(item, definitions)} | {default} | {item.get('description', '')} |"


def _default(item: dict[str, Any]) -> str:
    value = item.get("default")
    if value in (None, {}, [], ""):
        return ""
    if isinstance(value, dict | list):
        return "see its section"
    return f"`{json.dumps(value)}`"


def _type(item: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in item:
        name = item["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for union in ("anyOf", "oneOf"):
        if union in item:
            kinds = [_type(branch, definitions) for branch in item[union] if branch.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in item:
        return " or ".join(f"`{value}`" for value in item["enum"])
    if "const" in item:
        return f"`{item['const']}`"
    if item.get("type") == "array":
        return f"list of {_type(item.get('items', {}), definitions)}"
    if item.get("type") == "object":
        below = item.get("additionalProperties")
        return f"mapping of {_type(below, definitions)}" if isinstance(below, dict) and below else "mapping"
    if item.get("format") == "password":
        return "secret"
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(
        item.get("type", ""), "any"
    )


def main() -> None:
    """Write both files, or with `--check` check that they are current."""
    schema = json.dumps(stack_schema(), indent=2, sort_keys=True) + "\n"
    write({ROOT / "stacks" / "schema.json": schema, ROOT / "docs" / "settings.md": reference()})


if __name__ == "__main__":
    main()
