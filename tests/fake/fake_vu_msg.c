/* SPDX-License-Identifier: Apache-2.0 */
/* The pretended back end's messages. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_vu_priv.h"

struct message {
	struct vu_header header;
	union {
		uint64_t u64;
		struct vu_mem_table table;
		struct vu_vring_state state;
		struct vu_vring_addr addr;
		struct vu_config config;
		uint8_t bytes[512];
	} body;
	int fds[VU_MAX_REGIONS];
	unsigned nr_fds;
};

/* Reads exactly @len bytes and whatever descriptors come along. False: the end. */
static bool take(struct fake_vu *vu, void *buf, size_t len, struct message *m)
{
	for (size_t at = 0; at < len;) {
		char control[CMSG_SPACE(VU_MAX_REGIONS * sizeof(int))];
		struct iovec iov = {(char *)buf + at, len - at};
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(vu->conn, &msg, MSG_CMSG_CLOEXEC);

		if (n <= 0)
			return false;
		at += (size_t)n;
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

		if (cmsg) {
			m->nr_fds = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(m->fds, CMSG_DATA(cmsg), m->nr_fds * sizeof(int));
		}
	}
	return true;
}

static void give(struct fake_vu *vu, const void *buf, size_t len, bool fds)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)buf, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fds) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		*cmsg = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(cmsg), &vu->wake, sizeof(int));
	}
	if (sendmsg(vu->conn, &msg, MSG_NOSIGNAL) < 0)
		must(errno == EPIPE || errno == ECONNRESET);
}

/* Sends the reply, or what stands for it. False: the connection is to end. */
static bool reply(struct fake_vu *vu, uint32_t request, const void *body, uint32_t len)
{
	enum fake_vu_evil evil = vu->evil_at == request ? vu->evil : FAKE_VU_GOOD;
	struct vu_header h = {request, VU_FLAG_VERSION | VU_FLAG_REPLY, len};
	uint8_t buf[600];

	switch (evil) {
	case FAKE_VU_WRONG_REQUEST:
		h.request++;
		break;
	case FAKE_VU_NO_REPLY_FLAG:
		h.flags &= ~VU_FLAG_REPLY;
		break;
	case FAKE_VU_WRONG_VERSION:
		h.flags = (h.flags & ~VU_FLAG_VERSION_MASK) | 2;
		break;
	case FAKE_VU_SHORT:
		h.size = len -= 4;
		break;
	case FAKE_VU_LONG:
		h.size = UINT32_MAX;
		break;
	case FAKE_VU_SILENT:
		return true;
	case FAKE_VU_CLOSE:
		give(vu, &h, 6, false);
		return false;
	default:
		break;
	}
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), body, len);
	give(vu, buf, sizeof(h) + len, evil == FAKE_VU_FDS);
	return true;
}

static void set_memory(struct fake_vu *vu, struct message *m)
{
	const struct vu_mem_table *t = &m->body.table;

	must(t->nr_regions <= VU_MAX_REGIONS && t->nr_regions == m->nr_fds);
	must(m->header.size == 8 + t->nr_regions * sizeof(t->regions[0]));
	for (unsigned i = 0; i < vu->nr_regions; i++)
		munmap(vu->regions[i].map, vu->regions[i].map_size);
	vu->nr_regions = t->nr_regions;
	for (unsigned i = 0; i < t->nr_regions; i++) {
		const struct vu_region *from = &t->regions[i];
		struct stat st;
		uint64_t size = from->size + from->mmap_offset;

		must(fstat(m->fds[i], &st) == 0 && (uint64_t)st.st_size >= size);
		void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->fds[i], 0);

		must(map != MAP_FAILED);
		for (unsigned k = 0; k < i; k++)
			must(from->guest_addr + from->size <= vu->regions[k].addr ||
			     vu->regions[k].addr + vu->regions[k].size <= from->guest_addr);
		vu->regions[i] = (struct fake_vu_region){from->guest_addr, from->size, from->user_addr, map, size,
							 from->mmap_offset};
	}
}

static struct fake_vu_ring *ring_of(struct fake_vu *vu, uint64_t index)
{
	must(index < FAKE_VU_RINGS);
	return &vu->rings[index];
}

static void set_ring_fd(struct fake_vu *vu, struct message *m)
{
	struct fake_vu_ring *r = ring_of(vu, m->body.u64 & VU_VRING_FD_INDEX);
	int *slot = m->header.request == VU_SET_VRING_KICK   ? &r->kick
		    : m->header.request == VU_SET_VRING_CALL ? &r->call
							     : &r->err;

	must(!(m->body.u64 & VU_VRING_FD_NONE) && m->nr_fds == 1);
	if (*slot >= 0)
		close(*slot);
	*slot = m->fds[0];
	m->nr_fds = 0;
	if (m->header.request == VU_SET_VRING_KICK) {
		must(r->desc && r->size && r->call >= 0);
		r->started = true;
	}
}

