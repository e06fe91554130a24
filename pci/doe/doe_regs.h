/* SPDX-License-Identifier: Apache-2.0 */
/* The DOE extended capability (PCIe 6.2, 7.9.24) and data objects (6.30.1). */
#ifndef AERIE_DOE_REGS_H
#define AERIE_DOE_REGS_H

#include "bits.h"

#define DOE_CAP_ID     0x2eu
#define DOE_CAP_SIZE   0x18u
#define DOE_CAP	       0x04u
#define DOE_CTRL       0x08u
#define DOE_STATUS     0x0cu
#define DOE_WRITE_MBOX 0x10u
#define DOE_READ_MBOX  0x14u

#define DOE_CAP_INT_SUPPORT BIT32(0)
#define DOE_CAP_INT_VECTOR  MASK32(11, 1)

#define DOE_CTRL_ABORT	    BIT32(0)
#define DOE_CTRL_INT_ENABLE BIT32(1)
#define DOE_CTRL_GO	    BIT32(31)

#define DOE_STATUS_BUSY	 BIT32(0)
#define DOE_STATUS_INT	 BIT32(1) /* write 1 to clear */
#define DOE_STATUS_ERROR BIT32(2)
#define DOE_STATUS_READY BIT32(31)

/* Headers of data objects */
#define DOE_OBJECT_VENDOR MASK32(15, 0)
#define DOE_OBJECT_TYPE	  MASK32(23, 16)
#define DOE_OBJECT_LENGTH MASK32(17, 0) /* of the second DW: DWs with the header; 0 stands for 2^18 */

#define DOE_OBJECT_HEADER_BYTES 8u
#define DOE_OBJECT_MAX_BYTES	(BIT32(18) * 4)

/* DOE discovery (6.30.1.1): DW 2 of the request and of the response */
#define DOE_DISCOVERY_INDEX   MASK32(7, 0)
#define DOE_DISCOVERY_VERSION MASK32(15, 8) /* request: 2 when the capability's version is 2 or more, else 0 */
#define DOE_DISCOVERY_VENDOR  MASK32(15, 0)
#define DOE_DISCOVERY_TYPE    MASK32(23, 16)
#define DOE_DISCOVERY_NEXT    MASK32(31, 24)

#define DOE_VENDOR_PCI_SIG 0x0001u

enum doe_type {
	DOE_TYPE_DISCOVERY = 0,
	DOE_TYPE_SPDM = 1,	   /* CMA/SPDM */
	DOE_TYPE_SECURED_SPDM = 2, /* secured CMA/SPDM */
};

#endif
