"""Names shared by the program and the cluster."""

from __future__ import annotations

from collections.abc import Mapping

FORCE_PATCH: Mapping[str, str] = {"pulumi.com/patchForce": "true"}
"""Annotation of every object that the program owns: it overwrites fields that someone else has edited.

Without it Kubernetes reports a field conflict, so a Secret edited by hand would stop every update that changes it, and the
preview that should report the edit (pulumi-kubernetes, "Server-Side Apply"). The annotation works on every 4.x plugin; the
provider option `enablePatchForce` only since 4.29.
"""

STACK_LABEL = "astro-dbt/stack"
"""Label of a namespace: the stack that created it, as `<project>.<stack>`."""

PROJECTS_VARIABLE = "ASTRO_DBT_PROJECTS"
"""JSON: dbt project -> {"image": folder of the image} or {"repository": folder of the Dag repository}.

With several bundles a folder of a repository also has "bundle" and "subdir": the bundle's name, and where it starts.
"""
SUBDIR_VARIABLE = "ASTRO_DBT_BUNDLE_SUBDIR"
"""Folder of the Dag repository that the bundle starts in, the first one of several; empty for its root."""
DBT_VARIABLE = "ASTRO_DBT_EXECUTABLE"
"""dbt in the image that this program builds."""

SECRETS_MARK = "ASTRO_DBT_SECRETS"
"""Environment variable with the mark of the Secrets that a Pod reads, so that a changed Secret changes the Pod template."""

CONFIG_MOUNT = "/etc/astro-dbt/git"
"""Folder on the agents with the files that Git and ssh read."""
SEEN_HOST_KEYS = "/tmp/astro-dbt-known-hosts"  # noqa: S108 - a file of the agents' containers
"""File on the agents with the SSH host keys that were accepted at first contact."""

CHART_WORKER_GRACE = 600
"""Seconds that the agents' chart gives a worker to stop (its values.yaml, terminationGracePeriodSeconds)."""

AGENT_NAMESPACE, GIT_CONNECTIONS, CLIENT_IMAGE, AGENT_RELEASE, AGENT_OBJECTS = (
    f"astro-dbt:components:{name}"
    for name in ("AgentNamespace", "GitConnections", "ClientImage", "AgentRelease", "AgentObjects")
)
"""Type tokens of the components; a stack's state holds them, so they never change."""
NAMESPACE_COMPONENT, RELEASE_COMPONENT, OBJECTS_COMPONENT = "agents", "agent", "objects"
"""Names in this program of its AgentNamespace, AgentRelease and AgentObjects; likewise part of the state."""

NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"
"""Type token of a Kubernetes namespace."""
SECRET_TYPE = "kubernetes:core/v1:Secret"  # noqa: S105 - a type token
"""Type token of a Kubernetes Secret."""
CONFIG_MAP_TYPE = "kubernetes:core/v1:ConfigMap"
"""Type token of a Kubernetes ConfigMap."""
RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"
"""Type token of a Helm release."""
IMAGE_TYPE = "docker:index/image:Image"
"""Type token of an image that is built and pushed."""
BASE_IMAGE_TYPE = "docker:index/remoteImage:RemoteImage"
"""Type token of an image that is pulled; earlier versions of this program pulled the base as a resource."""
CLUSTER_PROVIDER_TYPE, ENGINE_PROVIDER_TYPE = "pulumi:providers:kubernetes", "pulumi:providers:docker"
"""Type tokens of the providers: the connections to the cluster and to the Docker engine."""
STACK_TYPE = "pulumi:pulumi:Stack"
"""Type token of the stack itself, which carries its outputs."""
