"""Value types that several sections share."""

from __future__ import annotations

import pytest

from tests.support.stacks import problems, settings_of, stack


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("../dbt.git", "relative address"),
            ("https://robot:canary@git.example.com/x/y.git", "contains credentials"),
            (
                "https://robot@git.example.com/x/y.git",
                "write it without robot@: https://git.example.com/x/y.git",
            ),
            ("ftp://git.example.com/x", "is not a Git URL"),
            ("http://git.example.com/x", "is not encrypted; write https://git.example.com/x"),
            ("https://git.example.com/", "names no repository"),
            (
                "ssh://git@ssh.dev.azure.com:v3/acme/data/dags",
                "write git@ssh.dev.azure.com:v3/acme/data/dags",
            ),
            ("https://github.com:acme/x.git", "write https://github.com/acme/x.git"),
            ("https://ghp_canary0123456789@github.com/acme/x.git", "contains credentials"),
            ("https://git.example.com/x?y=1", "query"),
        ],
    )
    def test_refused(self, url, says):
        found = problems(stack(dags={"repo": url}))
        assert says in found["dags.repo"]
        assert "canary" not in found["dags.repo"]

    @pytest.mark.parametrize(
        "url", ["git@git.example.com:x/y.git", "ssh://git@git.example.com:2222/x/y.git", "https://h:8443/x/y"]
    )
    def test_accepted(self, url):
        connection = (
            {"type": "https", "anonymous": True}
            if url.startswith("https")
            else {"type": "ssh", "existingSecret": "s"}
        )
        config = stack(
            dags={"repo": url, "connection": "git"},
            connections={"git": connection},
            credentials={},
            dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle"}],
        )
        assert settings_of(config).git_bundles[0].repo == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://[::1/simple", "has a host or a port that cannot be read"),
        ("https://pypi.corp:99999/simple", "has a host or a port that cannot be read"),
        ("https://pypi.corp:acme/simple", "has a host or a port that cannot be read"),
        ("https://pypi.corp:0/simple", "has the port 0"),
        ("https:///simple", "is not an http(s) URL"),
        ("https://me:canary@pypi.corp/simple", "contains credentials"),
    ],
)
def test_an_http_url_that_cannot_be_read(url, says):
    image = {**stack()["image"], "packageIndex": url}
    found = problems(stack(image=image))["image.packageIndex"]
    assert says in found
    assert "canary" not in found
