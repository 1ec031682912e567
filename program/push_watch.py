"""Ending a build or a push that waits for a host that has gone silent.

Docker's engine sets no limit on a push, and the Docker plugin none on the engine, so a registry or an engine that takes the
connection and then says nothing would hold a run for ever; Ctrl-C does not end it either, since the plugin's `Cancel` does
nothing (github.com/pulumi/pulumi-docker, provider/hybrid.go, 5.1.0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pulumi

from clients.docker import engine_address, ping
from clients.errors import Cause, RemoteError
from clients.image_copy import Place, try_upload
from domain.image_reference import Reference
from preflight.connection import open_registry
from program.plugin_stop import end_plugin
from program.watch_thread import WatchThread
from settings.stack import Settings

PAUSE = 15.0
"""Seconds between two looks, and the time limit of one answer."""
PATIENCE = 120.0
"""Seconds of silence after which a build or a push cannot be expected to end."""
_PLUGIN = "pulumi-resource-docker"
"""Program that has nothing else to do while an image is pushed, because no other resource of this program is Docker's."""
_SILENT = frozenset({Cause.TIMEOUT, Cause.UNREACHABLE})


@dataclass
class Host:
    """Who has to answer while an image is built and pushed."""

    what: str
    """The key and its address, as the sentence begins."""
    meet: Callable[[], None]
    """Whether it can be asked from here at all. Raises RemoteError."""
    ask: Callable[[], None]
    """Asks for what the build or the push needs. Raises RemoteError."""
    answered: float | None = None
    """Monotonic time of the last answer in seconds; None before the first."""

    def silence(self, now: float) -> float:
        """Ask once; seconds since the last answer. One that only Docker's engine reaches never answers here and counts for nothing."""
        try:
            (self.meet if self.answered is None else self.ask)()
        except RemoteError as error:
            if error.cause in _SILENT:
                return 0.0 if self.answered is None else now - self.answered
        self.answered = now
        return 0.0


@dataclass
class PushWatch:
    """Whether engine and registry still answer while an image is built and pushed."""

    hosts: tuple[Host, ...]
    """Who is asked."""
    project: str
    """Pulumi project, for the keys in sentences."""
    report: Callable[[str], None]
    """Gets the sentence."""
    end_push: Callable[[], bool]
    """Ends the build or the push; False if that is not possible here."""
    _ended: bool = field(default=False, init=False)

    def look(self, now: float) -> None:
        """Ask each host once; ``now`` is a monotonic time in seconds."""
        if self._ended:
            return
        for host in self.hosts:
            silence = host.silence(now)
            if silence < PATIENCE:
                continue
            self._ended = True
            ending = "so that was ended" if self.end_push() else "so interrupt this run, twice"
            self.report(
                f"{self.project}:{host.what}, which has not answered for {silence:.0f} s while an image is built and pushed, "
                f"and Docker would wait for ever, {ending}; agents keep running: run this again once it answers."
            )
            return


def push_hooks(settings: Settings, repository: str, *, name: str) -> pulumi.ResourceHookBinding:
    """Hooks that watch Docker's engine and the registry of ``repository`` while the image ``name`` is built and pushed."""
    running: list[WatchThread] = []

    def stop() -> None:
        while running:
            running.pop().stop()

    def start(_args: pulumi.ResourceHookArgs) -> None:
        stop()
        hosts = (_engine(settings), _registry(settings, repository))
        watch = PushWatch(hosts, pulumi.get_project(), pulumi.log.error, lambda: end_plugin(_PLUGIN))
        running.append(WatchThread(watch, pause=PAUSE))

    def finish(_args: pulumi.ResourceHookArgs) -> None:
        stop()

    def give_up(_args: pulumi.ErrorHookArgs) -> bool:
        stop()
        return False

    begin = pulumi.ResourceHook(f"watch-push-{name}", start)
    end = pulumi.ResourceHook(f"stop-watching-push-{name}", finish)
    return pulumi.ResourceHookBinding(
        before_create=[begin],
        before_update=[begin],
        after_create=[end],
        after_update=[end],
        on_error=[pulumi.ErrorHook(f"end-watching-push-{name}", give_up)],
    )


def _engine(settings: Settings) -> Host:
    address = engine_address(settings.image.engine if settings.image else None)

    def ask() -> None:
        ping(address, timeout=PAUSE)

    return Host(f"image.engine leads to {address}", ask, ask)


def _registry(settings: Settings, repository: str) -> Host:
    place = Reference.parse(repository)
    target = Place(open_registry(settings, place.server, timeout=PAUSE), place.repository)
    return Host(
        f"image.repository is on {place.server}",
        lambda: target.registry.check_pull(target.repository),
        lambda: try_upload(target),
    )
