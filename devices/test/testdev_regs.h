/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers and structures in memory of the test endpoint, shared by the model, its tests and the payloads' driver.
 * docs/test-endpoint.md says what they mean. Free of includes but bits.h, so that bare-metal code can use it.
 */
#ifndef AERIE_TESTDEV_REGS_H
#define AERIE_TESTDEV_REGS_H

#include <stdint.h>

#include "bits.h"

/* No driver binds to this: 0x1234 is nobody's vendor id, and emulators have used it for two other devices only. */
#define TESTDEV_VENDOR_ID  0x1234u
#define TESTDEV_DEVICE_ID  0xae71u
#define TESTDEV_CLASS_CODE 0xff0000u

#define TESTDEV_BAR_REGS   0u /* 64 bit: registers, MSI-X */
#define TESTDEV_BAR_MEMORY 2u /* 64 bit, prefetchable: device memory */
#define TESTDEV_BAR_PORT   4u /* 32 bit: TESTDEV_PORT_SIZE bytes that tell how they are accessed */

#define TESTDEV_MSIX_OFFSET 0x10000u /* in BAR 0 */
#define TESTDEV_PORT_SIZE   4096u

/* BAR 0 */
#define TESTDEV_ID	     0x000u
#define TESTDEV_ID_VALUE     0x54524541u /* "AERT" */
#define TESTDEV_VERSION	     0x004u
#define TESTDEV_CAPS	     0x008u
#define TESTDEV_CAPS_NCHAN   MASK32(7, 0)
#define TESTDEV_CAPS_PASID   BIT32(8)
#define TESTDEV_CAPS_AER     BIT32(9)
#define TESTDEV_CAPS_STALL   BIT32(10)
#define TESTDEV_CAPS_ATS     BIT32(11)
#define TESTDEV_CAPS_PRI     BIT32(12)
#define TESTDEV_CAPS_VECTORS MASK32(31, 16)
#define TESTDEV_RESETS	     0x00cu
#define TESTDEV_MEMORY_SIZE  0x010u
#define TESTDEV_RAISE	     0x018u
#define TESTDEV_SCRATCH	     0x01cu
#define TESTDEV_PORT_COUNT   0x020u
#define TESTDEV_PORT_INFO    0x024u
#define TESTDEV_PORT_SIZEOF  MASK32(7, 0)
#define TESTDEV_PORT_WRITE   BIT32(8)
#define TESTDEV_PORT_OFFSET  MASK32(31, 16)
#define TESTDEV_PORT_VALUE   0x028u
#define TESTDEV_INJECT_CE    0x030u
#define TESTDEV_INJECT_UE    0x034u
#define TESTDEV_SECURITY     0x038u /* read: what there is; written: what breaks */
#define TESTDEV_SEC_DOE	     BIT32(0)
#define TESTDEV_SEC_IDE	     BIT32(1)
#define TESTDEV_SEC_TDISP    BIT32(2)
#define TESTDEV_SEC_STATE    MASK32(9, 8) /* of the interface, as TDISP numbers them */
#define TESTDEV_SEC_FAIL     BIT32(31)	  /* written: the interface goes to ERROR */
#define TESTDEV_SEC_BREAK    BIT32(30)	  /* written: the link finds an integrity error in stream 7:0 */
#define TESTDEV_SEC_STREAM   MASK32(7, 0)

