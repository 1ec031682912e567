"""Copies from registry to registry: complete, by digest, resumable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clients.errors import Cause
from clients.http import WebError
from clients.image_copy import Copied, Place, copy_image, has_image, tag_image, try_upload
from clients.registry import Login, Registry, RegistryError
from tests.support.oci_registry import OciRegistry, digest_of

LAYERS = [b"layer one " * 100_000, b"layer two"]
"""The first is larger than what is read at a time."""


@pytest.fixture
def source() -> Iterator[OciRegistry]:
    with OciRegistry() as registry:
        yield registry


@pytest.fixture
def target() -> Iterator[OciRegistry]:
    with OciRegistry(username="pusher", password="canary-target") as registry:
        yield registry


def place(registry: OciRegistry, repository: str) -> Place:
    login = Login(registry.username, registry.password)
    return Place(Registry(registry.server, login, timeout=10), repository)


def copy(source: OciRegistry, target: OciRegistry, repository: str = "mirror/agent") -> Copied:
    start = place(source, "vendor/agent")
    manifest = start.registry.raw_manifest(start.repository, "1")
    return copy_image(start, manifest, place(target, repository), tag="1")


def test_an_image_arrives_with_its_digest(source: OciRegistry, target: OciRegistry) -> None:
    digest = source.put("vendor/agent", "1", LAYERS)
    copied = copy(source, target)
    assert copied.digest == digest
    assert copied.blobs == 3
    assert copied.size > len(LAYERS[0])
    for name in (digest, "1"):
        assert target.manifests["mirror/agent", name] == source.manifests["vendor/agent", digest]
    assert target.blobs["mirror/agent", digest_of(LAYERS[0])] == LAYERS[0]


def test_all_platforms_arrive(source: OciRegistry, target: OciRegistry) -> None:
    digest = source.put("vendor/agent", "1", LAYERS, ("linux/amd64", "linux/arm64"))
    assert copy(source, target).digest == digest
    wanted = {content for (_, name), (content, _) in source.manifests.items() if name != "1"}
    assert {content for (_, name), (content, _) in target.manifests.items() if name != "1"} == wanted
    assert set(target.blobs.values()) == set(source.blobs.values())


def test_a_second_copy_sends_a_tag_and_nothing_else(source: OciRegistry, target: OciRegistry) -> None:
    source.put("vendor/agent", "1", LAYERS)
    copy(source, target)
    target.log.clear()
    assert (copy(source, target).blobs, copy(source, target).size) == (0, 0)
    assert set(target.log) == {"PUT /v2/mirror/agent/manifests/1"}


def test_a_copy_that_was_broken_off_continues(source: OciRegistry, target: OciRegistry) -> None:
    digest = source.put("vendor/agent", "1", LAYERS)
    source.cut = frozenset({digest_of(LAYERS[1])})
    with pytest.raises(WebError):
        copy(source, target)
    assert not has_image(place(target, "mirror/agent"), digest)
    source.cut = frozenset()
    copied = copy(source, target)
    assert (copied.blobs, copied.size) == (1, len(LAYERS[1]))
    assert has_image(place(target, "mirror/agent"), digest)


def test_something_else_than_was_named_is_refused(source: OciRegistry, target: OciRegistry) -> None:
    source.put("vendor/agent", "1", LAYERS)
    source.damaged = frozenset({digest_of(LAYERS[0])})
    with pytest.raises(WebError) as caught:
        copy(source, target)
    assert caught.value.cause is Cause.INVALID
    assert not target.manifests


def test_one_registry_mounts_and_sends_nothing(source: OciRegistry) -> None:
    source.put("vendor/agent", "1", LAYERS)
    copied = copy(source, source)
    assert (copied.blobs, copied.size) == (3, 0)


def test_a_registry_that_does_not_mount_gets_the_bytes(source: OciRegistry) -> None:
    source.put("vendor/agent", "1", LAYERS)
    source.mounts = False
    assert copy(source, source).size > len(LAYERS[0])


def test_a_login_that_may_not(source: OciRegistry, target: OciRegistry) -> None:
    source.put("vendor/agent", "1", LAYERS)
    start, end = place(source, "vendor/agent"), place(target, "mirror/agent")
    manifest = start.registry.raw_manifest("vendor/agent", "1")
    stranger = Place(Registry(target.server, Login("x", "canary-wrong"), timeout=10), end.repository)
    with pytest.raises(RegistryError) as caught:
        copy_image(start, manifest, stranger, tag="1")
    assert caught.value.cause is Cause.UNAUTHORISED
    assert "canary" not in str(caught.value)


def test_another_tag_of_the_same_image(source: OciRegistry) -> None:
    digest = source.put("vendor/agent", "1", LAYERS)
    tag_image(place(source, "vendor/agent"), digest, tag="newest")
    assert source.manifests["vendor/agent", "newest"] == source.manifests["vendor/agent", digest]
    assert source.log == ["PUT /v2/vendor/agent/manifests/newest"]


def test_an_upload_is_tried_and_leaves_nothing(target: OciRegistry) -> None:
    try_upload(place(target, "mirror/agent"))
    assert target.log == ["POST /v2/mirror/agent/blobs/uploads/"]
    assert target.blobs == {}


def test_an_upload_that_is_refused(target: OciRegistry) -> None:
    stranger = Place(Registry(target.server, Login("pusher", "canary-wrong"), timeout=10), "mirror/agent")
    with pytest.raises(RegistryError) as raised:
        try_upload(stranger)
    assert raised.value.cause is Cause.UNAUTHORISED
    assert "canary" not in str(raised.value)
