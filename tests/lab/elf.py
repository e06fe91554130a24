# SPDX-License-Identifier: Apache-2.0
"""Programs of foreign packages: which shared libraries they need, and stand-ins for those
that need not be there."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab import proc
from lab.arch import Arch
from lab.errors import LabError


def needed(program: Path) -> list[str]:
    """The shared libraries that a program or library names."""
    return re.findall(r"\(NEEDED\)\s+Shared library: \[(.+?)\]",
                      proc.output(["readelf", "-d", program]))


def interpreter(program: Path) -> str:
    """The dynamic loader that a program names, without the leading slash."""
    found = re.search(r"program interpreter: /(.+?)\]", proc.output(["readelf", "-l", program]))
    if not found:
        raise LabError(f"{program} is no dynamic program")
    return found.group(1)


def libraries(arch: Arch, tree: Path) -> dict[str, Path]:
    """The shared libraries of unpacked packages by name, and the dynamic loader."""
    found = {path.name: path for path in tree.rglob(f"lib/{arch.triplet}/*.so*")}
    found |= {path.name: path for path in tree.rglob("ld-linux-*.so.*") if path.is_file()}
    return found


def closure(program: Path, available: Mapping[str, Path]) -> tuple[dict[str, Path], set[str]]:
    """The libraries that a program loads, by name, and those that are not available."""
    found: dict[str, Path] = {}
    missing: set[str] = set()
    waiting = needed(program)
    while waiting:
        name = waiting.pop()
        if name in found or name in missing:
            continue
        if name not in available:
            missing.add(name)
            continue
        found[name] = available[name]
        waiting += needed(available[name])
    return found, missing


def defined(library: Path, arch: Arch) -> set[str]:
    """The names that a library defines, without versions."""
    listed = proc.output([f"{arch.triplet}-nm", "-D", "--defined-only", library])
    return {line.split()[-1].split("@")[0] for line in listed.splitlines()}


def undefined(program: Path, arch: Arch) -> list[tuple[str, str]]:
    """The functions that a program wants from libraries: name, and version or nothing."""
    listed = proc.output([f"{arch.triplet}-nm", "-D", "--undefined-only", program])
    return re.findall(r"^\s+U ([^\s@]+)(?:@+(\S+))?$", listed, re.M)


def version_owners(program: Path) -> dict[str, str]:
    """The library in which a program expects each version of a symbol."""
    owners = {}
    library = ""
    for line in proc.output(["readelf", "-W", "-V", program]).splitlines():
        if found := re.search(r"Version: 1\s+File: (\S+)", line):
            library = found.group(1)
        elif library and (found := re.search(r"Name: (\S+)", line)):
            owners[found.group(1)] = library
    return owners


def write_stubs(arch: Arch, program: Path, missing: Iterable[str], present: Iterable[Path],
                folder: Path) -> None:
    """Make libraries that have the functions a program wants, but only trap.

    A program that is linked with dozens of megabytes of libraries for a few of its
    functions starts in a small guest all the same, if those functions are not called.
    """
    owners = version_owners(program)
    known = set().union(*(defined(library, arch) for library in present))
    stubs: dict[str, dict[str, list[str]]] = {name: {} for name in sorted(missing)}
    # The loader looks for an unversioned name in all libraries.
    plain = next(iter(name for name in stubs if name not in owners.values()), "")
    for name, version in undefined(program, arch):
        library = owners.get(version, plain)
        if library in stubs and name not in known:
            stubs[library].setdefault(version, []).append(name)
    for library, versions in stubs.items():
        _write_stub(arch, folder / library, versions)


def _write_stub(arch: Arch, path: Path, versions: Mapping[str, Sequence[str]]) -> None:
    """Compile one stub from its functions by version."""
    source, script = path.with_suffix(".c"), path.with_suffix(".map")
    source.write_text("".join(f"void {name}(void) {{ __builtin_trap(); }}\n"
                              for names in versions.values() for name in names))
    script.write_text("".join(f"{version} {{ global: {'; '.join(names)}; }};\n"
                              for version, names in versions.items() if version))
    command = [f"{arch.triplet}-gcc", "-shared", "-nostdlib", "-fno-builtin", "-w", "-O1",
               f"-Wl,-soname,{path.name}", "-o", path, source]
    if any(versions):
        command.append(f"-Wl,--version-script={script}")
    proc.output(command)
    source.unlink()
    script.unlink()
