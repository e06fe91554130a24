# SPDX-License-Identifier: Apache-2.0

fetch_guest
bind 0000:01:00.0
refused 'CANWBS' --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" /lab/vm.yaml
