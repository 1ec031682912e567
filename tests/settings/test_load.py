"""Settings of a whole stack: what is accepted, and every mistake reported together."""

from __future__ import annotations

import json

import pytest

from settings import RawValue, SettingsError, parse
from tests.support.stacks import ROOT, problems, raw, settings_of, stack, with_agent


def test_complete_stack_is_read():
    settings = settings_of()
    assert settings.delivery == "git-submodule"
    assert settings.dags[0].refresh_interval == 300
    assert settings.agent.workers[0].queues == ("default",)
    assert settings.agent.helm_timeout == 900
    assert settings.password_of("git") == "canary-git-token"


def test_settings_are_frozen():
    settings = settings_of()
    with pytest.raises(ValueError, match="frozen"):
        settings.__setattr__("delivery", "agent-image")


def test_secrets_do_not_show():
    settings = settings_of()
    assert "canary" not in repr(settings)
    assert "canary" not in settings.model_dump_json()
    assert "canary" not in repr(raw(stack()))


def test_every_mistake_is_reported_in_one_run():
    config = stack(
        delivery="submodule",
        dags={"repo": "../dags.git", "connection": "git", "refreshIntervall": 3},
        dbtProjects=[{"name": "jaffle", "connection": "gti", "repo": "https://git.example.com/x/y.git"}],
        registryPassword=None,
    )
    config["agent"]["workers"] = [{"name": "w", "queues": ["a"], "replicas": -1}]
    found = problems(config)
    assert set(found) == {
        "delivery",
        "dags.repo",
        "dags.refreshIntervall",
        "dbtProjects[0].connection",
        "registryPassword",
        "agent.workers[0].replicas",
    }
    assert "write git" in found["dbtProjects[0].connection"]
    assert "refreshInterval if you meant that" in found["dags.refreshIntervall"]


def test_every_problem_is_one_sentence_with_a_remedy():
    config = stack(dags={"repo": "x"}, agentToken=None, image={"repository": "UPPER/x"}, wrong=1)
    for sentence in problems(config).values():
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert ";" in sentence


def test_unknown_key_names_the_nearest():
    assert "write dbtProjects if you meant that" in problems(stack(dbtProject=[]))["dbtProject"]


def test_missing_keys():
    found = problems(stack(dags=None, agent=None))
    assert "is missing" in found["dags"]
    assert "is missing" in found["agent"]


def test_secret_stored_in_plain_text_is_refused():
    config = raw(stack())
    config["agentToken"] = RawValue("canary-agent-token", secret=False)
    with pytest.raises(SettingsError) as caught:
        parse(config, project="astro-dbt", root=ROOT)
    assert "--secret agentToken" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["just words", "[]", "17", "null"])
def test_section_that_is_no_mapping(text):
    config = raw(stack())
    config["agent"] = RawValue(text)
    with pytest.raises(SettingsError) as caught:
        parse(config, project="astro-dbt", root=ROOT)
    assert "astro-dbt:agent is not a mapping" in str(caught.value)


def test_error_never_quotes_a_secret():
    config = stack(
        credentials={"git": {"password": "canary-git-token", "pasword": "canary-two"}, "canaryless": 3}
    )
    assert all("canary-" not in sentence for sentence in problems(config).values())


class TestValuesFiles:
    def test_later_wins_and_inline_wins_over_all(self, tmp_path):
        (tmp_path / "a.yaml").write_text("logLevel: A\nlabels: {a: 1, b: 1}\n")
        (tmp_path / "b.yaml").write_text("labels: {b: 2, c: 2}\n")
        config = with_agent(valuesFiles=["a.yaml", "b.yaml"], values={"labels": {"c": 3}})
        values = settings_of(config, root=tmp_path).agent.values
        assert values == {"logLevel": "A", "labels": {"a": 1, "b": 2, "c": 3}}

    @pytest.mark.parametrize(("start", "end"), [("", "\n"), ("\ufeff", "\r\n")])
    def test_dates_and_times_in_values_files_are_text_as_for_helm(self, tmp_path, start, end):
        lines = (
            "podAnnotations:",
            "  reviewed: 2026-01-01",
            "  window: 12:30",
            "  impossible: 2026-13-45",
            "",
        )
        (tmp_path / "a.yaml").write_bytes((start + end.join(lines)).encode())
        values = settings_of(with_agent(valuesFiles=["a.yaml"]), root=tmp_path).agent.values
        expected = {"reviewed": "2026-01-01", "window": "12:30", "impossible": "2026-13-45"}
        assert values == {"podAnnotations": expected}

    def test_mistakes(self, tmp_path):
        (tmp_path / "list.yaml").write_text("- a\n")
        (tmp_path / "bad.yaml").write_text("a: [\n")
        config = with_agent(valuesFiles=["none.yaml", "list.yaml", "bad.yaml"])
        found = problems(config, root=tmp_path)
        assert "cannot be read" in found["agent.valuesFiles[0]"]
        assert "is not a mapping" in found["agent.valuesFiles[1]"]
        assert "not valid YAML" in found["agent.valuesFiles[2]"]


def test_scalars_are_plain_text():
    config = raw(stack())
    config["delivery"] = RawValue(json.dumps("agent-image"))
    with pytest.raises(SettingsError, match="delivery is not one of the possible values"):
        parse(config, project="astro-dbt", root=ROOT)
