"""Names that the program and the cluster agree on."""

from __future__ import annotations

from collections.abc import Mapping

FORCE_PATCH: Mapping[str, str] = {"pulumi.com/patchForce": "true"}
"""Annotation of every object that the program owns: it overwrites fields that someone else has edited.

Without it Kubernetes reports a field conflict, so a Secret edited by hand would stop every update that changes it, and the
preview that should report the edit (pulumi-kubernetes, "Server-Side Apply"). The annotation works on every 4.x plugin; the
provider option `enablePatchForce` only since 4.29.
"""
