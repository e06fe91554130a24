# SPDX-License-Identifier: Apache-2.0
# files=TURN:LAST of an earlier life that said it made the files 0 to LAST
argument() {
	sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

files=$(argument files)
if [ "$files" != none ]; then
	turn=${files%:*}
	for number in $(seq 0 "${files#*:}"); do
		[ "$(cat "/data/$turn-$number")" = "file $number of $turn" ] || fail "file $number of $turn is lost"
	done
	echo "LAB: found all files of $turn"
fi
[ "$(argument phase)" = check ] && exit 0

turn=$(argument turn)
durable write "$(virtio_disk data)" 2048 &
number=0
while true; do
	echo "file $number of $turn" | dd of="/data/$turn-$number" conv=fsync 2>/dev/null || fail "write of a file"
	echo "LAB: file $number"
	number=$((number + 1))
done
