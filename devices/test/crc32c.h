/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4). */
#ifndef AERIE_CRC32C_H
#define AERIE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** CRC of the bytes of which @crc is the CRC (none: 0) followed by @buf. */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);

#endif
