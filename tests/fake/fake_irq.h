/* SPDX-License-Identifier: Apache-2.0 */
/* A double of vmm/core/irq.h that keeps books and connects nothing: each route is an eventfd, and what is signalled
 * stays in it. Link it in front of the core. */
#ifndef AERIE_FAKE_IRQ_H
#define AERIE_FAKE_IRQ_H

#include "irq.h"

struct fake_irq {
	unsigned routes;     /* initialised and not finished */
	unsigned connected;  /* of those */
	unsigned connects;   /* calls of irq_route_connect() */
	int init_error;	     /* what irq_route_init() returns */
	int connect_error;   /* what irq_route_connect() returns */
	bool pending;	     /* what irq_route_pending() answers, beside waiting signals */
	struct msi_msg last; /* of the last connect */
	unsigned signals;    /* calls of irq_route_signal() */
	uint64_t doorbell;   /* address that irq_msi_send() takes for one; 0: none */
	unsigned messages;   /* that it took */
	struct msi_msg sent; /* the last of them */
};

extern struct fake_irq fake_irq;

#endif
