# SPDX-License-Identifier: Apache-2.0
"""L0: the QEMU process that is the machine of the host under test.

Each assigned device sits behind a root port of its own, so that it has an
IOMMU group of its own. Root ports take consecutive slots and the firmware
numbers their buses in that order: the first device is 0000:01:00.0.
"""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lab import hosttsc
from lab.arch import Arch

SHARE_SLOT = 1
FIRST_PORT_SLOT = 8
PORTS = 8     # always: the IORT depends on the number of buses

POLL = 0.05   # seconds

# QEMU must not outlive the lab, however that ends
DIE_WITH_LAB = ("setpriv", "--pdeathsig", "KILL")


@dataclass
class Machine:
    """What L0 is started with."""

    arch: Arch
    kernel: Path
    initramfs: Path
    share: Path                          # folder that L1 sees as /lab
    cmdline: str = ""
    memory: str = "3G"
    cpus: int = 2
    devices: Sequence[Sequence[str]] = ()   # one -device option per function, by port
    backends: Sequence[str] = field(default_factory=list)   # -drive, -netdev options

    def command(self, console: Sequence[str]) -> list[str]:
        """QEMU's command line."""
        # A port that sleeps while its device is unused costs a second of link
        # training at each use.
        cmdline = (f"console={self.arch.console} panic=-1 oops=panic pcie_port_pm=off "
                   f"{self.arch.cmdline} {hosttsc.option(self.arch)} {self.cmdline}")
        firmware = ["-bios", self.arch.firmware] if self.arch.firmware else []
        words = [self.arch.qemu, *self.arch.machine, "-smp", str(self.cpus), "-m", self.memory,
                 "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", *console,
                 *firmware, "-kernel", str(self.kernel),
                 "-initrd", str(self.initramfs), "-append", cmdline]
        words += ["-fsdev", f"local,id=lab,path={self.share},security_model=none",
                  "-device", f"virtio-9p-pci,fsdev=lab,mount_tag=lab,romfile=,addr={SHARE_SLOT:#x}",
                  *self.backends]
        for number in range(1, PORTS + 1):
            slot = FIRST_PORT_SLOT + number - 1
            words += ["-device", f"pcie-root-port,id=port{number},chassis={number},"
                                 f"addr={slot:#x}.0,io-reserve=0"]
        for number, functions in enumerate(self.devices, start=1):
            for function, option in enumerate(functions):
                words += ["-device", f"{option},bus=port{number},addr=0.{function}"]
        return words


@dataclass(frozen=True)
class Outcome:
    """How a run of L0 ended."""

    seconds: float
    timed_out: bool
    status: int
    cpu: float = 0.0     # seconds of CPU time, which other load on the machine does not change


class Commanded(Protocol):
    """What can be run: a machine that QEMU makes."""

    def command(self, console: Sequence[str]) -> list[str]:
        """QEMU's command line, with the options for the console."""


def run(machine: Commanded, logs: Path, limit: float) -> Outcome:
    """Run L0 until L1 powers off or the time is up; logs go to `logs`.

    Only the process started here is ever killed.
    """
    console = ["-serial", f"file:{logs / 'console.log'}"]
    command = machine.command(console)
    (logs / "qemu.cmd").write_text(shlex.join(command) + "\n")
    start = time.monotonic()
    with (logs / "qemu.log").open("w") as log:
        process = subprocess.Popen([*DIE_WITH_LAB, *command], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
        try:
            timed_out, cpu = _wait(process, start + limit)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    return Outcome(time.monotonic() - start, timed_out, process.returncode, cpu)


def _wait(process: subprocess.Popen[bytes], deadline: float) -> tuple[bool, float]:
    """Wait for the process, or end it at the deadline; was it ended, and its CPU time."""
    timed_out = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return timed_out, usage.ru_utime + usage.ru_stime
        if not timed_out and time.monotonic() > deadline:
            process.kill()
            timed_out = True
        time.sleep(POLL)


def interactive(machine: Machine) -> int:
    """Run L0 with L1's console on this terminal; return QEMU's status."""
    console = ["-chardev", "stdio,id=con,mux=on,signal=off", "-serial", "chardev:con",
               "-mon", "chardev=con"]
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.call(machine.command(console))
    finally:
        signal.signal(signal.SIGINT, previous)
