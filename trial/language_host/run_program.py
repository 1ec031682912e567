"""Runs one Pulumi program in a separate process, with the Python of the program's environment.

The exit code, which the language host reads, is 0 for success, 32 after a complete message, and 1 otherwise. This file is
run by its path and imports nothing of this project, because the program's environment need not have it.
"""

import argparse
import asyncio
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# This folder is on the path because the file is run by its path; the program must not import from it by accident.
if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
    del sys.path[0]

MESSAGE_SHOWN = 32
"""Exit code after an error that was reported to the user in full."""


def leave_quietly(signal_number: int, _frame: object) -> None:
    """Exit at once: the engine has already reported why it stops the program."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(128 + signal_number)


def own_traceback(program: Path) -> str:
    """Format the current exception from the first frame of the user's code on."""
    entry = (program / "__main__.py" if program.is_dir() else program).resolve()
    entries = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(entries):
        if Path(frame.filename).resolve() == entry:
            return traceback.format_exc(limit=-(len(entries) - index))
    return traceback.format_exc()


def main(arguments: list[str]) -> int:
    """Run the program and return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave_quietly)
    parser = argparse.ArgumentParser()
    for name in ("monitor", "engine", "project", "root-directory", "stack", "pwd", "dry-run", "organization"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("program")
    parser.add_argument("rest", nargs="*")
    given = parser.parse_args(arguments)

    try:
        import pulumi
        from pulumi import runtime
    except ImportError:
        print(
            f"The Pulumi SDK is not installed for {sys.executable}: run `pulumi install` in the project's folder.",
            file=sys.stderr,
        )
        return 1

    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    runtime.configure(
        runtime.Settings(
            monitor=given.monitor,
            engine=given.engine,
            project=given.project,
            stack=given.stack,
            parallel=given.parallel,
            dry_run=given.dry_run == "true",
            organization=given.organization or None,
            root_directory=given.root_directory or None,
        )
    )
    sys.argv = [given.program, *given.rest]
    if given.pwd:
        os.chdir(given.pwd)

    # A program that exits early leaves pending futures behind.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    workers = ThreadPoolExecutor(max_workers=max(given.parallel, 1) * 4)
    loop.set_default_executor(workers)
    entry = Path(given.program)

    def run() -> None:
        runpy.run_path(given.program, run_name="__main__")

    try:
        if entry.is_dir() and not (entry / "__main__.py").is_file():
            pulumi.log.error(f"unable to find main python program `__main__.py` in `{entry.resolve()}`")
            return MESSAGE_SHOWN
        loop.run_until_complete(runtime.run_in_stack(run))
        return 0
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception:  # noqa: BLE001 - any exception of the program is shown as by Pulumi's own host
        pulumi.log.error("Program failed with an unhandled exception:\n" + own_traceback(entry))
        return MESSAGE_SHOWN
    finally:
        workers.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
