/* SPDX-License-Identifier: Apache-2.0 */
/* TFTP: which file is read or written. The server answers from another port, which is told. */
#include "packet/proto.h"

static enum sniff_result tftp_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	return s->hinted && s->dport == 69 && s->data.len >= 6 && be16(p) >= 1 &&
			       be16(p) <= 2 && str_chr(s->data, 0, 2) != SIZE_MAX
		       ? SNIFF_YES
		       : SNIFF_NO;
}

static int tftp_datagram(struct conn *c, enum dir d, struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	struct str rest, name, mode;
	struct rec *r;

	if (d != DIR_ORIG || s.len < 6 || be16(p) < 1 || be16(p) > 2)
		return 0;
	name = str_cut(str_sub(s, 2, s.len), 0, &rest);
	mode = str_cut(rest, 0, &rest);
	r = conn_rec(c, "tftp", c->ts);
	rec_bool(r, "wrq", be16(p) == 2);
	rec_str(r, "fname", name);
	rec_str(r, "mode", mode);
	rec_end(r);
	return 0;
}

const struct proto_ops proto_tftp = {
	.name = "tftp",
	.transports = PROTO_UDP,
	.ports = {69},
	.sniff = tftp_sniff,
	.datagram = tftp_datagram,
};