/* ATS */
#define TESTDEV_ATS_CONTROL	  0x080u
#define TESTDEV_ATS_HOLD	  BIT32(0) /* Invalidate Requests wait for ATS_RELEASE */
#define TESTDEV_ATS_RELEASE	  0x084u
#define TESTDEV_ATS_HELD	  0x088u
#define TESTDEV_ATS_INVALIDATIONS 0x08cu
#define TESTDEV_ATC_HITS	  0x090u
#define TESTDEV_ATC_REQUESTS	  0x094u
#define TESTDEV_TREQ_ADDR	  0x098u /* 64 bit */
#define TESTDEV_TREQ_FLAGS	  0x0a0u
#define TESTDEV_TREQ_WRITE	  BIT32(1) /* No Write is not set */
#define TESTDEV_TREQ_EXEC	  BIT32(2)
#define TESTDEV_TREQ_PRIV	  BIT32(3)
#define TESTDEV_TREQ_PASID	  0x0a4u
#define TESTDEV_PASID_VALID	  BIT32(31)
#define TESTDEV_TREQ_GO		  0x0a8u
#define TESTDEV_TREQ_STATUS	  0x0acu
#define TESTDEV_TREQ_KIND	  MASK32(7, 0)
#define TESTDEV_TREQ_READ_OK	  BIT32(8)
#define TESTDEV_TREQ_WRITE_OK	  BIT32(9)
#define TESTDEV_TREQ_EXEC_OK	  BIT32(10)
#define TESTDEV_TREQ_RESULT	  0x0b0u /* 64 bit: translated address */
#define TESTDEV_TREQ_SIZE	  0x0b8u /* log2 of the bytes that it covers */
/* Page requests */
#define TESTDEV_PREQ_ADDR	  0x0c0u /* 64 bit */
#define TESTDEV_PREQ_FLAGS	  0x0c8u
#define TESTDEV_PREQ_READ	  BIT32(0)
#define TESTDEV_PREQ_WRITE	  BIT32(1)
#define TESTDEV_PREQ_EXEC	  BIT32(2)
#define TESTDEV_PREQ_PRIV	  BIT32(3)
#define TESTDEV_PREQ_LAST	  BIT32(4)
#define TESTDEV_PREQ_FORCE	  BIT32(5) /* also when it may not */
#define TESTDEV_PREQ_ALL	  MASK32(5, 0)
#define TESTDEV_PREQ_PASID	  0x0ccu
#define TESTDEV_PREQ_PRGI	  0x0d0u
#define TESTDEV_PREQ_GO		  0x0d4u
#define TESTDEV_PREQ_SENT	  0x0d8u
#define TESTDEV_PREQ_OUTSTANDING  0x0dcu
#define TESTDEV_PRESP_COUNT	  0x0e0u
#define TESTDEV_PRESP_LAST	  0x0e4u
#define TESTDEV_PRESP_PRGI	  MASK32(8, 0)
#define TESTDEV_PRESP_CODE	  MASK32(15, 12)
#define TESTDEV_PRESP_PASID	  0x0e8u
#define TESTDEV_PRESP_UNEXPECTED  0x0ecu
/* Stalls */
#define TESTDEV_STALLS		  0x0f0u /* accesses that were stalled */

enum testdev_treq {
	TESTDEV_TREQ_NONE,
	TESTDEV_TREQ_SUCCESS,
	TESTDEV_TREQ_UR,
	TESTDEV_TREQ_CA,
	TESTDEV_TREQ_DISABLED, /* ATS or bus mastering is off */
};

/* Channels */
#define TESTDEV_CHANNELS	4u
#define TESTDEV_CHAN(n)		(0x400u + (n)*0x100u)
#define TESTDEV_CH_CONTROL	0x00u
#define TESTDEV_CONTROL_ENABLE	BIT32(0)
#define TESTDEV_CONTROL_ABORT	BIT32(1)
#define TESTDEV_CH_STATUS	0x04u
#define TESTDEV_STATUS_BUSY	BIT32(0)
#define TESTDEV_STATUS_HALTED	BIT32(1)
#define TESTDEV_STATUS_STALLED	BIT32(2) /* an access is stalled */
#define TESTDEV_STATUS_PAGE	BIT32(3) /* waits for the response to a page request */
#define TESTDEV_CH_RING_BASE	0x08u
#define TESTDEV_CH_RING_SIZE	0x10u /* log2 of the number of descriptors */
#define TESTDEV_RING_SIZE_MAX	15u
#define TESTDEV_CH_RING_PASID	0x14u
#define TESTDEV_RING_PASID_EN	BIT32(31)
#define TESTDEV_RING_PASID_MASK MASK32(19, 0)
#define TESTDEV_CH_HEAD		0x18u
#define TESTDEV_CH_TAIL		0x1cu
#define TESTDEV_CH_GO		0x20u
#define TESTDEV_CH_CODE		0x24u
#define TESTDEV_CH_RESULT	0x28u
#define TESTDEV_CH_BYTES	0x30u
#define TESTDEV_CH_FAULT	0x38u
#define TESTDEV_CH_DONE		0x40u
#define TESTDEV_CH_FAILED	0x44u
#define TESTDEV_CH_COOKIE	0x48u
#define TESTDEV_CH_DESC		0x80u /* a descriptor, 64 bytes */

