"""The bench's table, JSON and chart."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

from bench import results
from bench.__main__ import main
from bench.pairs import SECONDS, Figures, Measured, Row
from bench.rows import ROWS

ROW = Row("edit", "edit & roll out", "ours", "script", {SECONDS: 1.1})
MET = Measured("edit", SECONDS, Figures((1.0, 2.0, 3.0)), Figures((2.0, 2.0, 2.0)), 1.1, load=2.34)
MISSED = Measured("edit", SECONDS, Figures((3.0,)), Figures((1.0,)), 1.1, why="the engine starts twice")


def test_the_table_gives_medians_spread_ratio_and_verdict():
    (line,) = results.lines([MET], {"edit": ROW})
    assert line == (
        "| edit & roll out | seconds | ours: 2.00 (1.00-3.00) | script: 2.00 | **1.00** | ≤ 1.1 | 2.3 | met |"
    )


def test_a_missed_goal_says_miss_and_why():
    page = results.markdown([MISSED], {"edit": ROW}, {"edit": "no engine"})
    assert "| MISS: the engine starts twice |" in page
    assert "the engine starts twice." in page
    assert "- edit & roll out: no engine" in page


def test_a_miss_that_nobody_explained_says_so():
    (line,) = results.lines([replace(MISSED, why="")], {"edit": ROW})
    assert line.endswith(f"| MISS: {results.NOT_LOOKED_INTO} |")


def test_rows_that_miss_for_one_reason_stand_together():
    page = results.markdown([MISSED, replace(MISSED, metric="bytes")], {"edit": ROW}, {})
    assert "- edit & roll out (seconds); edit & roll out (bytes): the engine starts twice.\n" in page


def test_small_ratios_show_on_which_side_of_the_goal_they_are():
    small = replace(MISSED, a=Figures((0.0504,)), goal=0.05)
    (line,) = results.lines([small], {"edit": ROW})
    assert "| ours: 0.05 | script: 1.00 | **0.0504** | ≤ 0.05 |" in line


def test_bytes_have_no_fractions():
    (line,) = results.lines([replace(MET, metric="state bytes", a=Figures((1234567.0,)))], {"edit": ROW})
    assert "| ours: 1,234,567 |" in line


def test_every_value_is_in_the_json():
    (found,) = json.loads(results.as_json([MET]))["results"]
    assert found["a"] == [1.0, 2.0, 3.0]
    assert found["met"] is True


def test_the_chart_is_valid_and_names_every_goal():
    found = ElementTree.fromstring(results.svg([MET, MISSED], {"edit": ROW}))  # noqa: S314 - our own text
    texts = [item.text for item in found.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("edit & roll out (seconds)") == 2
    assert texts.count("1.00 (goal 1.1)") == texts.count("3.00 (goal 1.1)") == 1
    right = max(float(item.attrib["x"]) for item in found.iter("{http://www.w3.org/2000/svg}text"))
    assert right + 140 < float(found.attrib["width"]), "there is room for the longest bar's figures"


def test_rows_have_goals_and_names_for_the_command_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bench", "--list"])
    assert main() == 0
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed and row.goals for name, row in ROWS.items())
