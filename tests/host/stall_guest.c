/* SPDX-License-Identifier: Apache-2.0 */
#include "stall_guest.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "smmu_host_regs.h"

/* Places in RAM; pages of data behind the tables. */
#define AT_CDS	0x0000u
#define AT_L0	0x1000u
#define AT_L1	0x2000u
#define AT_L2	0x3000u
#define AT_L3	0x4000u
#define AT_DATA 0x100000u
#define PAGE	4096u

#define CD_WORDS    8u
#define CD0_T0SZ_48 UINT64_C(16)
#define CD0_EPD1    BIT64(30)
#define CD0_V	    BIT64(31)
#define CD0_IPS_48  (UINT64_C(5) << 32)
#define CD0_AA64    BIT64(41)
#define CD0_S	    BIT64(44)
#define CD0_R	    BIT64(45)
#define CD0_A	    BIT64(46)
#define CD0_ASET    BIT64(47)
#define CD0_ASID(n) ((uint64_t)(n) << 48)
#define CD3_MAIR    UINT64_C(0xff) /* attribute 0: normal, write-back */
#define CD0_WB_ISH  (UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12)
#define STE0_CDMAX  (UINT64_C(2) << 59) /* log2 of GUEST_CDS */
#define STE1_USUAL  UINT64_C(0xd6)	/* S1DSS: SSID 0; CDs write-back, inner shareable */

#define PTE_VALID BIT64(0)
#define PTE_TABLE BIT64(1) /* and page */
#define PTE_USER  BIT64(6)
#define PTE_RO	  BIT64(7)
#define PTE_ISH	  (UINT64_C(3) << 8)
#define PTE_AF	  BIT64(10)
#define PTE_NG	  BIT64(11)

static void put(struct guest *guest, uint64_t at, uint64_t value)
{
	_Atomic uint64_t *word = (void *)(guest->ram + at);

	*word = htole64(value);
}

void guest_cds(struct guest *guest, bool stall)
{
	for (unsigned i = 0; i < GUEST_CDS; i++) {
		uint64_t at = AT_CDS + i * CD_WORDS * 8;

		put(guest, at + 8, GUEST_IPA + AT_L0);
		put(guest, at + 24, CD3_MAIR);
		put(guest, at,
		    CD0_T0SZ_48 | CD0_WB_ISH | CD0_EPD1 | CD0_V | CD0_IPS_48 | CD0_AA64 | (stall ? CD0_S : 0) | CD0_R |
			    CD0_A | CD0_ASET | CD0_ASID(i + 1));
	}
}

int guest_make(struct guest *guest, bool stall)
{
	guest->memfd = memfd_create("guest", MFD_CLOEXEC);
	if (guest->memfd < 0 || ftruncate(guest->memfd, (off_t)GUEST_SIZE) < 0)
		return -errno;
	guest->ram = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest->memfd, 0);
	if (guest->ram == MAP_FAILED)
		return -errno;
	/* GUEST_IOVA is the first address of entry 1 of level 1. */
	put(guest, AT_L0, (GUEST_IPA + AT_L1) | PTE_TABLE | PTE_VALID);
	put(guest, AT_L1 + 8, (GUEST_IPA + AT_L2) | PTE_TABLE | PTE_VALID);
	put(guest, AT_L2, (GUEST_IPA + AT_L3) | PTE_TABLE | PTE_VALID);
	guest_cds(guest, stall);
	guest->ste[0] = HOST_STE_V | HOST_STE_CFG_S1 | (GUEST_IPA + AT_CDS) | STE0_CDMAX;
	guest->ste[1] = STE1_USUAL;
	return 0;
}

void guest_map(struct guest *guest, unsigned n, bool writable)
{
	put(guest, AT_L3 + n * 8,
	    (GUEST_IPA + AT_DATA + n * PAGE) | PTE_NG | PTE_AF | PTE_ISH | PTE_USER | (writable ? 0 : PTE_RO) |
		    PTE_TABLE | PTE_VALID);
}

void guest_unmap(struct guest *guest, unsigned n)
{
	put(guest, AT_L3 + n * 8, 0);
}

bool guest_is_mapped(const struct guest *guest, unsigned n)
{
	const _Atomic uint64_t *word = (void *)(guest->ram + AT_L3 + n * 8);

	return *word & htole64(PTE_VALID);
}

uint8_t *guest_page(const struct guest *guest, unsigned n)
{
	return guest->ram + AT_DATA + n * PAGE;
}
