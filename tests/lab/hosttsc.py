# SPDX-License-Identifier: Apache-2.0
"""The frequency of this machine's time stamp counter.

QEMU's emulation gives the counter of the machine it runs on to its guest, which measures it
against an emulated timer at boot: on a busy machine the result is wrong by any factor, and
with it all clocks of the guest's own guests. So the guest is told.
"""

import ctypes
import functools
import mmap
import platform
import time

from lab.arch import Arch

CODE = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3"     # rdtsc; rax |= rdx << 32; ret
INTERVAL = 0.25       # seconds
TRIES = 20


def option(arch: Arch) -> str:
    """What a kernel on QEMU's emulation must be told."""
    return f"tsc_early_khz={khz()} tsc=reliable" if arch.needs_tsc and khz() else ""


@functools.cache
def khz() -> int:
    """In kHz; 0 where there is no such counter."""
    if platform.machine() != "x86_64":
        return 0
    with mmap.mmap(-1, mmap.PAGESIZE,
                   prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(CODE)
        place = ctypes.c_char.from_buffer(page)
        read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(place))
        first = _both(read)
        time.sleep(INTERVAL)
        last = _both(read)
        del place, read
    return round((last[1] - first[1]) / (last[0] - first[0]) * 1e6)


def _both(read: "ctypes._FuncPointer") -> tuple[int, int]:
    """The clock in nanoseconds and the counter at the same time, as nearly as can be."""
    best: tuple[int, int, int] | None = None
    for _ in range(TRIES):
        before = time.monotonic_ns()
        counter = read()
        after = time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, (before + after) // 2, counter)
    assert best is not None
    return best[1], best[2]
