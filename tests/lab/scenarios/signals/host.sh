# SPDX-License-Identifier: Apache-2.0

bdf=0000:01:00.0
fetch_guest

# begin: a guest in the background, up to its second turn
begin() {
	: >"$VM/guest.log"
	aerie run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" $SETTINGS "$@" /lab/vm.yaml \
		</dev/null >"$VM/guest.log" 2>"$VM/aerie.log" &
	pid=$!
	until_said 'LAB: turn 2' "$VM/guest.log"
}

until_said() {
	for try in $(seq 150); do
		grep -q "$1" "$2" && return
		usleep 100000
	done
	fail "nobody said $1"
}

# ended STATUS: how aerie ended
ended() {
	wait $pid
	status=$?
	cat "$VM/guest.log" >>"$OUT/$KERNEL.guest.log"
	cat "$VM/aerie.log" >>"$OUT/$KERNEL.aerie.log"
	[ $status -eq "$1" ] || fail "aerie ended with status $status instead of $1"
}

# The host's own driver takes the drive and reads it.
host_reads() {
	unbind $bdf
	wait_for /dev/nvme0n1
	[ "$(sum_of /dev/nvme0n1 0 "$READ_SIZE")" = "$DISK_data_SHA" ] || fail "the host reads something else"
	bind $bdf
}

bind $bdf

begin --stats "$VM/stats.json"
kill -USR1 $pid
until_said 'first guest instruction' "$VM/aerie.log"
turns=$(grep -c 'LAB: turn' "$VM/guest.log")
until_said "LAB: turn $((turns + 2))" "$VM/guest.log"
[ -e "$VM/stats.json" ] && fail "the file was written before the end"
kill -TERM $pid
ended 0
grep -q 'Terminated: the VM is stopped' "$VM/aerie.log" || fail "no word about the signal"
grep -q smmu_commands_forwarded "$VM/stats.json" || fail "no statistics in the file"
host_reads

begin
kill -INT $pid
ended 0
host_reads

begin
kill -KILL $pid
ended 137
host_reads

# And without the host's driver in between.
begin
kill -KILL $pid
ended 137
begin
kill -HUP $pid
ended 0