/* A request, little-endian. */
struct testdev_desc {
	uint32_t op; /* TESTDEV_OP_* and flags */
	uint32_t pasid;
	uint64_t src;
	uint64_t dst;
	uint64_t len;
	uint64_t operand;
	uint64_t status; /* where the status record goes */
	uint32_t vector;
	uint32_t cookie;
	uint64_t reserved;
};
_Static_assert(sizeof(struct testdev_desc) == 64, "layout of a descriptor");

#define TESTDEV_DESC_OP	       MASK32(7, 0)
#define TESTDEV_F_SRC_LIST     BIT32(8)	 /* src is the address of a scatter list */
#define TESTDEV_F_DST_LIST     BIT32(9)	 /* dst is */
#define TESTDEV_F_STATUS       BIT32(10) /* write a status record */
#define TESTDEV_F_INTERRUPT    BIT32(11) /* raise vector */
#define TESTDEV_F_PASID	       BIT32(16) /* all accesses carry pasid */
#define TESTDEV_F_EXEC	       BIT32(17) /* ... and Execute Requested (reads) */
#define TESTDEV_F_PRIV	       BIT32(18) /* ... and Privileged Mode Requested */
#define TESTDEV_F_UNTRANSLATED BIT32(19) /* by ordinary accesses, whatever ATS is */
#define TESTDEV_F_TRANSLATED   BIT32(20) /* the addresses are marked as translated, whoever translated them */
#define TESTDEV_F_ALL                                                                                                  \
	(TESTDEV_F_SRC_LIST | TESTDEV_F_DST_LIST | TESTDEV_F_STATUS | TESTDEV_F_INTERRUPT | TESTDEV_F_PASID |          \
	 TESTDEV_F_EXEC | TESTDEV_F_PRIV | TESTDEV_F_UNTRANSLATED | TESTDEV_F_TRANSLATED)

enum testdev_op {
	TESTDEV_OP_NOP,
	TESTDEV_OP_READ,      /* len bytes at src to device memory at offset dst */
	TESTDEV_OP_WRITE,     /* len bytes of device memory at offset src to dst */
	TESTDEV_OP_COPY,      /* src to dst */
	TESTDEV_OP_FILL,      /* the 8 bytes of operand, again and again, to dst */
	TESTDEV_OP_CRC32C,    /* of src; operand: CRC of what came before */
	TESTDEV_OP_FETCH_ADD, /* at dst, len 4 or 8; operand is added */
	TESTDEV_OP_SWAP,      /* operand is stored */
	TESTDEV_OP_CAS,	      /* operand is stored if src is there */
	TESTDEV_NR_OPS,
};

#define TESTDEV_LEN_MAX (UINT64_C(1) << 32)

/* An entry of a scatter list; as many as len needs. */
struct testdev_sg {
	uint64_t addr;
	uint32_t len; /* not 0 */
	uint32_t reserved;
};
_Static_assert(sizeof(struct testdev_sg) == 16, "layout of an entry of a scatter list");

/* What a request came to; `code` is written last. */
struct testdev_status {
	uint32_t code; /* TESTDEV_CODE_*, never 0 */
	uint32_t cookie;
	uint64_t result;
	uint64_t bytes;
	uint64_t fault;
};
_Static_assert(sizeof(struct testdev_status) == 32, "layout of a status record");

#define TESTDEV_CODE_KIND  MASK32(7, 0)
#define TESTDEV_CODE_WHERE MASK32(15, 8)

enum testdev_kind {
	TESTDEV_KIND_NONE,	  /* not complete */
	TESTDEV_KIND_OK,	  /* done */
	TESTDEV_KIND_BAD_REQUEST, /* the descriptor asks for what does not exist */
	TESTDEV_KIND_FAULT,	  /* an access was not translated */
	TESTDEV_KIND_DISABLED,	  /* bus mastering is off, or the power state is not D0 */
	TESTDEV_KIND_BAD_TARGET,  /* device memory ends before, or an atomic operation on what is not RAM */
	TESTDEV_KIND_ABORTED,	  /* CONTROL.ABORT */
};

enum testdev_where {
	TESTDEV_AT_NOTHING,
	TESTDEV_AT_DESCRIPTOR,
	TESTDEV_AT_SOURCE,
	TESTDEV_AT_DESTINATION,
	TESTDEV_AT_LIST,
	TESTDEV_AT_STATUS,
};

#endif
