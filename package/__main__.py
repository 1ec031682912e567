"""The plugin: Pulumi starts it for programs in any language."""

from astro_agents.plugin import serve

if __name__ == "__main__":
    serve()
