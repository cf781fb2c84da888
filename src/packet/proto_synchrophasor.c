/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synchrophasors (IEEE C37.118.2) over TCP and UDP: what measuring units are told to do
 * (synchrophasor_cmd, as in ICSNPP's log), what they say they measure (synchrophasor_cfg), and
 * that they send (synchrophasor, once in ten minutes). Every frame has a checksum, which makes
 * it known on any port.
 */
#include "base/hash.h"
#include "packet/ot.h"

#define HEAD	  14 /* mark, size, stream, seconds, fraction */
#define FRAME_MIN 16
#define STATION	  16 /* bytes of a name */
#define PMUS_MAX  16

enum { DATA, HEADER, CFG1, CFG2, COMMAND, CFG3, TYPES };

struct synchrophasor {
	struct ot_seen seen;
};

/* CRC-CCITT: polynomial 0x1021, from all ones (annex B). */
static uint16_t crc(const uint8_t *p, size_t n)
{
	uint16_t c = 0xffff;

	for (size_t i = 0; i < n; i++) {
		c ^= (uint16_t)(p[i] << 8);
		for (unsigned b = 0; b < 8; b++)
			c = c & 0x8000 ? (uint16_t)(c << 1 ^ 0x1021) : (uint16_t)(c << 1);
	}
	return c;
}

static bool is_head(const uint8_t *p)
{
	return p[0] == 0xaa && (p[1] >> 4) < TYPES && (p[1] & 15) >= 1 && (p[1] & 15) <= 3 &&
	       be16(p + 2) >= FRAME_MIN;
}

static enum sniff_result sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len, len;

	if (p[0] != 0xaa)
		return SNIFF_NO;
	if (n < 4)
		return s->transport == PROTO_TCP ? SNIFF_MORE : SNIFF_NO;
	len = be16(p + 2);
	if (!is_head(p) || (s->transport == PROTO_UDP && n != len))
		return SNIFF_NO;
	if (n < len)
		return len <= 2048 ? SNIFF_MORE : SNIFF_NO;
	return crc(p, len - 2) == be16(p + len - 2) ? SNIFF_YES : SNIFF_NO;
}

static void command(struct conn *c, enum dir d, const uint8_t *p, size_t n)
{
	static const struct ot_name names[] = {{1, "Data off"},	     {2, "Data on"},
					       {3, "Send HDR"},	     {4, "Send CFG-1"},
					       {5, "Send CFG-2"},    {6, "Send CFG-3"},
					       {8, "Extended frame"}};
	unsigned cmd = n >= HEAD + 4 ? be16(p + HEAD) : 0;
	char tmp[24];
	struct rec *r = ot_rec(c, "synchrophasor_cmd", c->ts, d);

	rec_z(r, "proto", conn_proto(c) == IPPROTO_N_TCP ? "tcp" : "udp");
	rec_z(r, "command", OT_NAME_OR(names, cmd, tmp));
	/* Who turns measurements off takes the view of the grid. */
	rec_z(r, "access",
	      cmd == 1		   ? "control"
	      : cmd == 2	   ? "read"
	      : cmd > 2 && cmd < 7 ? "identify"
				   : "other");
	rec_u64(r, "stream", be16(p + 4));
	rec_end(r);
}

/* Bytes of what a configuration says of one unit, 0 when it does not fit. */
static size_t unit_size(const uint8_t *p, size_t n)
{
	size_t phasors, analogs, digitals, size;

	if (n < STATION + 10)
		return 0;
	phasors = be16(p + STATION + 4);
	analogs = be16(p + STATION + 6);
	digitals = be16(p + STATION + 8);
	size = STATION + 10 + STATION * (phasors + analogs + 16 * digitals) +
	       4 * (phasors + analogs + digitals) + 4;
	return size <= n ? size : 0;
}

