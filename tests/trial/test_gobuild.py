"""Go programs come from the cache exactly when nothing they are made of has changed."""

import dataclasses
import fcntl
import threading
from pathlib import Path

import pytest

from trial.errors import TrialError
from trial.gobuild import PROGRAMS, Program, build_key, go_is_enough, locked, modules_of, parse_go_version

PROGRAM = Program("tool", "module")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    (folder / "internal").mkdir(parents=True)
    (folder / "go.mod").write_text("module example.com/tool\n\nreplace example.com/shared => ../shared\n")
    (folder / "internal" / "a.go").write_text("package internal\n")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "go.mod").write_text("module example.com/shared\n")
    (shared / "s.go").write_text("package shared\n")
    return folder


def key(module: Path, program: Program = PROGRAM, go: str = "go1.26.8") -> str:
    return build_key(program, module, go)


def test_the_key_is_stable(module: Path) -> None:
    before = key(module)
    (module / "internal" / "a.go").touch()
    assert key(module) == before


@pytest.mark.parametrize("file", ["internal/a.go", "internal/new.go", "go.mod", "../shared/s.go"])
def test_a_changed_or_new_source_changes_the_key_also_in_a_replaced_module(module: Path, file: str) -> None:
    before = key(module)
    path = module / file
    path.write_text((path.read_text() if path.exists() else "package x\n") + "\n// changed\n")
    assert key(module) != before


def test_a_test_file_does_not_change_the_key(module: Path) -> None:
    before = key(module)
    (module / "internal" / "a_test.go").write_text("package internal\n")
    assert key(module) == before


def test_moving_text_between_files_changes_the_key(module: Path) -> None:
    before = key(module)
    (module / "internal" / "a.go").rename(module / "internal" / "b.go")
    assert key(module) != before


def test_compiler_and_flags_are_part_of_the_key(module: Path) -> None:
    keys = {
        key(module),
        key(module, go="go1.27.0"),
        key(module, dataclasses.replace(PROGRAM, ldflags=("-X a=b",))),
        key(module, dataclasses.replace(PROGRAM, package="./cmd")),
    }
    assert len(keys) == 4


def test_every_program_has_a_module_in_the_checkout() -> None:
    sources = Path(__file__).resolve().parents[2] / "trial" / "go"
    for program in PROGRAMS.values():
        assert modules_of(sources / program.module)[0] == sources / program.module
        assert (sources / program.module / "go.sum").exists()


@pytest.mark.parametrize(
    ("version", "toolchain", "enough"),
    [
        ("go1.26.0", "local", True),
        ("go1.27.3", "auto", True),
        ("go1.24.3", "auto", True),
        ("go1.24.3", "local", False),
        ("go1.19.8", "", False),
    ],
)
def test_an_older_go_is_enough_when_it_may_fetch_a_newer_one(
    version: str, toolchain: str, enough: bool
) -> None:
    assert go_is_enough(version, toolchain) is enough


def test_an_unreadable_go_version_is_one_sentence() -> None:
    with pytest.raises(TrialError, match=r"install Go 1\.26"):
        parse_go_version("devel +abc")


def test_a_lock_makes_the_second_wait_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    waiting = threading.Event()
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = threading.Event()

        def second() -> None:
            with locked(path, waiting.set):
                done.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(5)
        assert not done.is_set()
    thread.join(5)
    assert done.is_set()
