/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/rec.h"
#include "base/utf8.h"
#include <stdlib.h>

#define FIELD_ROOM 512 /* a key, a number, brackets that close */
#define KEY_MAX	   64

void rec_free(struct rec *r)
{
	free(r->p);
	*r = (struct rec){0};
}

/* Room for n bytes and what closes the record. */
static bool room(struct rec *r, size_t n)
{
	size_t need = r->len + n + FIELD_ROOM, cap;
	char *p;

	if (r->failed)
		return false;
	if (need <= r->cap)
		return need - r->start <= REC_MAX;
	if (need - r->start > REC_MAX)
		return false;
	cap = MAX(need, r->cap ? r->cap * 2 : 64 * KIB);
	p = realloc(r->p, cap);
	if (!p) {
		r->failed = true;
		return false;
	}
	r->p = p;
	r->cap = cap;
	return true;
}

static void put(struct rec *r, const char *p, size_t n)
{
	memcpy(r->p + r->len, p, n);
	r->len += n;
}

static void putc_(struct rec *r, char c)
{
	r->p[r->len++] = c;
}

static void put_u64(struct rec *r, uint64_t v)
{
	char tmp[20];
	size_t n = sizeof(tmp);

	do {
		tmp[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put(r, tmp + n, sizeof(tmp) - n);
}

static void put_digits(struct rec *r, uint32_t v, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; v /= 10)
		r->p[r->len + i] = (char)('0' + v % 10);
	r->len += digits;
}

/* Seconds with six digits of fraction, nine where the clock is that fine. */
static void put_secs(struct rec *r, int64_t ns)
{
	uint64_t v = (uint64_t)ns;
	uint32_t frac;

	if (ns < 0) {
		putc_(r, '-');
		v = 0 - v;
	}
	put_u64(r, v / (uint64_t)NS_PER_S);
	frac = (uint32_t)(v % (uint64_t)NS_PER_S);
	putc_(r, '.');
	if (frac % 1000)
		put_digits(r, frac, 9);
	else
		put_digits(r, frac / 1000, 6);
}

/* The key, or the comma before an item of a list; false: there is no room. */
static bool begin(struct rec *r, const char *key, size_t n)
{
	size_t k = key ? strlen(key) : 0;

	if (!room(r, n + KEY_MAX) || k > KEY_MAX)
		return false;
	if (!key) {
		if (r->item)
			putc_(r, ',');
		r->item = true;
		return true;
	}
	putc_(r, ',');
	putc_(r, '"');
	put(r, key, k);
	putc_(r, '"');
	putc_(r, ':');
	return true;
}

void rec_begin(struct rec *r, const char *path, int64_t known, int64_t ts)
{
	r->start = r->len;
	r->depth = 0;
	r->failed = false;
	if (!room(r, 256))
		return;
	put(r, "{\"_path\":\"", 10);
	put(r, path, MIN(strlen(path), (size_t)KEY_MAX));
	putc_(r, '"');
	rec_secs(r, "_write_ts", known);
	rec_secs(r, "ts", ts);
}

void rec_end(struct rec *r)
{
	if (r->failed || r->len == r->start) {
		r->len = r->start;
		r->lost++;
		return;
	}
	while (r->depth)
		rec_list_end(r);
	/* FIELD_ROOM has always been left for this. */
	put(r, "}\n", 2);
	r->records++;
}

static void put_escaped(struct rec *r, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char e = c == '"' || c == '\\' ? (char)c
		 : c == '\n'	       ? 'n'
		 : c == '\r'	       ? 'r'
		 : c == '\t'	       ? 't'
				       : 0;

	putc_(r, '\\');
	if (e) {
		putc_(r, e);
		return;
	}
	put(r, "u00", 3);
	putc_(r, hex[c >> 4]);
	putc_(r, hex[c & 15]);
}

void rec_str(struct rec *r, const char *key, struct str s)
{
	size_t i = 0, plain = 0;

	s.len = MIN(s.len, REC_TEXT_MAX);
	if (!s.p || !begin(r, key, s.len * 6 + 2))
		return;
	putc_(r, '"');
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
		put(r, s.p + plain, i - plain);
		put_escaped(r, c);
		plain = ++i;
	}
	put(r, s.p + plain, s.len - plain);
	putc_(r, '"');
}

void rec_z(struct rec *r, const char *key, const char *z)
{
	if (z)
		rec_str(r, key, str_of(z));
}

void rec_u64(struct rec *r, const char *key, uint64_t v)
{
	if (begin(r, key, 20))
		put_u64(r, v);
}

void rec_i64(struct rec *r, const char *key, int64_t v)
{
	if (!begin(r, key, 21))
		return;
	if (v < 0)
		putc_(r, '-');
	put_u64(r, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void rec_bool(struct rec *r, const char *key, bool v)
{
	if (begin(r, key, 5))
		put(r, v ? "true" : "false", v ? 4 : 5);
}

void rec_secs(struct rec *r, const char *key, int64_t ns)
{
	if (begin(r, key, 32))
		put_secs(r, ns);
}

void rec_ip(struct rec *r, const char *key, const struct ip *ip)
{
	char text[IP_TEXT];
	struct str s;

	if (!begin(r, key, IP_TEXT + 2))
		return;
	putc_(r, '"');
	if (ip_is_v4(ip)) {
		for (unsigned i = 12; i < 16; i++) {
			put_u64(r, ip->b[i]);
			if (i < 15)
				putc_(r, '.');
		}
	} else {
		s = ip_text(ip, text);
		put(r, s.p, s.len);
	}
	putc_(r, '"');
}

static void put_hex(struct rec *r, const uint8_t *p, size_t n, bool colons)
{
	static const char hex[] = "0123456789abcdef";

	putc_(r, '"');
	for (size_t i = 0; i < n; i++) {
		if (colons && i)
			putc_(r, ':');
		putc_(r, hex[p[i] >> 4]);
		putc_(r, hex[p[i] & 15]);
	}
	putc_(r, '"');
}

void rec_mac(struct rec *r, const char *key, const uint8_t mac[6])
{
	if (begin(r, key, 20))
		put_hex(r, mac, 6, true);
}

void rec_hex(struct rec *r, const char *key, const uint8_t *p, size_t n)
{
	n = MIN(n, REC_TEXT_MAX / 2);
	if (begin(r, key, 2 * n + 2))
		put_hex(r, p, n, false);
}

void rec_list(struct rec *r, const char *key)
{
	/* Without room for the bracket the items must not be written either. */
	if (!begin(r, key, 2)) {
		r->failed = true;
		return;
	}
	putc_(r, '[');
	r->item = false;
	r->depth++;
}

void rec_list_end(struct rec *r)
{
	if (r->failed || !r->depth)
		return;
	putc_(r, ']');
	r->depth--;
	r->item = true;
}
