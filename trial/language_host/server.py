"""The language host's gRPC server."""

# The methods' names and arguments are the protocol's.
# ruff: noqa: ARG002, N802

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import (
    LanguageRuntimeServicer,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
)

from trial.language_host import sdk
from trial.language_host.policy_proxy import PolicyProxy
from trial.language_host.processes import Children, lines
from trial.language_host.run_program import MESSAGE_SHOWN
from trial.language_host.toolchain import Toolchain, ToolchainError, installed, plugin_packages

VERSION = version("pulumi")
"""The Pulumi release whose language host this stands in for."""

_RUN_PROGRAM = Path(__file__).with_name("run_program.py")
_PARENT_CHECK_SECONDS = 2.0


class LanguageHost(LanguageRuntimeServicer):
    """Answers the engine's calls about Python programs; ``engine_address`` is host:port, which programs log to."""

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self.children = Children()

    def Handshake(self, request: Any, context: Any) -> Any:
        """Set the engine's address."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def About(self, request: Any, context: Any) -> Any:
        """Which Python runs the program."""
        toolchain = self._toolchain(request.info, context)
        with self.children.start(
            [toolchain.python, "-c", "import platform; print(platform.python_version(), end='')"],
            environment=toolchain.environment(),
            piped=True,
        ) as child:
            version = b"".join(text for stream, text in lines(child) if stream == "stdout").decode()
        return language_pb2.AboutResponse(executable=str(toolchain.python), version=version)

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """Resource plugins that the installed packages need."""
        found = plugin_packages(self._toolchain(request.info, context))
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=package.name, kind="resource", version=f"v{package.version}", server=package.server
                )
                for package in found
            ]
        )

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        """The same as GetRequiredPackages, in the older format."""
        found = plugin_packages(self._toolchain(request.info, context))
        return language_pb2.GetRequiredPluginsResponse(
            plugins=[
                plugin_pb2.PluginDependency(
                    name=package.name, kind="resource", version=f"v{package.version}", server=package.server
                )
                for package in found
            ]
        )

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        """The installed packages; without dependencies of others, unless all are requested."""
        listed = installed(self._toolchain(request.info, context), all_of_them=request.transitiveDependencies)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in listed]
        )

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """No prompts: pip and a virtual environment are the only choice."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Create the virtual environment and install requirements.txt."""
        toolchain = self._toolchain(request.info, context, required=False)
        folder = Path(request.info.program_directory or request.directory)
        steps: list[list[str | Path]] = []
        if toolchain.virtualenv is not None and not toolchain.python.is_file():
            steps.append([sys.executable, "-m", "venv", toolchain.virtualenv])
        for name in ("requirements.txt", "pyproject.toml"):
            if (folder / name).is_file():
                source = ["-r", name] if name == "requirements.txt" else ["-e", "."]
                steps.append(
                    [toolchain.python, "-m", "pip", "install", "--disable-pip-version-check", *source]
                )
                break
        for step in steps:
            with self.children.start(
                step, environment=toolchain.environment(), folder=folder, piped=True
            ) as child:
                for stream, text in lines(child):
                    yield language_pb2.InstallDependenciesResponse(**{stream: text})
                code = child.wait()
            if code != 0:
                context.abort(
                    grpc.StatusCode.UNKNOWN, f"{' '.join(map(str, step[1:4]))} ended with exit code {code}"
                )

    def Run(self, request: Any, context: Any) -> Any:
        """Run a program; its output goes to the host's output, which the engine shows."""
        info = request.info
        toolchain = self._toolchain(info, context)
        arguments: list[str | Path] = [toolchain.python, "-u", _RUN_PROGRAM]
        for name, value in (
            ("monitor", request.monitor_address),
            ("engine", self._engine_address),
            ("project", request.project),
            ("root-directory", info.root_directory),
            ("stack", request.stack),
            ("pwd", request.pwd),
            ("dry-run", "true" if request.dryRun else "false"),
            ("parallel", str(request.parallel)),
            ("organization", request.organization),
        ):
            if value:
                arguments += [f"--{name}", value]
        # Configuration contains secrets, so it is passed in the environment, not in arguments.
        environment = toolchain.environment() | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        arguments += ["--", info.entry_point or ".", *request.args]
        with self.children.start(arguments, environment=environment, piped=False) as child:
            context.add_callback(self.children.interrupt)
            code = child.wait()
        if code == 0:
            return language_pb2.RunResponse()
        if code == MESSAGE_SHOWN:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"program was terminated by {signal.Signals(-code).name}")
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a plugin written in Python: a policy pack, or a provider."""
        toolchain = self._toolchain(request.info, context)
        environment = toolchain.environment()
        environment.update(entry.split("=", 1) for entry in request.env if "=" in entry)
        environment.update(
            {key: value for key, value in toolchain.environment().items() if key in ("PATH", "VIRTUAL_ENV")}
        )
        folder = request.info.program_directory
        if request.kind == "analyzer":
            arguments = ["-u", "-m", "pulumi.policy", *request.args, folder]
            yield from self._run_policy(toolchain, arguments, environment, Path(folder), context)
            return
        command: list[str | Path] = [toolchain.python, "-u", folder, *request.args]
        with self.children.start(
            command, environment=environment, folder=Path(request.pwd), piped=True
        ) as child:
            context.add_callback(self.children.interrupt)
            for stream, text in lines(child):
                yield _printed(stream, text)
            yield language_pb2.RunPluginResponse(exitcode=child.wait())

    def _run_policy(
        self,
        toolchain: Toolchain,
        arguments: Sequence[str],
        environment: dict[str, str],
        folder: Path,
        context: Any,
    ) -> Iterator[Any]:
        """Serve a policy pack's port now and start the pack once the engine has named the stack."""
        output: queue.SimpleQueue[tuple[str, bytes] | int | None] = queue.SimpleQueue()
        ports: queue.SimpleQueue[int | None] = queue.SimpleQueue()

        def run(more: dict[str, str]) -> None:
            with self.children.start(
                [toolchain.python, *arguments], environment=environment | more, folder=folder, piped=True
            ) as child:
                split_port(lines(child), ports.put, output.put)
                output.put(child.wait())

        def start(more: dict[str, str]) -> int:
            threading.Thread(target=run, args=(more,), daemon=True).start()
            port = ports.get()
            if port is None:
                raise ToolchainError(f"the policy pack in {folder} exited before it served")
            return port

        context.add_callback(lambda: output.put(None))
        proxy = PolicyProxy(start)
        try:
            yield language_pb2.RunPluginResponse(stdout=f"{proxy.port}\n".encode())
            while (item := output.get()) is not None:
                if isinstance(item, int):
                    yield language_pb2.RunPluginResponse(exitcode=item)
                    return
                yield _printed(*item)
        finally:
            proxy.stop()
            self.children.interrupt()

    def GeneratePackage(self, request: Any, context: Any) -> Any:
        """Write the SDK of a package into a folder."""
        try:
            sdk.generate(
                self.children,
                os.environ,
                schema=request.schema,
                loader=request.loader_target,
                directory=Path(request.directory),
                extra_files=dict(request.extra_files),
            )
        except ToolchainError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return language_pb2.GeneratePackageResponse()

    def Link(self, request: Any, context: Any) -> Any:
        """Add generated SDKs to the program's requirements, which the engine installs next."""
        self._toolchain(request.info, context, required=False)
        try:
            instructions = sdk.link(
                Path(request.info.program_directory), [package.path for package in request.packages]
            )
        except ToolchainError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise
        return language_pb2.LinkResponse(import_instructions=instructions)

    def Cancel(self, request: Any, context: Any) -> Any:
        """Stop everything that is running."""
        self.children.interrupt()
        return Empty()

    def _toolchain(self, info: Any, context: Any, *, required: bool = True) -> Toolchain:
        root = Path(info.root_directory or info.program_directory or ".")
        try:
            toolchain = Toolchain.of(root, MessageToDict(info.options))
            if required:
                toolchain.require()
        except ToolchainError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise
        return toolchain


