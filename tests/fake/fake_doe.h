/* SPDX-License-Identifier: Apache-2.0 */
/* A DOE mailbox in the config space of a pretended VFIO device, with a device in software behind it. */
#ifndef AERIE_FAKE_DOE_H
#define AERIE_FAKE_DOE_H

#include "fake_vfio.h"
#include "pci_doe.h"
#include "pci_function.h"
#include "soft_device.h"

#define FAKE_DOE_AT 0x160u

struct fake_doe {
	struct pci_function fn; /* holds the capability's registers */
	struct pci_doe doe;
	struct bus bus;
	struct soft_device *device; /* not owned; NULL: answers nothing */
	bool silent;		    /* has never done what it was asked for */
	unsigned mute_at;	    /* the request from which on it answers nothing, counted as follows; 0: never */
	unsigned requests;
};

/** Adds the mailbox at FAKE_DOE_AT, behind the serial number of fake_vfio_nvme(). */
void fake_doe_add(struct fake_doe *fake, struct fake_vfio_dev *dev, struct soft_device *device);
void fake_doe_remove(struct fake_doe *fake);

#endif
