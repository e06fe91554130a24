# SPDX-License-Identifier: Apache-2.0

fetch_guest

# said TEXT FILE: the guest said so, without a word on aerie's own output
said() {
	tr -d '\r' <"$2" >>"$OUT/$KERNEL.guest.log"
	tr -d '\r' <"$2" | grep -q "$1" || fail "no '$1' in $2"
	[ -s "$VM/stdout" ] && fail "something on standard output: $(cat "$VM/stdout")"
}

begin() {
	aerie run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" "$@" /lab/vm.yaml \
		</dev/null >"$VM/stdout" 2>"$VM/aerie.log" &
	pid=$!
}

ended() {
	wait $pid
	status=$?
	cat "$VM/aerie.log" >>"$OUT/$KERNEL.aerie.log"
	[ $status -eq 0 ] || fail "aerie ended with status $status: $(cat "$VM/aerie.log")"
}

echo "file"
begin --console "file:$VM/console"
ended
said '^LAB: guest ok' "$VM/console"
size=$(stat -c %s "$VM/console")
begin --console "file:$VM/console"
ended
[ "$(grep -c '^LAB: guest ok' "$VM/console")" -ge 1 ] || fail "the second guest left nothing"
echo "first $size bytes, then $(stat -c %s "$VM/console")"

echo "none"
begin --console none
ended
[ -s "$VM/stdout" ] && fail "something on standard output"

echo "pty, with a reader from the start, and input"
begin --console "pty:$VM/tty" --set boot.cmdline="console=$CONSOLE loglevel=4 wait-for-input"
wait_for "$VM/tty"
grep -q "$(readlink "$VM/tty")" "$VM/aerie.log" || fail "the terminal's name was not logged"
cat "$VM/tty" >"$VM/pty.log" &
for try in $(seq 100); do
	grep -q 'say something' "$VM/pty.log" && break
	usleep 100000
done
echo "good day" >"$VM/tty"
ended
said '^LAB: heard good and day$' "$VM/pty.log"
said '^LAB: guest ok' "$VM/pty.log"
[ -L "$VM/tty" ] && fail "the link stays"

echo "pty, and nobody reads"
begin --console pty
ended
