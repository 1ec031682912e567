"""Checks of images, registries and the Docker engine."""

from __future__ import annotations

from preflight.check import Check, error, info, warning

_READY = ("agent.image", "agent.workers[<n>].image")
_NAMED = (*_READY, "agent.sentinel.image")
_OURS = ("image.base", "image.repository", "mirror.repository")
_PASSWORDS = ("registryPassword", "baseRegistryPassword", "pullRegistryPassword")


class ImageRuntime(Check, id="image.runtime"):
    """Agents run an image with Cosmos and dbt."""

    @error("image")
    def bare(self) -> str:
        return (
            "is missing, and so is agent.image, so agents would run the chart's default image, which has neither Cosmos nor dbt; "
            "add image.repository and image.base with packages and adapters, or name a ready image in agent.image"
        )


class ImageBase(Check, id="image.base"):
    """The base image's reference says what is in it."""

    @warning("image.base")
    def unknown(self, *, reference: str) -> str:
        return (
            f"is {reference}, which does not name Runtime, Python and agent as Astro's images do; use an Astro agent image, or "
            "one built on it with the same tag"
        )

    @info("image.base", "agent.image")
    def facts(self, *, reference: str, runtime: str, python: str, agent: str) -> str:
        return (
            f"is {reference}: Runtime {runtime}, Python {python}, agent {agent}; the Runtime must not be newer than the "
            "Deployment's"
        )


class ImageContents(Check, id="image.contents"):
    """What the agents' images install is known, from the stack or from the labels of a ready image."""

    @info(*_READY)
    def unknown(self, *, reference: str) -> str:
        return (
            f"is {reference}, which has no labels that list its contents, so adapters, Cosmos and the Git provider were not "
            "checked; images that this program builds have them"
        )


class ImageCosmos(Check, id="image.cosmos"):
    """The agents' images install Cosmos."""

    @warning("image.packages", *_READY)
    def missing(self, *, base: str, where: str) -> str:
        return (
            f"does not install astronomer-cosmos, so Dags that use it break unless the base image {base} has it; add "
            f"astronomer-cosmos with its version {where}"
        )


class ImageProvider(Check, id="image.provider"):
    """The Git provider of a ready image fits the stack."""

    @warning(*_READY)
    def old(self, *, provider: str, version: str, shortcoming: str, better: str) -> str:
        return f"installs {provider} {version}, which {shortcoming}; build it with {better} or later"


class ImageBundles(Check, id="image.bundles"):
    """The Git provider knows the arguments of the Dag bundles."""

    @error("dags.arguments")
    def too_old(self, *, argument: str, provider: str, version: str, since: str, where: str) -> str:
        return f"contains {argument}, which {provider} {version} of {where} refuses, so no Dag would load; install {since} or later"

    @warning("dags.arguments")
    def unknown(self, *, argument: str, provider: str, known: str) -> str:
        return f"contains {argument}, which {provider} up to {known} refuses, so no Dag would load; correct or remove it"


class ImagePython(Check, id="image.python"):
    """dbt runs on the Python of the base image."""

    @error("image.adapters", *_READY)
    def refused(self, *, requirement: str, python: str, base: str) -> str:
        return (
            f"installs {requirement}, which does not import on the Python {python} of {base}; use dbt-core 1.12 or later, or a "
            "base image with Python 3.13"
        )


