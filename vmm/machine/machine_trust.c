/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a device has to prove itself, and what follows: before the guest runs, again after each reset, and from then on
 * at every tick of a timer; and when the guest asks for it. All exchanges with devices happen without the device lock,
 * so that no vCPU ever waits for one; a vCPU that breaks a lock closes the gate itself and leaves the rest to the
 * device's thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bits.h"
#include "control.h"
#include "fd.h"
#include "log.h"
#include "machine_trust.h"
#include "policy_load.h"

/* The longest time between two looks at a device, in seconds. */
#define LOOK_S 2u

_Static_assert(ATTEST_SPDM == 1u << REQUIRE_SPDM && ATTEST_MEASUREMENTS == 1u << REQUIRE_MEASUREMENTS &&
		       ATTEST_IDE == 1u << REQUIRE_IDE && ATTEST_TDISP == 1u << REQUIRE_TDISP,
	       "one set of bits");
_Static_assert((int)ATTEST_KEYS_HOST == LINK_KEYS_HOST && (int)ATTEST_KEYS_DEVICE == LINK_KEYS_DEVICE,
	       "the same choice");

static void set_timer(struct machine_trust *t, unsigned seconds)
{
	const struct itimerspec spec = {.it_value.tv_sec = seconds, .it_interval.tv_sec = seconds};

	timerfd_settime(t->timer.fd, 0, &spec, NULL);
}

void trust_end(struct machine_trust *t)
{
	set_timer(t, 0);
	trust_close(t);
	if (t->attest)
		attest_end(t->attest);
	t->state = TSM_UNLOCKED;
}

static const char *verdict_of(const struct machine_trust *t)
{
	return t->attest ? attest_verdict(t->attest) : "local";
}

static const char *why_of(const struct machine_trust *t)
{
	return t->attest ? attest_why(t->attest) : "out of memory";
}

/* While a guest runs, or before the next one does. */
void trust_blocked(struct machine_trust *t)
{
	trust_end(t);
	if (atomic_load(&t->cancelled))
		return;
	t->state = TSM_ERROR;
	log_error(
		"%s: is blocked: %s: %s; its DMA is stopped and its registers are gone until it proves itself after a "
		"reset of the guest",
		t->name, verdict_of(t), why_of(t));
	control_event(t->m->control, "device-blocked", t->name, verdict_of(t), why_of(t));
}

static int create_attest(struct machine_trust *t)
{
	if (t->attest)
		return 0;
	return attest_create(&t->attest, &(struct attest_config){
						 .name = t->name,
						 .transport = trust_transport(t),
						 .roots = t->roots,
						 .device = &t->id,
						 .policy = t->policy,
						 .bars = t->ep->assigned ? t->bars : NULL,
						 .require = t->config->requires,
						 .rid = trust_rid(t),
						 .ide_capability = t->ide_capability,
						 .host_bdf = t->ep->assigned ? t->ep->config->assign : NULL,
						 .keys = (enum attest_keys)t->config->link_keys,
					 });
}

int trust_lock(struct machine_trust *t)
{
	int err = create_attest(t);

	bus_lock(&t->m->vm.bus);
	t->broken = false;
	bus_unlock(&t->m->vm.bus);
	t->resets = trust_resets(t);
	if (err == 0)
		err = attest_verify(t->attest);
	if (err == 0)
		err = trust_hold(t);
	if (err == 0)
		err = attest_lock(t->attest);
	if (err < 0)
		return err;
	t->state = TSM_LOCKED;
	t->generation++;
	return 0;
}

int trust_accept(struct machine_trust *t)
{
	int err = attest_start(t->attest);

	if (err == 0 && atomic_load(&t->cancelled))
		err = -ECANCELED;
	if (err < 0)
		return err;
	err = trust_open(t);
	if (err < 0) {
		attest_condemn(t->attest, err == -ESTALE ? "lock-broken" : "local",
			       err == -ESTALE ? "the function was reset before the gate was opened"
					      : "the host does not let the device through");
		return err;
	}
	t->state = TSM_RUN;
	log_info("%s: is trusted: %s", t->name, attest_why(t->attest));
	control_event(t->m->control, "device-open", t->name, attest_verdict(t->attest), attest_why(t->attest));
	set_timer(t, attest_period_s(t->attest, LOOK_S));
	return 0;
}

