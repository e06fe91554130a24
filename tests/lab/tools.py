# SPDX-License-Identifier: Apache-2.0
"""Debian's programs that run in L1 or L2, each with the libraries it loads.

A tool is a small tree of files with the paths that Debian gives them. Of a
package only the program is kept; libraries that it is linked with and that are
not in the table are replaced by stubs (fio's engines for Ceph, Gluster, RDMA,
...: sixty megabytes, and seconds at each start under emulation).
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import apt, elf, store, ui
from lab.arch import Arch
from lab.errors import LabError

SUITE = "trixie"      # the first with a passt that serves vhost-user


@dataclass(frozen=True)
class Tool:
    """A program and the packages that hold it and its libraries."""

    program: str
    packages: tuple[str, ...]
    stubs: bool = False      # may libraries be missing?


TOOLS: Mapping[str, Tool] = {
    "fio": Tool("usr/bin/fio", ("fio", "libc6", "libaio1t64", "libnuma1", "zlib1g"), stubs=True),
    "passt": Tool("usr/bin/passt", ("passt", "libc6")),
    "virtiofsd": Tool("usr/libexec/virtiofsd", ("virtiofsd", "libc6", "libcap-ng0", "libgcc-s1",
                                                "libseccomp2")),
}


@dataclass(frozen=True)
class Toolbox:
    """The folder that holds all tools."""

    folder: Path

    def files(self, names: Iterable[str]) -> dict[str, Path]:
        """The files of the named tools by their paths, without the leading slash."""
        found = {}
        for name in names:
            if name not in TOOLS:
                raise LabError(f"there is no tool called {name}, only {', '.join(TOOLS)}")
            root = self.folder / name
            found |= {str(path.relative_to(root)): path
                      for path in sorted(root.rglob("*")) if path.is_file()}
        return found


def obtain(arch: Arch, archive: apt.PrivateApt, log: Path) -> Toolbox:
    """Have all tools, from the cache or the archive."""
    names = sorted({name for tool in TOOLS.values() for name in tool.packages})
    packages = [archive.released(name, arch.debian, SUITE) for name in names]
    inputs = {"packages": [package.spec for package in packages], "tools": TOOLS,
              "recipe": store.recipe(_collect, elf)}

    def make(folder: Path) -> None:
        with ui.Phase(f"fetching {', '.join(TOOLS)} for {arch.debian}"):
            tree = store.fresh_folder("tools")
            archive.unpack(packages, tree)
            for name, tool in TOOLS.items():
                _collect(arch, tree, tool, folder / name)
            shutil.rmtree(tree)

    return Toolbox(store.obtain(f"tools-{arch.name}", inputs, make))


def _collect(arch: Arch, tree: Path, tool: Tool, into: Path) -> None:
    """Copy a program, its loader and its libraries to where Debian has them."""
    program = into / tool.program
    folder = into / "lib" / arch.triplet
    loader = into / elf.interpreter(tree / tool.program)
    for parent in (program.parent, folder, loader.parent):
        parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(tree / tool.program, program)
    found, missing = elf.closure(program, elf.libraries(arch, tree))
    for name, source in found.items():
        shutil.copy(source, loader if name == loader.name else folder)
    if missing and not tool.stubs:
        raise LabError(f"{tool.program} needs {', '.join(sorted(missing))}; name the package "
                       "in tests/lab/tools.py")
    elf.write_stubs(arch, program, missing, found.values(), folder)
