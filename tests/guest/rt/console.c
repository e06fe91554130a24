/* SPDX-License-Identifier: Apache-2.0 */
/* Formatted output. */
#include "rt.h"

struct out {
	char *at, *end; /* end: the last byte, for the terminator */
};

static void emit(struct out *out, char c)
{
	if (out->at < out->end)
		*out->at++ = c;
}

static void emit_number(struct out *out, unsigned long long v, unsigned base, unsigned width, char pad)
{
	char digits[24];
	unsigned n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % base];
	while ((v /= base) != 0);
	for (; width > n; width--)
		emit(out, pad);
	while (n > 0)
		emit(out, digits[--n]);
}

static void emit_string(struct out *out, const char *s)
{
	for (; *s; s++)
		emit(out, *s);
}

void vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out out = {buf, buf + size - 1};

	for (; *fmt; fmt++) {
		unsigned width = 0, longs = 0;
		char pad = ' ';

		if (*fmt != '%') {
			emit(&out, *fmt);
			continue;
		}
		fmt++;
		if (*fmt == '-' || *fmt == '0')
			pad = *fmt++ == '0' ? '0' : ' ';
		for (; *fmt >= '0' && *fmt <= '9'; fmt++)
			width = width * 10 + (unsigned)(*fmt - '0');
		for (; *fmt == 'l'; fmt++)
			longs++;
		if (*fmt == 'c') {
			emit(&out, (char)va_arg(ap, int));
		} else if (*fmt == 's') {
			emit_string(&out, va_arg(ap, const char *));
		} else if (*fmt == 'd') {
			long long v = longs ? va_arg(ap, long long) : va_arg(ap, int);

			if (v < 0)
				emit(&out, '-');
			emit_number(&out, v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v, 10, width, pad);
		} else if (*fmt == 'u' || *fmt == 'x') {
			unsigned long long v = longs ? va_arg(ap, unsigned long long) : va_arg(ap, unsigned);

			emit_number(&out, v, *fmt == 'x' ? 16 : 10, width, pad);
		} else {
			emit(&out, *fmt);
		}
	}
	*out.at = '\0';
}

void print(const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vformat(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	for (const char *s = buf; *s; s++)
		put(*s);
}