static void set_addr(struct fake_vu *vu, const struct vu_vring_addr *a)
{
	struct fake_vu_ring *r = ring_of(vu, a->index);

	must(r->size && !r->started && vu->acked);
	r->desc = fake_vu_at(vu, a->desc, r->size * 16u, true);
	r->avail = fake_vu_at(vu, a->avail, 6u + 2u * r->size, true);
	r->used = fake_vu_at(vu, a->used, 6u + 8u * r->size, true);
	must(a->desc % 16 == 0 && a->avail % 2 == 0 && a->used % 4 == 0);
}

/* Requests without an answer of their own. */
static void set(struct fake_vu *vu, struct message *m)
{
	switch (m->header.request) {
	case VU_SET_OWNER:
	case VU_RESET_DEVICE:
		break;
	case VU_SET_FEATURES:
		must((m->body.u64 & ~vu->options.features) == 0);
		vu->acked = m->body.u64;
		break;
	case VU_SET_PROTOCOL_FEATURES:
		must((m->body.u64 & ~vu->options.protocol) == 0);
		vu->protocol_acked = m->body.u64;
		break;
	case VU_SET_MEM_TABLE:
		set_memory(vu, m);
		break;
	case VU_SET_VRING_NUM:
		must((m->body.state.num & (m->body.state.num - 1)) == 0 && m->body.state.num <= 1024);
		ring_of(vu, m->body.state.index)->size = (uint16_t)m->body.state.num;
		break;
	case VU_SET_VRING_BASE:
		ring_of(vu, m->body.state.index)->next_avail = (uint16_t)m->body.state.num;
		ring_of(vu, m->body.state.index)->next_used = (uint16_t)m->body.state.num;
		break;
	case VU_SET_VRING_ADDR:
		set_addr(vu, &m->body.addr);
		break;
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		set_ring_fd(vu, m);
		break;
	case VU_SET_VRING_ENABLE:
		must(vu->acked >> VU_F_PROTOCOL_FEATURES & 1);
		ring_of(vu, m->body.state.index)->enabled = m->body.state.num;
		break;
	case VU_SET_CONFIG:
		must(m->body.config.offset + m->body.config.size <= vu->options.config_size);
		memcpy(vu->options.config + m->body.config.offset, m->body.config.data, m->body.config.size);
		break;
	default:
		fake_vu_abort(__FILE__, __LINE__, "a request that is known");
	}
}

static bool get(struct fake_vu *vu, struct message *m)
{
	uint32_t request = m->header.request;
	uint64_t value = request == VU_GET_FEATURES	       ? vu->options.features
			 : request == VU_GET_PROTOCOL_FEATURES ? vu->options.protocol
							       : vu->options.queue_num;

	if (request == VU_GET_VRING_BASE) {
		struct fake_vu_ring *r = ring_of(vu, m->body.state.index);

		must(r->started);
		m->body.state.num = r->next_avail;
		r->started = false;
		for (unsigned i = 0; i < vu->nr_held; i++)
			if (vu->held[i].ring == m->body.state.index)
				vu->held[i--] = vu->held[--vu->nr_held];
		return reply(vu, request, &m->body.state, sizeof(m->body.state));
	}
	if (request == VU_GET_CONFIG) {
		struct vu_config *c = &m->body.config;

		must(m->header.size == 12 + c->size && c->offset + c->size <= vu->options.config_size);
		memcpy(c->data, vu->options.config + c->offset, c->size);
		if (vu->evil == FAKE_VU_REFUSE && vu->evil_at == request)
			return reply(vu, request, c, 0);
		return reply(vu, request, c, m->header.size);
	}
	return reply(vu, request, &value, sizeof(value));
}

bool fake_vu_message(struct fake_vu *vu)
{
	struct message m = {0};
	bool go_on = true;

	if (!take(vu, &m.header, sizeof(m.header), &m))
		return false;
	must((m.header.flags & VU_FLAG_VERSION_MASK) == VU_FLAG_VERSION && !(m.header.flags & VU_FLAG_REPLY));
	must(m.header.size <= sizeof(m.body) && m.header.request < 64);
	if (m.header.size && !take(vu, &m.body, m.header.size, &m))
		return false;
	vu->counts[m.header.request]++;
	switch (m.header.request) {
	case VU_GET_FEATURES:
	case VU_GET_PROTOCOL_FEATURES:
	case VU_GET_QUEUE_NUM:
	case VU_GET_VRING_BASE:
	case VU_GET_CONFIG:
		return get(vu, &m);
	}
	set(vu, &m);
	for (unsigned i = 0; i < m.nr_fds; i++)
		close(m.fds[i]);
	if (m.header.flags & VU_FLAG_NEED_REPLY) {
		uint64_t result = vu->evil == FAKE_VU_REFUSE && vu->evil_at == m.header.request;

		must(vu->protocol_acked >> VU_PROTOCOL_F_REPLY_ACK & 1);
		go_on = reply(vu, m.header.request, &result, sizeof(result));
	}
	return go_on;
}
