# SPDX-License-Identifier: Apache-2.0
"""SPDM responders in L0: what QEMU's NVMe drives are as devices that can prove who they are.

Each is aerie itself, the sanitizers' build of the unit tests, behind a port of the loopback interface; QEMU
connects when it creates the drive, so they listen before it starts. Certificates and keys are made
for each run and lie in the share, where L1 finds the roots: /lab/pki/N/root.pem, N the number of
the device, counted from 1. In a responder's arguments ${PKI} is that folder, so that host.sh can
make a file there for which a fault waits. --bar says where L1's firmware puts the device's BARs,
which the responder cannot see: the addresses are the same at each boot of the same machine.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from lab import build, paths
from lab.errors import LabError
from lab.scenario import Device

READY = "listening on port "


class Responders:
    """One process for each device that wants one, as a context manager."""

    def __init__(self, devices: Sequence[Device], share: Path, logs: Path) -> None:
        self.ports: dict[int, int] = {}     # by index of the device
        self._devices = devices
        self._share = share
        self._logs = logs
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Responders":
        try:
            for index, device in enumerate(self._devices):
                if device.responder is not None:
                    self.ports[index] = self._start(index + 1, device.responder)
        except LabError:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stop()

    def options(self, index: int) -> str:
        """What a device's -device option needs in addition."""
        return f",spdm_port={self.ports[index]}" if index in self.ports else ""

    def _start(self, number: int, arguments: Sequence[str]) -> int:
        pki = self._share / "pki" / str(number)
        pki.mkdir(parents=True)
        command = [str(paths.BUILD / build.SANITIZED / "aerie"), "spdm-responder", "--pki", str(pki),
                   "--generate", *(word.replace("${PKI}", str(pki)) for word in arguments),
                   "127.0.0.1:0"]
        log = self._logs / f"responder-{number}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=errors, text=True)
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith(READY):
            raise LabError(f"the responder of device {number} does not start: "
                           f"{log.read_text().strip()}")
        return int(line.removeprefix(READY))

    def _stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()
            if process.stdout:
                process.stdout.close()
