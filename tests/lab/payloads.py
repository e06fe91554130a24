# SPDX-License-Identifier: Apache-2.0
"""Bare-metal guests: each folder of tests/guest/payloads becomes an Image.

The runtime (tests/guest/rt) and the drivers (tests/guest/drivers) are linked to each, and
what it does not use is dropped.
"""

from collections.abc import Iterable
from pathlib import Path

from lab import paths, proc, ui
from lab.arch import Arch

GUEST = paths.REPO / "tests" / "guest"
RUNTIME, DRIVERS, PAYLOADS = GUEST / "rt", GUEST / "drivers", GUEST / "payloads"
INCLUDES = (RUNTIME, DRIVERS, paths.REPO / "vmm" / "base", paths.REPO / "devices" / "test")
# MMIO and, until the MMU is on, memory take neither unaligned nor vector accesses
FLAGS = ("-std=gnu11", "-O2", "-g", "-ffreestanding", "-fpie", "-mstrict-align",
         "-mgeneral-regs-only", "-mno-outline-atomics", "-fno-stack-protector",
         "-fno-tree-loop-distribute-patterns", "-ffunction-sections", "-fdata-sections",
         "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wno-sign-conversion", "-Wshadow",
         "-Wmissing-prototypes")
LINK = ("-nostdlib", "-pie", "-Wl,--no-dynamic-linker", "-Wl,-z,norelro", "-Wl,--gc-sections",
        "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", f"-Wl,-T,{RUNTIME / 'link.ld'}")


def build(arch: Arch, scenarios: Iterable[str]) -> dict[str, Path]:
    """The payloads of scenarios called payload-NAME or payload-NAME-..., by their paths in L1."""
    wanted = {name.split("-")[1] for name in scenarios if name.startswith("payload-")}
    if not wanted:
        return {}
    folder = paths.RUNS / "payloads"
    folder.mkdir(parents=True, exist_ok=True)
    (paths.BUILD / "payloads.log").unlink(missing_ok=True)
    with ui.Phase("building the payloads"):
        return {f"payloads/{name}": _payload(arch, PAYLOADS / name, folder / name)
                for name in sorted(wanted)}


def _payload(arch: Arch, source: Path, image: Path) -> Path:
    folders = (RUNTIME, RUNTIME / arch.name, DRIVERS, source)
    includes = (*INCLUDES, RUNTIME / arch.name)
    inputs = [path for folder in (*folders, *includes) for path in folder.iterdir()]
    changed = max(path.stat().st_mtime for path in inputs)
    if image.exists() and image.stat().st_mtime > changed:
        return image
    sources = sorted(path for folder in folders for path in folder.glob("*.[cS]"))
    program = image.with_suffix(".elf")
    log = paths.BUILD / "payloads.log"
    proc.run([f"{arch.triplet}-gcc", *FLAGS, *(f"-I{path}" for path in includes), *LINK,
              "-o", program, *sources], log=log)
    proc.run([f"{arch.triplet}-objcopy", "-O", "binary", program, image], log=log)
    return image
