# SPDX-License-Identifier: Apache-2.0
sleep 3
