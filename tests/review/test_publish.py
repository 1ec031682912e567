"""Comments and issues, against a server that keeps them as GitHub and GitLab do."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse

import pytest

from review.publish import Host, PublishError, comment, drift_issue, shortened

REPORT = "<!-- astro-dbt review: fleet prod-* -->\n\n## 2 stacks\n"
TOKEN = "canary-job-token"


class Server(ThreadingHTTPServer):
    """Lists of entries by path; POST adds one, PATCH and PUT change the one that the path ends with."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.seen: list[tuple[str, str]] = []
        self.refuse = False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format, *arguments):
        pass

    def _answer(self):
        path = urlparse(self.path).path
        self.server.seen.append((self.command, path))
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else {}
        allowed = TOKEN in (
            self.headers.get("PRIVATE-TOKEN"),
            self.headers.get("Authorization", "").removeprefix("Bearer "),
        )
        status, answer = (403, {}) if self.server.refuse or not allowed else (200, self._do(path, body))
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _do(self, path, body):
        if self.command == "GET":
            page = int(dict(part.split("=") for part in urlparse(self.path).query.split("&"))["page"])
            return self.server.entries.get(path, [])[(page - 1) * 100 : page * 100]
        if self.command == "POST":
            number = sum(map(len, self.server.entries.values())) + 1
            entry = {"id": number, "number": number, "iid": number, **body}
            self.server.entries.setdefault(path, []).append(entry)
            return entry
        number = int(path.rsplit("/", 1)[1])
        (entry,) = [item for items in self.server.entries.values() for item in items if item["id"] == number]
        entry.update(body)
        return entry

    do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - names that the base class calls


@pytest.fixture
def server():
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(params=["github", "gitlab"])
def host(request, server):
    api = f"http://127.0.0.1:{server.server_address[1]}"
    if request.param == "github":
        return Host.of({"GITHUB_REPOSITORY": "acme/agents", "GITHUB_API_URL": api, "GITHUB_TOKEN": TOKEN})
    return Host.of({"CI_PROJECT_ID": "42", "CI_API_V4_URL": api, "GITLAB_TOKEN": TOKEN})


def entries(server):
    return [entry for items in server.entries.values() for entry in items]


def test_one_comment_is_made_and_then_updated_in_place(host, server):
    assert comment(host, 7, REPORT) == "created"
    assert comment(host, 7, REPORT) == "unchanged"
    assert comment(host, 7, REPORT + "more\n") == "updated"
    (entry,) = entries(server)
    assert entry["body"] == REPORT + "more\n"


def test_comments_of_others_and_of_other_reports_stay(host, server):
    comment(host, 7, "<!-- astro-dbt review: dev -->\n\nanother\n")
    comment(host, 7, "a person's words\n")
    assert comment(host, 7, REPORT) == "created"
    assert len(entries(server)) == 3


def test_the_comment_is_found_on_a_later_page(host, server):
    comment(host, 7, REPORT)
    (path,) = server.entries
    others = [{"id": 1000 + number, "body": "words"} for number in range(150)]
    server.entries[path] = [*others, *server.entries[path]]
    assert comment(host, 7, REPORT + "more\n") == "updated"


def test_a_drift_issue_is_opened_updated_and_closed(host, server):
    assert drift_issue(host, REPORT, title="Drift", drifted=False) == "nothing"
    assert drift_issue(host, REPORT, title="Drift", drifted=True) == "created"
    assert drift_issue(host, REPORT + "more\n", title="Drift", drifted=True) == "updated"
    assert drift_issue(host, REPORT, title="Drift", drifted=False) == "closed"
    (entry,) = entries(server)
    assert "closed" in (entry.get("state"), entry.get("state_event") and "closed")


def test_a_refusal_is_one_sentence_without_the_token(host, server):
    server.refuse = True
    with pytest.raises(PublishError, match=r"answered 403 to GET .*; the token needs the right") as caught:
        comment(host, 7, REPORT)
    assert TOKEN not in str(caught.value) + repr(host)


@pytest.mark.parametrize(
    ("variables", "words"),
    [({}, "no job of GitHub or GitLab"), ({"GITHUB_REPOSITORY": "a/b"}, "GITHUB_TOKEN is not set")],
)
def test_a_missing_host_or_token_is_one_sentence(variables, words):
    with pytest.raises(PublishError, match=words):
        Host.of(variables)


def test_a_report_that_is_too_long_is_cut_at_a_line():
    text = shortened("line of a report\n" * 10_000)
    assert len(text) < 65_536
    assert text.endswith("complete among the files of the job.\n")
    assert "line of a report\n\n…" in text
