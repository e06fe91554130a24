# SPDX-License-Identifier: Apache-2.0
#
# The first line of each file is "# expect: REGEX".

GUEST_LIMIT=10
count=0
for file in /lab/configs/bad/*.yaml; do
	refused "$(sed -n '1s/^# expect: //p' "$file")" "$file"
	count=$((count + 1))
done
echo "$count files were refused"
[ $count -gt 0 ]
