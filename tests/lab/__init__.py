# SPDX-License-Identifier: Apache-2.0
"""The lab: nested virtual machines in which aerie is built, shown and tested.

Levels: L0 is QEMU on the build machine, L1 the host under test, L2 aerie's
guest. Read cli.py first; each other module is one concern.
"""
