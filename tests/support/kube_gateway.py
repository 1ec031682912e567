"""A gateway before the trial's API server: it passes everything on, but may report another version, or let others go first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubernetes.config import new_client_from_config

from tests.support.http_server import Answer, HttpServer, Request
from trial.environment import EnvironmentInfo


@contextmanager
def gateway(
    info: EnvironmentInfo, *, version: str | None = None, before_delete: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Listen on a free loopback port, as the trial's administrator; yields the URL.

    ``version`` is what `/version` reports, such as 1.29.4: no API server of that age can be built next to the trial's, whose
    emulation of older versions reaches three minors back. ``before_delete`` runs while a deletion is on its way.
    """
    api = new_client_from_config(info.kubeconfig, context=info.context)

    def pass_on(request: Request) -> Answer:
        if request.method == "DELETE":
            before_delete()
        kept = {name: value for name, value in request.headers.items() if name in {"Accept", "Content-Type"}}
        url = api.configuration.host + request.target
        answer = api.rest_client.pool_manager.request(
            request.method, url, body=request.get_data(), headers=kept
        )
        content = answer.data
        if version is not None and request.path == "/version":
            major, minor, _ = version.split(".")
            reported = {"gitVersion": f"v{version}", "major": major, "minor": minor}
            content = json.dumps({**json.loads(content), **reported}).encode()
        return answer.status, content, {"Content-Type": "application/json"}

    with HttpServer(pass_on) as server:
        try:
            yield server.url()
        finally:
            api.close()
