# SPDX-License-Identifier: Apache-2.0

iommufd-mock || fail "viommu/host on the mock device"
