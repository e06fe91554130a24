# SPDX-License-Identifier: Apache-2.0
"""The bare-metal payloads as x86-64 guests on the build machine's own /dev/kvm.

They are the same tables as in the lab's arm64 scenarios payload-*, whose configurations are
used as they are. /dev/kvm may be there and yet be too weak, so a payload is tried first: it
says whether the others can run at all.
"""

import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from lab import paths, payloads, ui
from lab.arch import X86_64
from lab.result import FAILED, PASSED, SKIPPED, Result

GROUP = "native"
PROBE = "hello"
# What aerie says when it is the host's KVM that cannot, and not aerie
WEAK = re.compile(r"KVM cannot go on|KVM lacks|cannot open /dev/kvm|cannot create a VM|"
                  r"cannot enter the guest")
TIME_LIMIT = 300.0               # seconds; one that interprets takes its time
PROBE_LIMIT = 20.0


def run(aerie: Path, scale: float) -> Iterator[Result]:
    """One result for each verdict line of each payload."""
    start = time.monotonic()
    missing = unusable()
    probe = [] if missing else list(_run(aerie, PROBE, PROBE_LIMIT * scale))
    weak = [line for item in probe for line in item.detail.splitlines() if WEAK.search(line)]
    if weak:
        missing = "/dev/kvm is there, but too weak for payloads:\n" + "\n".join(weak)
    if missing:
        yield Result(GROUP, SKIPPED, time.monotonic() - start, missing)
        return
    yield from probe
    verdicts = len(probe)
    for name in names():
        if name != PROBE:
            for item in _run(aerie, name, TIME_LIMIT * scale):
                verdicts += 1
                yield item
    seconds = time.monotonic() - start
    ui.say(f"native payloads ran on this machine's /dev/kvm: {verdicts} verdicts, "
           f"{1000 * seconds / verdicts:.0f} ms each")


def names() -> list[str]:
    """The payloads that need nothing but a configuration."""
    return sorted(folder.name for folder in payloads.PAYLOADS.iterdir()
                  if _config(folder.name).exists())


def _config(name: str) -> Path:
    """Its own configuration if it is for x86-64 only, else that of its scenario."""
    own = payloads.PAYLOADS / name / "vm.yaml"
    if own.exists():
        return own
    return paths.REPO / "tests" / "lab" / "scenarios" / f"payload-{name}" / "vm.yaml"


def unusable() -> str:
    """Why payloads cannot even be tried; empty if they can."""
    if platform.machine() != "x86_64":
        return f"the build machine is {platform.machine()}, the payloads' runtime x86-64"
    device = Path("/dev/kvm")
    if not device.exists():
        return "there is no /dev/kvm (virtualization is off, or the kernel has no KVM)"
    if not os.access(device, os.R_OK | os.W_OK):
        return "no permission for /dev/kvm; join the group kvm or run as root"
    return ""


def _run(aerie: Path, name: str, limit: float) -> Iterator[Result]:
    """Run a payload: its verdicts, and one for how it ended if that was not well."""
    image = payloads.compiled(X86_64, name)
    log = image.with_suffix(".aerie.log")
    start = last = time.monotonic()
    output = []
    with log.open("w") as errors, subprocess.Popen(
            ["timeout", "-k", "5", str(limit), aerie, "run", "--set", f"boot.kernel={image}",
             _config(name)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            text=True, errors="replace") as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line.strip())
            word, _, rest = line.strip().partition(" ")
            if word in ("ok", "FAIL"):
                case, _, why = rest.partition(":")
                now = time.monotonic()
                yield Result(f"{GROUP}/{case}", PASSED if word == "ok" else FAILED, now - last,
                             why.strip())
                last = now
    messages = log.read_text(errors="replace").splitlines()
    bad = [line for line in messages if "AddressSanitizer" in line or "runtime error:" in line]
    ended = any(" passed, " in line and line.endswith(" failed") for line in output)
    if process.returncode or not ended or bad:
        errors = [line for line in messages if line.startswith("aerie: error:")]
        detail = [f"payload {name} ended early; aerie's status is {process.returncode}", *bad,
                  *errors, *output[-10:]]
        yield Result(f"{GROUP}/{name}", FAILED, time.monotonic() - start, "\n".join(detail))
