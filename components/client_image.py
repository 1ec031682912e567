"""ClientImage: the agent client image, built and pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from components.registry_login import RegistryLogin
from domain.build_context import BuildContext
from domain.names import CLIENT_IMAGE

_INLINE_CACHE = {"BUILDKIT_INLINE_CACHE": "1"}
"""Has BuildKit write into the image which step made which layer (docs.docker.com, build/cache/backends/inline)."""


@dataclass(frozen=True, kw_only=True)
class ClientImageArgs:
    """What to build, and where to push it."""

    repository: str
    """Image repository to push to, without a tag."""
    context: BuildContext
    """The staged build context."""
    platform: str
    """Platform, for example linux/amd64."""
    arguments: Mapping[str, pulumi.Input[str]]
    """Build arguments that are not secret."""
    secret_arguments: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Build arguments with credentials; the Dockerfile may use them only in a stage whose layers are not in the image."""
    registry: RegistryLogin | None = None
    """Login for the registry that the image is pushed to; None: the one of `docker login`."""
    cache_tags: Sequence[str] = ()
    """Tags of the repository whose layers a build may take over; the image then says for later builds what its own are."""
    hooks: pulumi.ResourceHookBinding | None = None
    """What happens around a build, for example pulling its base."""
    engine: str | None = None
    """Address of the Docker engine; None: the one in DOCKER_HOST."""


class ClientImage(pulumi.ComponentResource):
    """The client image, tagged by its content and passed to the cluster by its digest.

    Unchanged content is not built or pushed again. Earlier images stay in the registry, because rollbacks need them.
    """

    reference: pulumi.Output[str]
    """`repository@sha256:…`, which the agents run."""
    tagged: str
    """`repository:tag`, for display."""

    def __init__(
        self, resource_name: str, args: ClientImageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Build and push."""
        super().__init__(CLIENT_IMAGE, resource_name, None, opts)
        provider = docker.Provider(
            resource_name,
            host=args.engine,
            opts=pulumi.ResourceOptions(parent=self),
        )
        secret = {name: pulumi.Output.secret(value) for name, value in args.secret_arguments.items()}
        self.tagged = f"{args.repository}:{args.context.tag}"
        # The image's own tag comes first: another stack or machine may have built the same content.
        cached = (
            [self.tagged, *(f"{args.repository}:{tag}" for tag in args.cache_tags)] if args.cache_tags else []
        )
        image = docker.Image(
            resource_name,
            image_name=self.tagged,
            build=docker.DockerBuildArgs(
                context=args.context.folder,
                dockerfile=args.context.dockerfile,
                platform=args.platform,
                args={**args.arguments, **secret, **(_INLINE_CACHE if cached else {})},
                cache_from=docker.CacheFromArgs(images=cached) if cached else None,
            ),
            registry=_login(args.registry) if args.registry else None,
            opts=pulumi.ResourceOptions(parent=self, provider=provider, hooks=args.hooks),
        )
        self.reference = image.repo_digest
        self.register_outputs({"reference": self.reference, "tagged": self.tagged})


def _login(login: RegistryLogin) -> docker.RegistryArgs:
    return docker.RegistryArgs(
        server=login.server, username=login.username, password=pulumi.Output.secret(login.password)
    )
