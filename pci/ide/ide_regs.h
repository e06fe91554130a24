/* SPDX-License-Identifier: Apache-2.0 */
/* The IDE extended capability (PCIe 6.0, 7.9.26) and the messages of IDE_KM (6.33.3). */
#ifndef AERIE_IDE_REGS_H
#define AERIE_IDE_REGS_H

#include "bits.h"

#define IDE_CAP_ID 0x30u

#define IDE_CAP		       0x04u
#define IDE_CAP_LINK	       BIT32(0)
#define IDE_CAP_SELECTIVE      BIT32(1)
#define IDE_CAP_FLOW_THROUGH   BIT32(2)
#define IDE_CAP_PARTIAL_HEADER BIT32(3)
#define IDE_CAP_AGGREGATION    BIT32(4)
#define IDE_CAP_PCRC	       BIT32(5)
#define IDE_CAP_KM	       BIT32(6)
#define IDE_CAP_ALGORITHM      MASK32(12, 8)  /* 0: AES-GCM 256, 96 bit MAC */
#define IDE_CAP_NR_LINK	       MASK32(15, 13) /* traffic classes of link IDE, minus 1 */
#define IDE_CAP_NR_SELECTIVE   MASK32(23, 16) /* selective streams, minus 1 */
#define IDE_CAP_TEE_LIMITED    BIT32(24)

#define IDE_CTL		     0x08u
#define IDE_CTL_FLOW_THROUGH BIT32(2)

/* Link IDE register blocks, from 0x0c: control, status */
#define IDE_LINK_FIRST	   0x0cu
#define IDE_LINK_BLOCK	   0x08u
#define IDE_LINK_CTL	   0x00u
#define IDE_LINK_STATUS	   0x04u
#define IDE_STREAM_ENABLE  BIT32(0)
#define IDE_LINK_CTL_WRITE (BIT32(0) | MASK32(7, 2) | MASK32(8, 8) | MASK32(21, 19) | MASK32(31, 24))
#define IDE_STREAM_ID	   MASK32(31, 24)
#define IDE_STREAM_STATE   MASK32(3, 0)
#define IDE_STATE_INSECURE 0u
#define IDE_STATE_SECURE   2u
#define IDE_STATUS_CHECK   BIT32(31) /* received integrity check fail message; write 1 to clear */

/* Selective IDE stream register blocks, behind those of links */
#define IDE_SEL_CAP	    0x00u
#define IDE_SEL_CAP_NR_ADDR MASK32(3, 0) /* address association register blocks */
#define IDE_SEL_CTL	    0x04u
#define IDE_SEL_CTL_DEFAULT BIT32(22)
#define IDE_SEL_CTL_WRITE                                                                                              \
	(BIT32(0) | MASK32(7, 2) | BIT32(8) | BIT32(9) | BIT32(10) | MASK32(21, 19) | BIT32(22) | BIT32(23) |          \
	 MASK32(31, 24))
#define IDE_SEL_STATUS	   0x08u
#define IDE_SEL_RID1	   0x0cu
#define IDE_SEL_RID1_LIMIT MASK32(23, 8)
#define IDE_SEL_RID2	   0x10u
#define IDE_SEL_RID2_VALID BIT32(0)
#define IDE_SEL_RID2_WRITE (BIT32(0) | MASK32(23, 8) | MASK32(31, 24))
#define IDE_SEL_BLOCK	   0x14u /* without address association */
#define IDE_ADDR_BLOCK	   0x0cu
#define IDE_ADDR1_WRITE	   (BIT32(0) | MASK32(31, 8))

/* IDE_KM */
#define IDE_KM_OBJECT_BYTES    2u /* protocol, object id */
#define IDE_KM_QUERY_BYTES     4u
#define IDE_KM_QUERY_RSP_BYTES 8u /* then the capability, without its header */
#define IDE_KM_KEY_BYTES       32u
#define IDE_KM_IFV_BYTES       8u
#define IDE_KM_HEADER_BYTES                                                                                            \
	8u /* of all but QUERY: protocol, object, 2 reserved, stream, reserved or status, sub-stream, port */
#define IDE_KM_KEY_PROG_BYTES (IDE_KM_HEADER_BYTES + IDE_KM_KEY_BYTES + IDE_KM_IFV_BYTES)
#define IDE_KM_IFV_INITIAL    1u

enum ide_km_object {
	IDE_KM_QUERY = 0,
	IDE_KM_QUERY_RESP = 1,
	IDE_KM_KEY_PROG = 2,
	IDE_KM_KP_ACK = 3,
	IDE_KM_K_SET_GO = 4,
	IDE_KM_K_SET_STOP = 5,
	IDE_KM_K_GOSTOP_ACK = 6,
};

enum ide_km_status {
	IDE_KM_OK = 0,
	IDE_KM_BAD_LENGTH = 1,
	IDE_KM_BAD_PORT = 2,
	IDE_KM_BAD_VALUE = 3,
	IDE_KM_FAILED = 4,
};

#define IDE_KM_KEY_SET	   BIT32(0)
#define IDE_KM_TX	   BIT32(1) /* direction, seen from the port that gets the key; 0: Rx */
#define IDE_KM_SUB_STREAM  MASK32(7, 4)
#define IDE_NR_SUB_STREAMS 3u /* posted, non-posted, completion */

#endif
