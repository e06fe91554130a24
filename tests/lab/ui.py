# SPDX-License-Identifier: Apache-2.0
"""What the user sees: phases with a running clock, and plain lines.

On a terminal a phase rewrites its line every second. Elsewhere (a log, a CI
job) it prints a line when it starts to take long and then every 15 seconds.
"""

import sys
import threading
import time
from types import TracebackType

QUIET_INTERVAL = 15.0
_write_lock = threading.Lock()


def say(text: str) -> None:
    """Print a line, above that of a running phase."""
    with _write_lock:
        if sys.stdout.isatty():
            sys.stdout.write("\r\033[K")
        print(text, flush=True)


class Phase:
    """A named piece of work, used as a context manager.

    `note` may be changed at any time (objects compiled, bytes fetched); it is
    shown beside the clock. `seconds` holds the duration afterwards.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.note = ""
        self.seconds = 0.0
        self._tty = sys.stdout.isatty()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._start = 0.0

    def __enter__(self) -> "Phase":
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._start
        self._show("failed" if kind else "done", final=True)

    def _tick(self) -> None:
        interval = 1.0 if self._tty else QUIET_INTERVAL
        if self._tty:
            self._show("...")
        while not self._done.wait(interval):
            self._show("...")

    def _show(self, state: str, final: bool = False) -> None:
        elapsed = time.monotonic() - self._start
        note = f"  ({self.note})" if self.note else ""
        line = f"{state:>6}  {elapsed:6.1f} s  {self.name}{note}"
        with _write_lock:
            if self._tty:
                sys.stdout.write(f"\r\033[K{line}" + ("\n" if final else ""))
            else:
                sys.stdout.write(line + "\n")
            sys.stdout.flush()
