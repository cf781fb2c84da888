/* SPDX-License-Identifier: Apache-2.0 */
/* RFB, which VNC speaks: versions, the kind of log-in and its end, as Zeek's log. */
#include "packet/proto.h"

struct rfb {
	uint8_t version[2]; /* minor, of each side */
	bool spoke[2], told;
	uint8_t kind, waits; /* 0: of kinds, 1: of the challenge, 2: of the end */
	int64_t ts;
};

static enum sniff_result rfb_sniff(const struct sniff *s)
{
	struct str head = STR("RFB 003.");

	if (!str_starts(s->data, str_sub(head, 0, s->data.len)))
		return SNIFF_NO;
	return s->data.len < 12 ? SNIFF_MORE : s->data.p[11] == '\n' ? SNIFF_YES : SNIFF_NO;
}

static void write_rfb(struct conn *c, struct rfb *s, int ok)
{
	static const char *const kinds[] = {"Invalid", "None", "VNC"};
	struct rec *r;

	if (s->told || !s->ts)
		return;
	s->told = true;
	r = conn_rec(c, "rfb", s->ts);
	rec_z(r, "client_major_version", "003");
	rec_u64(r, "client_minor_version", s->version[DIR_ORIG]);
	rec_z(r, "server_major_version", "003");
	rec_u64(r, "server_minor_version", s->version[DIR_RESP]);
	if (s->kind < ARRAY_LEN(kinds))
		rec_z(r, "authentication_method", kinds[s->kind]);
	else
		rec_u64(r, "authentication_method", s->kind);
	if (ok >= 0)
		rec_bool(r, "auth", ok);
	rec_end(r);
}

/* Both speak the older of their versions; from 3.7 on the client chooses the kind of log-in. */
static bool chooses(const struct rfb *s)
{
	return MIN(s->version[DIR_ORIG], s->version[DIR_RESP]) >= 7;
}

/* What the server says of the log-in; bytes taken. */
static int64_t server(struct conn *c, struct rfb *s, const uint8_t *p, size_t n)
{
	if (s->waits == 0) {
		if (!chooses(s)) { /* it decides alone */
			if (n < 4)
				return 0;
			s->kind = (uint8_t)be32(p);
			s->waits = s->kind == 2 ? 1 : 3;
			if (s->kind != 2)
				write_rfb(c, s, -1);
			return 4;
		}
		if (n < (size_t)p[0] + 1)
			return 0;
		return p[0] + 1;
	}
	if (s->waits == 1) {
		if (n < 16)
			return 0;
		s->waits = 2;
		return 16;
	}
	if (n < 4)
		return 0;
	write_rfb(c, s, be32(p) == 0);
	return 4;
}

static int64_t rfb_stream(struct conn *c, enum dir d, struct str data)
{
	struct rfb *s = c->state;
	const uint8_t *p = (const uint8_t *)data.p;

	if (s->told)
		return (int64_t)data.len;
	if (!s->spoke[d]) {
		if (data.len < 12)
			return 0;
		s->spoke[d] = true;
		s->ts = s->ts ? s->ts : c->ts;
		s->version[d] = (uint8_t)((p[9] - '0') * 10 + (p[10] - '0'));
		return 12;
	}
	if (d == DIR_RESP)
		return server(c, s, p, data.len);
	if (s->waits == 0 && chooses(s)) {
		s->kind = p[0];
		s->waits = p[0] == 2 ? 1 : 2;
		return 1;
	}
	return (int64_t)data.len;
}

static bool rfb_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)d;
	(void)n;
	return ((struct rfb *)c->state)->told;
}

static void rfb_close(struct conn *c)
{
	write_rfb(c, c->state, -1);
}

const struct proto_ops proto_rfb = {
	.name = "rfb",
	.transports = PROTO_TCP,
	.ports = {5900, 5901, 5800},
	.state_size = sizeof(struct rfb),
	.sniff = rfb_sniff,
	.stream = rfb_stream,
	.gap = rfb_gap,
	.close = rfb_close,
};
