"""Values that a stack withholds."""

from __future__ import annotations

import json

import pytest

import delivery
from delivery.advice import advice
from delivery.chart_values import chart_values
from settings.errors import SettingsError
from tests.support.stacks import settings_of, with_agent

REASON = "the release was made by hand"


def values_of(**agent):
    settings = settings_of(with_agent(**agent))
    plan = delivery.plan(settings, authorities={})
    delivery.check(settings, plan, project="astro-dbt")
    return chart_values(settings, plan)


def names(values):
    return [item["name"] for item in values["commonEnv"]]


def test_a_variable_is_not_sent() -> None:
    assert "GIT_TERMINAL_PROMPT" in names(values_of())
    assert "GIT_TERMINAL_PROMPT" not in names(values_of(withheld={"commonEnv.GIT_TERMINAL_PROMPT": REASON}))


def test_git_s_configuration_goes_as_a_whole() -> None:
    """Half of it would fail every Git command."""
    left = names(values_of(withheld={"commonEnv.GIT_CONFIG_COUNT": REASON}))
    assert not [name for name in left if name.startswith("GIT_CONFIG_")]


def test_worker_defaults_can_stay_away() -> None:
    worker = {"name": "w", "withheld": {"livenessProbe": REASON, "syncSlots": REASON, "hpa": REASON}}
    block = values_of(workers=[worker])["workers"][0]
    assert not {"livenessProbe", "syncSlots", "hpa"} & block.keys()
    assert "readinessProbe" in block


def test_what_the_release_has_takes_the_place() -> None:
    values = values_of(
        values={"createNamespace": True, "openLineage": {"endpoint": "/x"}},
        withheld={"createNamespace": REASON, "openLineage.endpoint": REASON},
    )
    assert values["createNamespace"] is True
    assert values["openLineage"]["endpoint"] == "/x"


def test_an_entry_without_effect_is_a_mistake() -> None:
    with pytest.raises(SettingsError) as caught:
        values_of(
            withheld={"commonEnv.TYPO": REASON, "namespace": REASON},
            triggerer={"withheld": {"resources": REASON}},
        )
    assert [problem.key for problem in caught.value.problems] == [
        "astro-dbt:agent.triggerer.withheld.resources",
        "astro-dbt:agent.withheld.commonEnv.TYPO",
        "astro-dbt:agent.withheld.namespace",
    ]


def test_every_preview_says_what_is_withheld() -> None:
    settings = settings_of(with_agent(withheld={"createNamespace": REASON, "openLineage.url": REASON}))
    text = "\n".join(advice(settings))
    assert f"agent.withheld.createNamespace: {REASON}" in text
    assert f"agent.withheld.openLineage.url: {REASON}" in text


def test_variables_keep_the_order_of_the_release() -> None:
    values = values_of(
        env={"A": "1", "Z": "2"},
        envOrder=["Z", "ASTRO_DEPLOYMENT_ID"],
        values={"commonEnv": [{"name": "M", "value": "3"}]},
    )
    assert names(values)[:2] == ["Z", "ASTRO_DEPLOYMENT_ID"]
    assert set(names(values)) == set(names(values_of(env={"A": "1", "Z": "2"}))) | {"M"}


def test_workers_have_separate_orders() -> None:
    worker = {"name": "w", "env": {"A": "1", "B": "2"}, "envOrder": ["B", "A"]}
    assert [item["name"] for item in values_of(workers=[worker])["workers"][0]["env"]] == ["B", "A"]


def test_a_spelling_of_the_bundle_stays() -> None:
    ours = json.loads(values_of()["dagBundleConfigList"])
    del ours[0]["kwargs"]["refresh_interval"]
    ours[0]["kwargs"]["prune_dotgit_folder"] = False
    text = json.dumps([*ours, {"name": "more", "classpath": "a.B", "kwargs": {}}], indent=1)
    assert values_of(values={"dagBundleConfigList": text})["dagBundleConfigList"] == text


@pytest.mark.parametrize("text", ["[]", "no json", '[{"name": "dags"}]'])
def test_another_bundle_contradicts(text) -> None:
    with pytest.raises(SettingsError, match=r"agent\.values\.dagBundleConfigList contradicts dags"):
        values_of(values={"dagBundleConfigList": text})
