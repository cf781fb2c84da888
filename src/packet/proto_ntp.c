/* SPDX-License-Identifier: Apache-2.0 */
/* NTP: one record for each direction's first message of a connection, as pollers repeat it. */
#include "packet/proto.h"

struct ntp {
	bool told[2];
};

static enum sniff_result ntp_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	unsigned version, mode;

	if (!s->hinted || s->data.len < 12)
		return SNIFF_NO;
	version = p[0] >> 3 & 7;
	mode = p[0] & 7;
	if (version < 1 || version > 4)
		return SNIFF_NO;
	return mode >= 6 || s->data.len >= 48 ? SNIFF_YES : SNIFF_NO;
}

static int64_t stamp(const uint8_t *p)
{
	uint64_t v = be64(p);
	int64_t s = (int64_t)(v >> 32) - INT64_C(2208988800); /* 1900 to 1970 */

	return s * NS_PER_S + (int64_t)(((v & 0xffffffff) * NS_PER_S) >> 32);
}

static int ntp_datagram(struct conn *c, enum dir d, struct str s)
{
	struct ntp *n = c->state;
	const uint8_t *p = (const uint8_t *)s.p;
	unsigned mode = p[0] & 7;
	struct rec *r;

	if (s.len < 12)
		return STREAM_FAIL;
	if (n->told[d])
		return 0;
	n->told[d] = true;
	r = conn_rec(c, "ntp", c->ts);
	rec_u64(r, "version", p[0] >> 3 & 7);
	rec_u64(r, "mode", mode);
	if (mode < 6 && s.len >= 48) {
		rec_u64(r, "stratum", p[1]);
		rec_i64(r, "poll", (int8_t)p[2]);
		rec_secs(r, "xmt_time", be64(p + 40) ? stamp(p + 40) : 0);
	} else {
		rec_u64(r, "stratum", 0);
		rec_u64(r, "code", mode == 7 ? p[3] : p[1] & 31); /* of a command */
	}
	rec_end(r);
	return 0;
}

const struct proto_ops proto_ntp = {
	.name = "ntp",
	.transports = PROTO_UDP,
	.ports = {123},
	.state_size = sizeof(struct ntp),
	.sniff = ntp_sniff,
	.datagram = ntp_datagram,
};
