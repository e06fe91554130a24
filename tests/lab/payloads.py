# SPDX-License-Identifier: Apache-2.0
"""Bare-metal guests: each folder of tests/guest/payloads becomes a kernel image.

The runtime (tests/guest/rt) and the drivers (tests/guest/drivers) are linked to each, and
what it does not use is dropped. For arm64 that is an Image, for x86-64 an ELF file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import paths, proc, ui
from lab.arch import Arch

GUEST = paths.REPO / "tests" / "guest"
RUNTIME, DRIVERS, PAYLOADS = GUEST / "rt", GUEST / "drivers", GUEST / "payloads"
INCLUDES = (RUNTIME, DRIVERS, paths.REPO / "vmm" / "base", paths.REPO / "devices",
            paths.REPO / "devices" / "test", paths.REPO / "pci" / "doe",
            paths.REPO / "pci" / "ide", paths.REPO / "guest-firmware" / "boot")
FLAGS = ("-std=gnu11", "-O2", "-g", "-ffreestanding", "-mgeneral-regs-only",
         "-fno-stack-protector", "-fno-tree-loop-distribute-patterns", "-ffunction-sections",
         "-fdata-sections", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wno-sign-conversion",
         "-Wshadow", "-Wmissing-prototypes")
LINK = ("-nostdlib", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments")


@dataclass(frozen=True)
class Recipe:
    """How the payloads of an architecture are compiled and linked."""

    flags: tuple[str, ...]
    script: Path             # the linker's
    link: tuple[str, ...]
    raw: bool                # is the image the bytes in memory, or the ELF file?


RECIPES: Mapping[str, Recipe] = {
    # MMIO and, until the MMU is on, memory take neither unaligned nor vector accesses
    "arm64": Recipe(("-fpie", "-mstrict-align", "-mno-outline-atomics"), RUNTIME / "link.ld",
                    ("-pie", "-Wl,--no-dynamic-linker", "-Wl,-z,norelro"), raw=True),
    # No red zone: exceptions use the same stack
    "x86": Recipe(("-fno-pic", "-mno-red-zone", "-fcf-protection=none",
                   "-fno-asynchronous-unwind-tables"), RUNTIME / "x86" / "link.ld",
                  ("-static",), raw=False),
}


def build(arch: Arch, scenarios: Iterable[str]) -> dict[str, Path]:
    """The payloads of scenarios called payload-NAME or payload-NAME-..., by their paths in L1."""
    wanted = {name.split("-")[1] for name in scenarios if name.startswith("payload-")}
    if not wanted:
        return {}
    (paths.BUILD / f"payloads-{arch.name}.log").unlink(missing_ok=True)
    with ui.Phase(f"building the payloads for {arch.title}"):
        return {f"payloads/{name}": compiled(arch, name) for name in sorted(wanted)}


def compiled(arch: Arch, name: str) -> Path:
    """The image of a payload, compiled if need be."""
    recipe = RECIPES[arch.linux]
    image = paths.RUNS / "payloads" / arch.name / name
    folders = (RUNTIME, RUNTIME / arch.linux, DRIVERS, PAYLOADS / name)
    includes = (*INCLUDES, RUNTIME / arch.linux)
    inputs = [path for folder in (*folders, *includes) for path in folder.iterdir()]
    changed = max(path.stat().st_mtime for path in inputs)
    if image.exists() and image.stat().st_mtime > changed:
        return image
    image.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(path for folder in folders for path in folder.glob("*.[cS]"))
    program = image.with_suffix(".elf") if recipe.raw else image
    log = paths.BUILD / f"payloads-{arch.name}.log"
    proc.run([f"{arch.triplet}-gcc", *FLAGS, *recipe.flags, *(f"-I{path}" for path in includes),
              *LINK, *recipe.link, f"-Wl,-T,{recipe.script}", "-o", program, *sources], log=log)
    if recipe.raw:
        proc.run([f"{arch.triplet}-objcopy", "-O", "binary", program, image], log=log)
    return image
