/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

char *buf_room(struct buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (b->err)
		return NULL;
	if (n > b->max || b->len > b->max - n) {
		b->err = E_LIMIT;
		return NULL;
	}
	need = b->len + n + 1;
	if (need <= b->cap)
		return b->p + b->len;
	cap = b->cap ? b->cap * 2 : 256;
	if (cap < need)
		cap = need;
	p = realloc(b->p, cap);
	if (!p) {
		b->err = -ENOMEM;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return b->p + b->len;
}

void buf_add(struct buf *b, struct str s)
{
	char *p = buf_room(b, s.len);

	if (!p)
		return;
	if (s.len)
		memcpy(p, s.p, s.len);
	b->len += s.len;
	b->p[b->len] = 0;
}

void buf_addz(struct buf *b, const char *z)
{
	buf_add(b, str_of(z));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, str_n(&c, 1));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap, ap2;
	int n;
	char *p;

	va_start(ap, fmt);
	va_copy(ap2, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : buf_room(b, (size_t)n);
	if (p) {
		vsnprintf(p, (size_t)n + 1, fmt, ap2);
		b->len += (size_t)n;
	}
	va_end(ap2);
}

static void json_escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_addz(b, "\\\"");
		break;
	case '\\':
		buf_addz(b, "\\\\");
		break;
	case '\n':
		buf_addz(b, "\\n");
		break;
	case '\r':
		buf_addz(b, "\\r");
		break;
	case '\t':
		buf_addz(b, "\\t");
		break;
	default:
		buf_fmt(b, "\\u%04x", c);
	}
}

void buf_json(struct buf *b, struct str s)
{
	size_t i = 0, plain = 0;

	buf_addc(b, '"');
	while (i < s.len) {
		unsigned char c = (unsigned char)s.p[i];
		size_t n;

		if (c >= 0x20 && c != '"' && c != '\\' && c < 0x7f) {
			i++;
			continue;
		}
		n = c >= 0x80 ? utf8_len(s, i) : 0;
		if (n) {
			i += n;
			continue;
		}
		buf_add(b, str_sub(s, plain, i));
		if (c >= 0x80)
			buf_addz(b, "\\ufffd");
		else
			json_escape(b, c);
		plain = ++i;
	}
	buf_add(b, str_sub(s, plain, s.len));
	buf_addc(b, '"');
}

void buf_json_f64(struct buf *b, double v)
{
	if (!isfinite(v))
		buf_addz(b, "null");
	else
		buf_fmt(b, "%.6g", v);
}

void buf_safe(struct buf *b, struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		unsigned char c = (unsigned char)s.p[i];
		size_t n = c >= 0x80 ? utf8_len(s, i) : 1;

		/* C1 controls (U+0080 to U+009F) can drive a terminal too. */
		if (c < 0x20 || c == 0x7f || n == 0 ||
		    (c == 0xc2 && n == 2 && (unsigned char)s.p[i + 1] < 0xa0)) {
			buf_fmt(b, "\\x%02x", c);
			i++;
			continue;
		}
		buf_add(b, str_sub(s, i, i + n));
		i += n;
	}
}

struct str buf_str(const struct buf *b)
{
	return (struct str){b->p ? b->p : "", b->len};
}

int buf_err(const struct buf *b)
{
	return b->err;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->err = 0;
	if (b->p)
		b->p[0] = 0;
}

void buf_free(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}
