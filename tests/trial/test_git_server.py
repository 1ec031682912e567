"""The trial's Git host behaves like a real one: private, per repository, over smart HTTP."""

import base64
import datetime
import json
import os
import subprocess
from pathlib import Path

import pytest

from trial.certificates import Authority
from trial.git_server import (
    DAG_REPOSITORY,
    DBT_REPOSITORY,
    SUBMODULE_PATH,
    GitInfo,
    GitServer,
    Grant,
    Submodule,
    head_of,
    make_repository,
    read_grants,
    write_grants,
)

pytestmark = pytest.mark.git_host


def git(info: GitInfo, *arguments: str, username: str = "", token: str = "", cwd: Path | None = None):
    """Run Git as a client that knows the trial's authority; credentials travel by the environment."""
    header = base64.b64encode(f"{username}:{token}".encode()).decode()
    settings = {f"http.{info.url}/.extraHeader": f"Authorization: Basic {header}"} if username else {}
    settings |= {"user.name": "t", "user.email": "t@example.com"}
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    env |= {"GIT_SSL_CAINFO": info.ca_file, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        ["git", *arguments], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def grants(git_info: GitInfo):
    """The grants as they are, put back at the end."""
    path = Path(git_info.credentials_file)
    before = read_grants(path)
    yield before
    write_grants(path, before)


def test_a_clone_brings_the_dbt_project_as_submodule(git_info: GitInfo, tmp_path: Path) -> None:
    url = f"{git_info.url}/{DAG_REPOSITORY}"
    cloned = git(
        git_info, "clone", "--recurse-submodules", url, "dags", username=git_info.username, token=git_info.token,
        cwd=tmp_path,
    )  # fmt: skip
    assert cloned.returncode == 0, cloned.stderr
    assert (tmp_path / "dags" / SUBMODULE_PATH / "dbt_project.yml").is_file()
    modules = (tmp_path / "dags" / ".gitmodules").read_text()
    assert f"url = {git_info.url}/{DBT_REPOSITORY}" in modules, "absolute, or Airflow cannot fetch it"


def test_nobody_gets_in_without_a_grant_and_a_missing_repository_looks_the_same(git_info: GitInfo) -> None:
    answers = [
        git(git_info, "ls-remote", f"{git_info.url}/{DAG_REPOSITORY}"),
        git(git_info, "ls-remote", f"{git_info.url}/{DAG_REPOSITORY}", username="trial", token="wrong"),
        git(
            git_info, "ls-remote", f"{git_info.url}/platform/none.git", username="trial", token=git_info.token
        ),
    ]
    assert all(answer.returncode == 128 for answer in answers)
    assert "could not read Username" in answers[0].stderr
    assert answers[1].stderr.replace(DAG_REPOSITORY, "") == answers[2].stderr.replace("platform/none.git", "")


def test_a_rotated_token_counts_from_the_next_request_on(
    git_info: GitInfo, grants: dict[str, list[Grant]]
) -> None:
    url = f"{git_info.url}/{DBT_REPOSITORY}"
    path = Path(git_info.credentials_file)
    write_grants(path, grants | {DBT_REPOSITORY: [Grant("reader", "fresh")]})
    assert git(git_info, "ls-remote", url, username=git_info.username, token=git_info.token).returncode == 128
    assert git(git_info, "ls-remote", url, username="reader", token="fresh").returncode == 0
    assert git(
        git_info, "ls-remote", f"{git_info.url}/{DAG_REPOSITORY}", username="reader", token="fresh"
    ).returncode == 128, "a token opens its own repository only"  # fmt: skip


def test_a_token_ends_at_its_time(git_info: GitInfo, grants: dict[str, list[Grant]]) -> None:
    url = f"{git_info.url}/{DBT_REPOSITORY}"
    now = datetime.datetime.now(datetime.UTC)
    for hours, code in ((1, 0), (-1, 128)):
        ends = now + datetime.timedelta(hours=hours)
        write_grants(
            Path(git_info.credentials_file),
            grants | {DBT_REPOSITORY: [Grant("reader", "short", expires=ends)]},
        )
        assert git(git_info, "ls-remote", url, username="reader", token="short").returncode == code


def test_a_misspelt_field_closes_the_server_instead_of_granting_for_ever(
    git_info: GitInfo, grants: dict[str, list[Grant]]
) -> None:
    path = Path(git_info.credentials_file)
    content = {
        "repositories": {DBT_REPOSITORY: [{"username": "u", "token": "t", "expire": "2000-01-01T00:00:00Z"}]}
    }
    path.write_text(json.dumps(content))
    answer = git(git_info, "ls-remote", f"{git_info.url}/{DBT_REPOSITORY}", username="u", token="t")
    assert answer.returncode == 128
    assert "500" in answer.stderr


def test_a_push_in_chunks_arrives_and_needs_a_grant_to_write(
    git_info: GitInfo, grants: dict[str, list[Grant]], tmp_path: Path
) -> None:
    who = {"username": git_info.username, "token": git_info.token}
    url = f"{git_info.url}/{DBT_REPOSITORY}"
    assert git(git_info, "clone", url, "dbt", cwd=tmp_path, **who).returncode == 0
    work = tmp_path / "dbt"
    # Above http.postBuffer (1 MiB), Git sends a body of unknown length.
    (work / "big").write_bytes(os.urandom(3_000_000))
    git(git_info, "checkout", "-b", "big", cwd=work)
    git(git_info, "add", "big", cwd=work)
    git(git_info, "commit", "-m", "big", cwd=work)
    write_grants(Path(git_info.credentials_file), {DBT_REPOSITORY: [Grant("trial", git_info.token)]})
    assert git(git_info, "push", "origin", "big", cwd=work, **who).returncode == 128
    write_grants(Path(git_info.credentials_file), grants)
    pushed = git(git_info, "push", "origin", "big", cwd=work, **who)
    assert pushed.returncode == 0, pushed.stderr
    assert git(git_info, "push", "origin", ":big", cwd=work, **who).returncode == 0


def test_a_partial_fetch_of_one_commit_is_served(git_info: GitInfo, tmp_path: Path) -> None:
    commit = head_of(Path(git_info.repositories_dir) / DBT_REPOSITORY)
    git(git_info, "init", "--quiet", cwd=tmp_path)
    fetched = git(
        git_info, "fetch", "--depth=1", "--filter=blob:none", f"{git_info.url}/{DBT_REPOSITORY}", commit,
        username=git_info.username, token=git_info.token, cwd=tmp_path,
    )  # fmt: skip
    assert fetched.returncode == 0, fetched.stderr
    counted = git(git_info, "cat-file", "--batch-check", "--batch-all-objects", "--unordered", cwd=tmp_path)
    assert " commit " in counted.stdout
    assert " blob " not in counted.stdout


def test_the_access_log_tells_sizes_and_never_a_token(git_info: GitInfo) -> None:
    git(git_info, "ls-remote", f"{git_info.url}/{DBT_REPOSITORY}", username="trial", token=git_info.token)
    text = Path(git_info.access_log).read_text()
    last = json.loads(text.splitlines()[-1])
    assert (last["status"], last["username"]) == (200, "trial")
    assert last["bytes"] > 0
    assert git_info.token not in text
    assert base64.b64encode(f"trial:{git_info.token}".encode()).decode() not in text


def test_a_path_that_climbs_out_is_not_found(git_info: GitInfo) -> None:
    answer = git(
        git_info,
        "ls-remote",
        f"{git_info.url}/platform/%2e%2e/platform/dags.git",
        username="trial",
        token=git_info.token,
    )
    assert answer.returncode == 128


def test_equal_files_give_equal_commits(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_text("a")
    submodule = Submodule("dbt/x", "https://example.com/x.git", "1" * 40)
    for name in ("one.git", "two.git"):
        make_repository(tmp_path / name, source, message="m", submodules=[submodule])
        (source / "a.txt").touch()
    assert head_of(tmp_path / "one.git") == head_of(tmp_path / "two.git")


def test_the_submodules_url_follows_the_server_to_another_address(
    parts, git_info: GitInfo, tmp_path: Path
) -> None:
    submodule = Submodule(SUBMODULE_PATH, f"https://127.0.0.1:1/{DBT_REPOSITORY}", "1" * 40)
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.py").write_text("a = 1\n")
    repository = tmp_path / "dags.git"
    make_repository(repository, source, message="m", submodules=[submodule])
    server = GitServer(
        parts.layout, parts.progress, parts.supervisor, parts.memory, Authority(parts.layout.certificates)
    )
    for _ in range(2):
        server._follow_address(repository, git_info.url)
    modules = git(git_info, "show", "main:.gitmodules", cwd=repository).stdout
    assert f"url = {git_info.url}/{DBT_REPOSITORY}\n" in modules
    assert "127.0.0.1:1/" not in modules
    tree = git(git_info, "ls-tree", "-r", "main", cwd=repository).stdout
    assert f"160000 commit {'1' * 40}\t{SUBMODULE_PATH}" in tree
    assert git(git_info, "rev-list", "--count", "main", cwd=repository).stdout == "2\n", (
        "the second time changes nothing"
    )


def test_a_server_at_another_address_serves_there_and_nowhere_else(
    parts, git_info: GitInfo, tmp_path: Path
) -> None:
    """A real node's Pods don't reach loopback: the server moves, with its certificate and the submodule's URL."""
    authority = Authority(parts.layout.certificates)
    server = GitServer(parts.layout, parts.progress, parts.supervisor, parts.memory, authority)
    try:
        moved = server.up("127.0.0.2")
        assert moved.url.startswith("https://127.0.0.2:")
        url = f"{moved.url}/{DAG_REPOSITORY}"
        cloned = git(
            moved, "clone", "--recurse-submodules", url, "dags", username=moved.username, token=moved.token,
            cwd=tmp_path,
        )  # fmt: skip
        assert cloned.returncode == 0, cloned.stderr
        assert (tmp_path / "dags" / SUBMODULE_PATH / "dbt_project.yml").is_file()
        left = moved.url.replace("127.0.0.2", "127.0.0.1")
        refused = git(
            moved, "ls-remote", f"{left}/{DAG_REPOSITORY}", username=moved.username, token=moved.token
        )
        assert refused.returncode != 0
        assert "Connection refused" in refused.stderr or "Failed to connect" in refused.stderr, refused.stderr
    finally:
        server.up()
