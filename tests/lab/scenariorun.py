# SPDX-License-Identifier: Apache-2.0
"""Running a scenario: one boot of L1, one guest per kernel, many checks."""

import contextlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import images, initramfs, l0, modules, paths, rootfs, selftests, store
from lab.guests import LAB_KERNEL
from lab.images import Image
from lab.l1 import Host
from lab.netpeer import NetPeer
from lab.responders import Responders
from lab.result import FAILED, PASSED, Result
from lab.scenario import ALWAYS_REJECTED, LOGS, NO_KERNEL, Scenario

BOOT_LIMIT = 30.0
WROTE = re.compile(r"^LAB: wrote (\S+) (\d+) (\d+) ([0-9a-f]{64})\s*$", re.M)
LINES = 25


@dataclass
class Run:
    """One run of a scenario and its files."""

    scenario: Scenario
    kernels: tuple[str, ...]
    host: Host
    folder: Path
    scale: float
    images: dict[str, Image]
    peer: NetPeer | None = None
    outcome: l0.Outcome = l0.Outcome(0.0, False, 0)
    verdicts: dict[str, tuple[str, float, float]] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        """Where L1 leaves its logs."""
        return self.folder / "share" / "out"

    def guest_limit(self) -> int:
        """Seconds that one guest may take."""
        return int(self.scenario.time_limit * self.scale)

    def log(self, kernel: str, kind: str) -> str:
        """The text of a log of one kernel's run; "console" is that of L1."""
        path = (self.folder / "console.log" if kind == "console"
                else self.out / f"{kernel}.{kind}.log")
        text = path.read_text(errors="replace") if path.exists() else ""
        return text.replace("\r", "")


def run(scenario: Scenario, kernels: Sequence[str], host: Host, scale: float,
        facts: Mapping[str, str]) -> list[Result]:
    """Run a scenario with these kernels; one result for each. For `facts` see fly()."""
    with locked(scenario):
        this = fly(scenario, kernels, host, scale, facts)
        return [judge(this, kernel) for kernel in kernels]


def locked(scenario: Scenario) -> contextlib.AbstractContextManager[None]:
    """Keep other runs of the lab away from the scenario's folder."""
    return store.locked(scenario.workspace, scenario.title)


def fly(scenario: Scenario, kernels: Sequence[str], host: Host, scale: float,
        facts: Mapping[str, str] | None = None) -> Run:
    """Boot L1 and let it run the scenario with these kernels, without a verdict.

    Needs the scenario's lock. `facts` are further variables for host.sh and guest.sh.
    """
    folder = scenario.workspace
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "share" / "out").mkdir(parents=True)
    this = Run(scenario, tuple(kernels), host, folder, scale, _make_images(scenario, host, folder))
    with (_peer(this), Responders(scenario.devices, folder / "share", folder) as responders):
        _stage(this, facts or {})
        _make_esps(this)
        limit = BOOT_LIMIT * scale + len(kernels) * (this.guest_limit() + 5)
        this.outcome = l0.run(_machine(this, responders), folder, limit)
    this.verdicts = _verdicts(this)
    return this


def _make_images(scenario: Scenario, host: Host, folder: Path) -> dict[str, Image]:
    made = {}
    for disk in scenario.disks:
        image = Image(disk.name, folder / f"{disk.name}.img")
        size, seed = disk.size * images.MIB, f"{scenario.name}/{disk.name}"
        if disk.content == "root":
            image.create_root(host.kit.root_image, size, seed)
        elif disk.content == "store":
            image.create_store(host.kit.root_image, size, seed)
        elif disk.content == "esp":
            pass     # its initramfs knows of the other disks: see _make_esps()
        else:
            image.create(size, seed)
        made[disk.name] = image
    return made


@contextlib.contextmanager
def _peer(this: Run) -> Iterator[None]:
    """Serve the guests' network traffic if the scenario has a NIC."""
    if not any(device.network for device in this.scenario.devices):
        yield
        return
    with NetPeer(this.scenario.name) as this.peer:
        yield


