# SPDX-License-Identifier: Apache-2.0
"""The packages that must be installed on the build machine."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from lab import apt, proc, store, ui
from lab.arch import ARCHES, Arch
from lab.errors import LabError

NATIVE = (
    # compilers and the build
    "gcc", "libc6-dev", "clang", "llvm", "meson", "ninja-build", "pkg-config", "make",
    "ccache",
    # the kernel
    "flex", "bison", "bc", "libelf-dev", "libssl-dev", "perl", "xz-utils", "zstd",
    # the cross build
    "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross",
    # aerie's libraries
    "libfdt-dev", "libcyaml-dev", "libyaml-dev", "liburing-dev", "zlib1g-dev", "libzstd-dev",
    "libjson-c-dev",
    # file systems of guests
    "e2fsprogs", "mtools",
    # unit tests
    "check", "libsubunit-dev", "openssl", "acpica-tools",
    # firmware of the host under test
    "qemu-efi-aarch64",
)

# libFuzzer and the sanitizers of the release's clang
BY_RELEASE = {"bookworm": ("libclang-rt-14-dev",), "trixie": ("libclang-rt-19-dev",)}

# The first QEMU whose SMMUv3 translates in two stages; one version for all architectures
QEMU_NEEDED = (9, 2)

INSTALL = ["apt-get", "install", "-y", "--no-install-recommends"]


def install_native(log: Path) -> None:
    """Install what is missing of the build's packages."""
    wanted = [*NATIVE, *BY_RELEASE[apt.codename()]]
    missing = [name for name in wanted if name not in apt.installed(wanted)]
    if not missing:
        return
    known = proc.output(["apt-cache", "policy", *missing], check=False)
    if known.count("Candidate:") < len(missing) or "Candidate: (none)" in known:
        apt.system_update(log)
    with ui.Phase(f"installing {len(missing)} packages") as phase:
        phase.note = " ".join(missing)
        proc.run(apt.as_root(["env", "DEBIAN_FRONTEND=noninteractive", *INSTALL, *missing]),
                 log=log)


def qemu_version(arch: Arch) -> tuple[int, int] | None:
    """The version of the installed QEMU for machines of an architecture."""
    if not shutil.which(arch.qemu):
        return None
    found = re.search(r"version (\d+)\.(\d+)", proc.output([arch.qemu, "--version"]))
    return (int(found.group(1)), int(found.group(2))) if found else None


def _old(arch: Arch) -> bool:
    """Must QEMU for this architecture be installed?"""
    version = qemu_version(arch)
    return not version or version < QEMU_NEEDED


def install_qemu(log: Path) -> None:
    """Have QEMUs that can be L0, from backports where the release's are too old."""
    missing = [arch.qemu_package for arch in ARCHES if _old(arch)]
    if not missing:
        return
    with ui.Phase(f"installing {' and '.join(missing)}"):
        if apt.codename() == "bookworm":
            _install_from_backports(missing, log)
        else:
            proc.run(apt.as_root(["env", "DEBIAN_FRONTEND=noninteractive", *INSTALL, *missing]),
                     log=log)
    for arch in ARCHES:
        if _old(arch):
            raise LabError(f"{arch.qemu} {QEMU_NEEDED[0]}.{QEMU_NEEDED[1]} or newer is needed, "
                           f"{qemu_version(arch)} is what could be installed; see {log}")


def _install_from_backports(packages: Sequence[str], log: Path) -> None:
    """Install packages with a source list of our own beside the system's sources."""
    release = apt.codename()
    root = store.fresh_folder("system-apt")
    (root / "lists" / "partial").mkdir(parents=True)
    sources = root / "sources.list"
    sources.write_text(apt.system_sources() +
                       f"deb [arch=amd64 signed-by={apt.keyring()}] {apt.archive_uri(log)} "
                       f"{release}-backports main\n")
    options = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null",
               "-o", f"Dir::State::lists={root / 'lists'}",
               "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
               "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]
    noninteractive = ["env", "DEBIAN_FRONTEND=noninteractive"]
    proc.run(apt.as_root(["apt-get", *options, "update"]), log=log)
    proc.run(apt.as_root([*noninteractive, INSTALL[0], *options, *INSTALL[1:],
                          "-t", f"{release}-backports", *packages]), log=log)
