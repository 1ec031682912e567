"""The program that docs/components.md shows runs."""

from __future__ import annotations

import re

import pulumi

from tests.support.pulumi_mocks import Recorder
from tests.support.stacks import ROOT


def test_the_program_in_the_docs_runs(recorder: Recorder) -> None:
    pulumi.runtime.set_all_config({"astro-dbt:token": "canary-git", "astro-dbt:agentToken": "canary-agent"})
    page = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    @pulumi.runtime.test
    def check() -> pulumi.Output[None]:
        names: dict[str, object] = {}
        exec(program, names)  # noqa: S102 - our own page
        return pulumi.Output.from_input(None)

    check()
    assert set(recorder.of_type("kubernetes:core/v1:Secret")) >= {"git-dags", "agent-agent-token"}
    assert "agent" in recorder.of_type("kubernetes:helm.sh/v3:Release")
    assert "canary" not in recorder.in_clear()
