/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture of an exchange: the classic pcap format (draft-ietf-opsawg-pcap), nanosecond time stamps, link type 292. A
 * packet is a whole DOE object, its two header DWs first, request and response in the order of the wire; that is what
 * DMTF's spdm_dump reads. No key material is ever in it.
 */
#ifndef AERIE_SPDM_PCAP_H
#define AERIE_SPDM_PCAP_H

#include <stddef.h>
#include <stdint.h>

#define SPDM_PCAP_MAGIC_NS     0xa1b23c4du
#define SPDM_PCAP_LINKTYPE_DOE 292u
#define SPDM_PCAP_SNAPLEN      (1u << 20)
#define SPDM_PCAP_FILE_HEADER  24u
#define SPDM_PCAP_PACKET       16u /* header of a packet */

struct spdm_pcap;

/** Creates (or empties) the file. 0 or -errno (logged). */
int spdm_pcap_create(struct spdm_pcap **out, const char *path);

/** Appends one object. The first failure is logged, later calls do nothing. NULL is fine. */
void spdm_pcap_write(struct spdm_pcap *pcap, const void *object, size_t len);

/** Closes. 0, or -errno when anything was not written (logged before). NULL inside is fine. */
int spdm_pcap_close(struct spdm_pcap **pcap);

#endif
