"""Helm releases as Helm records them in the cluster."""
