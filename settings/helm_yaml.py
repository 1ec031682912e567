"""YAML as Helm reads values files.

Helm converts values to JSON with sigs.k8s.io/yaml and go.yaml.in/yaml/v2, which is YAML 1.1 with exceptions (source: resolve.go of
go.yaml.in/yaml v2.4.4 and yaml.go of sigs.k8s.io/yaml v1.6.0): `yes`, `on` and `y` are true, `010` is 8 and `0o17` 15, but
`12:30` and `2026-01-01` are text, `1e3` is a number, keys become text, and infinity does not exist.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_DOTTED_FLOAT = re.compile(r"^\.[0-9]+([eE][-+]?[0-9]+)?$")
_INFINITE = frozenset(f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF"))
_NO_NUMBER = frozenset((".nan", ".NaN", ".NAN"))
_DATE = re.compile(
    r"^(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"([Tt ]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?(Z|[+-]\d\d:\d\d)?)?$"
)
_RADIX = {"0x": 16, "0o": 8, "0b": 2}
_STANDARD = "tag:yaml.org,2002:"
_PLAIN = "plain"
"""Tag of text without quotes and without a tag."""


class HelmYamlError(ValueError):
    """The text is not YAML that Helm accepts; `line` counts from 1, None if the parser reports none."""

    def __init__(self, line: int | None) -> None:
        super().__init__("not valid YAML")
        self.line = line


def load(text: str) -> Any:
    """The first document of a YAML text, as Helm reads it. Raises HelmYamlError."""
    try:
        loader = _Loader(text)
        try:
            return loader.get_data() if loader.check_data() else None  # type: ignore[no-untyped-call]
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise HelmYamlError(mark.line + 1 if mark else None) from None


class _Loader(yaml.SafeLoader):
    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return f"{_STANDARD}merge" if value == "<<" else _PLAIN
        settled = (False, False) if kind is yaml.ScalarNode else implicit
        return str(super().resolve(kind, value, settled))  # type: ignore[no-untyped-call]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open: set[int] = set()

    def helm_plain(self, node: yaml.ScalarNode) -> Any:
        return self._finite(scalar(node.value), node)

    def helm_text(self, node: yaml.ScalarNode) -> str:
        return str(node.value)

    def helm_number(self, node: yaml.ScalarNode) -> Any:
        value = self._finite(scalar(node.value), node)
        if node.tag.endswith(":float") and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        wanted: dict[str, type | tuple[type, ...]] = {
            "int": int,
            "float": float,
            "bool": bool,
            "null": type(None),
        }
        if type(value) is not wanted[node.tag.removeprefix(_STANDARD)]:
            raise yaml.constructor.ConstructorError(None, None, "text does not fit its tag", node.start_mark)
        return value

    def helm_mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        self.flatten_mapping(node)
        self._enter(node)
        found = {}
        for key_node, value_node in node.value:
            key = _key(self.construct_object(key_node, deep=True))
            if key is None:
                raise yaml.constructor.ConstructorError(None, None, "not a key", key_node.start_mark)
            found[key] = self.construct_object(value_node, deep=True)
        self._open.discard(id(node))
        return found

    def helm_sequence(self, node: yaml.SequenceNode) -> list[Any]:
        self._enter(node)
        found = [self.construct_object(item, deep=True) for item in node.value]
        self._open.discard(id(node))
        return found

    def _enter(self, node: yaml.Node) -> None:
        """Refuse an alias to a node that contains it, which JSON cannot represent."""
        if id(node) in self._open:
            raise yaml.constructor.ConstructorError(None, None, "contains itself", node.start_mark)
        self._open.add(id(node))

    def _finite(self, value: Any, node: yaml.Node) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            raise yaml.constructor.ConstructorError(None, None, "not a finite number", node.start_mark)
        return value


_Loader.add_constructor(_PLAIN, _Loader.helm_plain)
for _tag in ("str", "timestamp"):
    _Loader.add_constructor(f"{_STANDARD}{_tag}", _Loader.helm_text)
_Loader.add_constructor(f"{_STANDARD}map", _Loader.helm_mapping)
_Loader.add_constructor(f"{_STANDARD}seq", _Loader.helm_sequence)
for _tag in ("int", "float", "bool", "null"):
    _Loader.add_constructor(f"{_STANDARD}{_tag}", _Loader.helm_number)


def scalar(text: str) -> bool | int | float | str | None:
    """Value of a plain (unquoted) scalar.

    >>> [scalar(text) for text in ("yes", "010", "1_000", "12:30", "2026-01-01", "1e3")]
    [True, 8, 1000, '12:30', '2026-01-01', 1000.0]
    """
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text in _NULL:
        return None
    if text in _INFINITE or text in _NO_NUMBER:
        return math.inf
    if _DOTTED_FLOAT.match(text) and math.isfinite(float(text)):
        return float(text)
    if text[0] not in "+-0123456789" or _DATE.match(text):
        return text
    plain = text.replace("_", "")
    whole = _integer(plain)
    if whole is not None:
        return whole
    number = float(plain) if _FLOAT.match(plain) else math.inf
    return number if math.isfinite(number) else text


def _integer(plain: str) -> int | None:
    """Go's ParseInt and ParseUint with base 0, 64 bits wide."""
    sign, digits = (plain[0], plain[1:]) if plain[:1] in ("+", "-") else ("", plain)
    base = _RADIX.get(digits[:2].lower())
    if base is not None:
        digits = digits[2:]
    elif len(digits) > 1 and digits[0] == "0":
        base, digits = 8, digits[1:]
    else:
        base = 10
    if not digits or not digits.isascii() or not digits.isalnum():
        return None
    try:
        value = int(digits, base)
    except ValueError:
        return None
    if sign == "-":
        return -value if value <= 2**63 else None
    return value if value < (2**63 if sign else 2**64) else None


def _key(value: Any) -> str | None:
    """A key as text; None for a key that Helm refuses."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, str | int) else None
