"""Helm releases, as recorded by Helm in the cluster."""
