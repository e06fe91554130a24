# SPDX-License-Identifier: Apache-2.0
"""Entry point of `python3 -m lab`, which the script `lab` calls."""

import sys

from lab.cli import main

sys.exit(main(sys.argv[1:]))
