"""Charts as their repositories serve them."""

from __future__ import annotations

import pytest

from clients.charts import MissingChartError, fetch_chart, reference, unpack
from clients.errors import Cause
from clients.http import WebError
from domain.chart import ChartAddress
from tests.support.charts import chart_package, chart_repository
from tests.support.http_server import HttpServer

NAME = "agent"
FILES = {
    "values.yaml": "replicas: 1\nworkers:\n  - name: a\n# optional:\nnested: {port: 80}\n",
    "values.schema.json": '{"properties": {"typed": {"type": "integer"}, "self": {"$ref": "#"}}}',
    "templates/a.yaml": '{{ .Values.fromTemplate }} {{ index $worker "indexed" }} {{ $worker.dotted }}',
    "README.md": "{{ .Values.onlyInReadme }}",
}


@pytest.fixture(scope="module")
def package():
    return unpack(chart_package(NAME, "2.3.3", FILES))


@pytest.mark.parametrize(
    "path",
    [
        ("replicas",),
        ("nested", "port"),
        ("workers", 0, "name"),
        ("optional",),
        ("typed",),
        ("self", "self", "typed"),
        ("fromTemplate",),
        ("workers", 0, "indexed"),
        ("workers", 0, "dotted"),
    ],
)
def test_keys_that_a_chart_shows_somewhere(package, path):
    assert package.knows(path)


@pytest.mark.parametrize("path", [("unknown",), ("onlyInReadme",), ("self", "unknown"), ("nested", "host")])
def test_keys_that_a_chart_shows_nowhere(package, path):
    assert not package.knows(path)


def test_defaults_by_path(package):
    assert package.default_of(("nested", "port")) == 80
    assert package.default_of(("nested", "none", "deep")) is None


def test_refusals_name_the_path_and_never_the_value(package):
    ((path, reason),) = package.refusals({"typed": "canary"})
    assert path == ("typed",)
    assert reason == "it needs the type integer"


@pytest.mark.parametrize("content", [b"", b"text", chart_package(NAME, "1.0.0", {"values.yaml": "a: [b"})])
def test_a_package_that_cannot_be_read(content):
    with pytest.raises(WebError) as caught:
        unpack(content)
    assert caught.value.cause is Cause.INVALID


def test_a_chart_of_a_repository_and_what_it_lacks():
    packages = {version: chart_package(NAME, version, FILES) for version in ("2.3.3", "2.0.0")}
    with HttpServer(chart_repository(NAME, packages)) as host:
        found = fetch_chart(ChartAddress(repository=host.url(), name=NAME, version="2.3.3"), timeout=20)
        assert found.metadata["version"] == "2.3.3"
        with pytest.raises(MissingChartError) as version:
            fetch_chart(ChartAddress(repository=host.url(), name=NAME, version="9.9.9"), timeout=20)
        with pytest.raises(MissingChartError) as chart:
            fetch_chart(ChartAddress(repository=host.url(), name="other", version="2.3.3"), timeout=20)
    assert (version.value.cause, set(version.value.known)) == (Cause.MISSING_REF, set(packages))
    assert (chart.value.cause, chart.value.known) == (Cause.NOT_FOUND, (NAME,))


def test_the_tag_of_a_chart_in_a_registry():
    found = reference(
        ChartAddress(repository="oci://registry.example.com/charts/", name=NAME, version="2.3.3+build.1")
    )
    assert (found.server, found.repository, found.tag) == (
        "registry.example.com",
        "charts/agent",
        "2.3.3_build.1",
    )


SUBCHART = {
    "values.yaml": "port: 80\n",
    "templates/a.yaml": "{{ .Values.read }}",
    "values.schema.json": '{"properties": {"port": {"type": "integer"}}}',
}
DEPENDENCIES = [
    {"name": "beacon", "version": "1.0.0", "condition": "none.enabled, light.enabled", "alias": "light"},
    {"name": "store", "version": "1.0.0", "tags": ["extra", "more"]},
]


@pytest.fixture(scope="module")
def nested():
    """A chart with another one in a folder, and another one in an archive."""
    files = {f"charts/beacon/{name}": text for name, text in SUBCHART.items()}
    files["charts/beacon/Chart.yaml"] = "name: beacon\nversion: 1.0.0\n"
    packed = chart_package("store", "1.0.0", SUBCHART)
    return unpack(
        chart_package(NAME, "2.3.3", {**files, "charts/store-1.0.0.tgz": packed}, dependencies=DEPENDENCIES)
    )


@pytest.mark.parametrize("key", ["light", "store"])
def test_keys_of_a_chart_within_the_chart(nested, key):
    for path in ((key,), (key, "port"), (key, "read"), (key, "global", "anything")):
        assert nested.knows(path)
    assert not nested.knows((key, "prot"))
    assert nested.knows((key, "enabled")) == (key == "light"), "its condition"
    assert not nested.knows(("beacon",)), "its values are below its alias"


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({"light": {"port": "x"}}, ["light"]),
        ({"light": {"port": "x", "enabled": False}}, []),
        ({"light": {"port": "x", "enabled": False}, "none": {"enabled": True}}, ["light"]),
        ({"store": {"port": "x"}}, ["store"]),
        ({"store": {"port": "x"}, "tags": {"extra": False}}, []),
        ({"store": {"port": "x"}, "tags": {"extra": False, "more": True}}, ["store"]),
        ({"light": "off", "store": {}}, []),
    ],
)
def test_a_schema_counts_where_its_chart_is_enabled(nested, values, refused):
    assert [path[0] for path, _ in nested.refusals(values)] == refused
