/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's TEE security managers (TSM), as Linux shows them: /sys/class/tsm, and `tsm/` in the folder of a PCI
 * function (Documentation/ABI/testing/sysfs-bus-pci, sysfs-class-tsm). A TSM that is connected to a device has an SPDM
 * session with it over the function's DOE mailbox, which nobody else may use then, and may have keyed both ends of its
 * link. Whether it has says a link `streamH.R.E` of the host bridge (sysfs-devices-pci-host-bridge).
 *
 * Calls may wait for the kernel, and the kernel for the device. Nothing is logged unless it says so.
 */
#ifndef AERIE_ATTEST_TSM_H
#define AERIE_ATTEST_TSM_H

#include <stdbool.h>
#include <stddef.h>

#define TSM_NAME   16u /* "tsm0" */
#define TSM_STREAM 32u /* "stream0.0.0" */
#define TSM_WHY	   256u
#define TSM_MAX	   8u

/** Names below /sys/class/tsm in the order of their numbers; returns how many (<= TSM_MAX). */
unsigned tsm_names(char names[TSM_MAX][TSM_NAME]);

/** Whether the kernel would connect function @bdf to a TSM: function 0 of a device that has IDE or TEE-IO. */
bool tsm_offered(const char *bdf);

/**
 * The TSM that @bdf is connected to, or that its function 0 is and which manages @bdf with it. Returns true when there
 * is one, its name in @name, and in @dsm the function to disconnect.
 */
bool tsm_connected(const char *bdf, char name[TSM_NAME], char dsm[TSM_NAME]);

/** 0 when the mailbox of @bdf is nobody's; -EBUSY (logged, for the user's @name of it) when it is connected. */
int tsm_must_be_free(const char *bdf, const char *name);

/** IDE streams that are left on the host bridge above @bdf; -1: it does not say. */
int tsm_streams_left(const char *bdf);

/**
 * Connects @bdf to the first TSM that takes it. 0, its name in @name; or -errno, with the reason in @why for people.
 * -ENXIO: no TSM takes it, -EBUSY: somebody else has connected it.
 */
int tsm_connect(const char *bdf, char name[TSM_NAME], char why[TSM_WHY]);

/** The IDE stream that the kernel has set up for @bdf; false: there is none. */
bool tsm_stream(const char *bdf, char stream[TSM_STREAM]);

/** Disconnects @bdf from @name. 0, also when it is not connected to that any more; or -errno (logged). */
int tsm_disconnect(const char *bdf, const char *name);

#endif
