# SPDX-License-Identifier: Apache-2.0

if grep -q wait-for-input /proc/cmdline; then
	echo "LAB: say something"
	read -r word rest || fail "the console ended"
	echo "LAB: heard $word and $rest"
fi
