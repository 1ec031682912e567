"""What the image build gets so that it can install dbt packages without credentials."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from delivery import plan
from delivery.recipe import PACKAGES_PATH
from program import wiring
from program.build_context import StagingError
from settings import Settings
from tests.support.airflow_env import PythonEnvironment, dbt_environment
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository, git
from tests.support.stacks import settings_of, stack

__all__ = ["dbt_environment"]

pytestmark = [pytest.mark.usefixtures("recorder"), pytest.mark.git_host]

TOKEN = "canary-package-token"
PACKAGE = "name: {name}\nversion: '1.0.0'\nconfig-version: 2\n"
PROJECT = "name: jaffle\nprofile: jaffle\nversion: '1.0.0'\nconfig-version: 2\n"
MACRO = "{{% macro {name}() %}}{value}{{% endmacro %}}"


class Sources:
    """A Git host with two private packages, and a stack whose image has a local project."""

    def __init__(self, root: Path, server: GitServer) -> None:
        self.root = root
        self.server = server
        self.macros = Repository(server.root / "org/macros.git")
        self.first = self.macros.commit(self.package("macros", 1))
        self.macros.tag("v1")
        self.macros.commit(self.package("macros", 2))
        self.many = Repository(server.root / "org/many.git")
        self.many.commit(
            {f"tools/{path}": text for path, text in self.package("tools", 3).items()}
            | {"tools/packages.yml": f"packages: [{{git: '{self.url('macros')}', revision: v1}}]\n"}
        )
        server.grants = {f"org/{name}.git": [("robot", TOKEN)] for name in ("macros", "many")}
        self.project = root / "repository" / "analytics" / "jaffle"
        self.write("dbt_project.yml", PROJECT)
        (root / "repository" / ".git").mkdir()

    @staticmethod
    def package(name: str, value: int) -> dict[str, str]:
        """Files of a package with one macro."""
        return {
            "dbt_project.yml": PACKAGE.format(name=name),
            f"macros/{name}.sql": MACRO.format(name=name, value=value),
        }

    def url(self, name: str) -> str:
        """Clone URL of a package."""
        return self.server.url(f"org/{name}.git")

    def write(self, path: str, text: str, *, project: Path | None = None) -> None:
        """Write a file of the project."""
        file = (project or self.project) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def settings(self, *, token: str = TOKEN, packages: bool = True) -> Settings:
        """The stack."""
        return settings_of(
            stack(
                delivery="agent-image",
                dbtProjects=[{"name": "jaffle", "source": str(self.project)}],
                dbtPackages=[{"repo": self.url(name), "connection": "git"} for name in ("macros", "many") if packages],
                connections={"git": {"type": "https", "login": "robot", "caBundle": str(self.server.authority)}},
                credentials={"git": {"password": token}},
            )
        )  # fmt: skip

    def staged(self, **settings: Any) -> Path:
        """The folder of the context that the step for the project's packages sees."""
        made = self.settings(**settings)
        root = self.root / "program"
        root.mkdir(exist_ok=True)
        context = wiring.build_contexts(made, plan(made, authorities={}), root).projects
        assert context is not None
        return root / context.folder / "packages" / "jaffle"


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    """A Git host that runs for one test."""
    server = serve(tmp_path / "server")
    yield Sources(tmp_path, server)
    server.stop()


def addresses(folder: Path) -> set[str]:
    """Addresses that Git takes from the build context."""
    return set(re.findall(r'insteadOf = "(.*)"', (folder / "gitconfig").read_text()))


def test_git_packages_and_their_packages_are_staged_without_the_token(sources: Sources) -> None:
    url = sources.url("many")
    sources.write("packages.yml", f"packages:\n  - git: {url}\n    revision: main\n    subdirectory: tools\n")
    folder = sources.staged()
    assert addresses(folder) == {url, sources.url("macros")}
    everything = b"".join(
        path.read_bytes() for path in sources.root.joinpath("program").rglob("*") if path.is_file()
    )
    assert TOKEN.encode() not in everything


