"""One way to open a repository: what the checks accept, the image build opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clients.git import Cause, GitError
from delivery.recipe import projects_recipe
from domain.connection_secret import https_secret
from preflight.connection import cluster_secrets, repository_access
from program import wiring
from program.build_context import StagingError
from settings import Settings
from tests.preflight.conftest import Trial, expect, expect_nothing
from tests.support.kube_objects import make
from tests.support.stacks import ROOT, settings_of

pytestmark = pytest.mark.preflight

SECRET = "git-of-others"


@pytest.fixture
def held(trial: Trial, namespace: str) -> dict[str, Any]:
    """A stack whose image takes a dbt project from a private repository, with credentials in a Secret of the cluster."""
    git = trial.info.git
    trial.config |= {
        "delivery": "agent-image",
        "dbtProjects": [{"name": "jaffle", "repo": f"{git.url}/analytics/jaffle.git", "connection": "git"}],
        "connections": {"git": {"type": "https", "existingSecret": SECRET, "caBundle": git.ca_file}},
    }
    del trial.config["credentials"]
    return trial.config


def hold(trial: Trial, password: str) -> None:
    """Put a password into the Secret."""
    data = https_secret(trial.config["dags"]["repo"], login=trial.info.git.username, password=password)
    make(trial.environment, "Secret", SECRET, trial.config["agent"]["namespace"], stringData=data)


def checkout(settings: Settings, target: Path) -> None:
    """Fetch the project as the image build does."""
    built = projects_recipe(settings)
    assert built is not None
    (source,) = built.sources
    target.mkdir(exist_ok=True)
    wiring.checkout(settings, ROOT, source, target)


def test_the_image_build_reads_the_secret_that_the_checks_read(
    trial: Trial, held: dict[str, Any], tmp_path: Path
) -> None:
    hold(trial, trial.info.git.token)
    expect_nothing(trial.report("cluster", "git", "dbt"))
    checkout(settings_of(held), tmp_path / "jaffle")
    assert (tmp_path / "jaffle" / "dbt_project.yml").is_file()


def test_both_refuse_a_wrong_password(trial: Trial, held: dict[str, Any], tmp_path: Path) -> None:
    hold(trial, "canary-expired")
    report = trial.report("cluster", "git", "dbt")
    expect(report, "git.auth", "refused-existing", at="connections.git.existingSecret", says="jaffle.git")
    with pytest.raises(StagingError, match=r":dbtProjects\[0\]\.repo is .* cannot be fetched") as caught:
        checkout(settings_of(held), tmp_path / "jaffle")
    assert "canary" not in str(caught.value)


def test_a_secret_that_is_not_there(trial: Trial, held: dict[str, Any], tmp_path: Path) -> None:
    settings = settings_of(held)
    secrets = cluster_secrets(settings, root=ROOT)
    with pytest.raises(GitError, match=f"the Secret {SECRET} cannot be read") as caught:
        repository_access(settings, "git", root=ROOT, secrets=secrets)
    assert caught.value.cause is Cause.NO_CREDENTIALS
    with pytest.raises(StagingError, match=SECRET):
        checkout(settings, tmp_path / "jaffle")
