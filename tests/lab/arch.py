# SPDX-License-Identifier: Apache-2.0
"""What differs between the architectures a host under test can have."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """Facts about one architecture of L1."""

    title: str                   # what users and scenarios call it
    name: str                    # ours, and that of folders
    debian: str                  # Debian's
    triplet: str                 # the compiler's and the library folders'
    cpu_family: str              # Meson's
    linux: str                   # the kernel's, as in ARCH=
    image_targets: tuple[str, ...]   # what make is asked for
    built: Mapping[str, str]     # name of an image -> where the kernel's build leaves it
    images: Mapping[str, str]    # "host", "guest" -> name of the image that L1, L2 boots
    console: str                 # the kernel's name of the first serial port
    qemu: str
    qemu_package: str
    machine: tuple[str, ...]     # L0's machine, with the IOMMU under test
    cmdline: str                 # what L1's kernel must be told
    firmware: str                # the file given to -bios; empty: QEMU's own
    needs_iort: bool             # the machine's IORT must be overridden
    needs_tsc: bool              # L1 must be told the frequency of its counter
    guest_kernels: Mapping[str, str]   # name -> pattern of the package's name


ARM64 = Arch(
    title="arm64",
    name="arm64",
    debian="arm64",
    triplet="aarch64-linux-gnu",
    cpu_family="aarch64",
    linux="arm64",
    image_targets=("Image",),
    built={"Image": "arch/arm64/boot/Image"},
    images={"host": "Image", "guest": "Image"},
    console="ttyAMA0",
    qemu="qemu-system-aarch64",
    qemu_package="qemu-system-arm",
    machine=("-M", "virt,virtualization=on,gic-version=3,iommu=smmuv3",
             # No PMU: counters of guests come and go with vCPU threads, and under
             # emulation L1's perf code has been seen to crash over that.
             "-global", "arm-smmuv3.stage=nested", "-cpu", "max,pmu=off"),
    cmdline="",
    firmware="/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    needs_iort=True,
    needs_tsc=False,
    guest_kernels={
        "6.1": r"linux-image-6\.1\.[0-9]+(-[0-9]+|\+deb[0-9.]+)?-arm64",
        "6.12": r"linux-image-6\.12\.[0-9]+(\+deb[0-9.]+)?-arm64",
        "7.2": r"linux-image-7\.2\.[0-9]+(\+deb[0-9.]+)?-arm64",
    },
)

X86_64 = Arch(
    title="x86-64",
    name="x86_64",
    debian="amd64",
    triplet="x86_64-linux-gnu",
    cpu_family="x86_64",
    linux="x86",
    image_targets=("bzImage",),
    # The first is the ELF file without symbols: it boots through PVH, with no decompressor
    # that would cost seconds under emulation.
    built={"vmlinux": "arch/x86/boot/compressed/vmlinux.bin", "bzImage": "arch/x86/boot/bzImage"},
    images={"host": "vmlinux", "guest": "vmlinux"},
    console="ttyS0",
    qemu="qemu-system-x86_64",
    qemu_package="qemu-system-x86",
    # The IOMMU first: it looks only at devices that come after it
    machine=("-M", "q35", "-accel", "tcg", "-cpu", "max,+svm,+npt",
             "-device", "intel-iommu,intremap=on"),
    # Without the second, a busy build machine makes L1 panic: it counts timer interrupts in a
    # time that it takes from the emulated CPU.
    cmdline="intel_iommu=on no_timer_check",
    firmware="",
    needs_iort=False,
    needs_tsc=True,
    guest_kernels={
        "6.1": r"linux-image-6\.1\.[0-9]+(-[0-9]+|\+deb[0-9.]+)?-amd64",
        "6.12": r"linux-image-6\.12\.[0-9]+(\+deb[0-9.]+)?-amd64",
        "7.2": r"linux-image-7\.2\.[0-9]+(\+deb[0-9.]+)?-amd64",
    },
)

ARCHES = (ARM64, X86_64)


def titled(title: str) -> Arch:
    """The architecture of this title, which must be one of them."""
    return next(arch for arch in ARCHES if arch.title == title)