class ImageRegistry(Check, id="image.registry"):
    """The registries answer and accept the credentials."""

    @error(*_OURS)
    def unreachable(self, *, server: str, detail: str) -> str:
        return f"is on {server}, which cannot be reached ({detail}); check the name and the network"

    @error(*_OURS)
    def failing(self, *, server: str, detail: str) -> str:
        return (
            f"is on {server}, which answers with an error ({detail}); try again later, or ask whoever runs it"
        )

    @error(*_OURS)
    def timeout(self, *, server: str, seconds: str) -> str:
        return f"is on {server}, which did not answer within {seconds} s; check the network, or raise preflight.timeout"

    @error(*_PASSWORDS)
    def refused(self, *, server: str, repository: str, detail: str, field: str) -> str:
        return f"does not open {server} for {repository} ({detail}); set a valid one with `pulumi config set --secret {field}`"

    @error("baseRegistry", "registry")
    def anonymous(self, *, server: str, repository: str, detail: str, field: str) -> str:
        return (
            f"is missing, but {server} does not serve {repository} without a login ({detail}); write server and username here, "
            f"and set the password with `pulumi config set --secret {field}`"
        )

    @error("registry.username")
    def no_push(self, *, server: str, repository: str) -> str:
        return f"may read but not push to {repository} on {server}; use a user with push permission"

    @error("image.repository", "mirror.repository")
    def not_created(self, *, server: str, repository: str, remedy: str) -> str:
        return (
            f"is {repository}, which does not exist on {server}, and a push does not create it; {remedy}, or set "
            f"preflight.checks.image.registry to warn with a reason if {server} creates repositories on push"
        )

    @warning(*_PASSWORDS)
    def short_lived(self, *, server: str, username: str, lifetime: str) -> str:
        return (
            f"is a password of {username} on {server}, which expires after {lifetime}, while the cluster pulls with it for "
            "longer; write a lasting login with pull permission into pullRegistry and pullRegistryPassword, or name a Secret "
            "that is renewed in agent.imagePullSecret"
        )


class ImageExists(Check, id="image.exists"):
    """Images that the stack names exist."""

    @error("image.base", *_NAMED)
    def missing(self, *, reference: str) -> str:
        return f"is {reference}, which the registry does not have; write a tag that exists"

    @warning(*_OURS, *_NAMED)
    def unverified(self, *, reference: str, detail: str) -> str:
        return (
            f"is {reference}, which could not be verified ({detail}); make sure that the cluster can pull it"
        )


class ImagePlatform(Check, id="image.platform"):
    """The base image exists for the platform that is built."""

    @error("image.platform")
    def missing(self, *, platform: str, reference: str, found: str) -> str:
        return f"is {platform}, which {reference} does not have; write one of {found}"


class ImageSentinel(Check, id="image.sentinel"):
    """Sentinel and agents are of the same version."""

    @warning("agent.sentinel.image")
    def differs(self, *, found: str, agent: str, reference: str) -> str:
        return f"is of version {found}, but {reference} has agent {agent}; write the sentinel of the same version"

    @warning("agent.sentinel.image")
    def default(self, *, found: str, agent: str, reference: str, version: str) -> str:
        return (
            f"is missing, so the chart's version {version} brings sentinel {found}, but {reference} has agent {agent}; write the "
            "sentinel of the same version, or set mirror, which takes it from the agent's"
        )


class ImageEngine(Check, id="image.engine"):
    """A Docker engine answers if an image is built."""

    @error("image.engine")
    def unreachable(self, *, engine: str, detail: str) -> str:
        return (
            f"leads to {engine}, where no Docker engine answers ({detail}); start it, write another address here or in "
            "DOCKER_HOST, or name a ready image in agent.image instead of image"
        )

    @warning("image.engine")
    def unverified(self, *, engine: str, detail: str) -> str:
        return f"is {engine}, which could not be checked ({detail}); make sure that a Docker engine answers there"


IMAGE_RUNTIME = ImageRuntime()
IMAGE_BASE = ImageBase()
IMAGE_CONTENTS = ImageContents()
IMAGE_COSMOS = ImageCosmos()
IMAGE_PROVIDER = ImageProvider()
IMAGE_BUNDLES = ImageBundles()
IMAGE_PYTHON = ImagePython()
IMAGE_REGISTRY = ImageRegistry()
IMAGE_EXISTS = ImageExists()
IMAGE_PLATFORM = ImagePlatform()
IMAGE_SENTINEL = ImageSentinel()
IMAGE_ENGINE = ImageEngine()

CHECKS: tuple[Check, ...] = (
    IMAGE_RUNTIME,
    IMAGE_BASE,
    IMAGE_CONTENTS,
    IMAGE_COSMOS,
    IMAGE_PROVIDER,
    IMAGE_BUNDLES,
    IMAGE_PYTHON,
    IMAGE_REGISTRY,
    IMAGE_EXISTS,
    IMAGE_PLATFORM,
    IMAGE_SENTINEL,
    IMAGE_ENGINE,
)
"""In the order of docs/preflight.md."""