def _stage(this: Run, facts: Mapping[str, str]) -> None:
    """Fill the share that L1 sees as /lab."""
    share = this.folder / "share"
    arch = this.scenario.arch
    for source in this.scenario.folder.glob("*.yaml"):
        (share / source.name).write_text(source.read_text().replace("${CONSOLE}", arch.console))
    shutil.copy(this.scenario.folder / "host.sh", share)
    for name in this.scenario.files:
        shutil.copytree(paths.REPO / name, share / name)
    facts = {**facts, "READ_SIZE": str(images.READ_SIZE), "WRITE_SIZE": str(images.WRITE_SIZE),
             "ROOT_SIZE": str(rootfs.SIZE), "ARCH": arch.title, "CONSOLE": arch.console}
    facts |= {f"DISK_{name}_SHA": image.known for name, image in this.images.items()}
    facts |= this.peer.environment() if this.peer else {}
    facts["NOW"] = str(int(time.time()))     # L1 has no clock that knows the year
    script = this.scenario.folder / "guest.sh"
    for index, kernel in enumerate(this.kernels):
        place = {"KERNEL": kernel, "WRITE_OFFSET": str(images.write_offset(index))}
        addition = initramfs.addition(script if script.exists() else None, facts | place,
                                      _inside(this))
        (share / f"guest-{kernel}.cpio").write_bytes(addition)
    settings = [f"--set {key}={value}" for key, value in this.scenario.settings.items()]
    facts |= {"KERNELS": " ".join(this.kernels), "GUEST_LIMIT": str(this.guest_limit()),
              "SETTINGS": " ".join(settings)}
    (share / "env").write_text("".join(f"{name}='{value}'\n" for name, value in facts.items()))
    this.host.write_initramfs(this.folder / "initramfs", this.kernels, this.scenario)


def _make_esps(this: Run) -> None:
    """Disks from which firmware starts a kernel, with the same initramfs as without."""
    for disk in this.scenario.disks:
        if disk.content == "esp":
            kernel, guest = this.host.guest(disk.kernel, this.scenario)
            addition = this.folder / "share" / f"guest-{disk.kernel}.cpio"
            known = addition.read_bytes() if addition.exists() else b""
            this.images[disk.name].create_esp(disk.size * images.MIB, kernel, guest + known,
                                              this.host.kit.arch.console)


def _inside(this: Run) -> dict[str, bytes]:
    """What L2 has besides its own, by paths: programs, modules, a guest for it as a host."""
    scenario, host = this.scenario, this.host
    files = {f"bin/{name}": host.programs[f"bin/{name}"].read_bytes() for name in scenario.inside}
    if scenario.selftests:
        files |= {path: file.read_bytes() for path, file in selftests.build(host.kit).items()}
        files["lab/expected-failures"] = (scenario.folder / "expected-failures").read_bytes()
    for name in scenario.own_modules:
        module = modules.build(host.kit, name)
        files[f"lab/modules/{module.name}"] = module.read_bytes()
    script = scenario.folder / "inner.sh"
    if script.exists():
        kernel = next(item for item in host.kit.guests if item.name == LAB_KERNEL)
        own = {path: content for path, content in files.items() if path.startswith("lab/")}
        files["vm/Image"] = kernel.image.read_bytes()
        files["vm/initrd"] = (initramfs.guest(host.kit.busybox, kernel, (), host.guest_programs) +
                              initramfs.addition(script, {"KERNEL": kernel.name}, own))
        files["vm/vm.yaml"] = (scenario.folder / "inner.yaml").read_bytes()
    return files


def _machine(this: Run, responders: Responders) -> l0.Machine:
    """L0 with the scenario's devices."""
    backends: list[str] = []
    for image in this.images.values():
        backends += ["-drive", f"if=none,id={image.name},format=raw,file={image.path}"]
    ports: list[list[str]] = []
    for number, devices in enumerate(this.scenario.ports(), start=1):
        options = []
        for function, device in enumerate(devices):
            option = device.model + (f",drive={device.disk}" if device.disk else "")
            option += responders.options(this.scenario.devices.index(device))
            if device.network:
                name = f"net{number}f{function}"
                backends += ["-netdev", f"user,id={name}"]
                option += f",netdev={name}"
            if len(devices) > 1 and function == 0:
                option += ",multifunction=on"
            options.append(option)
        ports.append(options)
    return l0.Machine(this.host.kit.arch, this.host.kit.kernel.image, this.folder / "initramfs",
                      this.folder / "share",
                      cmdline=f"lab=run loglevel=5 {this.scenario.cmdline}",
                      memory=this.scenario.memory, devices=ports, backends=backends)


