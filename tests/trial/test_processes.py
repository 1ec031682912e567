"""Background programs: recognised by number and start time, never anybody else's."""

import os
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import FIRST_THREAD_ENDED, looks_like_a_zombie
from trial.errors import TrialError
from trial.processes import Identity, Service, Supervisor, is_alive, start_time


@pytest.fixture
def supervisor(tmp_path: Path):
    made = Supervisor(run=tmp_path / "run", logs=tmp_path / "logs")
    yield made
    for name in made.names():
        made.stop(name)


def python(script: str) -> list[str | Path]:
    return [sys.executable, "-c", script]


SLEEP = Service("sleeper", ["sleep", "600"])


def test_a_service_is_found_again_by_another_run(supervisor: Supervisor) -> None:
    assert supervisor.start(SLEEP)
    identity = supervisor.identity("sleeper")
    assert identity is not None
    assert identity.started == start_time(identity.pid)
    again = Supervisor(run=supervisor.run, logs=supervisor.logs)
    assert not again.start(SLEEP), "it runs already"
    assert again.identity("sleeper") == identity


def test_other_arguments_start_it_anew(supervisor: Supervisor) -> None:
    supervisor.start(SLEEP)
    before = supervisor.identity("sleeper")
    assert before is not None
    assert supervisor.start(Service("sleeper", ["sleep", "601"]))
    assert not is_alive(before)
    assert supervisor.identity("sleeper") is not None


def test_a_file_that_it_reads_at_its_start_starts_it_anew(supervisor: Supervisor, tmp_path: Path) -> None:
    read = tmp_path / "config"
    read.write_text("one")
    service = Service("sleeper", ["sleep", "600"], reads=[read])
    assert supervisor.start(service)
    assert not supervisor.start(service)
    read.write_text("two")
    assert supervisor.start(service)


def test_a_number_that_another_process_got_is_not_ours(supervisor: Supervisor) -> None:
    supervisor.start(SLEEP)
    record = supervisor.run / "sleeper.pid"
    ours = supervisor.identity("sleeper")
    assert ours is not None
    # What a record looks like whose process is gone and whose number this very test process has got.
    record.write_text(f"{os.getpid()}\n{ours.started}\n", encoding="ascii")
    assert supervisor.identity("sleeper") is None
    assert not supervisor.stop("sleeper"), "a stranger would have been stopped"
    os.kill(ours.pid, 15)


def test_a_record_of_another_boot_is_not_believed(supervisor: Supervisor) -> None:
    supervisor.start(SLEEP)
    ours = supervisor.identity("sleeper")
    assert ours is not None
    boot = supervisor.run / "sleeper.boot"
    boot.write_text("another-boot\n" + boot.read_text(encoding="ascii").split("\n", 1)[1], encoding="ascii")
    assert supervisor.identity("sleeper") is None
    os.kill(ours.pid, 15)


def test_an_ended_child_is_not_alive_even_before_it_is_reaped(supervisor: Supervisor) -> None:
    supervisor.start(Service("short", ["true"]))
    deadline = time.monotonic() + 10
    while supervisor.identity("short") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_service_runs_until_its_last_thread_ends(supervisor: Supervisor) -> None:
    """What has just been killed still holds its port, and its first thread may be the first to end."""
    service = Service("many", FIRST_THREAD_ENDED)
    supervisor.start(service)
    identity = supervisor.identity("many")
    assert identity is not None
    assert looks_like_a_zombie(identity.pid)
    assert supervisor.identity("many") == identity
    assert supervisor.stop("many", seconds=0.2)
    assert not is_alive(identity)


def test_what_was_about_to_end_when_it_was_found_is_started_again(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    script = (
        "import pathlib, sys, time; found = pathlib.Path(sys.argv[1]); again = found.exists(); found.touch(); "
        "print('up', flush=True) if again else None; time.sleep(600 if again else 1)"
    )

    def prepare() -> None:
        with (tmp_path / "prepared").open("a") as file:
            file.write("once\n")

    log = supervisor.log("dying")
    service = Service(
        "dying",
        [*python(script), tmp_path / "ran"],
        prepare=prepare,
        ready=lambda: None if log.read_text() else "silent",
    )
    supervisor.start(service)
    before = supervisor.identity("dying")
    assert (tmp_path / "prepared").read_text() == "once\n"
    again = Supervisor(run=supervisor.run, logs=supervisor.logs)
    assert not again.start(service), "it runs still"
    again.wait(service)
    assert again.identity("dying") not in (None, before)
    assert (tmp_path / "prepared").read_text() == "once\n" * 2


def test_stop_ends_what_ignores_the_polite_signal_with_its_children(supervisor: Supervisor) -> None:
    script = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); "
        "print('up', flush=True); time.sleep(600)"
    )
    log = supervisor.log("stubborn")
    ready = Service(
        "stubborn", python(script), ready=lambda: None if log.read_text().count("up") == 2 else "forks"
    )
    supervisor.start(ready)
    supervisor.wait(ready)
    identity = supervisor.identity("stubborn")
    assert identity is not None
    assert supervisor.stop("stubborn", seconds=0.2)
    deadline = time.monotonic() + 5
    while _group(identity):
        assert time.monotonic() < deadline, "a child was left"
        time.sleep(0.02)


def test_a_service_that_ends_while_starting_shows_its_last_words(supervisor: Supervisor) -> None:
    service = Service("broken", python("import sys; sys.exit('no such folder')"), ready=lambda: "not up")
    supervisor.start(service)
    with pytest.raises(
        TrialError, match=r"broken exited while starting.\n  no such folder\n  \(all of it: .*broken.log\)"
    ):
        supervisor.wait(service)


def test_a_service_that_is_never_ready_is_reported_with_what_is_missing(supervisor: Supervisor) -> None:
    service = Service("slow", ["sleep", "600"], ready=lambda: "its port is closed", ready_seconds=0.1)
    supervisor.start(service)
    with pytest.raises(TrialError, match="slow was not ready after 0 seconds: its port is closed"):
        supervisor.wait(service)


def _group(identity: Identity) -> bool:
    try:
        os.killpg(identity.pid, 0)
    except ProcessLookupError:
        return False
    members = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return any(_in_group(int(entry.name), identity.pid) for entry in members)


def _in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group and start_time(pid) is not None
    except ProcessLookupError:
        return False