def test_moved_branch_gives_another_image_and_nothing_else_does(sources: Sources) -> None:
    sources.write("packages.yml", f"packages: [{{git: '{sources.url('macros')}', revision: main}}]\n")

    def tag() -> str:
        made = sources.settings()
        context = wiring.build_contexts(made, plan(made, authorities={}), sources.root).projects
        assert context is not None
        return context.tag

    first = tag()
    assert tag() == first
    sources.many.commit({"unrelated": "x"})
    assert tag() == first
    sources.macros.commit(sources.package("macros", 4))
    assert tag() != first


def test_committed_packages_are_used_and_nothing_is_fetched(sources: Sources) -> None:
    sources.write("packages.yml", "packages: [{git: 'https://nowhere.invalid/x.git', revision: v1}]\n")
    shutil.rmtree(sources.project.parents[1] / ".git")
    git("init", "-q", cwd=sources.project.parents[1])
    sources.write("dbt_packages/x/dbt_project.yml", PACKAGE.format(name="x"))
    git("add", "-A", cwd=sources.project)
    assert addresses(sources.staged()) == set()


def test_local_package_outside_the_project_is_staged(sources: Sources) -> None:
    for name, macro in (("shared", 5), ("deeper", 6)):
        for path, text in sources.package(name, macro).items():
            sources.write(path, text, project=sources.project.parents[1] / name)
    sources.write("packages.yml", "packages: [{local: ../../shared}]\n")
    sources.write(
        "packages.yml", "packages: [{local: ../../deeper}]\n", project=sources.project.parents[1] / "shared"
    )
    folder = sources.staged()
    assert json.loads((folder / "staged.json").read_text()) == {
        "folder": "analytics/jaffle",
        "packages": "dbt_packages",
    }
    assert (folder / "tree/shared/macros/shared.sql").is_file()
    assert (folder / "tree/deeper/dbt_project.yml").is_file()
    assert (folder / "tree/analytics/jaffle/packages.yml").is_file()


def refused(sources: Sources, **settings: Any) -> str:
    """The sentence of staging that fails."""
    with pytest.raises(StagingError) as caught:
        sources.staged(**settings)
    text = str(caught.value)
    assert text.startswith("astro-dbt:dbtProjects[0] needs the dbt package ")
    assert "canary" not in text
    assert text.count("\n") == 0
    return text


@pytest.mark.parametrize(
    ("packages", "says"),
    [
        ("local: ../../../outside", "../../../outside is outside the project's repository"),
        ("local: /etc", "/etc is outside the project's repository"),
        ("local: ../../nothing", "../../nothing does not exist"),
        ("local: ../linked", "has the link analytics/linked, which leads to an absolute path"),
        ("git: 'https://robot:canary-in-url@git.example.com/a.git'", "has credentials in its address"),
    ],
)  # fmt: skip
def test_package_that_cannot_be_staged_is_a_sentence(sources: Sources, packages: str, says: str) -> None:
    sources.write("packages.yml", f"packages:\n  - {packages}\n")
    (sources.project.parent / "linked").symlink_to("/etc")
    assert says in refused(sources)


def test_package_that_cannot_be_fetched_is_a_sentence(sources: Sources) -> None:
    sources.write("packages.yml", f"packages: [{{git: '{sources.url('macros')}', revision: v9}}]\n")
    assert "has no branch or tag v9" in refused(sources)
    assert "connection git" in refused(sources, token="canary-wrong")
    assert "dbtPackages" in refused(sources, packages=False)


