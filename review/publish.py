"""Publishing reports: one comment per report, updated in place; one issue for drift.

Both hosts are called over their REST API with the token of the job, which is only in a header. The invisible first line of
the report identifies the comment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from clients.http import Method, WebError, request
from domain.errors import ReportedError

_SECONDS = 30
_PAGE = 100
_LONGEST = 60_000
"""Characters; GitHub takes 65 536 in a comment."""
Done = Literal["created", "updated", "unchanged", "closed", "nothing"]


class PublishError(ReportedError):
    """The host did not take it; the message is one sentence without the token."""


@dataclass(frozen=True)
class Host:
    """Where comments and issues go."""

    kind: Literal["github", "gitlab"]
    """Which API."""
    api: str
    """Its address."""
    project: str
    """owner/name on GitHub, id or path on GitLab."""
    token: str = field(repr=False)
    """Token of the job."""

    @staticmethod
    def of(variables: Mapping[str, str]) -> Host:
        """The host of this job, determined from its variables; raises PublishError."""
        if variables.get("GITHUB_REPOSITORY"):
            token = variables.get("GITHUB_TOKEN", "")
            found = Host(
                "github",
                variables.get("GITHUB_API_URL", "https://api.github.com"),
                variables["GITHUB_REPOSITORY"],
                token,
            )
            missing = "GITHUB_TOKEN"
        elif variables.get("CI_PROJECT_ID"):
            token = variables.get("GITLAB_TOKEN", "")
            found = Host("gitlab", variables["CI_API_V4_URL"], variables["CI_PROJECT_ID"], token)
            missing = "GITLAB_TOKEN"
        else:
            raise PublishError(
                "neither GITHUB_REPOSITORY nor CI_PROJECT_ID is set, so this is not a job of GitHub or GitLab; "
                "write the report to a file with --output instead"
            )
        if not token:
            raise PublishError(f"{missing} is not set; pass the job's token as this variable")
        return found

    def call(self, method: Method, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request; raises PublishError."""
        headers, authorization = {"Content-Type": "application/json"}, None
        if self.kind == "github":
            headers["Accept"], authorization = "application/vnd.github+json", f"Bearer {self.token}"
        else:
            headers["PRIVATE-TOKEN"] = self.token
        try:
            answer = request(
                f"{self.api.rstrip('/')}/{path}",
                timeout=_SECONDS,
                headers=headers,
                authorization=authorization,
                method=method,
                body=json.dumps(body).encode() if body is not None else None,
            )
        except WebError as error:
            raise PublishError(f"{self.kind} cannot be reached at {self.api}: {error}") from None
        if answer.status >= 300:
            raise PublishError(
                f"{self.kind} answered {answer.status} to {method} {path}; the token needs the right to write "
                f"{'pull requests and issues' if self.kind == 'github' else 'notes and issues (scope api)'}"
            )
        return json.loads(answer.body) if answer.body else None

    @property
    def root(self) -> str:
        """Path of the project in the API."""
        if self.kind == "github":
            return f"repos/{self.project}"
        return f"projects/{quote(self.project, safe='')}"

    def pages(self, path: str) -> list[dict[str, Any]]:
        """All entries of a list."""
        found: list[dict[str, Any]] = []
        sign = "&" if "?" in path else "?"
        for page in range(1, 1000):
            entries = self.call("GET", f"{path}{sign}per_page={_PAGE}&page={page}")
            found += entries
            if len(entries) < _PAGE:
                break
        return found


def host() -> Host:
    """The host whose job this process is part of; raises PublishError."""
    return Host.of(os.environ)


def comment(where: Host, number: int, text: str) -> Done:
    """Post a report on a pull or merge request, or update the comment of the last run."""
    body = shortened(text)
    comments = (
        f"{where.root}/issues/{number}/comments"
        if where.kind == "github"
        else f"{where.root}/merge_requests/{number}/notes"
    )
    mark = body.splitlines()[0]
    for known in where.pages(comments):
        if str(known.get("body", "")).startswith(mark):
            if known["body"].replace("\r\n", "\n").strip() == body.strip():
                return "unchanged"
            if where.kind == "github":
                where.call("PATCH", f"{where.root}/issues/comments/{known['id']}", {"body": body})
            else:
                where.call("PUT", f"{comments}/{known['id']}", {"body": body})
            return "updated"
    where.call("POST", comments, {"body": body})
    return "created"


def drift_issue(where: Host, text: str, *, title: str, drifted: bool) -> Done:
    """Open or update the issue for a drift, or close it if there is none."""
    body = shortened(text)
    mark = body.splitlines()[0]
    state = "open" if where.kind == "github" else "opened"
    key, text_key = ("number", "body") if where.kind == "github" else ("iid", "description")
    known = next(
        (
            issue
            for issue in where.pages(f"{where.root}/issues?state={state}")
            if str(issue.get(text_key) or "").startswith(mark)
        ),
        None,
    )
    if known is None:
        if not drifted:
            return "nothing"
        where.call("POST", f"{where.root}/issues", {"title": title, text_key: body})
        return "created"
    path = f"{where.root}/issues/{known[key]}"
    method: Method = "PATCH" if where.kind == "github" else "PUT"
    if drifted:
        where.call(method, path, {text_key: body})
        return "updated"
    where.call(method, path, {"state": "closed"} if where.kind == "github" else {"state_event": "close"})
    return "closed"


def shortened(text: str) -> str:
    """The report, cut at a line if it is too long for a comment."""
    if len(text) <= _LONGEST:
        return text
    kept = text[:_LONGEST].rsplit("\n", 1)[0]
    return f"{kept}\n\n… shortened; the complete report is among the files of the job.\n"
