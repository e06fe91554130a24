# SPDX-License-Identifier: Apache-2.0
"""Building aerie, and the small programs that the lab's guests run."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import paths, proc, ui
from lab.arch import Arch
from lab.setup import Kit

NATIVE = "x86_64"
PROGRAM_FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-static")
SANITIZERS = "-Db_sanitize=address,undefined"


@dataclass(frozen=True)
class Variant:
    """A build folder and the Meson options that make it."""

    name: str
    options: tuple[str, ...]
    compiler: str = ""

    @property
    def folder(self) -> Path:
        """The build folder."""
        return paths.BUILD / self.name


def static(kit: Kit) -> Variant:
    """aerie for L1: a static binary, built with the cross compiler."""
    return Variant(kit.arch.name, (
        f"--cross-file={paths.BUILD / f'cross-{kit.arch.name}.ini'}", "--buildtype=release",
        "-Dstatic=true", "-Ddefault_library=static", "-Dtests=false", "-Dfuzz=false",
        f"-Duapi_headers={kit.uapi[kit.arch.name]}"))


def _native_headers(kit: Kit) -> tuple[str, str]:
    """Headers of the build machine, and those of arm64 for its unit tests."""
    return (f"-Duapi_headers={kit.uapi[NATIVE]}",
            f"-Duapi_headers_arm64={kit.uapi['arm64']}")


def native(kit: Kit) -> Variant:
    """aerie and its tests for the build machine."""
    return Variant(NATIVE, ("--buildtype=debugoptimized", "-Dtests=true", "-Dfuzz=false",
                            *_native_headers(kit)))


def sanitized(kit: Kit) -> Variant:
    """The unit tests, with the address and undefined-behaviour sanitizers."""
    return Variant(f"{NATIVE}-asan", ("--buildtype=debugoptimized", "-Dtests=true", "-Dfuzz=false",
                                      SANITIZERS, *_native_headers(kit)))


def fuzz(kit: Kit) -> Variant:
    """The fuzz targets."""
    return Variant("fuzz", ("--buildtype=debugoptimized", "-Dtests=false", "-Dfuzz=true",
                            SANITIZERS, "-Db_lundef=false",
                            *_native_headers(kit)), compiler="clang")


def build(variant: Variant) -> Path:
    """Configure a variant if need be, compile it, return its folder."""
    folder = variant.folder
    stamp = folder / "lab-options.json"
    log = paths.BUILD / f"{variant.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    wanted = json.dumps([variant.options, variant.compiler])
    with ui.Phase(f"building aerie: {variant.name}") as phase:
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            env = {"CC": variant.compiler} if variant.compiler else {}
            proc.run(["meson", "setup", folder, paths.REPO, *variant.options], log=log, env=env)
            stamp.write_text(wanted)

        def progress(line: str) -> None:
            if line.startswith("["):
                phase.note = line[1:].split("]", 1)[0]

        proc.run(["ninja", "-C", folder], log=log, on_line=progress)
        phase.note = ""
    return folder


def aerie(kit: Kit) -> Path:
    """The static binary for L1."""
    return build(static(kit)) / "aerie"


def guest_programs(arch: Arch) -> dict[str, Path]:
    """The lab's own small programs, compiled static, by their paths in L2."""
    return _programs(arch, paths.LAB / "guest") | _programs(arch, paths.LAB / "common")


def host_programs(arch: Arch) -> dict[str, Path]:
    """The same for L1."""
    return _programs(arch, paths.LAB / "host") | _programs(arch, paths.LAB / "common")


def _programs(arch: Arch, sources: Path) -> dict[str, Path]:
    folder = paths.RUNS / "programs"
    folder.mkdir(parents=True, exist_ok=True)
    built = {}
    changed = max(path.stat().st_mtime for path in sources.glob("*.[ch]"))
    for source in sorted(sources.glob("*.c")):
        target = folder / source.stem
        if not target.exists() or target.stat().st_mtime < changed:
            proc.run([f"{arch.triplet}-gcc", *PROGRAM_FLAGS, "-o", target, source],
                     log=paths.BUILD / "programs.log")
        built[f"bin/{source.stem}"] = target
    return built
