"""ClientImage: the agent client image, built and pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_docker as docker

from components.agent_release import RegistryLogin
from components.build_context import BuildContext


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
        further_registries: Sequence[RegistryLogin] = (),
        engine: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build and push.

        ``secret_arguments`` are build arguments with credentials: the Dockerfile may use them only in a stage whose layers
        do not reach the image. ``registry`` is where the image goes (the surroundings' Docker login when left out),
        ``further_registries`` are those that its base comes from; ``engine`` is the Docker engine (DOCKER_HOST's when left
        out).
        """
        super().__init__("astro-dbt:components:ClientImage", resource_name, None, opts)
        logins = [login for login in (registry, *further_registries) if login is not None]
        provider = docker.Provider(
            resource_name,
            host=engine,
            registry_auth=[
                docker.ProviderRegistryAuthArgs(
                    address=login.server,
                    username=login.username,
                    password=pulumi.Output.secret(login.password),
                )
                for login in logins
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
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
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )
        self.reference = image.repo_digest
        self.register_outputs({"reference": self.reference, "tagged": self.tagged})


def _login(login: RegistryLogin) -> docker.RegistryArgs:
    return docker.RegistryArgs(
        server=login.server, username=login.username, password=pulumi.Output.secret(login.password)
    )
