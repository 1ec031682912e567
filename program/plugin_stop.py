"""Ending what a plugin of this run does: asking it to, as Ctrl-C on `pulumi up` does, or ending the plugin."""

from __future__ import annotations

import contextlib
import os
import signal

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from clients import processes
from clients.processes import Process

_SECONDS = 10.0
"""Time limit of one request to the plugin."""


def cancel_helm(plugin: str) -> bool:
    """Have the plugin cancel what it is doing; False if this system does not show which process it is.

    `Cancel` is the request of Pulumi's provider protocol with which the engine passes Ctrl-C on. The plugin cancels Helm's
    context, and an atomic release is rolled back, or uninstalled if it is the first. Only plugins that this run's engine
    started are asked, and while the release changes, they have nothing else to do. An engine of another run, and a
    plugin whose engine was killed, are never touched.
    """
    asked = False
    for process in processes.children_of_nearest(processes.ENGINE, plugin):
        for port in processes.listening_ports(process.pid):
            asked = _cancel(process, port) or asked
    return asked


def end_plugin(plugin: str) -> bool:
    """End a plugin of this run, and with it what it waits for; False if this system does not show which process it is.

    The engine reports that its plugin is gone, and the run fails. Plugins of other engines are never touched.
    """
    found = processes.children_of_nearest(processes.ENGINE, plugin)
    for process in found:
        if process.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    return bool(found)


def _cancel(process: Process, port: int) -> bool:
    if not process.alive:
        return False
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ResourceProviderStub(channel)
        try:
            stub.GetPluginInfo(Empty(), timeout=_SECONDS)  # it is a plugin's port
            stub.Cancel(Empty(), timeout=_SECONDS)
        except grpc.RpcError:
            return False
    return True
