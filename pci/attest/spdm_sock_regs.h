/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame in which SPDM emulators and QEMU carry messages over a stream socket (QEMU docs/specs/spdm.rst and
 * include/system/spdm-socket.h): three big-endian words, then the payload. With the DOE transport the payload is a
 * whole DOE object, its header first.
 */
#ifndef AERIE_SPDM_SOCK_REGS_H
#define AERIE_SPDM_SOCK_REGS_H

#define SPDM_SOCK_HEADER 12u

/* Words of the header, byte offsets. */
#define SPDM_SOCK_COMMAND   0u
#define SPDM_SOCK_TRANSPORT 4u
#define SPDM_SOCK_SIZE	    8u /* bytes of payload */

#define SPDM_SOCK_NORMAL     0x0001u
#define SPDM_SOCK_KEY_UPDATE 0x8001u /* out of band; not served */
#define SPDM_SOCK_CONTINUE   0xfffdu
#define SPDM_SOCK_SHUTDOWN   0xfffeu
#define SPDM_SOCK_UNKNOWN    0xffffu
#define SPDM_SOCK_TEST	     0xdeadu

#define SPDM_SOCK_TRANSPORT_NONE 0u
#define SPDM_SOCK_TRANSPORT_MCTP 1u
#define SPDM_SOCK_TRANSPORT_DOE	 2u

/* The longest DOE object: 2^18 DWs (PCIe 6.0, 6.30.1). Nobody needs it; a frame that claims more is refused unread. */
#define SPDM_SOCK_MAX_PAYLOAD (1u << 20)

#endif
