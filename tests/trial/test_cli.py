"""The command line speaks in sentences."""

import json
import subprocess
from pathlib import Path

import pytest

from trial.cli import main


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("NODE", "kind", "error: NODE is 'kind'; write kwok or real.\n"),
        ("DELIVERY", "image", "error: DELIVERY is 'image'; write git-submodule or agent-image.\n"),
    ],
)
def test_a_misspelt_variable_is_one_sentence_and_starts_nothing(
    variable: str,
    value: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["--state", str(tmp_path / "state"), "up"]) == 1
    assert capsys.readouterr().err == sentence
    assert not (tmp_path / "state").exists()


def test_env_without_a_trial_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path / "state"), "env"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "", "a shell would run it"
    assert printed.err == "error: the trial environment is not up; run 'make up' first.\n"


def test_down_without_a_trial_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path / "state"), "down"]) == 0
    assert capsys.readouterr() == ("", "")


def test_down_of_another_state_restores_the_stack_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it was before the `up` of that state, which wrote the addresses of its parts into it."""
    state, file = tmp_path / "state", tmp_path / "stacks" / "Pulumi.dev.yaml"
    state.mkdir()
    file.parent.mkdir()
    before = "config: # by hand\n  astro-dbt:dags:\n    repo: https://git.example.com/dags.git\n"
    (state / "stack-file-before").write_text(before)
    file.write_text(
        "config:\n  astro-dbt:dags:\n    repo: https://127.0.0.1:1/dags.git\nencryptionsalt: v1:x\n"
    )
    monkeypatch.setattr("trial.cli.REPO", tmp_path)
    assert main(["--state", str(state), "down"]) == 0
    assert file.read_text() == before
    assert "still has your changes" not in capsys.readouterr().err


def test_env_quotes_values_for_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    state.mkdir()
    part = {"server": "s", "username": "u", "password": "p"}
    names = ("url", "username", "token", "ca_file", "credentials_file", "repositories_dir", "access_log")
    content = {
        "kubeconfig": "/a b/$(touch x)'",
        "context": "trial",
        "node": "kwok",
        "registry": part,
        "git": dict.fromkeys(names, "x"),
        "chart_repository": "http://x",
        "docker_host": None,
        "base_image": None,
        "sentinel_image": None,
        "ready_image": None,
        "pulumi": {"home": "/h", "backend_url": "file:///b", "passphrase_file": "/p", "plugins": {}},
        "bin": "/bin",
    }
    (state / "environment.json").write_text(json.dumps(content))
    assert main(["--state", str(state), "env"]) == 0
    lines = capsys.readouterr().out
    script = f'{lines}\nprintf %s "$KUBECONFIG"'
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == content["kubeconfig"]
    assert "DOCKER_HOST" not in lines
