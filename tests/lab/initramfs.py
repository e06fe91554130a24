# SPDX-License-Identifier: Apache-2.0
"""What L1 and L2 boot into: busybox, an init, and what it is to do."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import cpio, paths
from lab.guests import GuestKernel

# The applets that the scripts use, as links; installing all takes too long
APPLETS = (
    "[", "awk", "basename", "blkdiscard", "blockdev", "cat", "chmod", "cmp", "cp", "cttyhack",
    "cut", "date", "dd", "df", "dirname", "dmesg", "echo", "env", "expr", "fallocate", "false",
    "find", "free", "grep", "gunzip", "gzip", "head", "hexdump", "hostname", "id", "ifconfig",
    "insmod", "ip", "kill", "killall", "less", "ln", "ls", "lspci", "md5sum", "mkdir",
    "mkfifo", "mknod", "mktemp", "mount", "mv", "nc", "nproc", "od", "pidof", "ping",
    "poweroff", "printf", "ps", "readlink", "reboot", "rm", "route", "sed", "seq", "setsid",
    "sh", "sha256sum", "sleep", "sort", "stat", "stty", "switch_root", "sync", "sysctl",
    "tail", "tee", "test", "tftp", "time", "timeout", "top", "touch", "tr", "true", "truncate",
    "tty", "tunctl", "udhcpc", "umount", "uname", "uptime", "usleep", "vi", "wc", "wget",
    "xargs",
)


def _userland(busybox: Path, scripts: Path) -> cpio.Archive:
    """The part that L1 and L2 have in common: busybox, init, shell library."""
    out = cpio.Archive()
    for folder in ("dev", "proc", "sys", "tmp", "run", "root"):
        out.folder(folder)
    out.device("dev/console", 5, 1)
    out.device("dev/null", 1, 3)
    out.file("bin/busybox", busybox)
    for applet in sorted(set(APPLETS)):
        out.link(f"bin/{applet}", "busybox")
    out.data("init", (scripts / "init").read_bytes(), executable=True)
    out.file("lib/lab.sh", scripts / "lib.sh")
    return out


def host(busybox: Path, programs: Mapping[str, Path]) -> bytes:
    """L1's initramfs; the keys of `programs` are paths without the leading slash."""
    out = _userland(busybox, paths.LAB / "host")
    out.data("etc/passwd", b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    out.data("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    for name in ("run.sh", "greeting"):
        out.file(f"lib/{name}", paths.LAB / "host" / name)
    for path, source in programs.items():
        out.data(path, source.read_bytes(), executable=True)
    return out.finish()


def guest(busybox: Path, kernel: GuestKernel, modules: Iterable[str],
          programs: Mapping[str, Path]) -> bytes:
    """L2's initramfs for a kernel, without what a scenario adds."""
    out = _userland(busybox, paths.LAB / "guest")
    for module in kernel.chosen(modules):
        out.file(f"lib/modules/{module.name}", module)
    for path, source in programs.items():
        out.data(path, source.read_bytes(), executable=True)
    return out.finish()


def guest_files(kernel: GuestKernel, image: bytes, packed: bool) -> bytes:
    """What L1 finds in /guests: a kernel, as a bzImage too if `packed`, and its initramfs."""
    out = cpio.Archive()
    out.data(f"guests/{kernel.name}/Image", kernel.image.read_bytes())
    if packed and kernel.packed:
        out.data(f"guests/{kernel.name}/bzImage", kernel.packed.read_bytes())
    out.data(f"guests/{kernel.name}/initrd", image)
    return out.finish()


def addition(script: Path | None, environment: Mapping[str, str],
             files: Mapping[str, bytes] | None = None) -> bytes:
    """The archive that makes L2's initramfs that of a scenario; `files` by their paths."""
    out = cpio.Archive()
    lines = [f"{name}='{value}'\n" for name, value in environment.items()]
    out.data("lab/env", "".join(lines).encode())
    if script:
        out.file("lab/guest.sh", script)
    for path, content in (files or {}).items():
        out.data(path, content, executable=path.startswith("bin/"))
    return out.finish()
