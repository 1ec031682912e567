"""Hosted registries: their host names, how to create a repository there, and which logins expire."""

from __future__ import annotations

import re

_ECR = re.compile(
    r"^(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$"
)
"""docs.aws.amazon.com, AmazonECR/latest/userguide/Registries.html."""
_ARTIFACT_REGISTRY = re.compile(r"^(?P<location>[a-z0-9-]+)-docker\.pkg\.dev$")
"""cloud.google.com, artifact-registry/docs/docker/names."""
_ACR = re.compile(r"^[a-z0-9-]+(\.[a-z0-9]+)?\.azurecr\.(io|cn|us)$")
_ACR_TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - a user name
"""learn.microsoft.com, container-registry-authentication."""


_ECR_PUBLIC = "public.ecr.aws"
_ONE_HOUR = frozenset({"oauth2accesstoken", "iambearer", "cr_temp_user"})
"""Users whose password is an access token: of Google, IBM and Alibaba Cloud, in the documentation of each one's registry."""


def _host(server: str) -> str:
    return server.lower().removesuffix(":443")


def creation(server: str, repository: str) -> str:
    """How to create a missing repository in a registry, as the end of a sentence.

    >>> creation("europe-west3-docker.pkg.dev", "acme/data/client")
    'create it with `gcloud artifacts repositories create data --repository-format=docker --location=europe-west3 --project=acme`'
    """
    server = _host(server)
    if found := _ECR.match(server):
        command = f"aws ecr create-repository --repository-name {repository} --region {found['region']}"
        return f"create it with `{command}`"
    parts = repository.split("/")
    if (found := _ARTIFACT_REGISTRY.match(server)) and len(parts) > 1:
        command = f"gcloud artifacts repositories create {parts[1]} --repository-format=docker"
        return f"create it with `{command} --location={found['location']} --project={parts[0]}`"
    return "create it in the registry"


def lifetime(server: str, username: str, password: str) -> str | None:
    """How long a login is valid if it expires; None for others."""
    server = _host(server)
    if (_ECR.match(server) or server == _ECR_PUBLIC) and username == "AWS":
        return "12 hours"
    if _ACR.match(server) and username == _ACR_TOKEN_USER:
        return "3 hours"
    if username in _ONE_HOUR:
        return "1 hour"
    if server == "cr.yandex" and username == "iam":
        return "12 hours"
    if username == "gitlab-ci-token" or (server == "ghcr.io" and password.startswith("ghs_")):
        return "the length of one CI job"
    return None
