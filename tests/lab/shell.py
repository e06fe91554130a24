# SPDX-License-Identifier: Apache-2.0
"""`lab shell`: L1 on this terminal, with an NVMe drive and a NIC to assign."""

import shutil

from lab import build, images, initramfs, l0, l1, paths, ui
from lab.images import Image
from lab.setup import Kit

DISK_SIZE = 64


def run(kit: Kit) -> int:
    """Boot L1 interactively; return QEMU's status."""
    folder = paths.RUNS / kit.arch.title / "shell"
    shutil.rmtree(folder, ignore_errors=True)
    share = folder / "share"
    (share / "out").mkdir(parents=True)
    host = l1.Host(kit, {"bin/aerie": build.aerie(kit), **build.host_programs(kit.arch)},
                   build.guest_programs(kit.arch))
    image = Image("disk", folder / "disk.img")
    image.create(DISK_SIZE * images.MIB, "shell")
    facts = {"READ_SIZE": str(images.READ_SIZE), "WRITE_SIZE": str(images.WRITE_SIZE),
             "DISK_disk_SHA": image.known, "GUEST_LIMIT": "86400",
             "WRITE_OFFSET": str(images.write_offset(0)), "ARCH": kit.arch.title,
             "CONSOLE": kit.arch.console, "SETTINGS": ""}
    (share / "env").write_text("".join(f"{name}='{value}'\n" for name, value in facts.items()))
    for kernel in kit.guests:
        (share / f"guest-{kernel.name}.cpio").write_bytes(initramfs.addition(None, facts))
    host.write_initramfs(folder / "initramfs", [kernel.name for kernel in kit.guests])
    shutil.copytree(paths.REPO / "configs" / "vms", share / "vms", dirs_exist_ok=True)
    machine = l0.Machine(
        kit.arch, kit.kernel.image, folder / "initramfs", share,
        cmdline="lab=shell",
        devices=[["nvme,serial=aerie,drive=disk"], ["e1000e,netdev=net,romfile="]],
        backends=["-drive", f"if=none,id=disk,format=raw,file={image.path}",
                  "-netdev", "user,id=net"])
    ui.say("Ctrl-A x ends the host at once; Ctrl-A h lists QEMU's other keys")
    return l0.interactive(machine)