/* Configurations 1 and 2: the units of a stream, by name. */
static void config(struct conn *c, struct synchrophasor *s, enum dir d, const uint8_t *p,
		   size_t n)
{
	unsigned count = n >= HEAD + 8 ? be16(p + HEAD + 4) : 0;
	struct ot_asset a = {.protocol = "synchrophasor", .who = d, .type = STR("PMU")};
	size_t at = HEAD + 6;
	uint32_t repeats;
	struct rec *r;

	if (!count || !ot_due(c, &s->seen, hash_bytes(p + HEAD, n - HEAD - 2, p[1]), &repeats))
		return;
	r = ot_rec(c, "synchrophasor_cfg", c->ts, d);
	rec_z(r, "proto", conn_proto(c) == IPPROTO_N_TCP ? "tcp" : "udp");
	rec_z(r, "frame_type", p[1] >> 4 == CFG1 ? "CFG1" : "CFG2");
	rec_z(r, "access", "notify");
	rec_u64(r, "stream", be16(p + 4));
	rec_u64(r, "pmu_count", count);
	rec_list(r, "stations");
	for (unsigned i = 0; i < MIN(count, PMUS_MAX); i++) {
		size_t size = unit_size(p + at, n - 2 - at);
		struct str name;

		if (!size)
			break;
		name = str_trim(str_n((const char *)p + at, STATION));
		rec_str(r, NULL, name);
		a.name = i ? a.name : name;
		at += size;
	}
	rec_list_end(r);
	ot_repeats(r, repeats);
	rec_end(r);
	ot_asset(c, &a);
}

static void data(struct conn *c, struct synchrophasor *s, enum dir d, const uint8_t *p)
{
	uint32_t repeats;
	struct rec *r;

	if (!ot_due(c, &s->seen, hash_2(be16(p + 4), d), &repeats))
		return;
	r = ot_rec(c, "synchrophasor", c->ts, d);
	rec_z(r, "proto", conn_proto(c) == IPPROTO_N_TCP ? "tcp" : "udp");
	rec_z(r, "frame_type", "data");
	rec_z(r, "access", "notify");
	rec_u64(r, "stream", be16(p + 4));
	ot_repeats(r, repeats);
	rec_end(r);
}

static bool frame(struct conn *c, enum dir d, const uint8_t *p, size_t n)
{
	struct synchrophasor *s = c->state;

	if (crc(p, n - 2) != be16(p + n - 2))
		return false;
	switch (p[1] >> 4) {
	case DATA:
		data(c, s, d, p);
		break;
	case CFG1:
	case CFG2:
		config(c, s, d, p, n);
		break;
	case COMMAND:
		command(c, d, p, n);
		break;
	default:
		break;
	}
	return true;
}

static int64_t stream(struct conn *c, enum dir d, struct str in)
{
	const uint8_t *p = (const uint8_t *)in.p;
	size_t n;

	if (in.len < 4)
		return p[0] == 0xaa ? 0 : STREAM_FAIL;
	n = be16(p + 2);
	if (!is_head(p))
		return STREAM_FAIL;
	if (in.len < n)
		return 0;
	return frame(c, d, p, n) ? (int64_t)n : STREAM_FAIL;
}

static int datagram(struct conn *c, enum dir d, struct str in)
{
	const uint8_t *p = (const uint8_t *)in.p;

	return in.len >= FRAME_MIN && is_head(p) && be16(p + 2) == in.len &&
			       frame(c, d, p, in.len)
		       ? 0
		       : STREAM_FAIL;
}

static void synchrophasor_close(struct conn *c)
{
	struct synchrophasor *s = c->state;

	ot_close(c, &s->seen, "synchrophasor");
}

const struct proto_ops proto_synchrophasor = {
	.name = "synchrophasor",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {4712, 4713},
	.state_size = sizeof(struct synchrophasor),
	.buffer_max = 65536,
	.sniff = sniff,
	.stream = stream,
	.datagram = datagram,
	.gap = ot_gap,
	.close = synchrophasor_close,
};
