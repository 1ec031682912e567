"""The trial's Python language host: what runs Pulumi programs where the official host can't be had.

The official host is a part of Pulumi's release archives, which package registries don't carry. This one speaks the
same protocol with the definitions in the Pulumi SDK and behaves as the official one does.
"""
