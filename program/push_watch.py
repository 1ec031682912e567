"""Ending a push into a registry that has gone silent.

Docker's engine sets no limit on a push, and the Docker plugin none on the engine, so a registry that takes the connection and
then says nothing would hold a run for ever; Ctrl-C does not end it either, since the plugin's `Cancel` does nothing
(github.com/pulumi/pulumi-docker, provider/hybrid.go, 5.1.0).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import pulumi

from clients import processes
from clients.errors import Cause, RemoteError
from clients.image_copy import Place, try_upload
from domain.image_reference import Reference
from preflight.connection import open_registry
from program.watch_thread import WatchThread
from settings.stack import Settings

PAUSE = 15.0
"""Seconds between two looks, and the time limit of one answer."""
PATIENCE = 120.0
"""Seconds of silence after which a push cannot be expected to end."""
_ENGINE, _PLUGIN = "pulumi", "pulumi-resource-docker"
_SILENT = frozenset({Cause.TIMEOUT, Cause.UNREACHABLE})


@dataclass
class PushWatch:
    """Whether the registry still answers while an image is built and pushed."""

    server: str
    """The registry."""
    project: str
    """Pulumi project, for the keys in sentences."""
    meet: Callable[[], None]
    """Reads from the registry. Raises RemoteError."""
    upload: Callable[[], None]
    """Begins an upload and gives it up. Raises RemoteError."""
    report: Callable[[str], None]
    """Gets the sentence."""
    end_push: Callable[[], bool]
    """Ends the push; False if that is not possible here."""
    _answered: float | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    def look(self, now: float) -> None:
        """Ask once. A registry that only the Docker engine reaches never answers here and is left alone."""
        if self._ended:
            return
        if self._answers(self.meet if self._answered is None else self.upload):
            self._answered = now
        elif self._answered is not None and now - self._answered >= PATIENCE:
            self._ended = True
            ending = (
                "so the push was ended; agents keep running"
                if self.end_push()
                else "so interrupt this run, twice; agents keep running"
            )
            self.report(
                f"{self.project}:image.repository is on {self.server}, which has not answered for "
                f"{now - self._answered:.0f} s in the middle of a push, and Docker would wait for ever, {ending}: "
                f"run this again once the registry answers."
            )

    @staticmethod
    def _answers(ask: Callable[[], None]) -> bool:
        try:
            ask()
        except RemoteError as error:
            return error.cause not in _SILENT
        return True


def push_hooks(settings: Settings, repository: str, *, name: str) -> pulumi.ResourceHookBinding:
    """Hooks that watch the registry of ``repository`` while the image ``name`` (runtime or client) is built and pushed."""
    place = Reference.parse(repository)
    target = Place(open_registry(settings, place.server, timeout=PAUSE), place.repository)
    running: list[WatchThread] = []

    def stop() -> None:
        while running:
            running.pop().stop()

    def start(_args: pulumi.ResourceHookArgs) -> None:
        stop()
        watch = PushWatch(
            server=place.server,
            project=pulumi.get_project(),
            meet=lambda: target.registry.check_pull(target.repository),
            upload=lambda: try_upload(target),
            report=pulumi.log.error,
            end_push=end_plugin,
        )
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


def end_plugin() -> bool:
    """End the Docker plugin of this run, with which its engine's push ends; False if this system does not show which one it is.

    While an image is pushed, the plugin has nothing else to do: no other resource of this program is Docker's.
    """
    found = processes.children_of_nearest(_ENGINE, _PLUGIN)
    for process in found:
        if process.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    return bool(found)
