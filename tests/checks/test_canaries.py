"""The search for secrets finds each spelling, or finding nothing would mean nothing."""

from __future__ import annotations

import base64
import gzip
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.canaries import PAUSE, Canaries, Watch, written

SECRET = "canary/x+0123456789@:%"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "robot:"])
@pytest.mark.parametrize("after", ["", "z", "zz", ":zzz"])
def test_base64_is_found_whatever_is_next_to_it(before, after):
    text = (before + SECRET + after).encode()
    assert Canaries([SECRET]).of(base64.b64encode(text))
    assert Canaries([SECRET]).of(base64.urlsafe_b64encode(text))


def test_plain_addresses_and_packed_records():
    canaries = Canaries([SECRET])
    assert canaries.of(f"token={SECRET}")
    assert canaries.of(f"https://robot:{quote(SECRET, safe='')}@git.example.com")
    assert canaries.of(gzip.compress(SECRET.encode()))
    assert canaries.of(SECRET[:-1]) is None


def test_files_of_a_folder_are_read_by_the_time_they_were_put_there(tmp_path: Path):
    before = tmp_path / "before"
    before.write_text(SECRET)
    os.utime(before, (0, 0))
    canaries = Canaries([SECRET])
    assert len(list(canaries.below(tmp_path))) == 1
    begin = before.stat().st_ctime + 0.001
    assert list(canaries.below(tmp_path, since=begin)) == []
    while time.time() <= begin + 0.02:  # the clock of a file system is coarse
        time.sleep(0.005)
    copied = tmp_path / "deeper" / "copy"
    copied.parent.mkdir()
    shutil.copy2(before, copied)
    assert written(tmp_path, since=begin) == [copied]
    assert [found.split(":")[0] for found in canaries.below(tmp_path, since=begin)] == [str(copied)]


def test_arguments_and_temporary_files_are_seen_while_they_last(tmp_path: Path):
    with Watch(Canaries([SECRET]), tmp_path) as watch:
        file = tmp_path / "deeper" / "key"
        file.parent.mkdir()
        file.write_text(SECRET)
        wait = f"import time; time.sleep({20 * PAUSE})"
        subprocess.run([sys.executable, "-c", wait, SECRET], check=True)
        file.unlink()
    places = {found.split(":")[0].split(" of ")[0] for found in watch.found}
    assert places == {"arguments", str(file)}
