"""The tag from which an empty builder starts."""

from __future__ import annotations

from typing import Any

from program.build_cache import cache_hooks, move_cache
from settings.stack import Settings
from tests.support.oci_registry import OciRegistry
from tests.support.stacks import settings_of, stack


def _settings(registry: OciRegistry, **image: Any) -> Settings:
    config = stack()
    config |= {
        "image": {**config["image"], "repository": f"{registry.server}/client", **image},
        "registry": {"server": registry.server, "username": registry.username},
        "registryPassword": registry.password,
    }
    return settings_of(config)


def test_the_tag_follows_what_is_pushed() -> None:
    with OciRegistry() as registry:
        settings = _settings(registry)
        for content in (b"one", b"two"):
            digest = registry.put("client", "content-tag", [content])
            move_cache(settings, "runtime", f"{registry.server}/client@{digest}")
            assert registry.manifests["client", "cache-runtime"] == registry.manifests["client", digest]
        move_cache(settings, "runtime", "sha256:only-local")


def test_it_can_be_switched_off() -> None:
    with OciRegistry() as registry:
        assert cache_hooks(_settings(registry, cache=False), "runtime") is None
    assert (
        cache_hooks(
            settings_of(stack(image=None, agent={**stack()["agent"], "image": "r.example.com/a:1"})), "x"
        )
        is None
    )
