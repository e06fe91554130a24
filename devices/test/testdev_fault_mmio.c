/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of BAR 0 about stalls, ATS and page requests. */
#include "testdev_priv.h"

uint64_t testdev_fault_read(struct testdev *dev, uint32_t offset)
{
	switch (offset) {
	case TESTDEV_ATS_HELD:
		return dev->ats.nr_held;
	case TESTDEV_ATS_INVALIDATIONS:
		return dev->ats.invalidations;
	case TESTDEV_ATC_HITS:
		return dev->ats.hits;
	case TESTDEV_ATC_REQUESTS:
		return dev->ats.requests;
	case TESTDEV_TREQ_STATUS:
		return dev->ats.treq_status;
	case TESTDEV_TREQ_RESULT:
		return dev->ats.treq_result;
	case TESTDEV_TREQ_SIZE:
		return dev->ats.treq_size;
	case TESTDEV_PREQ_SENT:
		return dev->pri.sent;
	case TESTDEV_PREQ_OUTSTANDING:
		return dev->pri.outstanding;
	case TESTDEV_PRESP_COUNT:
		return dev->pri.responses;
	case TESTDEV_PRESP_LAST:
		return dev->pri.last;
	case TESTDEV_PRESP_PASID:
		return dev->pri.last_pasid;
	case TESTDEV_PRESP_UNEXPECTED:
		return dev->pri.unexpected;
	case TESTDEV_STALLS:
		return dev->stalls;
	default:
		return 0;
	}
}

void testdev_fault_written(struct testdev *dev, uint32_t offset)
{
	switch (offset) {
	case TESTDEV_ATS_RELEASE:
		testdev_ats_release(dev);
		break;
	case TESTDEV_TREQ_GO:
		testdev_ats_ask(dev, testdev_mmio_value(dev, TESTDEV_TREQ_ADDR),
				(uint32_t)testdev_mmio_value(dev, TESTDEV_TREQ_PASID),
				(uint32_t)testdev_mmio_value(dev, TESTDEV_TREQ_FLAGS));
		break;
	case TESTDEV_PREQ_GO:
		testdev_pri_send(dev, testdev_mmio_value(dev, TESTDEV_PREQ_ADDR),
				 (uint32_t)testdev_mmio_value(dev, TESTDEV_PREQ_PASID),
				 (uint32_t)testdev_mmio_value(dev, TESTDEV_PREQ_PRGI),
				 (uint32_t)testdev_mmio_value(dev, TESTDEV_PREQ_FLAGS));
		break;
	default:
		break;
	}
}
