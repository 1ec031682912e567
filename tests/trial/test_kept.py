"""What a service has stored goes to the cache and to one next service, or stays where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from trial import kept


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a Docker engine that has stopped."""
    folder = tmp_path / "docker"
    for name in ("overlay2", "containers", "volumes"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_text(name)
    return folder


def test_it_is_kept_without_what_belongs_to_the_trial(tmp_path: Path, data: Path) -> None:
    store = tmp_path / "cache" / "docker"
    assert kept.keep(data, store, without=("containers", "volumes"))
    assert [path.name for path in store.iterdir()] == ["overlay2"]
    assert not data.exists()
    assert kept.take(store, tmp_path / "next" / "docker")
    assert (tmp_path / "next" / "docker" / "overlay2" / "file").read_text() == "overlay2"
    assert not kept.take(store, tmp_path / "third" / "docker"), "it was given away"


def test_a_service_with_data_gets_no_other(tmp_path: Path, data: Path) -> None:
    store = tmp_path / "cache" / "docker"
    store.mkdir(parents=True)
    assert not kept.take(store, data)
    assert store.exists()
    assert not kept.keep(data, store), "another trial's data is there"
    assert (data / "overlay2" / "file").exists()


def test_too_much_is_not_kept(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LARGEST", 1)
    assert not kept.keep(data, tmp_path / "cache" / "docker")
    assert (data / "overlay2" / "file").exists()


def test_a_cache_on_another_file_system(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "rename", refuse)
    assert not kept.keep(data, tmp_path / "cache" / "docker")
    assert data.exists()
    assert not kept.take(data, tmp_path / "next")


def test_nothing_to_keep(tmp_path: Path) -> None:
    assert not kept.keep(tmp_path / "none", tmp_path / "cache" / "docker")
