"""The component as a plugin: Pulumi starts it for programs in any language."""

import sys

from pulumi.errors import InputPropertiesError
from pulumi.provider import main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.provider import ConstructResult
from pulumi.provider.server import ComponentInitError

from astro_agents.component import AstroAgents
from astro_agents.location import VERSION

NAME = "astro-agents"
"""Name of the plugin and of its schema."""


class AgentsProvider(ComponentProvider):
    """Offers AstroAgents; a mistake in its arguments stays a sentence, without the program's stack."""

    def __init__(self) -> None:
        super().__init__([AstroAgents], NAME, version=VERSION)

    def construct(self, *args: object, **kwargs: object) -> ConstructResult:
        """Create the component. Raises InputPropertiesError: its arguments have mistakes."""
        try:
            return super().construct(*args, **kwargs)  # type: ignore[arg-type]
        except ComponentInitError as error:
            if isinstance(error.inner, InputPropertiesError):
                raise InputPropertiesError(str(error.inner), []) from None
            raise


def serve() -> None:
    """Serve the plugin until the engine ends it."""
    main(AgentsProvider(), sys.argv[1:])