def _printed(stream: str, text: bytes) -> Any:
    if stream == "stdout":
        return language_pb2.RunPluginResponse(stdout=text)
    return language_pb2.RunPluginResponse(stderr=text)


def split_port(
    chunks: Iterator[tuple[str, bytes]],
    found: Callable[[int | None], None],
    other: Callable[[tuple[str, bytes]], None],
) -> None:
    """Read the port, which is the first line of standard output, and pass the rest on."""
    head, waiting = b"", True
    for stream, text in chunks:
        if waiting and stream == "stdout":
            head += text
            line, newline, rest = head.partition(b"\n")
            if not newline:
                continue
            waiting = False
            found(int(line) if line.strip().isdigit() else None)
            text = rest
        if text and not _is_interrupt(text):
            other((stream, text))
    if waiting:
        found(None)


def _is_interrupt(text: bytes) -> bool:
    """Whether output is the traceback of an interrupted policy pack, which is noise."""
    return text.startswith(b"Traceback ") and text.rstrip().endswith(b"KeyboardInterrupt")


def _watch_parent(leave: Callable[[], None]) -> None:
    """Exit if the engine is gone without notice."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        leave()

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: Sequence[str]) -> int:
    """Print the port, then serve until a signal arrives. The last argument is the engine's address."""
    if "--version" in arguments or "-version" in arguments:
        print(VERSION)
        return 0
    address = arguments[-1] if arguments and ":" in arguments[-1] else ""
    host = LanguageHost(address)

    def leave(*_signal: object) -> None:
        host.children.interrupt()
        # Not sys.exit: gRPC's threads would delay the exit, and tracebacks at shutdown help nobody.
        os._exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    server = grpc.server(
        ThreadPoolExecutor(max_workers=16),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _watch_parent(leave)
    print(port, flush=True)
    server.wait_for_termination()
    return 0
