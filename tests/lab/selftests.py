# SPDX-License-Identifier: Apache-2.0
"""The kernel's own tests of iommufd and VFIO, built from the lab's kernel source."""

from pathlib import Path

from lab import paths, proc, ui
from lab.setup import Kit

HEADERS = paths.LAB / "selftests"     # in place of libcap and libuuid
# Linux 7.2 uses calloc_assert() in libvfio without defining it
FLAGS = ("-O2", "-static", "-pthread", "-D_GNU_SOURCE=", "-Dcalloc_assert=calloc")
IOMMU = ("iommufd",)
VFIO = ("vfio_dma_mapping_test", "vfio_dma_mapping_mmio_test", "vfio_iommufd_setup_test",
        "vfio_pci_device_test")


def build(kit: Kit) -> dict[str, Path]:
    """Compile them static; their paths in the machine that runs them."""
    folder = paths.RUNS / "selftests" / kit.arch.name
    folder.mkdir(parents=True, exist_ok=True)
    source = kit.kernel.source / "tools" / "testing" / "selftests"
    library = source / "vfio" / "lib"
    include = [f"-I{HEADERS}", f"-I{source}", f"-I{source.parent.parent / 'include'}",
               f"-I{library / 'include'}", "-isystem", str(kit.uapi[kit.arch.name])]
    files = {name: [source / "iommu" / f"{name}.c"] for name in IOMMU}
    files |= {name: [source / "vfio" / f"{name}.c", *sorted(library.glob("*.c"))]
              for name in VFIO}
    with ui.Phase("building the kernel's selftests"):
        for name, sources in files.items():
            if not (folder / name).exists():
                proc.run([f"{kit.arch.triplet}-gcc", *FLAGS, *include, "-o", folder / name,
                          *sources], log=paths.BUILD / "selftests.log")
    return {f"bin/{name}": folder / name for name in files}
