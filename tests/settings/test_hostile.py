"""Stack files that nobody means well: one sentence per mistake, each on one line, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import delivery
from settings import RawValue, SettingsError, parse
from tests.support.stacks import ROOT, raw, stack, with_agent

HOSTILE = [
    "a\nastro-dbt:forged is fine",
    "\x00",
    "\x1b[2J",
    "../../../etc/passwd",
    "$(touch /tmp/hit)",
    "`id`",
    "'; rm -rf /",
    '"}\nHost *\n  ProxyCommand x',
    "{{ .Values }}",
    "\u2028\u202e",
    "\ud800",
    "x" * 100_000,
    "",
    "-oProxyCommand=x",
    "http://[",
    "https://h:99999/x",
    "%s{0}",
]
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(HOSTILE),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.lists(st.sampled_from(HOSTILE), max_size=2),
    st.dictionaries(st.sampled_from(HOSTILE), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


PLACES = [place for place in places(stack()) if place]


def put(config: dict[str, Any], place: tuple[Any, ...], value: Any, key: str | None) -> None:
    node: Any = config
    for part in place[:-1]:
        node = node[part]
    if key is not None and isinstance(node, dict):
        node[key] = value
    else:
        node[place[-1]] = value


def check_lines(error: SettingsError) -> None:
    lines = str(error).splitlines()
    assert len(lines) == len(error.problems)
    for line in lines:
        assert line.startswith("p:")
        assert line.endswith(".")
        assert line.isprintable()
        assert len(line) < 4000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), odd, st.one_of(st.none(), st.sampled_from(HOSTILE)))
@example(("image", "repository"), "\ud800", None)
def test_one_sentence_per_mistake(place: tuple[Any, ...], value: Any, key: str | None) -> None:
    config = copy.deepcopy(stack())
    put(config, place, value, key)
    try:
        found = parse(raw(config), project="p", root=ROOT)
        delivery.check(found, delivery.plan(found, authorities={}), project="p")
    except SettingsError as error:
        check_lines(error)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_keys_of_the_stack(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse({**raw(stack()), text: RawValue("x")}, project="p", root=ROOT)
    check_lines(caught.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, '{"a": ' + "9" * 5000 + "}"])
def test_json_that_breaks_parsers(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse({**raw(stack()), "agent": RawValue(text)}, project="p", root=ROOT)
    check_lines(caught.value)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_paths(text: str) -> None:
    agent = with_agent(valuesFiles=[text])["agent"]
    config = {**stack(delivery="agent-image"), "agent": agent}
    config["connections"]["git"]["caBundle"] = text
    config["image"]["dockerfile"] = text
    config["dbtProjects"][0]["source"] = text
    with pytest.raises(SettingsError) as caught:
        parse(raw(config), project="p", root=ROOT)
    check_lines(caught.value)
