"""The trial's registry asks for its password and keeps images."""

import dataclasses
from pathlib import Path

import pytest

from trial.errors import TrialError
from trial.layers import write_config, write_layer
from trial.layout import Layout
from trial.memory import Memory
from trial.processes import Supervisor
from trial.registry_client import RegistryClient
from trial.registry_server import RegistryInfo, RegistryServer


def image(folder: Path, text: str):
    root = folder / "root"
    root.mkdir(parents=True)
    (root / "file").write_text(text)
    layer, diff_id = write_layer(root, folder / "layer.tar.gz")
    settings = {"Entrypoint": ["/file"]}
    return write_config(
        folder / "config.json", architecture="amd64", diff_ids=[diff_id], settings=settings, made_by="test"
    ), layer  # fmt: skip


def test_a_pushed_image_is_found_by_its_tag(registry_info: RegistryInfo, tmp_path: Path) -> None:
    client = RegistryClient(registry_info)
    assert client.digest_of("team/tool", "1") is None
    config, layer = image(tmp_path, "hello")
    digest = client.push("team/tool", "1", config=config, layers=[layer])
    assert client.digest_of("team/tool", "1") == digest


def test_the_same_files_make_the_same_image_on_any_day_and_in_any_folder(
    registry_info: RegistryInfo, tmp_path: Path
) -> None:
    client = RegistryClient(registry_info)
    digests = set()
    for name in ("a", "b"):
        config, layer = image(tmp_path / name, "same")
        digests.add(client.push("team/same", name, config=config, layers=[layer]))
    assert len(digests) == 1


def test_a_wrong_password_is_refused(registry_info: RegistryInfo, tmp_path: Path) -> None:
    config, layer = image(tmp_path, "hello")
    stranger = RegistryClient(dataclasses.replace(registry_info, password="wrong"))
    with pytest.raises(TrialError, match="answered 401"):
        stranger.push("team/tool", "2", config=config, layers=[layer])


def test_the_password_is_stored_as_a_hash_only(registry_info: RegistryInfo, parts) -> None:
    text = (parts.layout.state / "registry" / "htpasswd").read_text()
    assert text.startswith("trial:$2")
    assert registry_info.password not in text


def test_images_of_the_checkouts_own_trial_are_kept_for_the_next_one(parts, tmp_path: Path) -> None:
    def server(checkout: str) -> RegistryServer:
        repo = tmp_path / checkout
        layout = Layout.of(repo=repo, state=repo / ".trial", cache=tmp_path / "cache")
        layout.private_folder(layout.state)
        layout.bin.symlink_to(parts.layout.bin)
        supervisor = Supervisor(run=layout.run, logs=layout.logs)
        memory = Memory(layout.state / "memory.json")
        return RegistryServer(layout, parts.progress, supervisor, memory)

    first, second = server("first"), server("second")
    config, layer = image(tmp_path / "image", "kept")
    digest = RegistryClient(first.up()).push("team/kept", "1", config=config, layers=[layer])
    first.supervisor.stop("registry")
    first.keep()
    info = second.up()
    try:
        assert RegistryClient(info).digest_of("team/kept", "1") == digest
    finally:
        second.supervisor.stop("registry")
