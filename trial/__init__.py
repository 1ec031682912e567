"""The trial environment: a real cluster, registry, Git server and chart repository on this machine."""
