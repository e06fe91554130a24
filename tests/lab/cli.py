# SPDX-License-Identifier: Apache-2.0
"""The commands of ./lab."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import bench, benchsoft, build, demo, setup, shell, testrun, ui
from lab.arch import ARM64
from lab.errors import LabError

DESCRIPTION = """\
aerie's lab. It runs everything in nested virtual machines, so that device
assignment behind a nested SMMUv3 needs no special hardware: L0 is QEMU with an
emulated SMMUv3, L1 a small Linux host with aerie, L2 aerie's guest.
"""

EPILOG = """\
Start with `./lab demo`. What set-up makes (a kernel, a sysroot, guest kernels)
is kept in ${XDG_CACHE_HOME:-~/.cache}/aerie; what a run leaves (logs, images)
is in build/lab/NAME. Every command does the set-up and the build it needs.

  ./lab test                    all tests
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
                      help="unit, native, fuzz, scenarios, or a scenario's name; default: all")
    item.add_argument("-k", "--kernel", action="append", default=[], metavar="KERNEL",
                      help="only with this guest kernel (lab, 6.1, 6.12, 7.2)")
    item.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), metavar="N",
                      help="scenarios or fuzz targets at the same time (default: %(default)s)")
    item.add_argument("--aerie", type=Path, metavar="FILE",
                      help="use this static aerie in the scenarios instead of building one")
    item.add_argument("--list", action="store_true", help="list the tests and end")
    item = commands.add_parser("bench", help="compare aerie with QEMU inside L1")
    item.add_argument("which", nargs="?", choices=("assigned", "software", "all"), default="all",
                      help="assigned devices, or virtio and virtio-iommu (default: all)")
    item.add_argument("-n", "--rounds", type=int, default=5, metavar="N",
                      help="rounds, all contenders in each (default: %(default)s)")
    commands.add_parser("shell", help="L1 on this terminal, guest kernels at hand")
    return parser


def _build() -> int:
    kit = setup.prepare(ARM64)
    for variant in (build.static, build.native, build.sanitized, build.fuzz):
        build.build(variant(kit))
    return 0


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "setup":
        setup.prepare(ARM64, update=options.update)
        return 0
    if options.command == "build":
        return _build()
    if options.command == "demo":
        return demo.run(ARM64, testrun.scale())
    if options.command == "test":
        if options.list:
            ui.say(testrun.listing())
            return 0
        return testrun.run(ARM64, testrun.Choice(
            options.names, options.kernel, options.jobs, options.aerie))
    if options.command == "shell":
        return shell.run(setup.prepare(ARM64))
    status = 0
    if options.which in ("assigned", "all"):
        status |= bench.run(ARM64, options.rounds, testrun.scale())
    if options.which in ("software", "all"):
        status |= benchsoft.run(ARM64, options.rounds, testrun.scale())
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
