"""The table of chart values."""

from __future__ import annotations

from settings.chart_keys import KNOWN, MANAGED, SINCE, managed_paths, too_new_paths, unknown_paths


def test_unknown_below_mappings_and_lists():
    values = {
        "openLineage": {"ur": 1},
        "workers": [{"name": "a"}, {"hpa": {"min": 1}}],
        "labels": {"anything": 1},
    }
    assert [path for path, _ in unknown_paths(values)] == ["openLineage.ur", "workers[1].hpa.min"]


def test_managed_and_too_new():
    values = {"openLineage": {"apiKey": "x", "endpoint": "y"}, "stateStoreBackend": "z"}
    assert dict(managed_paths(values))["openLineage.apiKey"] == "the secret key openLineageApiKey"
    assert dict(too_new_paths(values, (1, 0, 2))) == {
        "openLineage.endpoint": "2.0.0",
        "stateStoreBackend": "2.3.0",
    }
    assert dict(too_new_paths(values, (2, 3, 0))) == {}


def test_tables_speak_of_known_keys():
    for path in (*MANAGED, *SINCE):
        node = KNOWN
        for part in path.split("."):
            assert part in node, path
            node = node[part] if isinstance(node[part], dict) else {}
