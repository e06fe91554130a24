# SPDX-License-Identifier: Apache-2.0
"""The override of ACPI's IORT table that lets Linux nest on QEMU's SMMUv3.

Linux allows an iommufd vIOMMU only if the device's root complex is marked
CANWBS or the SMMU forces write-back; QEMU says neither. The table of L0's
machine is dumped once at set-up, marked, and given back through the initramfs
of L1 (Documentation/admin-guide/acpi/initrd_table_override of Linux).
"""

import struct

from lab import cpio
from lab.errors import LabError

# ACPI table header
CHECKSUM = 9
OEM_REVISION = 24
# IORT: number of nodes, offset of the first
NODES = 36
# IORT node: type (1 byte), length (2 bytes)
ROOT_COMPLEX = 2
MEMORY_FLAGS = 23
CANWBS = 1 << 2


def patched(table: bytes) -> bytes:
    """The table with every root complex marked CANWBS, as a newer revision."""
    if table[:4] != b"IORT":
        raise LabError("what was dumped from L1 is no IORT")
    result = bytearray(table)
    count, offset = struct.unpack_from("<II", result, NODES)
    for _ in range(count):
        kind, length = struct.unpack_from("<BH", result, offset)
        if kind == ROOT_COMPLEX:
            result[offset + MEMORY_FLAGS] |= CANWBS
        offset += length
    (revision,) = struct.unpack_from("<I", result, OEM_REVISION)
    struct.pack_into("<I", result, OEM_REVISION, revision + 1)   # or Linux ignores it
    result[CHECKSUM] = 0
    result[CHECKSUM] = -sum(result) & 0xFF
    return bytes(result)


def archive(table: bytes) -> bytes:
    """The uncompressed cpio that must be the first part of L1's initramfs."""
    out = cpio.Archive()
    out.data("kernel/firmware/acpi/IORT.aml", table)
    return out.finish()
