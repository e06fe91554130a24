# SPDX-License-Identifier: Apache-2.0
# Twice on the same root file system: write, get killed, look what is there.
# Blocks are written in place, files are created, each made durable and then said.
cmdline="console=ttyAMA0 loglevel=4 root=/dev/vda"
mount_store
cp /store/root.img /store/run.img || fail "no root image"

# last PATTERN: the highest number the guest said
last() {
	sed -n "s/^LAB: $1 \([0-9]*\)\r*$/\1/p" "$log" 2>/dev/null | sort -n | tail -n 1
}

files=none
for turn in 1 2; do
	log=$OUT/$KERNEL-$turn.guest.log
	start_aerie "$KERNEL-$turn" --set boot.cmdline="$cmdline phase=write files=$files turn=$turn" &
	pid=$!
	for try in $(seq 600); do
		[ "$(last durable)" ] && [ "$(last durable)" -ge $((turn * 25)) ] && [ "$(last file)" ] && break
		usleep 100000
	done
	kill -KILL "$(pidof aerie)" || fail "no aerie to kill"
	wait $pid
	cat "$log" >>"$OUT/$KERNEL.guest.log"
	blocks=$(last durable)
	files=$(last file)
	[ "$blocks" ] && [ "$files" ] || fail "nothing was written before the end"
	echo 3 >/proc/sys/vm/drop_caches
	durable check /store/data.img 2048 "$blocks" || fail "after kill $turn"
	echo "kill $turn: $blocks blocks, $files files"
	files=$turn:$files
done
run_vm --set boot.cmdline="$cmdline phase=check files=$files"
