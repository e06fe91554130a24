/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IORT (Arm DEN 0049E.e): how requester ids become StreamIDs and DeviceIDs. Nodes in order: the ITS group, SMMUs, the
 * root complex, reserved memory ranges. Every id of the root complex has one way: through its SMMU to the ITS, or
 * straight to the ITS.
 */
#include "acpi.h"
#include "acpi_regs.h"

#define NODE_COUNT   36u
#define ALL_IDS	     0x10000u
#define ITS_NODE     ACPI_IORT_NODES
#define ITS_SIZE     (ACPI_IORT_NODE_HEADER + 8u)
#define SMMU_SIZE    (ACPI_IORT_NODE_HEADER + 52u)
#define RC_SIZE	     (ACPI_IORT_NODE_HEADER + 20u)
#define RMR_SIZE     (ACPI_IORT_NODE_HEADER + 12u)
#define ADDRESS_BITS 64u /* that devices put out */
#define RMR_DESC     20u

struct iort {
	struct acpi_buf *b;
	const struct acpi_iommus *iommus;
	uint32_t nodes;
	uint32_t smmu_at[ACPI_MAX_IOMMUS]; /* offsets of their nodes */
};

/* @size: without mappings, which follow. */
static void begin_node(struct iort *iort, enum acpi_iort_type type, uint8_t revision, uint32_t size, uint32_t mappings)
{
	struct acpi_buf *b = iort->b;

	acpi_u8(b, (uint8_t)type);
	acpi_u16(b, (uint16_t)(size + mappings * ACPI_IORT_MAPPING));
	acpi_u8(b, revision);
	acpi_u32(b, iort->nodes++); /* identifier */
	acpi_u32(b, mappings);
	acpi_u32(b, mappings ? size : 0);
}

/* Ids [@first, @first + @count) are those from @output on of the node at @node. */
static void mapping(struct iort *iort, uint32_t first, uint32_t count, uint32_t output, uint32_t node, uint32_t flags)
{
	acpi_u32(iort->b, first);
	acpi_u32(iort->b, count - 1);
	acpi_u32(iort->b, output);
	acpi_u32(iort->b, node);
	acpi_u32(iort->b, flags);
}

static void write_its(struct iort *iort)
{
	begin_node(iort, ACPI_IORT_ITS, ACPI_IORT_ITS_REVISION, ITS_SIZE, 0);
	acpi_u32(iort->b, 1);
	acpi_u32(iort->b, iort->iommus->its_id);
}

static void write_smmu(struct iort *iort, unsigned index)
{
	const struct acpi_smmu *s = &iort->iommus->smmus[index];
	struct acpi_buf *b = iort->b;

	iort->smmu_at[index] = b->len;
	begin_node(iort, ACPI_IORT_SMMUV3, ACPI_IORT_SMMU_REVISION, SMMU_SIZE, s->msi ? 2 : 1);
	acpi_u64(b, s->base);
	acpi_u32(b, ACPI_IORT_SMMU_COHACC | field_prep32(ACPI_IORT_SMMU_HTTU, s->httu) |
			    (s->msi ? ACPI_IORT_SMMU_DEVICEID : 0));
	acpi_u32(b, 0);
	acpi_u64(b, 0); /* VATOS: none */
	acpi_u32(b, 0); /* model: generic */
	acpi_u32(b, s->evtq);
	acpi_u32(b, s->pri);
	acpi_u32(b, s->gerror);
	acpi_u32(b, s->sync);
	acpi_u32(b, 0); /* proximity domain: not valid */
	acpi_u32(b, 1); /* the mapping of its own DeviceID */
	mapping(iort, 0, ALL_IDS, 0, ITS_NODE, 0);
	if (s->msi)
		mapping(iort, 0, 1, s->msi_device_id, ITS_NODE, ACPI_IORT_SINGLE);
}

static uint32_t smmu_node(const struct iort *iort, uint32_t phandle)
{
	for (unsigned i = 0; i < iort->iommus->nr_smmus; i++)
		if (iort->iommus->smmus[i].phandle == phandle)
			return iort->smmu_at[i];
	return 0;
}

/* Walks the ids in order: those of a map to its SMMU, those between to the ITS. Returns how many mappings that makes;
 * writes them if @write. */
static uint32_t root_mappings(struct iort *iort, bool write)
{
	uint32_t next = 0, n = 0;

	for (unsigned i = 0; i <= iort->iommus->nr_maps; i++) {
		const struct acpi_iommu_map *m = i < iort->iommus->nr_maps ? &iort->iommus->maps[i] : NULL;
		uint32_t node = m ? smmu_node(iort, m->phandle) : 0, first = m ? m->first_rid : ALL_IDS;

		if (m && node == 0)
			continue; /* a virtio-iommu's: VIOT says so */
		if (next < first) {
			n++;
			if (write)
				mapping(iort, next, first - next, next, ITS_NODE, 0);
		}
		if (!m)
			break;
		n++;
		if (write)
			mapping(iort, first, m->count, m->first_sid, node, 0);
		next = first + m->count;
	}
	return n;
}

static void write_root_complex(struct iort *iort)
{
	struct acpi_buf *b = iort->b;

	begin_node(iort, ACPI_IORT_ROOT_COMPLEX, ACPI_IORT_RC_REVISION, RC_SIZE, root_mappings(iort, false));
	acpi_u32(b, ACPI_IORT_COHERENT);
	acpi_u8(b, 0); /* allocation hints */
	acpi_u16(b, 0);
	acpi_u8(b, ACPI_IORT_MEMORY_FLAGS);
	acpi_u32(b, iort->iommus->ats_attributes);
	acpi_u32(b, 0); /* segment */
	acpi_u8(b, ADDRESS_BITS);
	acpi_zeros(b, 3);
	root_mappings(iort, true);
}

static void write_reserved(struct iort *iort, const struct acpi_reserved *r)
{
	uint32_t node = smmu_node(iort, r->phandle), size = RMR_SIZE + RMR_DESC;

	if (node == 0)
		return;
	begin_node(iort, ACPI_IORT_RMR, ACPI_IORT_RMR_REVISION, size, 1);
	acpi_u32(iort->b, ACPI_IORT_RMR_DEVICE_NGNRNE);
	acpi_u32(iort->b, 1); /* ranges */
	acpi_u32(iort->b, RMR_SIZE);
	acpi_u64(iort->b, r->window.first);
	acpi_u64(iort->b, range_len(r->window));
	acpi_u32(iort->b, 0);
	mapping(iort, r->sid, 1, r->sid, node, ACPI_IORT_SINGLE);
}

void acpi_write_iort(struct acpi *acpi)
{
	struct iort iort = {.iommus = &acpi->iommus};

	if (!acpi->iommus.has_its)
		return;
	iort.b = acpi_table(acpi, "IORT", ACPI_IORT_REVISION);
	acpi_u32(iort.b, 0); /* number of nodes, below */
	acpi_u32(iort.b, ACPI_IORT_NODES);
	acpi_u32(iort.b, 0);
	write_its(&iort);
	for (unsigned i = 0; i < acpi->iommus.nr_smmus; i++)
		write_smmu(&iort, i);
	if (acpi->iommus.has_root_complex)
		write_root_complex(&iort);
	for (unsigned i = 0; i < acpi->iommus.nr_reserved; i++)
		write_reserved(&iort, &acpi->iommus.reserved[i]);
	acpi_put_u32(iort.b, NODE_COUNT, iort.nodes);
}
