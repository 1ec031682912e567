"""Starts a policy pack once the engine has named the stack.

A policy pack reads the stack from its environment when it starts, but the engine names it in a call. So this answers
that call, and passes all others on to the pack.
"""

import json
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2

_SERVICE = "/pulumirpc.Analyzer/"
_START_SECONDS = 60.0
_LONG_SECONDS = 86400.0


class PolicyProxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Serves the Analyzer protocol for a policy pack that `start` starts.

    Args:
        start: starts the pack with more environment variables and returns its port.
    """

    def __init__(self, start: Callable[[dict[str, str]], int]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._channel: Future[grpc.Channel] | None = None
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=16),
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        )
        self._server.add_generic_rpc_handlers((self,))
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop(grace=0)
        if self._channel is not None and self._channel.done() and self._channel.exception() is None:
            self._channel.result().close()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose the handler of a call."""
        method: str = details.method
        if not method.startswith(_SERVICE):
            return None
        answer = {"Handshake": self._handshake, "ConfigureStack": self._configure_stack}.get(
            method.removeprefix(_SERVICE), self._forward(method)
        )
        return grpc.unary_unary_rpc_method_handler(answer)

    def _handshake(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        return bytes(analyzer_pb2.AnalyzerHandshakeResponse().SerializeToString())

    def _configure_stack(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        stack = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request)
        environment = {
            "PULUMI_ORGANIZATION": stack.organization,
            "PULUMI_PROJECT": stack.project,
            "PULUMI_STACK": stack.stack,
            "PULUMI_DRY_RUN": "true" if stack.dry_run else "false",
            "PULUMI_CONFIG": json.dumps(dict(stack.config)),
        }
        channel = self._pack({key: value for key, value in environment.items() if value}, context)
        try:
            channel.unary_unary(_SERVICE + "ConfigureStack")(request, timeout=_START_SECONDS)
        except grpc.RpcError as error:
            # Packs with older libraries read only the environment.
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                context.abort(error.code(), error.details())
        return bytes(analyzer_pb2.AnalyzerStackConfigureResponse().SerializeToString())

    def _forward(self, method: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def forward(request: bytes, context: grpc.ServicerContext) -> bytes:
            channel = self._pack({}, context)
            try:
                answer: bytes = channel.unary_unary(method)(request, timeout=_seconds_left(context))
            except grpc.RpcError as error:
                if method.endswith("/Cancel") and error.code() == grpc.StatusCode.UNIMPLEMENTED:
                    return bytes(Empty().SerializeToString())
                context.abort(error.code(), error.details())
                raise
            return answer

        return forward

    def _pack(self, environment: dict[str, str], context: grpc.ServicerContext) -> grpc.Channel:
        """The channel to the pack, which the first caller starts."""
        with self._lock:
            first = self._channel is None
            if self._channel is None:
                self._channel = Future()
            future = self._channel
        if first:
            try:
                future.set_result(self._connect(environment))
            except Exception as error:  # noqa: BLE001 - raised in every waiting call
                future.set_exception(error)
        try:
            return future.result(timeout=_START_SECONDS)
        except Exception as error:
            context.abort(grpc.StatusCode.UNKNOWN, f"The policy pack did not start: {error}")
            raise

    def _connect(self, environment: dict[str, str]) -> grpc.Channel:
        return grpc.insecure_channel(
            f"127.0.0.1:{self._start(environment)}",
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        )


def _seconds_left(context: grpc.ServicerContext) -> float | None:
    """Time limit of a call in seconds; None without one, for which gRPC returns but does not accept infinity."""
    left = context.time_remaining()
    return None if left is None or math.isinf(left) or left > _LONG_SECONDS else float(left)
