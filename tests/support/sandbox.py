"""A private root file system for one process, so that it sees another /etc and nothing of this machine is changed.

The folders of the operating system are shown read-only. Needs root and unshare(1).
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "protocols", "services")
"""What of /etc a program needs to start; certificates, Git's and ssh's settings are left out on purpose."""


def start_apart(
    argv: Sequence[str],
    *,
    root: Path,
    etc: Mapping[str, Sequence[str]],
    shown: Mapping[Path, str],
    log: IO[bytes],
) -> subprocess.Popen[bytes]:
    """Start a program as root in a private root file system.

    Args:
        argv: program and arguments.
        root: an empty folder of this machine that becomes the mount point.
        etc: lines of further files in its /etc, by name.
        shown: folders of this machine, and where the process sees them, read-only.
        log: for everything that it prints.
    """
    if os.getuid() != 0:
        raise PermissionError("these tests need root, for a private root file system (unshare, mount).")
    root.mkdir(parents=True, exist_ok=True)
    at = shlex.quote(str(root))
    lines = [
        "set -e",
        f"/bin/mount -t tmpfs -o mode=0755 tmpfs {at}",
        f"cd {at}",
        "/bin/mkdir -p .old etc proc dev tmp usr run/sshd root && /bin/chmod 1777 tmp",
        "/bin/mount --rbind /dev dev && /bin/mount -t proc proc proc",
        *_bind("/usr", "usr"),
    ]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")):
        if path.is_symlink():
            lines.append(f"/bin/ln -s {shlex.quote(str(path.readlink()))} .{path}")
        elif path.is_dir():
            lines += _bind(path, f".{path}")
    lines += [f"/bin/cp -a /etc/{name} etc/" for name in _ETC if Path("/etc", name).exists()]
    lines += [f"printf '%s\\n' {shlex.join(content)} > etc/{name}" for name, content in etc.items()]
    for folder, inside in shown.items():
        lines += _bind(folder, f".{inside}")
    lines += [
        "/usr/sbin/pivot_root . .old",
        "cd /",
        "/bin/umount -l /.old",
        f"exec {shlex.join(argv)}",
    ]
    launcher = ["/usr/bin/unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    return subprocess.Popen(
        [*launcher, "/bin/sh", "-c", "\n".join(lines)],
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def _bind(folder: str | Path, inside: str) -> list[str]:
    target = shlex.quote(inside)
    return [
        f"/bin/mkdir -p {target}",
        f"/bin/mount --bind {shlex.quote(str(folder))} {target}",
        f"/bin/mount -o remount,ro,bind {target}",
    ]
