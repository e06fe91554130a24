# SPDX-License-Identifier: Apache-2.0
"""The ELF kernel inside an x86 bzImage (Documentation/arch/x86/boot of Linux).

It boots through PVH without the decompressor, which takes most of a boot under emulation.
"""

import lzma
import struct
import subprocess
import zlib
from pathlib import Path

from lab.errors import LabError

# Fields of the set-up header
SETUP_SECTS = 0x1F1
MAGIC, MAGIC_VALUE = 0x202, b"HdrS"
PAYLOAD = 0x248           # offset from the protected-mode code, length
SECTOR = 512
DEFAULT_SECTS = 4
SIZE_LENGTH = 4           # the length when unpacked, which ends the payload


def vmlinux(image: Path) -> bytes:
    """Unpack the kernel of a bzImage."""
    data = image.read_bytes()
    if data[MAGIC:MAGIC + len(MAGIC_VALUE)] != MAGIC_VALUE:
        raise LabError(f"{image} is no bzImage")
    base = ((data[SETUP_SECTS] or DEFAULT_SECTS) + 1) * SECTOR
    offset, length = struct.unpack_from("<II", data, PAYLOAD)
    kernel = _unpacked(data[base + offset:base + offset + length])
    if not kernel.startswith(b"\x7fELF"):
        raise LabError(f"what is in {image} is no ELF file")
    return kernel


def _unpacked(payload: bytes) -> bytes:
    """Decompress a payload by its magic number."""
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31).decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return subprocess.run(["zstd", "-q", "-d", "-c"], input=payload[:-SIZE_LENGTH],
                              check=True, stdout=subprocess.PIPE).stdout
    raise LabError(f"a kernel compressed in an unknown way ({payload[:6].hex()})")
