# SPDX-License-Identifier: Apache-2.0
"""The commands of ./lab."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import (bench, benchnative, benchsoft, benchstart, build, demo, dmesg, setup, shell,
                 testrun, ui)
from lab.arch import ARCHES, ARM64, Arch, titled
from lab.errors import LabError

TITLES = [arch.title for arch in ARCHES]

DESCRIPTION = """\
aerie's lab. It runs everything in nested virtual machines, so that device
assignment behind a nested SMMUv3 needs no special hardware: L0 is QEMU with an
emulated SMMUv3 (or x86-64 with VT-d), L1 a small Linux host with aerie, L2 aerie's guest.
"""

EPILOG = """\
Start with `./lab demo`. What set-up makes (a kernel, a sysroot, guest kernels)
is kept in ${XDG_CACHE_HOME:-~/.cache}/aerie; what a run leaves (logs, images)
is in build/lab/ARCH/NAME. Every command does the set-up and the build it needs.

  ./lab test                    all tests, scenarios on one host with one guest kernel each
  ./lab test --full             all of them
  ./lab test unit               the unit tests only
  ./lab test native             bare-metal payloads on this machine's /dev/kvm
  ./lab test nvme -k 6.12       one scenario with one guest kernel
  ./lab test --list             what there is

LAB_TIMEOUT_SCALE=3 stretches all time limits on a slow machine.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    item = commands.add_parser("setup", help="install packages, build the lab's kernel, "
                                             "fetch guest kernels")
    item.add_argument("--update", action="store_true",
                      help="look for newer packages in the archive first")
    commands.add_parser("build", help="build aerie for arm64 and x86-64, tests and fuzz targets")
    commands.add_parser("demo", help="a guest with the host's NVMe drive, proven from outside")
    item = commands.add_parser("test", help="run the tests")
    item.add_argument("names", nargs="*", metavar="NAME",
                      help="unit, native, fuzz, matrix, scenarios, or a scenario's name; "
                           "default: all")
    item.add_argument("-a", "--arch", action="append", default=[], choices=TITLES,
                      help="only scenarios with a host of this architecture "
                           f"({', '.join(TITLES)})")
    item.add_argument("-k", "--kernel", action="append", default=[], metavar="KERNEL",
                      help="only with this guest kernel (lab, 6.1, 6.12, 7.2)")
    item.add_argument("--full", action="store_true",
                      help="scenarios on all their hosts with all their guest kernels, the whole "
                           "boot matrix, all rounds of random tests")
    item.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), metavar="N",
                      help="scenarios or fuzz targets at the same time (default: %(default)s)")
    item.add_argument("--aerie", type=Path, metavar="FILE",
                      help="use this static aerie in the scenarios of one architecture instead "
                           "of building one")
    item.add_argument("--list", action="store_true", help="list the tests and end")
    item = commands.add_parser("matrix", help="boot every guest kernel with every IOMMU, way to "
                                              "boot and number of vCPUs")
    item.add_argument("-a", "--arch", action="append", default=[], choices=TITLES,
                      help="only with a host of this architecture")
    item = commands.add_parser("dmesg", help="record what guests' kernels warn of on QEMU's "
                                             "machine, which aerie's guests are compared with")
    item.add_argument("-a", "--arch", action="append", default=[], choices=TITLES,
                      help="only this architecture")
    item = commands.add_parser("bench", help="compare aerie with QEMU inside L1")
    item.add_argument("which", nargs="?", default="all",
                      choices=("assigned", "software", "start", "native", "all"),
                      help="assigned devices; virtio and virtio-iommu; how fast a guest "
                           "comes to life; what a VM and an exit cost on this machine's /dev/kvm "
                           "(default: all)")
    item.add_argument("-n", "--rounds", type=int, default=5, metavar="N",
                      help="rounds, all contenders in each (default: %(default)s)")
    item = commands.add_parser("shell", help="L1 on this terminal, guest kernels at hand")
    item.add_argument("-a", "--arch", default=ARM64.title, choices=TITLES,
                      help="of L1 (default: %(default)s)")
    return parser


def _build() -> int:
    uapi = setup.toolchain()
    for variant in (*(build.static(arch, uapi) for arch in ARCHES), build.native(uapi),
                    build.sanitized(uapi), build.fuzz(uapi)):
        build.build(variant)
    return 0


def _arches(options: argparse.Namespace) -> list[Arch]:
    return [arch for arch in ARCHES if arch.title in (options.arch or TITLES)]


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "setup":
        setup.prepare(ARCHES, update=options.update)
        return 0
    if options.command == "build":
        return _build()
    if options.command == "demo":
        return demo.run(ARM64, testrun.scale())
    if options.command == "test":
        if options.list:
            ui.say(testrun.listing())
            return 0
        return testrun.run(testrun.Choice(
            options.names, _arches(options), options.kernel, options.jobs, options.full,
            options.aerie))
    if options.command == "dmesg":
        return dmesg.record(_arches(options), testrun.scale())
    if options.command == "matrix":
        return testrun.run(testrun.Choice(["matrix"], _arches(options), [], 2, True, None))
    if options.command == "shell":
        arch = titled(options.arch)
        return shell.run(setup.prepare([arch])[arch.name])
    status = 0
    if options.which in ("assigned", "all"):
        status |= bench.run(ARM64, options.rounds, testrun.scale())
    if options.which in ("software", "all"):
        status |= benchsoft.run(ARM64, options.rounds, testrun.scale())
    if options.which in ("start", "all"):
        for arch in ARCHES:
            status |= benchstart.run(arch, options.rounds, testrun.scale())
    if options.which in ("native", "all"):
        status |= benchnative.run(options.rounds)
    return status


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _dispatch(options)
    except LabError as error:
        sys.stdout.flush()
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
