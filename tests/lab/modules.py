# SPDX-License-Identifier: Apache-2.0
"""Kernel modules of the lab's own, for its kernel: a folder each in tests/lab/modules/."""

import os
import shutil
from pathlib import Path

from lab import paths, proc, ui
from lab.setup import Kit

MODULES = paths.LAB / "modules"


def build(kit: Kit, name: str) -> Path:
    """Compile a module; its sources are copied, as make leaves everything beside them."""
    work = paths.RUNS / "modules" / kit.arch.name / name
    kernel, log = kit.kernel, paths.BUILD / "modules.log"
    work.mkdir(parents=True, exist_ok=True)
    for source in (MODULES / name).iterdir():
        shutil.copy2(source, work)
    cross = "" if kit.arch.linux == "x86" else f"{kit.arch.triplet}-"
    with ui.Phase(f"building module {name}"):
        proc.run(["make", "-C", str(kernel.source), f"O={kernel.objects}", f"M={work}",
                  f"ARCH={kit.arch.linux}", f"CROSS_COMPILE={cross}", f"-j{os.cpu_count()}",
                  "modules"], log=log)
    return work / f"{name.replace('-', '_')}.ko"
