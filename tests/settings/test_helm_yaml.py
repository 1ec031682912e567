"""YAML as Helm reads it, against the Helm of the trial."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settings.helm_yaml import HelmYamlError, load, scalar

PLAIN = """
2026-01-01 2026-1-1 2026-01-01T10:00:00Z 2026-13-45 12:30 12:30:45 1:2 190:20:30.15 yes no on off y n Y N Yes NO On OFF
true True TRUE tRUE false ~ null Null nULL 0 1 -1 +1 007 010 -010 08 09 0o17 0O17 0x1F 0X1f 0b11 -0b11 0b12 1_000 1__0 _1
1e3 1E-3 1.5 -1.5 .5 -.5 +.5 5. 1.5.2 1.2e 0.0 1e400 .e3 12e03 0x 0o 0b 0xg 123abc 1.0.0 v1 + - . .. =
9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775808
-9223372036854775809 00 0_7 1e 0.1_0 1_000.5 +12:30 500m 1Gi 0x_1 00.5 01.5 0e0 -0 -0x1F +0x1F 0b -0b 1٣
""".split()  # noqa: SIM905 - a table
TEXTS = [
    "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n",
    "a: 1\na: 2\n",
    "1: a\ntrue: b\nyes: c\n1.5: d\n",
    "labels: {x: 1, y: 2, n: 3, on: 4}\n",
    "a: !!str 12\nb: !!int '12'\nc: !!float 1\n",
    "a: '12'\nb: \"yes\"\nc: |\n  12\n",
    "a: 2001-12-14 21:59:43\n",
    "a: 2001-12-14t21:59:43.10-05:00\n",
    "",
    "# nothing\n",
    "a:\n  - 010\n  - {b: off}\n",
]
REFUSED = [
    "a: .inf\n",
    "a: .nan\n",
    "a: [\n",
    "a: &x [*x]\n",
    "? [a]\n: b\n",
    "~: a\n",
    "a: !!int x\n",
    "a: \x00\n",
]


@pytest.fixture(scope="module")
def helm(helm_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Read a text by Helm: the values of a chart that prints them; None when Helm refuses."""
    chart = tmp_path_factory.mktemp("helm") / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.0.0\n")
    (chart / "templates/all.yaml").write_text("json: {{ .Values | toJson | quote }}\n")

    def read(text: str) -> Any:
        (chart / "given.yaml").write_bytes(text.encode())
        command = [str(helm_program), "template", "x", str(chart), "--values", str(chart / "given.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            return None
        return json.loads(yaml.safe_load(done.stdout)["json"])

    return read


def as_json(value: Any) -> Any:
    """Values as Helm has them: every number is a float of 64 bits, and a null removes its key."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) + 0.0  # JSON has no minus zero that Python would keep
    return value


def same(ours: Any, theirs: Any) -> bool:
    return json.dumps(as_json(ours), sort_keys=True) == json.dumps(as_json(theirs), sort_keys=True)


def test_every_plain_scalar_is_what_helm_takes_it_for(helm: Any) -> None:
    good = [text for text in PLAIN if text not in {"=", "-"}]
    text = "".join(f"- {item}\n" for item in good)
    ours, theirs = load(f"a:\n{text}")["a"], helm(f"a:\n{text}")["a"]
    assert [
        (item, left, right)
        for item, left, right in zip(good, ours, theirs, strict=True)
        if not same(left, right)
    ] == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.text("0123456789+-._eExXoObBaAfFnNyY:T ", min_size=1, max_size=8).map(str.strip),
            st.dates(date(1900, 1, 1)).map(str),
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
        ).filter(lambda text: bool(re.fullmatch(r"[+.0-9A-Za-z~][^:#]*(:[^ #:]+)*|-[^ :#-][^:#]*", text))),
        min_size=20,
        max_size=20,
    )
)
def test_any_plain_scalar_is_what_helm_takes_it_for(helm: Any, items: list[str]) -> None:
    text = "a:\n" + "".join(f"- {item}\n" for item in items)
    theirs = helm(text)
    if theirs is None:
        with pytest.raises(HelmYamlError):
            load(text)
    else:
        ours = load(text)["a"]
        pairs = zip(items, ours, theirs["a"], strict=True)
        assert [(item, left, right) for item, left, right in pairs if not same(left, right)] == []


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_what_helm_takes_them_for(helm: Any, text: str) -> None:
    assert same(load(text) or {}, helm(text))


@pytest.mark.parametrize("text", REFUSED)
def test_what_helm_refuses_is_refused(helm: Any, text: str) -> None:
    assert helm(text) is None
    with pytest.raises(HelmYamlError):
        load(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("12:30", "12:30"),
        ("yes", True),
        ("off", False),
        ("010", 8),
        ("1e3", 1000.0),
    ],
)
def test_plain_scalars(text: str, value: Any) -> None:
    assert repr(scalar(text)) == repr(value)