def _verdicts(this: Run) -> dict[str, tuple[str, float, float]]:
    """What host.sh said for each kernel; when it began and ended, in L1's uptime."""
    path = this.out / "results"
    lines = path.read_text().splitlines() if path.exists() else []
    verdicts = {}
    for line in lines:
        kernel, verdict, begin, end = line.split()
        verdicts[kernel] = (verdict, float(begin), float(end))
    return verdicts


def judge(this: Run, kernel: str) -> Result:
    """The result for one kernel, with the relevant part of the logs."""
    name = this.scenario.title if kernel == NO_KERNEL else f"{this.scenario.title}[{kernel}]"
    outcome = this.outcome
    verdict, begin, end = this.verdicts.get(kernel, ("", 0.0, outcome.seconds))
    problems = []
    if not verdict:
        problems.append(f"no verdict: L1 was stopped after {outcome.seconds:.0f} s"
                        if outcome.timed_out else "no verdict: L1 ended early")
    elif verdict != "ok":
        problems.append("host.sh failed")
    problems += _pattern_problems(this, kernel) + _write_problems(this, kernel)
    problems += _stats_problems(this, kernel)
    cpu = outcome.cpu / len(this.kernels)
    if not problems:
        return Result(name, PASSED, end - begin, cpu=cpu)
    return Result(name, FAILED, end - begin, _detail(this, kernel, problems, bool(verdict)), cpu)


def _pattern_problems(this: Run, kernel: str) -> list[str]:
    """What must be in a log and is not, and what must not and is."""
    problems = []
    for kind in (*LOGS, "console"):
        text = this.log(kernel, kind)
        expected = this.scenario.expect.get(kind, ())
        for pattern in expected:
            if not re.search(pattern, text, re.M):
                problems.append(f"the {kind} log has no '{pattern}'")
        for pattern in (*this.scenario.reject.get(kind, ()), *ALWAYS_REJECTED[kind]):
            found = re.search(f"^.*(?:{pattern}).*$", text, re.M)
            if found and pattern not in expected:
                problems.append(f"the {kind} log says '{found.group(0).strip()}'")
    return problems


def _write_problems(this: Run, kernel: str) -> list[str]:
    """What guests say they wrote must be in the images outside."""
    written = WROTE.findall(this.log(kernel, "guest"))
    stores = {disk.name for disk in this.scenario.disks if disk.content == "store"}
    problems = []
    if len(written) < this.scenario.writes:
        problems.append(f"{len(written)} writes were announced, {this.scenario.writes} are wanted")
    for disk, offset, length, digest in written:
        if disk in stores:
            continue     # in an image inside: host.sh looks at it
        outside = this.images[disk].digest(int(offset), int(length))
        if outside != digest:
            problems.append(f"disk {disk} outside has {outside} at {offset}, "
                            f"the guest wrote {digest}")
    return problems


def _stats_problems(this: Run, kernel: str) -> list[str]:
    """Counters of aerie that are out of bounds."""
    if not this.scenario.stats:
        return []
    path = this.out / f"{kernel}.stats.json"
    if not path.exists():
        return ["aerie left no statistics"]
    counters = json.loads(path.read_text())["counters"]
    return [f"counter {name} is {counters.get(name)}, not {bounds.min} to {bounds.max}"
            for name, bounds in this.scenario.stats.items()
            if not bounds.min <= counters.get(name, -1) <= bounds.max]


def _detail(this: Run, kernel: str, problems: Sequence[str], came_to_end: bool) -> str:
    """The problems and the last lines of the logs that tell more."""
    parts = [*problems]
    kinds = LOGS if came_to_end else (*LOGS, "console")
    for kind in kinds:
        lines = this.log(kernel, kind).rstrip().splitlines()[-LINES:]
        if lines:
            parts += [f"--- {kind}", *lines]
    parts.append(f"--- all logs: {this.folder.relative_to(paths.RUNS.parent)}")
    return "\n".join(parts)
