# SPDX-License-Identifier: Apache-2.0
"""Running other programs: output into a log, a useful message on failure."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.errors import LabError

TAIL_LINES = 25


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, or a remark that there is none."""
    if not path.exists():
        return f"({path.name} was not written)"
    text = path.read_text(errors="replace").splitlines()
    return "\n".join(text[-lines:])


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment in the C locale, so that output can be parsed."""
    return {**os.environ, "LC_ALL": "C", **(extra or {})}


def run(command: Sequence[str | Path], *, log: Path, cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None) -> None:
    """Run a command with its output in `log`; raise LabError if it fails.

    `on_line` sees each line of output as it comes, for progress.
    """
    words = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", errors="replace") as out:
        out.write(f"$ {shlex.join(words)}\n")
        out.flush()
        with subprocess.Popen(words, cwd=cwd, env=environment(env), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace") as process:
            assert process.stdout is not None
            for line in process.stdout:
                out.write(line)
                if on_line:
                    on_line(line)
    if process.returncode:
        raise LabError(f"{shlex.join(words)}\nfailed with status {process.returncode}; "
                       f"the end of {log}:\n{tail(log)}")


def output(command: Sequence[str | Path], *, check: bool = True,
           env: Mapping[str, str] | None = None) -> str:
    """What a command prints; raise LabError if it fails and `check` is set."""
    words = [str(word) for word in command]
    result = subprocess.run(words, env=environment(env), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, check=False)
    if check and result.returncode:
        raise LabError(f"{shlex.join(words)}\nfailed with status {result.returncode}:\n"
                       f"{result.stderr.strip()}")
    return result.stdout
