"""Copies of a stack: planned in a preview, made in an update, taken where they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from program.mirror import MirrorError, mirrored
from settings.stack import Settings
from tests.support.oci_registry import OciRegistry
from tests.support.stacks import settings_of, with_agent

AGENT, SENTINEL = "astro-remote-execution-agent", "astro-remote-execution-sentinel"
TAG = "3.1-3-python-3.12-astro-agent-1.2.0"


@pytest.fixture
def vendor() -> Iterator[OciRegistry]:
    registry = OciRegistry(username="cli", password="canary-vendor")
    registry.put(f"base/{AGENT}", TAG, [b"agent"], ("linux/amd64", "linux/arm64"))
    registry.put(f"base/{SENTINEL}", "1.2.0", [b"sentinel"])
    with registry:
        yield registry


@pytest.fixture
def own() -> Iterator[OciRegistry]:
    with OciRegistry(username="pusher", password="canary-own") as registry:
        yield registry


def stack_of(vendor: OciRegistry, own: OciRegistry, **changes: str) -> Settings:
    config = with_agent()
    config |= {
        "image": {
            **config["image"],
            "base": f"{vendor.server}/base/{AGENT}:{TAG}",
            "repository": f"{own.server}/client",
        },
        "registry": {"server": own.server, "username": own.username},
        "registryPassword": own.password,
        "baseRegistry": {"server": vendor.server, "username": vendor.username},
        "baseRegistryPassword": vendor.password,
        "mirror": {"repository": f"{own.server}/mirror"},
        **changes,
    }
    return settings_of(config)


def test_a_preview_copies_nothing_and_knows_the_digests(vendor: OciRegistry, own: OciRegistry) -> None:
    settings = stack_of(vendor, own)
    planned = mirrored(settings, project="p", copying=False)
    assert own.log == []
    assert planned == mirrored(settings, project="p", copying=True)
    digest = planned["base"].partition("@")[2]
    assert planned["base"] == f"{own.server}/mirror/{AGENT}:{TAG}@{digest}"
    assert own.manifests[f"mirror/{AGENT}", digest] == vendor.manifests[f"base/{AGENT}", digest]
    assert own.manifests[f"mirror/{SENTINEL}", "1.2.0"] == vendor.manifests[f"base/{SENTINEL}", "1.2.0"]


def test_a_second_update_sends_nothing(vendor: OciRegistry, own: OciRegistry) -> None:
    settings = stack_of(vendor, own)
    first = mirrored(settings, project="p", copying=True)
    own.log.clear()
    assert mirrored(settings, project="p", copying=True) == first
    assert own.log == []


def test_a_copy_that_was_deleted_comes_back(vendor: OciRegistry, own: OciRegistry) -> None:
    settings = stack_of(vendor, own)
    first = mirrored(settings, project="p", copying=True)
    own.manifests.clear()
    assert mirrored(settings, project="p", copying=True) == first
    assert (f"mirror/{SENTINEL}", "1.2.0") in own.manifests


def test_a_tag_that_moved_is_a_new_copy(vendor: OciRegistry, own: OciRegistry) -> None:
    settings = stack_of(vendor, own)
    first = mirrored(settings, project="p", copying=True)
    vendor.put(f"base/{SENTINEL}", "1.2.0", [b"sentinel, rebuilt"])
    second = mirrored(settings, project="p", copying=True)
    assert second["base"] == first["base"]
    assert second["sentinel"] != first["sentinel"]
    assert (f"mirror/{SENTINEL}", first["sentinel"].partition("@")[2]) in own.manifests, "roll-backs need it"


def test_a_vendor_that_is_away_is_not_missed(
    vendor: OciRegistry,
    own: OciRegistry,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = stack_of(vendor, own)
    first = mirrored(settings, project="p", copying=True)
    vendor.username = "another"
    assert mirrored(settings, project="p", copying=True) == first
    assert "p:image.base is" in capsys.readouterr().err + caplog.text


def test_what_cannot_be_read_or_written_is_one_sentence(vendor: OciRegistry, own: OciRegistry) -> None:
    with pytest.raises(MirrorError, match=r"^p:image\.base is .*, which cannot be read \(HTTP 401\); "):
        mirrored(stack_of(vendor, own, baseRegistryPassword="canary-wrong"), project="p", copying=True)
    with pytest.raises(
        MirrorError, match=r"^p:mirror\.repository is where .* failed \(HTTP 401\); "
    ) as caught:
        mirrored(stack_of(vendor, own, registryPassword="canary-wrong"), project="p", copying=True)
    assert "canary" not in str(caught.value)
    del vendor.manifests[f"base/{SENTINEL}", "1.2.0"]
    with pytest.raises(MirrorError, match=r"^p:agent\.sentinel\.image is .*HTTP 404"):
        mirrored(stack_of(vendor, own), project="p", copying=True)
