"""Whether a chart repository answers, asked of real servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi
import pytest

from domain.chart import ChartAddress
from program.chart_source import is_out_of_reach
from tests.support.http_server import Answer, HttpServer, Request
from tests.support.pulumi_mocks import Recorder


@contextmanager
def server(status: int) -> Iterator[tuple[str, list[str]]]:
    """(URL, requests) of a server that answers everything with one status."""
    seen: list[str] = []

    def answer(request: Request) -> Answer:
        seen.append(f"{request.method} {request.path}")
        return status, b"", {"Content-Length": "5000000"}

    with HttpServer(answer) as running:
        yield f"{running.url()}/charts/", seen


def address(repository: str) -> ChartAddress:
    """A chart in a repository."""
    return ChartAddress(repository=repository, name="chart", version="1.0.0")


@pytest.fixture
def preview(recorder: Recorder) -> None:
    """A preview is what runs."""
    pulumi.runtime.set_mocks(recorder, preview=True)


@pytest.mark.usefixtures("preview")
@pytest.mark.parametrize("status", [200, 401, 404, 503])
def test_whatever_answers_is_there(status: int) -> None:
    with server(status) as (url, seen):
        assert not is_out_of_reach(address(url))
    assert seen == ["HEAD /charts/index.yaml"], "the index itself, which may be large, is not fetched"


@pytest.mark.usefixtures("preview")
def test_nobody_answers() -> None:
    with server(200) as (url, _):
        pass
    assert is_out_of_reach(address(url))
    assert is_out_of_reach(address("https://charts.invalid"))


@pytest.mark.usefixtures("preview")
def test_a_registry_is_not_asked() -> None:
    assert not is_out_of_reach(address("oci://registry.invalid/charts"))


@pytest.mark.usefixtures("recorder")
def test_an_update_is_not_spared_the_chart() -> None:
    assert not is_out_of_reach(address("https://charts.invalid"))
