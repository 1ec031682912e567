"""The trial's Python language host: runs Pulumi programs if the official host is unavailable.

The official host is part of Pulumi's release archives, which package registries do not have. This one implements the same
protocol with the definitions in the Pulumi SDK, and behaves like the official one.
"""
