"""Processes are distinguished by number and start time; those of an ancestor are found by program."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from clients import processes
from clients.processes import Process
from tests.support.processes import FIRST_THREAD_ENDED, looks_like_a_zombie, running


def test_a_process_is_alive_until_it_ends() -> None:
    with running(["sleep", "600"]) as child:
        stat = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8")
        started = int(stat.rpartition(")")[2].split()[19])
        process = Process(child.pid, started)
        assert process.alive
        assert not replace(process, started=started - 1).alive, "another process had this number"
        child.kill()
        child.wait()
        assert not process.alive


def test_a_process_is_alive_until_its_last_thread_ends() -> None:
    with running(FIRST_THREAD_ENDED) as child:
        assert looks_like_a_zombie(child.pid)
        stat = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8")
        process = Process(child.pid, int(stat.rpartition(")")[2].split()[19]))
        assert process.alive
        child.kill()
        child.wait()
        assert not process.alive


def test_siblings_are_what_an_ancestor_started() -> None:
    """As under the engine, which starts the plugin, and the program through its language host."""
    look = (
        "import json; from clients import processes; "
        "print(json.dumps([[p.pid, p.started] for p in processes.siblings('sleep')]))"
    )
    host = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {look!r}], check=True)"
    engine = (
        "import subprocess, sys; plugin = subprocess.Popen(['sleep', '600']); print(plugin.pid, flush=True); "
        f"subprocess.run([sys.executable, '-c', {host!r}], check=True); plugin.kill()"
    )
    with running(["sleep", "600"]) as stranger:
        done = subprocess.run([sys.executable, "-c", engine], capture_output=True, text=True, check=True)
        plugin, siblings = done.stdout.splitlines()
        numbers = [pid for pid, _ in json.loads(siblings)]
        assert int(plugin) in numbers
        assert stranger.pid in numbers, "this test is an ancestor as well, so its child counts"


def test_the_nearest_engine_comes_with_its_children_and_nobody_elses() -> None:
    look = (
        "import sys; from clients import processes; "
        "print(*[p.pid for p in processes.nearest_with_children(sys.argv[1])])"
    )
    engine = (
        "import os, subprocess, sys; plugin = subprocess.Popen(['sleep', '600']); "
        "print(os.getpid(), plugin.pid, flush=True); "
        f"subprocess.run([sys.executable, '-c', {look!r}, sys.argv[1]], check=True); plugin.kill()"
    )
    name = Path(sys.executable).name
    with running(["sleep", "600"]) as stranger:
        done = subprocess.run(
            [sys.executable, "-c", engine, name], capture_output=True, text=True, check=True
        )
    own, found = (list(map(int, line.split())) for line in done.stdout.splitlines())
    assert found[0] == own[0]
    assert own[1] in found
    assert len(found) == 3, "the engine, its plugin and what looks"
    assert stranger.pid not in found
    assert processes.nearest_with_children("no such program") == ()


def test_this_machine_has_one_name() -> None:
    assert processes.machine() is not None
    assert processes.machine() == processes.machine()


def test_listening_ports_are_those_of_one_process() -> None:
    serve = (
        "import socket, sys; found = [socket.create_server((host, 0), family=family) for host, family in "
        "(('127.0.0.1', socket.AF_INET), ('::1', socket.AF_INET6))]; "
        "print(*[item.getsockname()[1] for item in found], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", serve]
    with (
        socket.create_server(("127.0.0.1", 0)),
        running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
    ):
        ports = {int(port) for port in child.stdout.readline().split()}
        assert set(processes.listening_ports(child.pid)) == ports
    assert processes.listening_ports(child.pid) == ()


def test_only_children_of_the_nearest_ancestor_of_that_name(tmp_path: Path) -> None:
    """An engine that another engine's command started: the plugins of the outer one are not its own."""
    engine = tmp_path / "engine"
    engine.symlink_to(Path(sys.executable).resolve())
    look = (
        "import json; from clients import processes; "
        "print(json.dumps([p.pid for p in processes.children_of_nearest('engine', 'sleep')]))"
    )
    start = "import subprocess; plugin = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL)\n"
    inner = (
        f"{start}print(plugin.pid, flush=True)\n"
        f"try: subprocess.run([{sys.executable!r}, '-c', {look!r}], check=True)\n"
        "finally: plugin.kill()"
    )
    outer = (
        f"{start}try: subprocess.run([{str(engine)!r}, '-c', {inner!r}], check=True)\nfinally: plugin.kill()"
    )
    done = subprocess.run([engine, "-c", outer], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    plugin, found = done.stdout.splitlines()
    assert json.loads(found) == [int(plugin)]


def test_arguments_of_the_nearest_engine() -> None:
    look = (
        "import json, sys; from clients import processes; "
        "print(json.dumps([processes.arguments_of_nearest(name) for name in (sys.argv[1], 'no such program')]))"
    )
    engine = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {look!r}, sys.argv[1]], check=True)"
    )
    name = Path(sys.executable).name
    arguments = ["-c", engine, name, "--message=two\nlines", ""]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [arguments, []]
