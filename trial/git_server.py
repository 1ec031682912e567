"""The trial's Git host: private repositories over HTTPS, created from the examples."""

import datetime
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from trial.certificates import Authority, Certificate
from trial.commands import run
from trial.http_check import answers
from trial.layout import Layout, write_private
from trial.memory import LOOPBACK, Memory
from trial.processes import Service, Supervisor
from trial.progress import Progress

USERNAME = "trial"
DAG_REPOSITORY = "platform/dags.git"
DBT_REPOSITORY = "analytics/jaffle.git"
SUBMODULE_PATH = "dags/dbt/jaffle"
BRANCH = "main"

# Fixed, so that the repositories get the same commit hashes each time.
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Trial",
    "GIT_AUTHOR_EMAIL": "trial@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Trial",
    "GIT_COMMITTER_EMAIL": "trial@example.com",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
_NEUTRAL = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}


@dataclass(frozen=True)
class Grant:
    """Access of one user to one repository with one token, as in the server's credentials file."""

    username: str
    token: str
    write: bool = False
    expires: datetime.datetime | None = None
    """Expiry of the grant; None: it never expires."""


@dataclass(frozen=True)
class GitInfo:
    """How to reach the Git server, and the files that a test may change while it is running."""

    url: str
    username: str
    token: str
    ca_file: str
    credentials_file: str
    repositories_dir: str
    access_log: str


def read_grants(path: Path) -> dict[str, list[Grant]]:
    """Read the grants per repository from a credentials file."""
    content = json.loads(path.read_text(encoding="utf-8"))["repositories"]

    def grant(fields: Mapping[str, object]) -> Grant:
        expires = fields.get("expires")
        return Grant(
            username=str(fields["username"]),
            token=str(fields["token"]),
            write=bool(fields.get("write")),
            expires=datetime.datetime.fromisoformat(str(expires)) if expires else None,
        )

    return {name: [grant(fields) for fields in grants] for name, grants in content.items()}


def write_grants(path: Path, grants: Mapping[str, list[Grant]]) -> None:
    """Write a credentials file; the server applies it from the next request on."""

    def fields(grant: Grant) -> dict[str, object]:
        given = {name: value for name, value in asdict(grant).items() if value}
        if grant.expires is not None:
            given["expires"] = grant.expires.astimezone(datetime.UTC).isoformat()
        return given

    content = {"repositories": {name: [fields(grant) for grant in listed] for name, listed in grants.items()}}
    write_private(path, json.dumps(content, indent=2) + "\n")


