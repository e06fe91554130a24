#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The arch contract: no conditional on an architecture outside vmm/arch, and no header that only one of them has.

    arch_contract.py ROOT    lists what breaks it; exits with 1 if something does
"""

import re
import sys
from pathlib import Path

FOLDERS = ("vmm", "pci", "viommu", "devices", "guest-firmware")
EXEMPT = "vmm/arch/"
# Words by which compilers, Kconfig and headers name the architectures.
NAMES = r"__(?:x86_64|amd64|i386|aarch64|arm|riscv)\w*|__ARM_\w+|_M_\w+|CONFIG_(?:X86|ARM)\w*|__KVM_HAVE_\w+"
CONDITIONAL = re.compile(rf"^[ \t]*#[ \t]*(?:el)?if(?:\\\n|.)*\b(?:{NAMES})\b", re.MULTILINE)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"](?:asm/|cpuid\.h|arm_\w+\.h|\w*intrin\.h)", re.MULTILINE)

BREAKS = ("#if defined(__x86_64__) || defined(X)", "#  ifdef __aarch64__", "\t#elif __ARM_FEATURE_SVE",
          "#include <asm/kvm.h>",
          "#ifndef CONFIG_X86_64", "#include <cpuid.h>", "#if defined(X) || \\\n\tdefined(__i386__)")
KEEPS = ("#ifndef AERIE_ARCH_H", "#ifdef STATX_DIOALIGN", "/* not #if */ x = __x86_64__;", "#include <linux/kvm.h>")


def breaches(text: str) -> list[tuple[int, str]]:
    """Line numbers and lines of what breaks the contract."""
    found = [m for pattern in (CONDITIONAL, INCLUDE) for m in pattern.finditer(text)]
    return [(text.count("\n", 0, m.start()) + 1, m.group(0).strip()) for m in found]


def main(root: Path) -> int:
    """Checks the checker, then the tree."""
    if not all(breaches(line) for line in BREAKS) or any(breaches(line) for line in KEEPS):
        print("arch_contract.py does not know a breach when it sees one")
        return 1
    files = [f for folder in FOLDERS for f in sorted((root / folder).rglob("*.[ch]"))]
    files = [f for f in files if not f.relative_to(root).as_posix().startswith(EXEMPT)]
    if len(files) < 100:
        print(f"only {len(files)} files below {root}: that is not the source tree")
        return 1
    bad = [f"{f.relative_to(root)}:{line}: {text}" for f in files for line, text in breaches(f.read_text())]
    for line in bad:
        print(f"{line} (belongs into vmm/arch)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
