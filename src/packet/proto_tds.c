/* SPDX-License-Identifier: Apache-2.0 */
/* TDS of Microsoft SQL Server: its first message settles versions and encryption. Named, not
 * told of. */
#include "packet/proto.h"

static enum sniff_result tds_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	if (p[0] != 0x12 || s->dir != DIR_ORIG)
		return SNIFF_NO;
	if (s->data.len < 14)
		return SNIFF_MORE;
	/* Last packet, its length, channel 0; the first option is the version, at an offset. */
	return p[1] == 1 && be16(p + 2) >= 14 && be16(p + 2) < 1024 && !be16(p + 4) && !p[8] &&
			       be16(p + 11) == 6
		       ? SNIFF_YES
		       : SNIFF_NO;
}

const struct proto_ops proto_tds = {
	.name = "mssql",
	.transports = PROTO_TCP,
	.ports = {1433},
	.sniff = tds_sniff,
};
