/* SPDX-License-Identifier: Apache-2.0 */
/* CoAP (RFC 7252): one record (coap) for each request and its response. */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define WAIT_MAX  8
#define WAIT_NS	  (60 * NS_PER_S)
#define PATH_MAX_ 128
#define TOKEN	  8

struct ask {
	int64_t ts;
	uint64_t token;
	uint8_t method, asker, npath;
	char path[PATH_MAX_];
};

struct coap {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

struct msg {
	uint8_t type, code;
	uint16_t id;
	uint64_t token;
	size_t npath;
	char path[PATH_MAX_];
	unsigned options;
};

static const char *const methods[] = {NULL,	"GET",	 "POST",  "PUT",
				      "DELETE", "FETCH", "PATCH", "iPATCH"};

/* 13 and 14 say that one or two bytes with more follow. */
static bool nibble(const uint8_t *p, size_t n, size_t *at, unsigned v, uint32_t *ret_v)
{
	if (v < 13) {
		*ret_v = v;
		return true;
	}
	if (v == 15 || *at + (v == 13 ? 1 : 2) > n)
		return false;
	*ret_v = v == 13 ? p[*at] + 13U : be16(p + *at) + 269U;
	*at += v == 13 ? 1 : 2;
	return true;
}

static void path_add(struct msg *m, const uint8_t *p, size_t n)
{
	if (m->npath + 1 + n > sizeof(m->path))
		return;
	m->path[m->npath++] = '/';
	if (n)
		memcpy(m->path + m->npath, p, n);
	m->npath += n;
}

/* The whole message up to its payload; false: none. */
static bool msg_read(struct str s, struct msg *m)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t at = 4, n = s.len;
	uint32_t no = 0, delta, len;
	unsigned tkl;

	*m = (struct msg){0};
	if (n < 4 || p[0] >> 6 != 1 || (p[0] & 15) > TOKEN)
		return false;
	m->type = p[0] >> 4 & 3;
	m->code = p[1];
	m->id = be16(p + 2);
	tkl = p[0] & 15;
	if (at + tkl > n || (!m->code && n != 4))
		return false;
	for (unsigned i = 0; i < tkl; i++)
		m->token = m->token << 8 | p[at + i];
	at += tkl;
	while (at < n && p[at] != 0xff) {
		uint8_t b = p[at++];

		if (!nibble(p, n, &at, b >> 4, &delta) || !nibble(p, n, &at, b & 15, &len) ||
		    len > n - at || (no += delta) > UINT16_MAX)
			return false;
		if (no == 11)
			path_add(m, p + at, len);
		m->options++;
		at += len;
	}
	return at == n || at + 1 < n;
}

static bool code_ok(uint8_t code)
{
	unsigned class = code >> 5, detail = code & 31;

	if (!class)
		return detail < ARRAY_LEN(methods);
	return (class == 2 || class == 4 || class == 5) && detail <= 31;
}

static enum sniff_result coap_sniff(const struct sniff *s)
{
	struct msg m;

	if (!msg_read(s->data, &m) || !code_ok(m.code))
		return SNIFF_NO;
	if (s->hinted)
		return SNIFF_YES;
	/* Elsewhere only a request for a path in plain letters. */
	if (s->dir != DIR_ORIG || !m.code || m.code > 4 || m.type > 1 || m.npath < 3)
		return SNIFF_NO;
	for (size_t i = 0; i < m.npath; i++)
		if (m.path[i] < 0x21 || m.path[i] > 0x7e)
			return SNIFF_NO;
	return SNIFF_YES;
}

static void tell(struct conn *c, struct coap *s, const struct ask *a, int code)
{
	uint32_t repeats = 0;
	struct rec *r;
	char tmp[16];

	if (code >= 0 && code >> 5 == 2 && a->method == 1 &&
	    !ot_due(c, &s->seen, hash_bytes(a->path, a->npath, a->method), &repeats))
		return;
	r = ot_rec(c, "coap", a->ts, a->asker);
	rec_z(r, "method", methods[a->method]);
	rec_str(r, "uri_path", str_n(a->path, a->npath));
	rec_z(r, "access", a->method == 1 || a->method == 5 ? "read" : "write");
	if (code >= 0) {
		snprintf(tmp, sizeof(tmp), "%u.%02u", (unsigned)code >> 5, (unsigned)code & 31);
		rec_z(r, "response_code", tmp);
		if (code >> 5 > 2)
			rec_z(r, "error", tmp);
	} else {
		rec_bool(r, "answered", false);
	}
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct coap *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct coap *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], -1);
		forget(s, 0);
	}
}

static int coap_datagram(struct conn *c, enum dir d, struct str data)
{
	struct coap *s = c->state;
	struct msg m;
	struct ask a = {.ts = c->ts, .asker = (uint8_t)d};

	if (!msg_read(data, &m) || !code_ok(m.code))
		return STREAM_FAIL;
	if (!m.code)
		return 0; /* an acknowledgement alone */
	if (m.code >> 5) {
		for (unsigned i = 0; i < s->n; i++) {
			if (s->wait[i].token != m.token || s->wait[i].asker == d)
				continue;
			a = s->wait[i];
			forget(s, i);
			tell(c, s, &a, m.code);
			return 0;
		}
		return 0; /* a notification of what is observed */
	}
	for (unsigned i = 0; i < s->n; i++) /* sent again */
		if (s->wait[i].token == m.token && s->wait[i].asker == d)
			return 0;
	a.token = m.token;
	a.method = m.code;
	a.npath = (uint8_t)m.npath;
	memcpy(a.path, m.path, sizeof(a.path));
	unanswered(c, s, c->known - WAIT_NS);
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = a;
	return 0;
}

static void coap_close(struct conn *c)
{
	struct coap *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "coap");
}

const struct proto_ops proto_coap = {
	.name = "coap",
	.transports = PROTO_UDP,
	.ports = {5683},
	.state_size = sizeof(struct coap),
	.sniff = coap_sniff,
	.datagram = coap_datagram,
	.close = coap_close,
};
