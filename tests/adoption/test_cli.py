"""The commands as a shell runs them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from adoption.cli import main
from settings import RawValue, parse
from tests.adoption.samples import CANARY, chart, short, write
from tests.adoption.test_translate import clear
from tests.support.charts import chart_package, chart_repository
from tests.support.http_server import HttpServer
from tests.support.stacks import ROOT

CHART = "astro-remote-execution-agent"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the program's Pulumi.yaml, as the current one."""
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def repository() -> Iterator[str]:
    """A chart repository with the defaults of the 2.x stand-in."""
    package = chart_package(CHART, "2.3.3", {"values.yaml": yaml.safe_dump(chart(2))})
    with HttpServer(chart_repository(CHART, {"2.3.3": package})) as host:
        yield host.url()


def from_values(*arguments: str, repository: str) -> int:
    common = ("--chart-version", "2.3.3", "--chart-repository", repository)
    return main(["from-values", *arguments, *common])


def test_stack_file_is_one_that_the_program_takes(folder: Path, repository: str, capsys) -> None:
    file = write(folder, short())
    code = from_values(str(file), "--dags-repo", "https://git.example.com/p/d.git", repository=repository)
    assert code == 0
    content = yaml.safe_load((folder / "stacks" / "Pulumi.prod.yaml").read_text())
    raw = {key.partition(":")[2]: value for key, value in content["config"].items()}
    texts = {
        key: RawValue(value if isinstance(value, str) else json.dumps(value)) for key, value in raw.items()
    }
    assert (
        parse(texts, project="astro-dbt", root=folder).git_bundles[0].repo
        == "https://git.example.com/p/d.git"
    )
    printed = capsys.readouterr().out
    assert "Nothing changes for the agents" in printed
    assert "agent.withheld.commonEnv.GIT_TERMINAL_PROMPT: Git fails at once" in printed
    assert "pulumi import --file adopt.json --generate-code=false --stack prod" in printed
    assert "give --astro-project" in printed


def test_credentials_are_printed_nowhere(folder: Path, repository: str, capsys) -> None:
    file = write(folder, clear())
    assert from_values(str(file), repository=repository) == 0
    printed = capsys.readouterr()
    assert CANARY not in printed.out + printed.err + (folder / "stacks" / "Pulumi.prod.yaml").read_text()
    assert (
        '"commonEnv.AIRFLOW_CONN_GIT_DEFAULT#password" values.yaml | pulumi config set --secret'
        in printed.out.replace(str(folder) + "/", "")
    )
    assert "agentToken: the credential moves out of Helm's values" in printed.out


def test_every_printed_place_is_readable(folder: Path, repository: str, capsys) -> None:
    file = write(folder, clear())
    from_values(str(file), repository=repository)
    printed = capsys.readouterr().out
    places = [line.split('"')[1] for line in printed.splitlines() if 'adoption secret "' in line]
    assert len(places) == 9
    for place in places:
        assert main(["secret", place, str(file)]) == 0
        assert CANARY in capsys.readouterr().out


def test_a_credential_is_not_written_to_a_terminal(folder: Path, monkeypatch, capsys) -> None:
    file = write(folder, clear())

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["secret", "agentToken", str(file)]) == 2
    assert CANARY not in terminal.getvalue()


def test_a_stack_file_with_a_configuration_is_kept(folder: Path, repository: str, capsys) -> None:
    file = write(folder, short())
    stack = folder / "stacks" / "Pulumi.prod.yaml"
    stack.parent.mkdir()
    stack.write_text("config:\n  astro-dbt:delivery: agent-image\n")
    assert from_values(str(file), repository=repository) == 2
    assert "has a configuration already" in capsys.readouterr().err
    assert from_values(str(file), "--force", repository=repository) == 0
    stack.write_text("config:\n  astro-dbt:agentToken:\n    secure: x\n")
    assert from_values(str(file), "--force", repository=repository) == 2
    assert "contains secrets" in capsys.readouterr().err


def test_the_example_of_a_fresh_clone_is_replaced(folder: Path, repository: str) -> None:
    file = write(folder, short())
    stack = folder / "stacks" / "Pulumi.prod.yaml"
    stack.parent.mkdir()
    stack.write_text((ROOT / "stacks" / "Pulumi.prod.yaml").read_text())
    assert from_values(str(file), repository=repository) == 0
    assert "stellar-comet" not in stack.read_text()


def test_what_pulumi_wrote_into_a_new_stack_file_stays(folder: Path, repository: str) -> None:
    file = write(folder, short())
    stack = folder / "stacks" / "Pulumi.dev.yaml"
    stack.parent.mkdir()
    stack.write_text("encryptionsalt: v1:x\n")
    assert from_values(str(file), "--stack", "dev", repository=repository) == 0
    assert yaml.safe_load(stack.read_text())["encryptionsalt"] == "v1:x"


