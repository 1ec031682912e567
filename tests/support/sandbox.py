"""A private root file system for one process, so that it sees a container's files and nothing of this machine is changed.

The folders of the operating system are shown read-only; /etc, /home and /tmp are the process' own. Needs root and unshare(1).
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ETC = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "protocols",
    "services",
    "mime.types",
)
"""What of /etc a program needs to start; certificates, Git's and ssh's settings are left out on purpose."""


@dataclass
class Sandbox:
    """One private root."""

    users: Sequence[str]
    """Lines of /etc/passwd."""
    groups: Sequence[str]
    """Lines of /etc/group."""
    shown: Mapping[Path, str] = field(default_factory=dict)
    """Folder or file of this machine -> where the process sees it, read-only."""
    writable: Mapping[Path, str] = field(default_factory=dict)
    """Folder of this machine -> where the process sees it and may write."""
    last: Mapping[Path, str] = field(default_factory=dict)
    """Like `shown`, for what lies below a folder of `writable`."""
    read_only_root: bool = False
    """Everything but `writable` is read-only."""

    def popen(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        env: Mapping[str, str],
        uid: int,
        gid: int,
        groups: Sequence[int] = (),
        **options: Any,
    ) -> subprocess.Popen[Any]:
        """Start a program in it.

        Args:
            argv: program (a path inside) and arguments.
            root: an empty folder of this machine that becomes the mount point.
            env: the whole environment.
            uid: user of the process.
            gid: its group.
            groups: its further groups.
            options: for subprocess.Popen.
        """
        if os.getuid() != 0:
            raise PermissionError("these tests need root, for a private root file system (unshare, mount).")
        root.mkdir(parents=True, exist_ok=True)
        words = shlex.join(argv)
        further = f"--groups={','.join(str(group) for group in groups)}" if groups else "--clear-groups"
        script = "\n".join(
            [
                "set -e",
                *self._mounts(root),
                f"cd {shlex.quote(str(root))}",
                "/usr/sbin/pivot_root . .old",
                "cd /",
                "/bin/umount -l /.old",
                "/bin/rmdir /.old",
                *(["/bin/mount -o remount,ro,bind /"] if self.read_only_root else []),
                f"exec /usr/bin/setpriv --reuid={uid} --regid={gid} {further} {words}",
            ]
        )
        launcher = [
            "/usr/bin/unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
            "/bin/sh", "-c", script,
        ]  # fmt: skip
        return subprocess.Popen(launcher, env=dict(env), **options)

    def _mounts(self, root: Path) -> list[str]:
        at = shlex.quote(str(root))
        # A subshell keeps the process' own PATH out of the way of these commands.
        lines = [f"/bin/mount -t tmpfs -o mode=0755 tmpfs {at}", f"cd {at}"]
        lines.append("/bin/mkdir -p .old etc home proc dev tmp usr var run opt root && /bin/chmod 1777 tmp")
        lines.append("/bin/mount --bind /usr usr && /bin/mount -o remount,ro,bind usr")
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            source = Path("/") / name
            if source.is_symlink():
                lines.append(f"/bin/ln -s {shlex.quote(str(source.readlink()))} {name}")
            elif source.is_dir():
                lines.append(f"/bin/mkdir {name} && /bin/mount --bind /{name} {name}")
        lines.append("/bin/mount --rbind /dev dev && /bin/mount -t proc proc proc")
        lines += [f"/bin/cp -a /etc/{name} etc/" for name in ETC if Path("/etc", name).exists()]
        lines.append(f"printf '%s\\n' {shlex.join(self.users)} > etc/passwd")
        lines.append(f"printf '%s\\n' {shlex.join(self.groups)} > etc/group")
        lines.append("printf '127.0.0.1 localhost\\n' > etc/hosts")
        lines.append("printf 'passwd: files\\ngroup: files\\nhosts: files\\n' > etc/nsswitch.conf")
        # What is mounted below /usr needs a mount point there.
        below = sorted(
            {target.split("/")[3] for target in self._targets() if target.startswith("/usr/local/")}
        )
        if below:
            lines.append("/bin/mount -t tmpfs -o mode=0755 tmpfs usr/local")
            lines.append("/bin/mkdir -p " + " ".join(f"usr/local/{shlex.quote(name)}" for name in below))
            for entry in sorted(Path("/usr/local").iterdir()):
                if entry.name not in below and entry.is_dir():
                    lines += _bind(entry, str(entry), writable=False)
        for source, target in self.shown.items():
            lines += _bind(source, target, writable=False)
        for source, target in self.writable.items():
            lines += _bind(source, target, writable=True)
        for source, target in self.last.items():
            lines += _bind(source, target, writable=False)
        return lines

    def _targets(self) -> list[str]:
        return [*self.shown.values(), *self.writable.values(), *self.last.values()]


def _bind(source: Path, target: str, *, writable: bool) -> list[str]:
    inside = shlex.quote("." + target)
    parent = shlex.quote("." + str(Path(target).parent))
    if source.is_dir():
        make = f"/bin/mkdir -p {inside}"
    else:
        make = f"[ -e {inside} ] || {{ /bin/mkdir -p {parent} && : > {inside}; }}"
    lines = [make, f"/bin/mount --bind {shlex.quote(str(source))} {inside}"]
    if not writable:
        lines.append(f"/bin/mount -o remount,ro,bind {inside}")
    return lines


def python_folders(*environments: Path) -> dict[Path, str]:
    """Virtual environments and the Python that they stand on, each where it is (those below /usr are there anyhow)."""
    folders = {Path(sys.base_prefix), *environments}
    return {folder: str(folder) for folder in sorted(folders) if not folder.is_relative_to("/usr")}
