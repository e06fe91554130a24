# SPDX-License-Identifier: Apache-2.0
"""The cache of artefacts: each in a folder named by a hash of its inputs.

An artefact is made in a temporary folder and renamed when it is complete, so
an interrupted run leaves nothing that could be taken for a result. Locks keep
two runs of the lab from doing the same thing at once.
"""

import contextlib
import fcntl
import hashlib
import inspect
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from lab import paths, ui

Inputs = dict[str, Any]


@contextlib.contextmanager
def locked(folder: Path, purpose: str) -> Iterator[None]:
    """Hold the lock of a folder, waiting for another run of the lab if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with ui.Phase(f"waiting for another lab run: {purpose}"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replace_file(path: Path, content: bytes) -> None:
    """Have a file with this content; readers see the old or the new one."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    os.rename(partial, path)


def recipe(*code: Callable[..., Any] | ModuleType) -> str:
    """A hash of the functions or modules that make an artefact, for use as an input."""
    text = "".join(inspect.getsource(part) for part in code)
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(inputs: Inputs) -> str:
    """The name of an artefact's folder."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def obtain(name: str, inputs: Inputs, make: Callable[[Path], None]) -> Path:
    """Return the folder of an artefact, calling `make(folder)` if it is absent.

    Needs the lock. `inputs` must name everything the result depends on.
    """
    final = paths.cache() / name / key_of(inputs)
    if final.is_dir():
        return final
    partial = final.with_name(final.name + ".partial")
    for leftover in final.parent.glob("*.partial*"):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    make(partial)
    (partial / "inputs.json").write_text(json.dumps(inputs, indent=1, default=str) + "\n")
    os.rename(partial, final)
    return final


def fresh_folder(name: str) -> Path:
    """An empty folder of this name in the cache, for work that leaves no artefact."""
    folder = paths.cache() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
