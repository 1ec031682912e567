"""A gateway before the trial's API server: it passes everything on, but may tell another version, or let others go first."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client
from kubernetes.config import new_client_from_config

from trial.environment import EnvironmentInfo


@contextmanager
def gateway(
    info: EnvironmentInfo, *, version: str | None = None, before_delete: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Listen on a free loopback port, as the trial's administrator; yields the URL.

    ``version`` is what `/version` says, such as 1.29.4: no API server of that age can be built beside the trial's own, whose
    emulation of older versions reaches three minors back. ``before_delete`` runs while a deletion is on its way.
    """
    api = new_client_from_config(info.kubeconfig, context=info.context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api, version, before_delete))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        api.close()


def _handler(
    api: client.ApiClient, version: str | None, before_delete: Callable[[], None]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def do_DELETE(self) -> None:
            before_delete()
            self._pass_on()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: value for name, value in self.headers.items() if name in {"Accept", "Content-Type"}}
            url = api.configuration.host + self.path
            answer = api.rest_client.pool_manager.request(self.command, url, body=body, headers=kept)
            content = answer.data
            if version is not None and self.path == "/version":
                major, minor, _ = version.split(".")
                told = {"gitVersion": f"v{version}", "major": major, "minor": minor}
                content = json.dumps({**json.loads(content), **told}).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
