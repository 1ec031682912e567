"""Certificate authorities of Git hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings import SettingsError
from settings.authorities import authorities
from tests.support.stacks import settings_of, stack

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def config(name: str) -> dict[str, object]:
    """A stack whose connection names a file."""
    return stack(connections={"git": {"type": "https", "caBundle": name}})


def test_paths_start_at_the_program(tmp_path: Path) -> None:
    (tmp_path / "examples" / "dbt-project").mkdir(parents=True)
    (tmp_path / "examples" / "dbt-project" / "dbt_project.yml").write_text("name: jaffle\n")
    (tmp_path / "ca.crt").write_text(PEM)
    assert authorities(settings_of(config("ca.crt"), root=tmp_path), tmp_path) == {"git": PEM}


def test_connections_without_one(tmp_path: Path) -> None:
    assert authorities(settings_of(), tmp_path) == {}


@pytest.mark.parametrize(
    "content", [b"0\x82\x03\xff", b"words", PEM.encode() + b"# \xff\n"], ids=["der", "text", "latin"]
)
def test_a_file_of_another_kind_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    """Whatever passes here is read as text later."""
    (tmp_path / "ca.crt").write_bytes(content)
    with pytest.raises(SettingsError, match=r"connections\.git\.caBundle names .* not a PEM certificate"):
        settings_of(config(str(tmp_path / "ca.crt")))
