"""Pulling the base image with a separate login, right before the image is built.

The Docker plugin gives a build the login of one registry, the one that is pushed to. A second login could be the provider's,
but then a password that is renewed before each run (ECR's lasts for 12 hours) is a change of the provider in every preview,
and is in the state. A hook needs neither.
"""

from __future__ import annotations

from collections.abc import Callable

import pulumi

from clients.docker import EngineError, engine_address, pull
from clients.registry import Login
from domain.errors import ReportedError
from domain.image_reference import registry_of
from settings.stack import Settings

_SILENCE = 300
"""Seconds without a word from the engine after which a pull counts as dead."""


class PullError(ReportedError):
    """The base image cannot be pulled."""


def base_image_hooks(settings: Settings, *, project: str) -> pulumi.ResourceHookBinding | None:
    """Hooks that pull the base before the image is built; None where the build pulls it itself."""
    pull_base = pull_of_base(settings, project=project)
    if pull_base is None:
        return None

    def before(_args: pulumi.ResourceHookArgs) -> None:
        pull_base()

    hook = pulumi.ResourceHook("pull-base-image", before)
    return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


def pull_of_base(settings: Settings, *, project: str) -> Callable[[], None] | None:
    """Pulls the base into the engine that builds, with the login of ``baseRegistry``; None where that login is not needed.

    The result raises PullError.
    """
    image, registry, password = settings.image, settings.base_registry, settings.base_registry_password
    if image is None or registry is None or password is None or registry_of(image.base) != registry.server:
        return None  # a copy in the stack's own registry is pulled by the build, like everything else of that registry
    login = Login(registry.username, password.get_secret_value())

    def run() -> None:
        pulumi.log.info(f"pulling {image.base}")
        engine = engine_address(image.engine)
        try:
            pull(
                engine,
                image.base,
                platform=image.platform,
                server=registry.server,
                login=login,
                timeout=_SILENCE,
            )
        except EngineError as error:
            raise PullError(
                f"{project}:image.base cannot be pulled from {registry.server} ({error}); correct it, or the login of baseRegistry."
            ) from None

    return run
