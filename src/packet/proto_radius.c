/* SPDX-License-Identifier: Apache-2.0 */
/* RADIUS: a request with its answer, as Zeek's. Passwords are not read. */
#include "packet/line.h"

#define WAIT_MAX 4

enum { REQUEST = 1, ACCEPT, REJECT, CHALLENGE = 11 };

struct ask {
	bool used;
	uint8_t id;
	int64_t ts;
	struct text user, mac;
};

struct radius {
	struct ask ask[WAIT_MAX];
	unsigned next;
};

static bool is_radius(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return s.len >= 20 && be16(p + 2) >= 20 && be16(p + 2) <= s.len &&
	       (p[0] <= 5 || p[0] == CHALLENGE) && p[0];
}

static enum sniff_result radius_sniff(const struct sniff *s)
{
	return s->hinted && is_radius(s->data) ? SNIFF_YES : SNIFF_NO;
}

/* The attribute's value, or one without p. */
static struct str attribute(struct str s, uint8_t type)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t at = 20, end = MIN((size_t)be16(p + 2), s.len);

	while (at + 2 <= end && p[at + 1] >= 2 && p[at + 1] <= end - at) {
		if (p[at] == type)
			return str_sub(s, at + 2, at + p[at + 1]);
		at += p[at + 1];
	}
	return str_n(NULL, 0);
}

static void write_radius(struct conn *c, struct ask *a, const char *result, struct str reply)
{
	struct rec *r = conn_rec(c, "radius", a->ts);

	text_put(r, "username", &a->user);
	text_put(r, "mac", &a->mac);
	if (reply.len)
		rec_str(r, "reply_msg", reply);
	rec_z(r, "result", result);
	if (c->ts >= a->ts)
		rec_secs(r, "ttl", c->ts - a->ts);
	rec_end(r);
	a->used = false;
}

static int radius_datagram(struct conn *c, enum dir d, struct str s)
{
	struct radius *t = c->state;
	const uint8_t *p = (const uint8_t *)s.p;

	(void)d;
	if (!is_radius(s))
		return STREAM_FAIL;
	if (p[0] == REQUEST) {
		struct ask *a = &t->ask[t->next++ % WAIT_MAX];

		if (a->used)
			write_radius(c, a, "unknown", str_n(NULL, 0));
		*a = (struct ask){.used = true, .id = p[1], .ts = c->ts};
		text_set(&a->user, attribute(s, 1));
		text_set(&a->mac, attribute(s, 31));
		return 0;
	}
	if (p[0] != ACCEPT && p[0] != REJECT)
		return 0;
	for (unsigned i = 0; i < WAIT_MAX; i++)
		if (t->ask[i].used && t->ask[i].id == p[1])
			write_radius(c, &t->ask[i], p[0] == ACCEPT ? "success" : "failed",
				     attribute(s, 18));
	return 0;
}

static void radius_close(struct conn *c)
{
	struct radius *t = c->state;

	for (unsigned i = 0; i < WAIT_MAX; i++)
		if (t->ask[i].used)
			write_radius(c, &t->ask[i], "unknown", str_n(NULL, 0));
}

const struct proto_ops proto_radius = {
	.name = "radius",
	.transports = PROTO_UDP,
	.ports = {1812, 1645},
	.state_size = sizeof(struct radius),
	.sniff = radius_sniff,
	.datagram = radius_datagram,
	.close = radius_close,
};
