"""Readiness checks of the trial's servers.

On the standard library: the trial may not import clients, which it helps to test.
"""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path


def answers(
    url: str,
    *,
    authority: Path | None = None,
    client: tuple[Path, Path] | None = None,
    accept: tuple[int, ...] = (200,),
) -> Callable[[], str | None]:
    """A readiness check: a GET of the URL gives one of the accepted status codes.

    ``authority`` is a PEM file with the certificate authority, for HTTPS; ``client`` is a client certificate and its key.
    """

    def check() -> str | None:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if authority is not None:
            context = ssl.create_default_context(cafile=str(authority))
            if client is not None:
                context.load_cert_chain(str(client[0]), str(client[1]))
            handlers.append(urllib.request.HTTPSHandler(context=context))
        try:
            with urllib.request.build_opener(*handlers).open(url, timeout=5) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        except (OSError, http.client.HTTPException) as error:
            return f"{url} does not answer ({error})"
        return None if status in accept else f"{url} answers {status}"

    return check