@pytest.mark.airflow
def test_dbt_installs_what_was_staged_without_a_network(
    sources: Sources, dbt_environment: PythonEnvironment
) -> None:
    """The program that runs in the build, with real dbt: revisions, a folder, a lock file, local packages."""
    for path, text in sources.package("shared", 5).items():
        sources.write(path, text, project=sources.project.parents[1] / "shared")
    sources.write(
        "packages.yml",
        f"packages:\n  - git: {sources.url('many')}\n    revision: main\n    subdirectory: tools\n"
        f"  - git: {sources.url('macros')}\n    revision: v1\n  - local: ../../shared\n",
    )
    folder = sources.staged()
    sources.server.stop()
    config = folder / "gitconfig"
    config.write_text(config.read_text().replace(PACKAGES_PATH, str(folder)))
    built = Path(shutil.copytree(folder.parents[1] / "dbt/jaffle", sources.root / "built"))
    for lock in ("none yet", "of the first time"):
        ended = dbt_environment.run(
            [dbt_environment.python, folder / "install_packages.py", dbt_environment.program("dbt")],
            env={},
            cwd=built,
        )
        assert ended.returncode == 0, (lock, ended.stdout + ended.stderr)
        found = {path.stem: path.read_text() for path in built.glob("dbt_packages/*/macros/*.sql")}
        assert found == {
            name: MACRO.format(name=name, value=value)
            for name, value in (("tools", 3), ("macros", 1), ("shared", 5))
        }
        assert not list(built.glob("dbt_packages/*/.git"))
        assert not [path for path in built.rglob("*") if path.is_symlink()]
        shutil.rmtree(built / "dbt_packages")
        shutil.copy(built / "package-lock.yml", folder / "tree/analytics/jaffle")
    assert sources.first in (built / "package-lock.yml").read_text()


@pytest.mark.airflow
@pytest.mark.parametrize(
    ("target", "variables", "recorded"),
    [(None, {}, "dev"), (None, {"WHICH": "prod"}, "prod"), ("prod", {}, "prod")],
)
def test_manifest_records_its_target(
    tmp_path: Path,
    dbt_environment: PythonEnvironment,
    target: str | None,
    variables: dict[str, str],
    recorded: str,
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "dbt_project.yml").write_text(PROJECT)
    outputs = "{dev: {type: duckdb, path: a.duckdb}, prod: {type: duckdb, path: b.duckdb}}"
    (project / "profiles.yml").write_text(
        f"jaffle:\n  target: \"{{{{ env_var('WHICH', 'dev') }}}}\"\n  outputs: {outputs}\n"
    )
    program = Path(wiring.__file__).parents[1] / "delivery/in_image/create_manifest.py"
    words: list[str | Path] = [program, dbt_environment.program("dbt")]
    words += [target] if target else []
    ended = dbt_environment.run([dbt_environment.python, *words], env=variables, cwd=project)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads((project / "target/manifest-for.json").read_text()) == {
        "profile": "jaffle",
        "target": recorded,
    }
    assert (project / "target/manifest.json").is_file()
    as_cosmos = ["parse", "--profiles-dir", ".", "--profile", "jaffle", "--target", recorded]
    again = dbt_environment.run([dbt_environment.program("dbt"), *as_cosmos], env=variables, cwd=project)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Unable to do partial parsing" not in again.stdout


@pytest.mark.airflow
def test_a_name_of_a_profile_that_dbt_renders_is_left_to_dbt(
    tmp_path: Path, dbt_environment: PythonEnvironment
) -> None:
    rendered = PROJECT.replace("profile: jaffle", "profile: \"{{ env_var('WHOSE') }}\"")
    assert rendered != PROJECT
    (tmp_path / "dbt_project.yml").write_text(rendered)
    (tmp_path / "profiles.yml").write_text("jaffle: {outputs: {dev: {type: duckdb, path: a.duckdb}}}\n")
    program = Path(wiring.__file__).parents[1] / "delivery/in_image/create_manifest.py"
    words: list[str | Path] = [dbt_environment.python, program, dbt_environment.program("dbt"), "dev"]
    ended = dbt_environment.run(words, env={"WHOSE": "jaffle"}, cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tmp_path / "target/manifest.json").is_file()
