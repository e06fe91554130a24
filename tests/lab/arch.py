# SPDX-License-Identifier: Apache-2.0
"""What differs between the architectures a host under test can have."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """Facts about one architecture of L1; a second one is another instance."""

    name: str                    # ours, and that of the build folder
    debian: str                  # Debian's
    triplet: str                 # the compiler's and the library folders'
    cpu_family: str              # Meson's
    linux: str                   # the kernel's, as in ARCH=
    image_targets: tuple[str, ...]   # what make is asked for
    built: Mapping[str, str]     # name of an image -> where the kernel's build leaves it
    images: Mapping[str, str]    # "host", "guest" -> name of the image that L1, L2 boots
    console: str                 # the kernel's name of the first serial port
    qemu: str
    machine: tuple[str, ...]     # L0's machine, with the IOMMU under test
    firmware: str                # the file given to -bios
    needs_iort: bool             # the machine's IORT must be overridden
    guest_kernels: Mapping[str, str]   # name -> pattern of the package's name


ARM64 = Arch(
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
    machine=("-M", "virt,virtualization=on,gic-version=3,iommu=smmuv3",
             # No PMU: counters of guests come and go with vCPU threads, and under
             # emulation L1's perf code has been seen to crash over that.
             "-global", "arm-smmuv3.stage=nested", "-cpu", "max,pmu=off"),
    firmware="/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    needs_iort=True,
    guest_kernels={
        "6.1": r"linux-image-6\.1\.[0-9]+(-[0-9]+|\+deb[0-9.]+)?-arm64",
        "6.12": r"linux-image-6\.12\.[0-9]+(\+deb[0-9.]+)?-arm64",
        "7.2": r"linux-image-7\.2\.[0-9]+(\+deb[0-9.]+)?-arm64",
    },
)
