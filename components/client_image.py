"""ClientImage: the agent client image, built and pushed."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

from components.agent_release import RegistryLogin
from program.build_context import BuildContext


class ClientImage(pulumi.ComponentResource):
    """The client image under a tag made from its content, known to the cluster by its digest.

    Unchanged content builds and pushes nothing. Earlier images stay in the registry: roll-backs need them.
    """

    reference: pulumi.Output[str]
    """`repository@sha256:…`: what the agents run."""
    tagged: str
    """`repository:tag`, for people."""

    def __init__(
        self,
        resource_name: str,
        *,
        repository: str,
        context: BuildContext,
        platform: str,
        arguments: Mapping[str, str],
        secret_arguments: Mapping[str, pulumi.Input[str]] | None = None,
        registry: RegistryLogin | None = None,
        base: str | None = None,
        base_registry: RegistryLogin | None = None,
        engine: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build and push.

        ``secret_arguments`` are build arguments with credentials: the Dockerfile may use them only in a stage whose layers
        do not reach the image. ``registry`` is where the image goes (the surroundings' Docker login when left out).
        ``base`` and ``base_registry`` pull the base image first, when its registry has a password of its own: the build
        itself knows only the login of ``registry`` and the surroundings' (pulumi-docker 5.1.0, image.go). ``engine`` is
        the Docker engine (DOCKER_HOST's when left out).
        """
        super().__init__("astro-dbt:components:ClientImage", resource_name, None, opts)
        provider = docker.Provider(
            resource_name,
            host=engine,
            registry_auth=[_provider_login(base_registry)] if base_registry else None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        pulled = []
        if base and base_registry:
            pulled = [
                _pull(
                    resource_name,
                    base,
                    platform,
                    context,
                    pulumi.ResourceOptions(parent=self, provider=provider),
                )
            ]
        secret = {name: pulumi.Output.secret(value) for name, value in (secret_arguments or {}).items()}
        self.tagged = f"{repository}:{context.tag}"
        image = docker.Image(
            resource_name,
            image_name=self.tagged,
            build=docker.DockerBuildArgs(
                context=context.folder,
                dockerfile=context.dockerfile,
                platform=platform,
                args={**arguments, **secret},
            ),
            registry=_login(registry) if registry else None,
            opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=pulled),
        )
        self.reference = image.repo_digest
        self.register_outputs({"reference": self.reference, "tagged": self.tagged})


def _login(login: RegistryLogin) -> docker.RegistryArgs:
    return docker.RegistryArgs(
        server=login.server, username=login.username, password=pulumi.Output.secret(login.password)
    )


def _provider_login(login: RegistryLogin) -> docker.ProviderRegistryAuthArgs:
    return docker.ProviderRegistryAuthArgs(
        address=login.server, username=login.username, password=pulumi.Output.secret(login.password)
    )


def _pull(
    resource_name: str, base: str, platform: str, context: BuildContext, opts: pulumi.ResourceOptions
) -> docker.RemoteImage:
    """Pull the base before every build: the engine of another machine may not have it yet."""
    return docker.RemoteImage(
        f"{resource_name}-base",
        name=base,
        platform=platform,
        keep_locally=True,
        triggers={"context": context.tag},
        opts=opts,
    )
