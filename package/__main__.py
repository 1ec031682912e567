"""The plugin: Pulumi starts it for programs in any language."""

from astro_agents import AstroAgents
from astro_agents.location import VERSION
from pulumi.provider.experimental import component_provider_host

if __name__ == "__main__":
    component_provider_host(components=[AstroAgents], name="astro-agents", version=VERSION)
