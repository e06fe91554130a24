#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Known answers for SPDM's key schedule, transcripts, signatures and secured messages, by the openssl command line.

    spdm_vectors.py > spdm_vectors.h          writes them
    spdm_vectors.py --check spdm_vectors.h    fails if they are other ones

Every hash, HMAC, HKDF and cipher step is one call of openssl; this script only puts bytes in the order that DSP0274
and DSP0277 prescribe. It shares no code with pci/spdm. Inputs are fixed, so the output never changes. Keys made of
counting bytes guard nothing.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HASHES = {"SHA256": 32, "SHA384": 48, "SHA512": 64}


def openssl(*args: str, data: bytes = b"") -> bytes:
    """Run openssl; its standard output."""
    return subprocess.run(["openssl", *args], input=data, stdout=subprocess.PIPE, check=True).stdout


def count(first: int, length: int) -> bytes:
    """Bytes that count up from first."""
    return bytes((first + i) & 0xFF for i in range(length))


def digest(name: str, data: bytes) -> bytes:
    """A hash."""
    return openssl("dgst", f"-{name.lower()}", "-binary", data=data)


def hmac(name: str, key: bytes, data: bytes) -> bytes:
    """An HMAC, which is HKDF-Extract too."""
    return openssl("dgst", f"-{name.lower()}", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary", data=data)


def expand(name: str, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand."""
    text = openssl("kdf", "-keylen", str(length), "-kdfopt", f"digest:{name}", "-kdfopt", "mode:EXPAND_ONLY",
                   "-kdfopt", f"hexkey:{secret.hex()}", "-kdfopt", f"hexinfo:{info.hex()}", "-binary", "HKDF")
    assert len(text) == length
    return text


def label(version: int, name: str, length: int, context: bytes = b"") -> bytes:
    """BinConcat of DSP0274."""
    return length.to_bytes(2, "little") + f"spdm1.{version} ".encode() + name.encode() + context


def schedule(name: str, version: int, key_length: int) -> dict[str, bytes]:
    """All keys from a shared secret and two transcript hashes."""
    size = HASHES[name]
    th1, th2 = count(0x40, size), count(0x80, size)

    def derive(secret: bytes, what: str, length: int = size, context: bytes = b"") -> bytes:
        return expand(name, secret, label(version, what, length, context), length)

    handshake = hmac(name, bytes(size), count(1, 48))
    master = hmac(name, derive(handshake, "derived"), bytes(size))
    out = {"handshake": handshake}
    for end in ("req", "rsp"):
        secret = derive(handshake, f"{end} hs data", context=th1)
        data = derive(master, f"{end} app data", context=th2)
        update = derive(data, "traffic upd")
        finished = derive(secret, "finished")
        out |= {f"{end}_hs_key": derive(secret, "key", key_length), f"{end}_hs_iv": derive(secret, "iv", 12),
                f"{end}_verify": hmac(name, finished, th1),
                f"{end}_key": derive(data, "key", key_length), f"{end}_iv": derive(data, "iv", 12),
                f"{end}_new_key": derive(update, "key", key_length), f"{end}_new_iv": derive(update, "iv", 12)}
    return out


def ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """AES in counter mode: the encryption of GCM, whose first counter of data is 2."""
    return openssl("enc", f"-aes-{len(key) * 8}-ctr", "-K", key.hex(), "-iv", counter.hex(), data=data)


def gmac(key: bytes, iv: bytes, aad: bytes) -> bytes:
    """The tag of GCM over additional data only."""
    text = openssl("mac", "-cipher", f"AES-{len(key) * 8}-GCM", "-macopt", f"hexkey:{key.hex()}",
                   "-macopt", f"hexiv:{iv.hex()}", "-binary", "GMAC", data=aad)
    assert len(text) == 16
    return text


def multiply(a: int, b: int) -> int:
    """In GF(2^128), bits in the order of GCM (SP 800-38D, 6.3)."""
    product = 0
    for i in range(128):
        if a >> (127 - i) & 1:
            product ^= b
        b = b >> 1 ^ (0xE1 << 120 if b & 1 else 0)
    return product


def gcm_tag(key: bytes, iv: bytes, aad: bytes, cipher: bytes) -> bytes:
    """The tag of GCM over additional data and cipher text (SP 800-38D, 7.1)."""
    h = int.from_bytes(ctr(key, bytes(16), bytes(16)), "big")
    pad = lambda data: data + bytes(-len(data) % 16)  # noqa: E731
    blocks = pad(aad) + pad(cipher) + (len(aad) * 8).to_bytes(8, "big") + (len(cipher) * 8).to_bytes(8, "big")
    y = 0
    for i in range(0, len(blocks), 16):
        y = multiply(y ^ int.from_bytes(blocks[i:i + 16], "big"), h)
    mask = ctr(key, iv + b"\0\0\0\1", bytes(16))
    return bytes(p ^ q for p, q in zip(y.to_bytes(16, "big"), mask))


def chacha(key: bytes, iv: bytes, aad: bytes, plain: bytes) -> bytes:
    """ChaCha20-Poly1305 (RFC 8439, 2.8): cipher text and tag."""
    def stream(counter: int, data: bytes) -> bytes:
        return openssl("enc", "-chacha20", "-K", key.hex(), "-iv", (counter.to_bytes(4, "little") + iv).hex(), data=data)

    pad = lambda data: data + bytes(-len(data) % 16)  # noqa: E731
    cipher = stream(1, plain)
    text = pad(aad) + pad(cipher) + len(aad).to_bytes(8, "little") + len(cipher).to_bytes(8, "little")
    return cipher + openssl("mac", "-macopt", f"hexkey:{stream(0, bytes(32)).hex()}", "-binary", "POLY1305", data=text)


def secured_chacha(key: bytes, iv: bytes, sequence: int, message: bytes) -> bytes:
    """The same with ChaCha20-Poly1305."""
    nonce = (int.from_bytes(iv, "little") ^ sequence).to_bytes(12, "little")
    plain = len(message).to_bytes(2, "little") + message
    header = bytes.fromhex("0201fefe") + (len(plain) + 16).to_bytes(2, "little")
    return header + chacha(key, nonce, header, plain)


def secured(key: bytes, iv: bytes, sequence: int, message: bytes, encrypt: bool, mctp: bool = False) -> bytes:
    """One secured message in PCIe's binding, or in MCTP's (DSP0276): with sequence number and message type."""
    nonce = (int.from_bytes(iv, "little") ^ sequence).to_bytes(12, "little")
    session = bytes.fromhex("0201fefe")
    if mctp:
        session += (sequence & 0xFFFF).to_bytes(2, "little")
        message = b"\5" + message
    if not encrypt:
        header = session + (len(message) + 16).to_bytes(2, "little")
        return header + message + gmac(key, nonce, header + message)
    plain = len(message).to_bytes(2, "little") + message
    header = session + (len(plain) + 16).to_bytes(2, "little")
    cipher = ctr(key, nonce + b"\0\0\0\2", plain)
    return header + cipher + gcm_tag(key, nonce, header, cipher)


def sign_input(name: str, version: int, context: str, data: bytes) -> bytes:
    """What is signed: prefix four times, zeroes, context, hash."""
    prefix = f"dmtf-spdm-v1.{version}.*".encode() * 4
    return prefix + context.encode().rjust(36, b"\0") + digest(name, data)


def eddsa(message: bytes) -> tuple[bytes, bytes]:
    """A fixed key's public half, and its signature, which has no random part."""
    der = bytes.fromhex("302e020100300506032b657004220420") + count(1, 32)
    with tempfile.TemporaryDirectory() as folder:
        key, text = Path(folder, "key"), Path(folder, "text")
        key.write_bytes(der)
        text.write_bytes(message)
        public = openssl("pkey", "-inform", "DER", "-in", str(key), "-pubout", "-outform", "DER")[-32:]
        return public, openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-keyform", "DER", "-in", str(text))


def vectors() -> dict[str, bytes]:
    """All of them, by the names of the C arrays."""
    out = {}
    for name, version, key_length in (("SHA256", 2, 16), ("SHA384", 3, 32), ("SHA512", 4, 32)):
        out |= {f"v{version}_{what}": value for what, value in schedule(name, version, key_length).items()}
    key, iv = count(0x10, 32), count(0xA0, 12)
    for length in (4, 45):
        out[f"sealed_{length}"] = secured(key, iv, 0x0102, count(0x30, length), True)
    out["sealed_mac"] = secured(key, iv, 7, count(0x30, 9), False)
    out["sealed_128"] = secured(key[:16], iv, 0, count(0x30, 9), True)
    out["sealed_chacha"] = secured_chacha(key, iv, 3, count(0x30, 45))
    out["sealed_mctp"] = secured(key, iv, 0x12345, count(0x30, 45), True, mctp=True)
    out["sealed_mctp_mac"] = secured(key, iv, 2, count(0x30, 4), False, mctp=True)
    out["sign_input"] = sign_input("SHA384", 3, "responder-measurements signing", count(0, 200))
    out["sign_public"], out["sign_signature"] = eddsa(out["sign_input"])
    return out


def write(arrays: dict[str, bytes]) -> None:
    """The header."""
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Written by spdm_vectors.py with the openssl command line; see there. */")
    print("#ifndef AERIE_SPDM_VECTORS_H\n#define AERIE_SPDM_VECTORS_H\n\n#include <stdint.h>\n")
    for name, data in arrays.items():
        print(f"static const uint8_t {name}[] = {{")
        for i in range(0, len(data), 16):
            print("\t" + ", ".join(f"0x{byte:02x}" for byte in data[i:i + 16]) + ",")
        print("};\n")
    print("#endif")


def read(path: str) -> dict[str, bytes]:
    """The arrays of a header."""
    found = re.findall(r"uint8_t (\w+)\[\] = \{([^}]*)\}", Path(path).read_text())
    return {name: bytes(int(byte, 16) for byte in re.findall(r"0x[0-9a-f]{2}", body)) for name, body in found}


def main() -> int:
    """Write, or compare."""
    assert re.match(r"OpenSSL 3", openssl("version").decode()), "needs OpenSSL 3"
    if sys.argv[1:2] != ["--check"]:
        write(vectors())
        return 0
    want, have = vectors(), read(sys.argv[2])
    wrong = [name for name in want | have if want.get(name) != have.get(name)]
    print(f"{len(want)} vectors, of which other ones are in the header: {wrong or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
