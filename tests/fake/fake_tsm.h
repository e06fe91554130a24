/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pretended TEE security manager: /sys/class/tsm/tsmN, and the `tsm/` folder of one device with the rules of
 * drivers/pci/tsm.c. A connection shows as a link `streamH.R.E` of the device's host bridge.
 */
#ifndef AERIE_FAKE_TSM_H
#define AERIE_FAKE_TSM_H

#include <stdbool.h>

#define FAKE_TSM_BRIDGE "/sys/devices/pci0000:00"

struct fake_tsm {
	char bdf[16];
	char connected[16]; /* "" to none */
	/* behaviour */
	int connect_err, disconnect_err; /* negative errno; 0: works */
	const char *takes;		 /* the name that is taken, others get -ENXIO; NULL: any */
	bool no_stream;			 /* connects without IDE */
	bool forgets;			 /* says afterwards that nothing is connected */
	/* observations */
	unsigned connects, disconnects; /* that worked */
};

extern struct fake_tsm fake_tsm;

/** Adds tsm0 and the folder of device @bdf, which is in the pretended sysfs; forgets all of the above. */
void fake_tsm_install(const char *bdf);
/** The link of the IDE stream comes or goes. */
void fake_tsm_stream(bool there);

#endif