/* The whole way to an open gate. */
static int prove(struct machine_trust *t)
{
	int err = trust_lock(t);

	return err < 0 ? err : trust_accept(t);
}

static void on_timer(struct loop_source *src)
{
	struct machine_trust *t = container_of(src, struct machine_trust, timer);
	uint64_t ticks;

	if (read(src->fd, &ticks, sizeof(ticks)) != (ssize_t)sizeof(ticks))
		return;
	pthread_mutex_lock(&t->mutex);
	if (trust_is_open(t) && attest_alive(t->attest) < 0)
		trust_blocked(t);
	pthread_mutex_unlock(&t->mutex);
}

static void gate_broken(void *opaque, enum assign_break why, const char *what)
{
	struct machine_trust *t = opaque;

	t->broken = true;
	t->why = why;
	t->what = what;
	fd_signal(t->breaks.fd);
}

static void endpoint_was_reset(void *opaque)
{
	gate_broken(opaque, ASSIGN_BREAK_RESET, "the function was reset");
}

static void break_again(struct machine_trust *t)
{
	bus_lock(&t->m->vm.bus);
	endpoint_was_reset(t);
	bus_unlock(&t->m->vm.bus);
}

/* The guest has done what ends the lock, or has reset a device that was not locked: that one may prove itself anew. */
static void on_break(struct loop_source *src)
{
	struct machine_trust *t = container_of(src, struct machine_trust, breaks);
	enum assign_break why;
	const char *what;
	bool broken;
	int err;

	fd_drain(src->fd);
	pthread_mutex_lock(&t->mutex);
	bus_lock(&t->m->vm.bus);
	broken = t->broken;
	t->broken = false;
	why = t->why;
	what = t->what;
	bus_unlock(&t->m->vm.bus);
	if (broken && why == ASSIGN_BREAK_LOCK) {
		attest_condemn(t->attest, "lock-broken", what);
		trust_blocked(t);
	} else if (broken) {
		trust_end(t);
		err = prove(t);
		if (err == -ESTALE) /* a driver may reset more than once */
			break_again(t);
		else if (err < 0)
			trust_blocked(t);
	}
	pthread_mutex_unlock(&t->mutex);
}

static int read_files(struct machine_trust *t)
{
	int err = spdm_roots_load(t->config->roots, &t->roots);

	if (err == 0 && t->config->measurements)
		err = policy_load(&t->policy, t->config->measurements);
	return err;
}

static int watch(struct machine_trust *t)
{
	int err = loop_init(&t->loop);

	if (err < 0)
		return err;
	t->breaks.fd = fd_eventfd();
	if (t->breaks.fd < 0)
		return t->breaks.fd;
	t->cancel_fd = fd_eventfd();
	if (t->cancel_fd < 0)
		return t->cancel_fd;
	t->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->timer.fd < 0)
		return log_fail(-errno, "%s: cannot make a timer: %s", t->name, strerror(errno));
	err = loop_add(&t->loop, &t->breaks, t->breaks.fd, on_break);
	return err < 0 ? err : loop_add(&t->loop, &t->timer, t->timer.fd, on_timer);
}

int machine_trust_create(struct machine *m, struct machine_endpoint *ep, const struct config_device *device,
			 struct assign_gate_config *gate)
{
	struct machine_trust *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return log_fail(-ENOMEM, "%s: out of memory", device->id);
	t->m = m;
	t->ep = ep;
	t->name = device->id;
	t->config = device->trust;
	t->timer.fd = t->breaks.fd = t->cancel_fd = -1;
	t->loop = (struct loop){.epoll_fd = -1, .wake.fd = -1};
	pthread_mutex_init(&t->mutex, NULL);
	ep->trust = t;
	*gate = (struct assign_gate_config){.broken = gate_broken, .opaque = t};
	t->gate = (struct pci_gate){.was_reset = endpoint_was_reset, .opaque = t};
	err = read_files(t);
	return err < 0 ? err : watch(t);
}

