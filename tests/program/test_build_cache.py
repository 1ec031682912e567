"""The tag from which an empty builder starts."""

from __future__ import annotations

from typing import Any

import pulumi

from program.build_cache import cache_hooks
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


def _run(binding: pulumi.ResourceHookBinding, pushed: str) -> None:
    hook = next(iter(binding.after_update or []))
    assert isinstance(hook, pulumi.ResourceHook)
    hook.callback(pulumi.ResourceHookArgs("urn", "id", "runtime", "type", new_outputs={"repoDigest": pushed}))


def test_the_tag_follows_what_is_pushed(recorder: object) -> None:
    with OciRegistry() as registry:
        binding = cache_hooks(_settings(registry), "runtime")
        assert binding is not None
        for content in (b"one", b"two"):
            digest = registry.put("client", "content-tag", [content])
            _run(binding, f"{registry.server}/client@{digest}")
            assert registry.manifests["client", "cache-runtime"] == registry.manifests["client", digest]
        _run(binding, "sha256:only-local")


def test_it_can_be_switched_off() -> None:
    with OciRegistry() as registry:
        assert cache_hooks(_settings(registry, cache=False), "runtime") is None
    assert (
        cache_hooks(
            settings_of(stack(image=None, agent={**stack()["agent"], "image": "r.example.com/a:1"})), "x"
        )
        is None
    )
