"""Cases as typed sentences: what a finding holds, and what mypy refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

from preflight.catalogue import CHECKS
from preflight.catalogue.git_checks import GIT_REF
from preflight.check import CaseInfo, Check, error, warning
from preflight.report import Finding
from tests.support.stacks import ROOT


class Sample(Check, id="sample.check"):
    """Samples are good. There is nothing more to say."""

    @error("a.key", "another.key")
    def not_good(self, *, fact: str, count: int) -> str:
        return f"has {fact}, {count} times; write another"

    @warning("a.key")
    def plain(self) -> str:
        return "is plain; leave it out"


def test_a_case_is_a_finding_at_a_key() -> None:
    found = Sample().not_good("a.key", fact="x", count=3)
    assert found == Finding("sample.check", "not-good", "error", "a.key", "has x, 3 times; write another")
    assert Sample().plain("a.key").severity == "warning"


def test_the_documentation_of_a_case_comes_from_the_case() -> None:
    assert Sample.cases == {
        "not-good": CaseInfo(
            "not-good", "error", ("a.key", "another.key"), "has {fact}, {count} times; write another"
        ),
        "plain": CaseInfo("plain", "warning", ("a.key",), "is plain; leave it out"),
    }
    assert Sample().about == "Samples are good. There is nothing more to say."
    assert (Sample.id, Sample().family) == ("sample.check", "sample")


def test_facts_are_named() -> None:
    with pytest.raises(TypeError):
        GIT_REF.missing("dags.ref", "main", "u", "n")  # type: ignore[call-arg]


USES = {
    'GIT_REF.missing("dags.ref", ref="a", url="u", near="b")': None,
    'GIT_REF.mising("dags.ref", ref="a", url="u", near="b")': "attr-defined",
    'GIT_REF.missing("dags.ref", ref="a", url="u")': "call-arg",
    'GIT_REF.missing("dags.ref", ref="a", url="u", neer="b")': "call-arg",
    'GIT_REF.missing("dags.ref", ref="a", url="u", near=None)': "arg-type",
    'GIT_REF.missing(ref="a", url="u", near="b")': "call-arg",
}

# Of the modules that the catalogue's packages import only those that give a case its type; mypy would take a thousand
# of the Kubernetes client with them. `make lint` checks all with the project's own settings.
MYPY = """\
[mypy]
strict = true
follow_imports = skip
[mypy-preflight.catalogue.*,preflight.check,preflight.report]
follow_imports = silent
"""


def test_mypy_refuses_a_wrong_case_and_wrong_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, config = tmp_path / "uses.py", tmp_path / "mypy.ini"
    source.write_text("from preflight.catalogue.git_checks import GIT_REF\n" + "\n".join(USES) + "\n")
    config.write_text(MYPY)
    monkeypatch.chdir(ROOT)
    cache = ROOT / ".mypy_cache" / "cases"
    output, _, _ = api.run([f"--config-file={config}", f"--cache-dir={cache}", str(source)])
    codes = {
        line.split(":")[1]: line.rsplit("[", 1)[-1].rstrip("]")
        for line in output.splitlines()
        if ": error:" in line
    }
    wanted = {str(number): code for number, code in enumerate(USES.values(), start=2) if code}
    assert codes == wanted, output


def test_every_check_is_in_the_catalogue() -> None:
    ours = {found for found in Check.__subclasses__() if found.__module__.startswith("preflight.")}
    assert {type(found) for found in CHECKS.values()} == ours
