/* SPDX-License-Identifier: Apache-2.0 */
#include "fdtw.h"

#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define NAME_MAX_LEN 128u

static void note(struct fdtw *w, int err)
{
	if (!w->error)
		w->error = err;
}

int fdtw_start(struct fdtw *w)
{
	*w = (struct fdtw){.size = FDTW_MAX_SIZE, .next_phandle = FDTW_PHANDLE_FIRST_FREE};
	w->buf = calloc(1, w->size);
	if (!w->buf)
		return log_fail(-ENOMEM, "out of memory for the device tree");
	note(w, fdt_create(w->buf, (int)w->size));
	/* No memory reservation block entries: reservations are nodes below /reserved-memory. */
	if (!w->error)
		note(w, fdt_finish_reservemap(w->buf));
	return 0;
}

int fdtw_finish(struct fdtw *w, size_t *len)
{
	if (w->depth != 0 || !w->closed)
		note(w, -FDT_ERR_BADSTRUCTURE);
	if (!w->error)
		note(w, fdt_finish(w->buf));
	if (w->error)
		return log_fail(-EINVAL, "cannot build the device tree: %s", fdt_strerror(w->error));
	*len = fdt_totalsize(w->buf);
	return 0;
}

void fdtw_free(struct fdtw *w)
{
	free(w->buf);
	w->buf = NULL;
	w->size = 0;
}

uint32_t fdtw_phandle(struct fdtw *w)
{
	return w->next_phandle++;
}

void fdtw_begin(struct fdtw *w, const char *name_fmt, ...)
{
	char name[NAME_MAX_LEN];
	va_list args;

	va_start(args, name_fmt);
	int n = vsnprintf(name, sizeof(name), name_fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(name))
		note(w, -FDT_ERR_BADVALUE);
	if (w->depth == 0 && w->closed)
		note(w, -FDT_ERR_BADSTRUCTURE); /* a second root */
	if (!w->error)
		note(w, fdt_begin_node(w->buf, name));
	w->depth++;
	w->closed = false;
}

void fdtw_end(struct fdtw *w)
{
	if (w->depth == 0)
		note(w, -FDT_ERR_BADSTRUCTURE);
	else
		w->depth--;
	if (!w->error)
		note(w, fdt_end_node(w->buf));
	w->closed = true;
}

/* libfdt itself does not look where a property goes. */
static void check_place(struct fdtw *w)
{
	if (w->depth == 0 || w->closed)
		note(w, -FDT_ERR_BADSTRUCTURE);
}

static void property(struct fdtw *w, const char *name, const void *value, size_t len)
{
	check_place(w);
	if (len > FDTW_MAX_SIZE)
		note(w, -FDT_ERR_NOSPACE);
	if (!w->error)
		note(w, fdt_property(w->buf, name, value, (int)len));
}

void fdtw_empty(struct fdtw *w, const char *name)
{
	property(w, name, "", 0);
}

void fdtw_string(struct fdtw *w, const char *name, const char *value)
{
	property(w, name, value, strlen(value) + 1);
}

void fdtw_strings(struct fdtw *w, const char *name, const char *values, size_t len)
{
	property(w, name, values, len);
}

void fdtw_u32(struct fdtw *w, const char *name, uint32_t value)
{
	fdtw_u32s(w, name, &value, 1);
}

void fdtw_u64(struct fdtw *w, const char *name, uint64_t value)
{
	FDTW_CELLS(w, name, FDTW_U64(value));
}

void fdtw_u32s(struct fdtw *w, const char *name, const uint32_t *values, size_t n)
{
	void *to;

	check_place(w);
	if (n > FDTW_MAX_SIZE / sizeof(uint32_t))
		note(w, -FDT_ERR_NOSPACE);
	if (!w->error)
		note(w, fdt_property_placeholder(w->buf, name, (int)(n * sizeof(uint32_t)), &to));
	if (w->error)
		return;
	for (size_t i = 0; i < n; i++) {
		fdt32_t cell = cpu_to_fdt32(values[i]);
		memcpy((char *)to + i * sizeof(cell), &cell, sizeof(cell));
	}
}

void fdtw_reg(struct fdtw *w, uint64_t base, uint64_t size)
{
	FDTW_CELLS(w, "reg", FDTW_U64(base), FDTW_U64(size));
}
