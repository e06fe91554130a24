/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the structures of virtio-pci lie (virtio 1.3, 4.1.4). The layouts themselves are those of linux/virtio_pci.h.
 *
 *  BAR 0  0x0000  common configuration
 *         0x1000  ISR status
 *         0x2000  device-specific configuration
 *         0x3000  notifications, one dword for each queue
 *  BAR 2  MSI-X table and PBA
 */
#ifndef AERIE_VIRTIO_PCI_REGS_H
#define AERIE_VIRTIO_PCI_REGS_H

#include <linux/virtio_pci.h>

#define VIRTIO_VENDOR	   0x1af4u
#define VIRTIO_DEVICE_BASE 0x1040u /* 4.1.2: PCI device id = this + virtio device id */
#define VIRTIO_REVISION	   1u

#define VIRTIO_BAR	  0u
#define VIRTIO_MSIX_BAR	  2u
#define VIRTIO_AT_COMMON  0x0000u
#define VIRTIO_AT_ISR	  0x1000u
#define VIRTIO_AT_DEVICE  0x2000u
#define VIRTIO_AT_NOTIFY  0x3000u
#define VIRTIO_BAR_SIZE	  0x4000u
#define VIRTIO_COMMON_LEN 64u
#define VIRTIO_ISR_LEN	  1u
#define VIRTIO_NOTIFY_MUL 4u

#define VIRTIO_ISR_QUEUE  1u
#define VIRTIO_ISR_CONFIG 2u

/* Offsets of the capabilities in config space: each VIRTIO_PCI_CAP_STRIDE after the one before. */
#define VIRTIO_PCI_CAP_STRIDE 20u
#define VIRTIO_CAP_BAR	      4u  /* u8 */
#define VIRTIO_CAP_OFFSET     8u  /* le32 */
#define VIRTIO_CAP_LENGTH     12u /* le32 */
#define VIRTIO_CAP_EXTRA      16u /* notify_off_multiplier, pci_cfg_data */
#define VIRTIO_CAP_LEN	      16u /* of the structure itself */

#endif
