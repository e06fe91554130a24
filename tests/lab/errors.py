# SPDX-License-Identifier: Apache-2.0
"""The one exception the lab raises on purpose."""


class LabError(Exception):
    """Something the user must know or do; shown without a traceback."""
