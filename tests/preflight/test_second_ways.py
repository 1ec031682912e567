"""States that a check reaches by another way than the one its family's own tests take."""

from __future__ import annotations

from preflight.submodule_walk import DEEPEST
from tests.preflight.conftest import GitStack, expect, expect_nothing, look, only
from tests.support.repositories import Repository, git
from tests.support.stacks import with_ready_image
from tests.support.web_hosts import TokenRegistry, web_host


def _nest(stack: GitStack, levels: int) -> str:
    """Put a chain of submodules into the dbt project, one in the other; the path of the deepest one."""
    url, pin, path = "", "", "dags/dbt/jaffle"
    for level in range(levels, 0, -1):
        inner = Repository(stack.server.root / f"nested/level{level}.git")
        pin = inner.commit({"a.sql": "x"}, submodules={"next": (url, pin)} if url else {})
        url = stack.server.url(f"nested/level{level}.git")
        path += "/next"
    newest = stack.dbt.commit(submodules={"next": (url, pin)})
    stack.link("dags/dbt/jaffle", stack.server.url("analytics/jaffle.git"), newest)
    return path


def test_submodules_as_deep_as_is_looked(git_stack: GitStack) -> None:
    _nest(git_stack, DEEPEST - 1)
    expect_nothing(git_stack.look())


def test_submodules_deeper_than_is_looked(git_stack: GitStack) -> None:
    path = _nest(git_stack, DEEPEST)
    finding = expect(
        git_stack.look(), "git.nested", "unverified", at="dags.submodules", says=f"so {path} was"
    )
    assert f"more than {DEEPEST} " in finding.message


def test_a_submodule_of_the_project_that_is_not_registered(git_stack: GitStack) -> None:
    tree = git_stack.dbt.tree
    git("update-index", "--add", "--cacheinfo", f"160000,{git_stack.pin},stray", cwd=tree)
    git("commit", "--quiet", "-m", "Stray", cwd=tree)
    git("push", "--quiet", str(git_stack.dbt.bare), "HEAD:refs/heads/main", cwd=tree)
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), git_stack.dbt.head())
    expect(git_stack.look(), "git.nested", "unregistered", at="dags.submodules", says="dags/dbt/jaffle/stray")


def test_a_history_that_is_damaged_on_the_host(git_stack: GitStack) -> None:
    lost = git_stack.dbt.commit({"models/a.sql": "select 2\n"})
    git_stack.dbt.commit({"models/a.sql": "select 3\n"})
    (git_stack.dbt.bare / "objects" / lost[:2] / lost[2:]).unlink()
    report = git_stack.look()
    expect(report, "git.lag", "unknown", at="dbtProjects[0].path")
    expect_nothing(report)
    assert report.projects["jaffle"].behind is None


def _existing(stack: GitStack) -> dict[str, object]:
    """Connections of a stack whose project opens by a Secret that nobody reads, because the cluster is not looked at."""
    own = {**stack.config["connections"]["git"], "existingSecret": "theirs"}
    del own["login"]
    return {"git": stack.config["connections"]["git"], "own": own}


def test_a_submodule_whose_secret_is_not_read(git_stack: GitStack) -> None:
    report = git_stack.look(connections=_existing(git_stack), dbtProjects=git_stack.project(connection="own"))
    expect(report, "git.connection", "unknown", at="connections.own", says="analytics/jaffle.git")
    assert not report.errors


def test_a_source_of_the_image_whose_secret_is_not_read(git_stack: GitStack) -> None:
    report = git_stack.look(
        delivery="agent-image",
        connections=_existing(git_stack),
        dbtProjects=git_stack.project(connection="own"),
        preflight={"checks": only("dbt", "git")},
    )
    expect(report, "git.connection", "unknown", at="connections.own", says="analytics/jaffle.git")
    assert not report.errors


def test_an_image_that_its_registry_does_not_show_to_everybody() -> None:
    with web_host(TokenRegistry("robot", "canary-r")) as host:
        levels = {"checks": only("image"), "timeout": 10}
        report = look({**with_ready_image(image=f"{host.server}/agent:1"), "preflight": levels})
    expect(report, "image.exists", "unverified", at="agent.image", says=host.server)
    assert not report.errors
