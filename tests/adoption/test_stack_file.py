"""The text of a stack file."""

from __future__ import annotations

import yaml

from adoption.stack_file import as_comment, stack_text

CONFIG = {
    "agent": {
        "withheld": {"a": "b"},
        "values": {},
        "namespace": "n",
        "workers": [{"values": {"x": 1}, "name": "w"}],
    },
    "delivery": "git-submodule",
}


def test_keys_come_in_the_order_in_which_people_read_them() -> None:
    text = stack_text(CONFIG, others={"encryptionsalt": "v1:x"})
    content = yaml.safe_load(text)
    assert list(content) == ["encryptionsalt", "config"]
    assert list(content["config"]) == ["astro-dbt:delivery", "astro-dbt:agent"]
    assert list(content["config"]["astro-dbt:agent"]) == ["namespace", "workers", "withheld"]
    assert list(content["config"]["astro-dbt:agent"]["workers"][0]) == ["name", "values"]


def test_editors_know_the_schema() -> None:
    assert stack_text(CONFIG, others={}).startswith("# yaml-language-server: $schema=./schema.json\n")


def test_long_texts_stay_on_one_line() -> None:
    assert "word " * 200 in stack_text({"x": "word " * 200 + "end"}, others={})


def test_remarks_are_comments_that_become_yaml_when_uncommented() -> None:
    lines = as_comment({"image": {"repository": "r", "packages": ["a==1"]}})
    text = stack_text(CONFIG, others={}, remarks=lines)
    assert yaml.safe_load(text).keys() == {"config"}
    uncommented = "config:\n" + "".join(f"{line[2:]}\n" for line in text.splitlines()[-len(lines) :])
    assert yaml.safe_load(uncommented) == {
        "config": {"astro-dbt:image": {"repository": "r", "packages": ["a==1"]}}
    }