void machine_trust_destroy(struct machine_trust **trust)
{
	struct machine_trust *t = *trust;

	if (!t)
		return;
	*trust = NULL;
	trust_thread_stop(t);
	loop_del(&t->loop, &t->timer);
	loop_del(&t->loop, &t->breaks);
	loop_fini(&t->loop);
	fd_close(&t->timer.fd);
	fd_close(&t->breaks.fd);
	trust_guest_remove(t);
	fd_close(&t->cancel_fd);
	pthread_mutex_destroy(&t->mutex);
	attest_destroy(&t->attest);
	spdm_roots_free(t->roots);
	policy_free(t->policy);
	free(t);
}

/* On the main thread, which hears of signals meanwhile. */
static int prove_on_main(struct machine_trust *t)
{
	int err;

	t->on_main = true;
	err = prove(t);
	t->on_main = false;
	return err;
}

static int build(struct machine_trust *t)
{
	int err;

	t->on_main = true;
	err = trust_reach(t);
	t->on_main = false;
	if (err == 0)
		err = trust_guest_add(t);
	if (err < 0)
		return err;
	pthread_mutex_lock(&t->mutex);
	err = prove_on_main(t);
	if (err < 0 && err != -ECANCELED)
		log_error("%s: is not given to a guest: %s: %s", t->name, verdict_of(t), why_of(t));
	pthread_mutex_unlock(&t->mutex);
	return err;
}

int machine_build_trust(struct machine *m)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < m->nr_endpoints; i++)
		if (m->endpoints[i].trust)
			err = build(m->endpoints[i].trust);
	return err;
}

void machine_drop_trust(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		struct machine_trust *t = m->endpoints[i].trust;

		if (!t)
			continue;
		trust_thread_stop(t);
		trust_guest_remove(t);
		trust_end(t);
		if (!t->ep->assigned)
			pci_endpoint_of(t->ep->fn)->gate = NULL;
		machine_trust_destroy(&m->endpoints[i].trust);
	}
}

void machine_trust_before_reset(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		struct machine_trust *t = m->endpoints[i].trust;

		if (!t)
			continue;
		/* What it is being asked is void. */
		trust_cancel(t);
		pthread_mutex_lock(&t->mutex);
		trust_resume(t);
		trust_end(t);
		/* What this guest has broken is nothing to the next one. vCPUs stand still. */
		bus_lock(&m->vm.bus);
		t->broken = false;
		bus_unlock(&m->vm.bus);
		/* Whoever waits for the mutex on behalf of this guest comes too late. */
		trust_cancel(t);
		pthread_mutex_unlock(&t->mutex);
	}
}

int machine_trust_after_reset(struct machine *m)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < m->nr_endpoints; i++) {
		struct machine_trust *t = m->endpoints[i].trust;

		if (!t)
			continue;
		pthread_mutex_lock(&t->mutex);
		trust_resume(t);
		err = prove_on_main(t);
		if (err < 0)
			trust_blocked(t);
		err = err == -ECANCELED ? err : 0;
		pthread_mutex_unlock(&t->mutex);
	}
	return err;
}

const char *machine_trust_state(const struct machine_endpoint *ep)
{
	return trust_is_open(ep->trust) ? "open" : "blocked";
}

struct json_object *machine_trust_json(const struct machine_endpoint *ep)
{
	struct machine_trust *t = ep->trust;
	struct json_object *o;

	/* The event loop does not wait for a device that the guest has asked about. */
	if (pthread_mutex_trylock(&t->mutex) != 0) {
		o = json_object_new_object();
		json_object_object_add(o, "verdict", json_object_new_string("pending"));
		json_object_object_add(o, "why", json_object_new_string("the device is being asked at this moment"));
	} else {
		o = t->attest ? attest_json(t->attest) : json_object_new_object();
		pthread_mutex_unlock(&t->mutex);
	}
	json_object_object_add(o, "gate", json_object_new_string(machine_trust_state(ep)));
	return o;
}
