"""A host that keeps comments and issues as the REST APIs of GitHub and GitLab do."""

from __future__ import annotations

import json
from typing import Any

from tests.support.http_server import Answer, HttpServer, Request

TOKEN = "canary-job-token"


class CiHost(HttpServer):
    """Lists of entries by path; POST adds one, PATCH and PUT change the one that the path ends with."""

    def __init__(self) -> None:
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.refuse = False
        super().__init__(self._answered)

    def github(self) -> dict[str, str]:
        """Variables that GitHub sets for a job."""
        return {"GITHUB_REPOSITORY": "acme/agents", "GITHUB_API_URL": self.url()}

    def gitlab(self) -> dict[str, str]:
        """Variables that GitLab sets for a job."""
        return {"CI_PROJECT_ID": "42", "CI_API_V4_URL": self.url()}

    def all(self) -> list[dict[str, Any]]:
        """Every comment and issue."""
        return [entry for items in self.entries.values() for entry in items]

    def _answered(self, request: Request) -> Answer:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.refuse or TOKEN not in (request.headers.get("PRIVATE-TOKEN"), bearer):
            return 403, b"{}", {}
        return 200, json.dumps(self._done(request)).encode(), {}

    def _done(self, request: Request) -> Any:
        if request.method == "GET":
            page = int(request.args["page"])
            return self.entries.get(request.path, [])[(page - 1) * 100 : page * 100]
        body = request.get_json(force=True)
        if request.method == "POST":
            number = len(self.all()) + 1
            entry = {"id": number, "number": number, "iid": number, **body}
            self.entries.setdefault(request.path, []).append(entry)
            return entry
        (entry,) = [item for item in self.all() if item["id"] == int(request.path.rsplit("/", 1)[1])]
        entry.update(body)
        return entry
