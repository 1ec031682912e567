"""Comments and issues, against a server that keeps them as GitHub and GitLab do."""

from __future__ import annotations

import pytest

from review.publish import Host, PublishError, comment, drift_issue, shortened
from tests.support.ci_host import TOKEN, CiHost

REPORT = "<!-- astro-dbt review: fleet prod-* -->\n\n## 2 stacks\n"


@pytest.fixture
def server():
    with CiHost() as made:
        yield made


@pytest.fixture(params=["github", "gitlab"])
def host(request, server):
    if request.param == "github":
        return Host.of({**server.github(), "GITHUB_TOKEN": TOKEN})
    return Host.of({**server.gitlab(), "GITLAB_TOKEN": TOKEN})


def test_one_comment_is_made_and_then_updated_in_place(host, server):
    assert comment(host, 7, REPORT) == "created"
    assert comment(host, 7, REPORT) == "unchanged"
    assert comment(host, 7, REPORT + "more\n") == "updated"
    (entry,) = server.all()
    assert entry["body"] == REPORT + "more\n"


def test_comments_of_others_and_of_other_reports_stay(host, server):
    comment(host, 7, "<!-- astro-dbt review: dev -->\n\nanother\n")
    comment(host, 7, "a person's words\n")
    assert comment(host, 7, REPORT) == "created"
    assert len(server.all()) == 3


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
    (entry,) = server.all()
    assert "closed" in (entry.get("state"), entry.get("state_event") and "closed")


def test_a_refusal_is_one_sentence_without_the_token(host, server):
    server.refuse = True
    with pytest.raises(PublishError, match=r"answered 403 to GET .*; the token needs the right") as caught:
        comment(host, 7, REPORT)
    assert TOKEN not in str(caught.value) + repr(host)


@pytest.mark.parametrize(
    ("variables", "words"),
    [({}, "not a job of GitHub or GitLab"), ({"GITHUB_REPOSITORY": "a/b"}, "GITHUB_TOKEN is not set")],
)
def test_a_missing_host_or_token_is_one_sentence(variables, words):
    with pytest.raises(PublishError, match=words):
        Host.of(variables)


def test_a_report_that_is_too_long_is_cut_at_a_line():
    text = shortened("line of a report\n" * 10_000)
    assert len(text) < 65_536
    assert text.endswith("complete report is among the files of the job.\n")
    assert "line of a report\n\n…" in text
