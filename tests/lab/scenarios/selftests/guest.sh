# SPDX-License-Identifier: Apache-2.0
#
# Each line of a program is "ok N NAME" or "not ok N NAME"; "# SKIP" behind it tells what is missing.

endpoint=0000:01:00.0
echo vfio-pci >/sys/bus/pci/devices/$endpoint/driver_override
echo $endpoint >/sys/bus/pci/drivers_probe
touch /tmp/events-expected
echo 64 >/proc/sys/vm/nr_hugepages

# run_tests PROGRAM ARGUMENT...
run_tests() {
	"$@" >"/tmp/$1.tap" 2>&1
	grep '# SKIP' "/tmp/$1.tap" | sed "s/^ok [0-9]* */skipped $1 /"
	sed -n "/# SKIP/d; s/^\(not \)*ok [0-9]* \([^ ]*\).*/\1$1 \2/p" "/tmp/$1.tap" >>/tmp/verdicts
	grep -E '^# (Totals|PASSED|FAILED)' "/tmp/$1.tap"
}

run_tests iommufd
run_tests vfio_iommufd_setup_test $endpoint
run_tests vfio_pci_device_test $endpoint
run_tests vfio_dma_mapping_test $endpoint
run_tests vfio_dma_mapping_mmio_test $endpoint

sed -n 's/^not //p' /tmp/verdicts | sort >/tmp/failed
sed '/^#/d; /^$/d' /lab/expected-failures | sort >/tmp/expected
passed=$(grep -c -v '^not ' /tmp/verdicts)
echo "LAB: selftests $passed passed, $(wc -l </tmp/failed) failed:"
cat /tmp/failed
if ! cmp -s /tmp/failed /tmp/expected; then
	grep -B4 '^not ok' /tmp/*.tap | tail -n 120
	fail "the failures are not those that are expected"
fi
[ "$passed" -ge 200 ] || fail "only $passed tests ran"
echo "LAB: selftests $passed passed, as expected"