def test_an_incomplete_stack_is_written_with_its_mistakes(folder: Path, repository: str, capsys) -> None:
    values = short() | {"namespace": "Not A Name"}
    assert from_values(str(write(folder, values)), repository=repository) == 1
    assert "astro-dbt:agent.namespace" in capsys.readouterr().out
    assert (folder / "stacks" / "Pulumi.prod.yaml").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (": [", "is not valid YAML (line 1)"),
        ("- 1", "is not a mapping"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_a_sentence(folder: Path, repository: str, capsys, text, sentence) -> None:
    file = folder / "values.yaml"
    if text is not None:
        file.write_text(text)
    assert from_values(str(file), repository=repository) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["values.yaml", "--release", "a/b"]])
def test_one_source_is_needed(folder: Path, repository: str, capsys, arguments) -> None:
    assert from_values(*arguments, repository=repository) == 2
    assert "name values files, or a live release" in capsys.readouterr().err


def test_several_files_and_a_release_of_another_namespace(folder: Path, repository: str, capsys) -> None:
    write(folder, short())
    (folder / "more.yaml").write_text("agentTokenSecretName: null\nagentToken: canary-token\n")
    arguments = ("values.yaml", "more.yaml", "--release-namespace", "default")
    assert from_values(*arguments, repository=repository) == 0
    printed = capsys.readouterr().out
    assert 'adoption secret "agentToken" values.yaml more.yaml | pulumi config set' in printed
    assert "import-file release default/astro-agent" in printed
    assert "add --release-namespace" not in printed
    content = yaml.safe_load((folder / "stacks" / "Pulumi.prod.yaml").read_text())
    assert content["config"]["astro-dbt:agent"]["releaseNamespace"] == "default"
    assert main(["secret", "agentToken", "values.yaml", "more.yaml"]) == 0
    assert capsys.readouterr().out == "canary-token"


def test_where_helm_keeps_the_release_is_asked_of_a_file(folder: Path, repository: str, capsys) -> None:
    file = write(folder, short())
    assert from_values(str(file), repository=repository) == 0
    assert "if it is not agents, add --release-namespace" in capsys.readouterr().out


def test_a_missing_chart_is_a_sentence(folder: Path, repository: str, capsys) -> None:
    file = write(folder, short())
    assert main(["from-values", str(file)]) == 2
    assert "--chart-version is missing" in capsys.readouterr().err
    assert main(["from-values", str(file), "--chart-version", "9.9.9", "--chart-repository", repository]) == 2
    assert "does not serve" in capsys.readouterr().err


def test_it_runs_in_the_program_s_folder(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["from-values", "values.yaml"]) == 2
    assert "has no Pulumi.yaml" in capsys.readouterr().err


def test_import_file_names_the_component_as_parent(capsys) -> None:
    assert main(["import-file", "release", "agents/astro-agent"]) == 0
    component, release = json.loads(capsys.readouterr().out)["resources"]
    assert component["component"] is True
    assert release == {
        "type": "kubernetes:helm.sh/v3:Release",
        "name": "agent",
        "id": "agents/astro-agent",
        "parent": "component",
    }


@pytest.mark.parametrize(("host", "reported"), [("git.example.com", False), ("gitlab.example.org", True)])
def test_a_submodule_on_another_host_needs_a_connection(
    folder: Path, repository: str, capsys, host, reported
) -> None:
    project = folder / "project"
    (project / "dags" / "dbt" / "shop").mkdir(parents=True)
    (project / "dags" / "dbt" / "shop" / "dbt_project.yml").write_text("name: shop\n")
    (project / ".gitmodules").write_text(
        f'[submodule "shop"]\n\tpath = dags/dbt/shop\n\turl = https://{host}/a/shop.git\n'
    )
    arguments = ("--astro-project", str(project), "--dags-repo", "https://git.example.com/p/d.git")
    assert from_values(str(write(folder, short())), *arguments, repository=repository) == 0
    assert ("is a submodule on another host" in capsys.readouterr().out) is reported
    content = yaml.safe_load((folder / "stacks" / "Pulumi.prod.yaml").read_text())
    (entry,) = content["config"]["astro-dbt:dbtProjects"]
    assert entry == {"name": "shop", "path": "dags/dbt/shop", "repo": f"https://{host}/a/shop.git"}


def test_projects_in_the_image_are_delivered_by_it(folder: Path, repository: str) -> None:
    """The agents keep the image that they have."""
    project = folder / "project"
    (project / "dbt" / "shop").mkdir(parents=True)
    (project / "dbt" / "shop" / "dbt_project.yml").write_text("name: shop\n")
    (project / "Dockerfile.client").write_text(
        "FROM images.example.com/agent:1\nCOPY dbt /usr/local/airflow/dbt\n"
    )
    values = short() | {"dagBundleConfigList": short()["dagBundleConfigList"].replace("true", "false")}
    file = write(folder, values)
    arguments = ("--astro-project", str(project), "--dags-repo", "https://git.example.com/p/d.git")
    assert from_values(str(file), *arguments, repository=repository) == 0
    text = (folder / "stacks" / "Pulumi.prod.yaml").read_text()
    config = yaml.safe_load(text)["config"]
    assert config["astro-dbt:delivery"] == "agent-image"
    assert config["astro-dbt:agent"]["image"] == values["image"]
    assert config["astro-dbt:dbtProjects"][0]["source"] == "project/dbt/shop"
    assert "#     base: images.example.com/agent:1" in text
