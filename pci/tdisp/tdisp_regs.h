/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the TEE Device Interface Security Protocol 1.0 (PCIe 6.1, 11.3). All numbers are little-endian. */
#ifndef AERIE_TDISP_REGS_H
#define AERIE_TDISP_REGS_H

#include "bits.h"

/* The payload of SPDM's VENDOR_DEFINED (standard PCI-SIG, vendor 0x0001) begins with the protocol. */
#define PCI_SIG_PROTOCOL_IDE_KM 0x00u
#define PCI_SIG_PROTOCOL_TDISP	0x01u

#define TDISP_VERSION_10 0x10u

/* Protocol, version, message, 2 reserved, INTERFACE_ID: FUNCTION_ID, 8 reserved */
#define TDISP_HEADER_BYTES 17u
#define TDISP_AT_VERSION   1u
#define TDISP_AT_MESSAGE   2u
#define TDISP_AT_FUNCTION  5u

#define TDISP_FUNCTION_RID	     MASK32(15, 0)
#define TDISP_FUNCTION_SEGMENT	     MASK32(23, 16)
#define TDISP_FUNCTION_SEGMENT_VALID BIT32(24)

#define TDISP_REQUEST 0x80u /* set in requests; a response is the request without it */

enum tdisp_message {
	TDISP_GET_VERSION = 0x81,
	TDISP_GET_CAPABILITIES = 0x82,
	TDISP_LOCK_INTERFACE = 0x83,
	TDISP_GET_REPORT = 0x84,
	TDISP_GET_STATE = 0x85,
	TDISP_START_INTERFACE = 0x86,
	TDISP_STOP_INTERFACE = 0x87,
	TDISP_BIND_P2P = 0x88,
	TDISP_UNBIND_P2P = 0x89,
	TDISP_SET_MMIO_ATTRIBUTE = 0x8a,
	TDISP_VDM = 0x8b,
	TDISP_ERROR = 0x7f, /* a response only */
};

enum tdisp_state {
	TDISP_UNLOCKED = 0,
	TDISP_LOCKED = 1,
	TDISP_RUN = 2,
	TDISP_IN_ERROR = 3,
};

enum tdisp_error {
	TDISP_OK = 0, /* ours; never on the wire */
	TDISP_ERR_INVALID_REQUEST = 0x0001,
	TDISP_ERR_BUSY = 0x0003,
	TDISP_ERR_INVALID_STATE = 0x0004,
	TDISP_ERR_UNSPECIFIED = 0x0005,
	TDISP_ERR_UNSUPPORTED_REQUEST = 0x0007,
	TDISP_ERR_VERSION_MISMATCH = 0x0041,
	TDISP_ERR_VENDOR = 0x00ff,
	TDISP_ERR_INVALID_INTERFACE = 0x0101,
	TDISP_ERR_INVALID_NONCE = 0x0102,
	TDISP_ERR_INSUFFICIENT_ENTROPY = 0x0103,
	TDISP_ERR_INVALID_CONFIGURATION = 0x0104,
};

/* Payloads behind the header, in bytes */
#define TDISP_CAPABILITIES_REQ_BYTES 4u
#define TDISP_CAPABILITIES_RSP_BYTES 28u
#define TDISP_LOCK_REQ_BYTES	     20u
#define TDISP_REPORT_REQ_BYTES	     4u
#define TDISP_REPORT_RSP_BYTES	     4u /* then the portion */
#define TDISP_STREAM_BYTES	     1u
#define TDISP_RANGE_BYTES	     16u
#define TDISP_ERROR_BYTES	     8u
#define TDISP_NONCE_BYTES	     32u
#define TDISP_MESSAGE_BITMAP_BYTES   16u

/* LOCK_INTERFACE_REQUEST.FLAGS */
#define TDISP_LOCK_NO_FW_UPDATE	 BIT32(0)
#define TDISP_LOCK_CACHE_LINE	 BIT32(1) /* system cache line size: 0: 64 bytes, 1: 128 bytes */
#define TDISP_LOCK_MSIX		 BIT32(2)
#define TDISP_LOCK_BIND_P2P	 BIT32(3)
#define TDISP_LOCK_REDIRECT_ALL	 BIT32(4)
#define TDISP_LOCK_FLAGS_DEFINED MASK32(4, 0)

/* DEVICE_INTERFACE_REPORT.INTERFACE_INFO */
#define TDISP_INFO_NO_UPDATE	 BIT32(0)
#define TDISP_INFO_DMA_NO_PASID	 BIT32(1)
#define TDISP_INFO_DMA_PASID	 BIT32(2)
#define TDISP_INFO_ATS		 BIT32(3)
#define TDISP_INFO_PRS		 BIT32(4)
#define TDISP_INFO_DEFINED	 MASK32(4, 0)
#define TDISP_REPORT_FIXED_BYTES 16u /* with MMIO_RANGE_COUNT; the length of device specific information follows */

/* Attributes of an MMIO range */
#define TDISP_RANGE_MSIX_TABLE BIT32(0)
#define TDISP_RANGE_PBA	       BIT32(1)
#define TDISP_RANGE_NON_TEE    BIT32(2)
#define TDISP_RANGE_UPDATABLE  BIT32(3)
#define TDISP_RANGE_DEFINED    MASK32(3, 0)
#define TDISP_PAGE_SHIFT       12u

#endif