class GitServer:
    """Runs the Git server of one trial and creates its repositories."""

    def __init__(
        self, layout: Layout, progress: Progress, supervisor: Supervisor, memory: Memory, authority: Authority
    ) -> None:
        self.layout = layout
        self.progress = progress
        self.supervisor = supervisor
        self.memory = memory
        self.authority = authority
        self.folder = layout.state / "git"
        self.repositories = self.folder / "repositories"
        self.credentials = self.folder / "credentials.json"

    def up(self, host: str = LOOPBACK) -> GitInfo:
        """Start it unless it is running, create the example repositories, and return how to reach it.

        ``host`` is the address of this machine to listen on.
        """
        certificate = Certificate("git", "trial-git", hosts=(host,))
        pair = self.authority.ensure([certificate])[certificate.name]
        self.layout.private_folder(self.folder)
        self.repositories.mkdir(exist_ok=True)
        token = self.memory.secret("git")
        self._grant(token)
        port = self.memory.port("git", in_use=self.supervisor.identity("git") is not None)
        url = f"https://{host}:{port}"
        authority = self.authority.pair.certificate
        access_log = self.folder / "access.log"
        service = Service(
            "git",
            [
                self.layout.bin / "trial-services", "git",
                "-listen", f"{host}:{port}",
                "-certificate", pair.certificate,
                "-key", pair.key,
                "-repositories", self.repositories,
                "-credentials", self.credentials,
                "-access-log", access_log,
            ],
            ready=answers(f"{url}/healthz", authority=authority),
            reads=[pair.certificate],
        )  # fmt: skip
        with self.progress.step("start the Git server") as step:
            self.supervisor.start(service)
            self.supervisor.wait(service)
            self._fill(url)
            step.done(f"{url} with {DAG_REPOSITORY} and its submodule {DBT_REPOSITORY}")
        return GitInfo(
            url=url,
            username=USERNAME,
            token=token,
            ca_file=str(authority),
            credentials_file=str(self.credentials),
            repositories_dir=str(self.repositories),
            access_log=str(access_log),
        )

    def _grant(self, token: str) -> None:
        """Grant the trial's user access to the example repositories, and keep all other grants."""
        grants = read_grants(self.credentials) if self.credentials.exists() else {}
        own = Grant(USERNAME, token, write=True)
        for name in (DAG_REPOSITORY, DBT_REPOSITORY):
            listed = grants.setdefault(name, [])
            if own not in listed:
                listed.append(own)
        write_grants(self.credentials, grants)

    def _fill(self, url: str) -> None:
        examples = self.layout.repo / "examples"
        dbt = self.repositories / DBT_REPOSITORY
        dags = self.repositories / DAG_REPOSITORY
        if not dbt.exists():
            make_repository(dbt, examples / "dbt-project", message="Add the jaffle shop project")
        if not dags.exists():
            submodule = Submodule(SUBMODULE_PATH, f"{url}/{DBT_REPOSITORY}", head_of(dbt))
            make_repository(
                dags,
                examples / "dag-repo",
                submodules=[submodule],
                message="Add the Dags and the dbt project",
            )
        else:
            self._follow_address(dags, url)

    def _follow_address(self, dags: Path, url: str) -> None:
        """Commit the submodule's new URL if the server's address has changed since the repository was created."""
        wanted = f"{url}/{DBT_REPOSITORY}"
        text = git("show", f"{BRANCH}:.gitmodules", cwd=dags)
        found = [
            line.partition("=")[2].strip() for line in text.splitlines() if line.strip().startswith("url")
        ]
        old = [value for value in found if value.endswith("/" + DBT_REPOSITORY) and value != wanted]
        if not old:
            return
        for value in old:
            text = text.replace(value, wanted)
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            index = {"GIT_INDEX_FILE": str(Path(temporary) / "index")}
            git("read-tree", BRANCH, cwd=dags, env=index)
            blob = git("hash-object", "-w", "--stdin", cwd=dags, stdin=text).strip()
            git("update-index", "--cacheinfo", f"100644,{blob},.gitmodules", cwd=dags, env=index)
            tree = git("write-tree", cwd=dags, env=index).strip()
        parent = head_of(dags)
        commit = git(
            "commit-tree", tree, "-p", parent, "-m", "Follow the Git server", cwd=dags, env=_AUTHOR
        ).strip()
        git("update-ref", f"refs/heads/{BRANCH}", commit, parent, cwd=dags)


@dataclass(frozen=True)
class Submodule:
    """A submodule to register: its path, URL, commit and tracked branch."""

    path: str
    url: str
    commit: str
    branch: str = BRANCH


def git(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run Git without the user's settings and return its output. Raises TrialError: it failed."""
    # In a Git hook or a rebase, these variables would redirect every command to another repository.
    outer = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} & set(os.environ) - set(env or {})
    without = ["env", *(f"--unset={name}" for name in sorted(outer))] if outer else []
    argv = [*without, "git", *arguments]
    return run(argv, cwd=cwd, env={**_NEUTRAL, **(env or {})}, stdin=stdin, purpose=f"git {arguments[0]}")


def head_of(repository: Path) -> str:
    """The commit of the main branch."""
    return git("rev-parse", f"refs/heads/{BRANCH}", cwd=repository).strip()


def make_repository(
    target: Path, source: Path, *, message: str, submodules: list[Submodule] | None = None
) -> None:
    """Create a bare repository with one commit of a folder's files; equal input gives equal hashes.

    ``target`` appears atomically. ``submodules`` are registered in .gitmodules and pinned in the tree.
    """
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(partial), cwd=partial.parent)
    with tempfile.TemporaryDirectory(dir=partial.parent) as temporary:
        tree = Path(temporary) / "tree"
        shutil.copytree(
            source,
            tree,
            symlinks=True,
            ignore=shutil.ignore_patterns(".git", "__pycache__", "target", "logs"),
        )
        env = {"GIT_DIR": str(partial), "GIT_WORK_TREE": str(tree), **_AUTHOR}
        if submodules:
            sections = [
                f'[submodule "{item.path}"]\n\tpath = {item.path}\n\turl = {item.url}\n\tbranch = {item.branch}\n'
                for item in submodules
            ]
            (tree / ".gitmodules").write_text("".join(sections), encoding="utf-8")
        git("add", "--all", "--force", ".", cwd=tree, env=env)
        for item in submodules or []:
            git(
                "update-index", "--add", "--cacheinfo", f"160000,{item.commit},{item.path}", cwd=tree, env=env
            )
        git("commit", "--quiet", f"--message={message}", cwd=tree, env=env)
    partial.rename(target)
