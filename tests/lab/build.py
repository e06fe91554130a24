# SPDX-License-Identifier: Apache-2.0
"""Building aerie, and the small programs that the lab's guests run."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import paths, proc, ui
from lab.arch import Arch
from lab.setup import Kit, Uapi

NATIVE = "x86_64"
SANITIZED = f"{NATIVE}-asan"
PROGRAM_FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-static")
HOST_TESTS = ("iommufd-mock", "iommufd-stall")   # tests/host/meson.build
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


def static(arch: Arch, uapi: Uapi) -> Variant:
    """aerie for L1: a static binary, built like a foreign one for the build machine too."""
    name = arch.name if arch.name != NATIVE else f"{NATIVE}-static"
    return Variant(name, (
        f"--cross-file={paths.BUILD / f'cross-{arch.name}.ini'}", "--buildtype=release",
        "-Dstatic=true", "-Ddefault_library=static", "-Dtests=false", "-Dfuzz=false",
        f"-Duapi_headers={uapi[arch.name]}"))


def _native_headers(uapi: Uapi) -> tuple[str, str]:
    """Headers of the build machine, and those of arm64 for its unit tests."""
    return (f"-Duapi_headers={uapi[NATIVE]}", f"-Duapi_headers_arm64={uapi['arm64']}")


def native(uapi: Uapi) -> Variant:
    """aerie and its tests for the build machine."""
    return Variant(NATIVE, ("--buildtype=debugoptimized", "-Dtests=true", "-Dfuzz=false",
                            *_native_headers(uapi)))


def sanitized(uapi: Uapi) -> Variant:
    """The unit tests, with the address and undefined-behaviour sanitizers."""
    return Variant(SANITIZED, ("--buildtype=debugoptimized", "-Dtests=true", "-Dfuzz=false",
                                      SANITIZERS, *_native_headers(uapi)))


def fuzz(uapi: Uapi) -> Variant:
    """The fuzz targets."""
    return Variant("fuzz", ("--buildtype=debugoptimized", "-Dtests=false", "-Dfuzz=true",
                            SANITIZERS, "-Db_lundef=false",
                            *_native_headers(uapi)), compiler="clang")


def _cross_text(variant: Variant) -> str:
    """What the variant's cross file says: Meson reads its options once, at set-up."""
    files = [option.partition("=")[2] for option in variant.options
             if option.startswith("--cross-file=")]
    return "".join(Path(name).read_text() for name in files)


def _environment(variant: Variant) -> dict[str, str]:
    """The compiler, and where ccache (which Meson uses) keeps objects: with all that outlives a
    clone, and for clones in any folder."""
    compiler = {"CC": variant.compiler} if variant.compiler else {}
    return {"CCACHE_DIR": str(paths.cache() / "ccache"), "CCACHE_BASEDIR": str(paths.REPO),
            "CCACHE_NOHASHDIR": "1", "CCACHE_MAXSIZE": "2G", **compiler}


def build(variant: Variant) -> Path:
    """Configure a variant if need be, compile it, return its folder."""
    folder = variant.folder
    stamp = folder / "lab-options.json"
    log = paths.BUILD / f"{variant.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    env = _environment(variant)
    wanted = json.dumps([variant.options, variant.compiler, _cross_text(variant)])
    with ui.Phase(f"building aerie: {variant.name}") as phase:
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            proc.run(["meson", "setup", folder, paths.REPO, *variant.options], log=log, env=env)
            stamp.write_text(wanted)

        def progress(line: str) -> None:
            if line.startswith("["):
                phase.note = line[1:].split("]", 1)[0]

        proc.run(["ninja", "-C", folder], log=log, env=env, on_line=progress)
        phase.note = ""
    return folder


def aerie(kit: Kit) -> Path:
    """The static binary for L1."""
    return build(static(kit.arch, kit.uapi)) / "aerie"


def host_tests(kit: Kit) -> dict[str, Path]:
    """The programs that run viommu/host against L1's kernel, by their paths in L1."""
    folder = build(static(kit.arch, kit.uapi)) / "tests" / "host"
    return {f"bin/{name}": folder / name for name in HOST_TESTS}


def guest_programs(arch: Arch) -> dict[str, Path]:
    """The lab's own small programs, compiled static, by their paths in L2."""
    return _programs(arch, "guest", f"guest/{arch.name}", "common")


def host_programs(arch: Arch) -> dict[str, Path]:
    """The same for L1."""
    return _programs(arch, "host", "common")


def _programs(arch: Arch, *folders: str) -> dict[str, Path]:
    """The programs of those of the folders that there are."""
    return {path: program for name in folders
            for path, program in _compiled(arch, paths.LAB / name).items()}


def _compiled(arch: Arch, sources: Path) -> dict[str, Path]:
    shared = [paths.LAB / "guest", paths.LAB / "guest" / arch.name]     # have headers for all
    files = [*sources.glob("*.[ch]"), *(file for where in shared for file in where.glob("*.h"))]
    folder = paths.RUNS / "programs" / arch.name
    folder.mkdir(parents=True, exist_ok=True)
    built = {}
    changed = max((path.stat().st_mtime for path in files), default=0)
    for source in sorted(sources.glob("*.c")):
        target = folder / source.stem
        if not target.exists() or target.stat().st_mtime < changed:
            proc.run([f"{arch.triplet}-gcc", *PROGRAM_FLAGS, *(f"-I{where}" for where in shared),
                      "-o", target, source],
                     log=paths.BUILD / "programs.log")
        built[f"bin/{source.stem}"] = target
    return built
