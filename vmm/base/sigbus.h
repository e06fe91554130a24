/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGBUS: the host took back memory that we map. That is the registers of an assigned device after a hot unplug, or
 * with its memory decoding turned off behind our back; the file behind guest RAM when huge pages ran out; or a page
 * with a hardware error. No state is left that a guest could go on from, so the process says what is gone and ends with
 * status 1; the kernel then resets the devices. (A vCPU that touches such memory ends in KVM_EXIT_MEMORY_FAULT instead,
 * which only the guest gets to feel.)
 */
#ifndef AERIE_SIGBUS_H
#define AERIE_SIGBUS_H

/** Installs the handler for the whole process. 0 or -errno (logged). */
int sigbus_init(void);

/** Names what this thread is about to touch, for the message; borrowed until the next call. NULL: nothing special. */
void sigbus_touching(const char *what);

#endif
