# SPDX-License-Identifier: Apache-2.0
"""Where things are: the repository, the build folder and the cache."""

import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LAB = REPO / "tests" / "lab"
SCENARIOS = LAB / "scenarios"
BUILD = REPO / "build"
RUNS = BUILD / "lab"


def cache() -> Path:
    """The folder that holds all that set-up makes; it outlives the clone."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "aerie"
