"""Which tool is taken: one on PATH that fits, an official release, or a build."""

from pathlib import Path

import pytest

from trial import tools
from trial.downloads import Downloads, checksum_for
from trial.errors import TrialError
from trial.layout import Layout
from trial.progress import Progress
from trial.tools import Toolbox, version_in


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.21.4+g1234", (3, 21, 4)),
        ("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0", (1, 32, 4)),
        ("etcd Version: 3.6.16", (3, 6, 16)),
        ("3.246", (3, 246)),
        ("unknown", (0,)),
    ],
)
def test_versions_are_read_from_what_tools_say(text: str, version: tuple[int, ...]) -> None:
    assert version_in(text) == version


@pytest.mark.parametrize(
    ("fits", "version", "expected"),
    [
        (tools._helm_fits, (3, 21, 4), True),
        (tools._helm_fits, (3, 9), False),
        (tools._helm_fits, (4, 0, 0), False),
        (tools._kubectl_fits, (1, 35, 1), True),
        (tools._kubectl_fits, (1, 32, 4), False),
        (tools._pulumi_fits, (3, 246, 0), True),
        (tools._pulumi_fits, (3, 245, 9), False),
    ],
)
def test_old_and_too_new_tools_are_passed_over(fits, version: tuple[int, ...], expected: bool) -> None:
    assert fits(version) is expected


def test_a_fitting_tool_on_path_is_taken_but_never_the_trials_own_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout.of(repo=tmp_path, state=tmp_path / "trial")
    toolbox = Toolbox(layout, Progress(), Downloads(allowed=False))
    for folder in (layout.bin, tmp_path / "usr"):
        folder.mkdir(parents=True)
        if folder == layout.bin:
            (folder / "trial-services").symlink_to("anything")
        program = folder / "helm"
        program.write_text("#!/bin/sh\necho v3.20.0\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{layout.bin}:{tmp_path / 'usr'}:/usr/bin:/bin")
    assert toolbox._on_path("helm", ["version"], tools._helm_fits) == tmp_path / "usr" / "helm"
    assert toolbox._on_path("helm", ["version"], lambda version: version > (3, 20, 0)) is None
    (tmp_path / "usr" / "helm").write_text("#!/bin/sh\nexit 1\n")
    assert toolbox._on_path("helm", ["version"], tools._helm_fits) is None


def test_an_unreachable_host_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(request, timeout):
        asked.append(request.full_url)
        raise OSError("refused")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    downloads = Downloads(allowed=True)
    assert not downloads.reaches("https://host.example/a")
    assert not downloads.reaches("https://host.example/b")
    assert not Downloads(allowed=False).reaches("https://other.example/a")
    assert asked == ["https://host.example/a"]


def test_checksums_are_found_in_both_published_forms() -> None:
    one = "a" * 64
    assert checksum_for(f"{one}\n", "kubectl") == one
    assert checksum_for(f"{'b' * 64}  other.tar.gz\n{one} *dist/etcd.tar.gz\n", "etcd.tar.gz") == one
    with pytest.raises(TrialError, match="no checksum is published for helm"):
        checksum_for(f"{one}  other\n", "helm")


def test_a_file_with_another_checksum_is_not_kept(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("content")
    with pytest.raises(TrialError, match="does not have the published checksum"):
        Downloads().file(source.as_uri(), tmp_path / "target", sha256="0" * 64, update=lambda _: None)
    assert not (tmp_path / "target").exists()
    assert not (tmp_path / "target.partial").exists()
