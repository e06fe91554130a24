/* SPDX-License-Identifier: Apache-2.0 */
/* The device of assign_rig.h, which each test creates and places itself, when it has changed what the host shows. */
#ifndef AERIE_ASSIGN_LATER_FIXTURE_H
#define AERIE_ASSIGN_LATER_FIXTURE_H

#include "assign_rig.h"

static bool placed;

static inline void setup(void)
{
	rig_begin();
	placed = false;
	fake_vfio_nvme(dev, bar0);
	fake_vfio_add(dev, RIG_BDF);
}

static inline void teardown(void)
{
	if (!placed)
		assigned_destroy(a);
	rig_end();
}

static inline void start(bool translated)
{
	ck_assert_int_eq(rig_create(translated), 0);
	rig_place();
	placed = true;
}

#endif
