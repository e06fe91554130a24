# SPDX-License-Identifier: Apache-2.0
"""Foreign libraries for the static cross build, and what L1 and L2 run."""

from collections.abc import Sequence
from pathlib import Path

from lab import apt, paths, store, ui
from lab.arch import Arch

# Headers and static archives that aerie links; all from the running release
LIBRARIES = ("libfdt-dev", "libcyaml-dev", "libyaml-dev", "liburing-dev", "zlib1g-dev",
             "libzstd-dev", "libssl-dev", "libjson-c-dev")
BUSYBOX = ("busybox-static",)

CROSS_FILE = """\
# Written by ./lab; describes the cross build for {arch.name}.
[binaries]
c = '{arch.triplet}-gcc'
ar = '{arch.triplet}-ar'
strip = '{arch.triplet}-strip'
pkgconfig = 'pkg-config'
pkg-config = 'pkg-config'

[built-in options]
c_args = ['-isystem', '{sysroot}/usr/include', '-isystem', '{sysroot}/usr/include/{arch.triplet}']
c_link_args = ['-L{sysroot}/usr/lib/{arch.triplet}']

[properties]
needs_exe_wrapper = true
sys_root = '{sysroot}'
pkg_config_libdir = '{sysroot}/usr/lib/{arch.triplet}/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = '{arch.cpu_family}'
cpu = '{arch.cpu_family}'
endian = 'little'
"""


def _unpacked(name: str, wanted: Sequence[str], arch: Arch, archive: apt.PrivateApt) -> Path:
    """An artefact that holds the unpacked packages of the running release."""
    packages = [archive.released(package, arch.debian, apt.codename()) for package in wanted]
    inputs = {"packages": [package.spec for package in packages]}

    def make(folder: Path) -> None:
        with ui.Phase(f"unpacking {' '.join(wanted)} for {arch.debian}"):
            archive.unpack(packages, folder)

    return store.obtain(name, inputs, make)


def libraries(arch: Arch, archive: apt.PrivateApt) -> Path:
    """The sysroot of the cross build."""
    return _unpacked(f"sysroot-{arch.name}", LIBRARIES, arch, archive)


def busybox(arch: Arch, archive: apt.PrivateApt) -> Path:
    """A static busybox."""
    folder = _unpacked(f"busybox-{arch.name}", BUSYBOX, arch, archive)
    return next(path for path in (folder / "bin/busybox", folder / "usr/bin/busybox")
                if path.exists())


def write_cross_file(arch: Arch, sysroot: Path) -> Path:
    """Write Meson's cross file into the build folder; return its path."""
    path = paths.BUILD / f"cross-{arch.name}.ini"
    text = CROSS_FILE.format(arch=arch, sysroot=sysroot)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path
