/* SPDX-License-Identifier: Apache-2.0 */
/* RTSP, which cameras and players speak. Named, not told of. */
#include "packet/proto.h"

static enum sniff_result rtsp_sniff(const struct sniff *s)
{
	struct str d = s->data;
	size_t nl = str_chr(d, '\n', 0);

	if (str_starts(d, str_sub(STR("RTSP/1.0 "), 0, d.len)))
		return d.len < 9 ? SNIFF_MORE : SNIFF_YES;
	if (d.p[0] < 'A' || d.p[0] > 'Z')
		return SNIFF_NO;
	if (nl == SIZE_MAX)
		return s->hinted && d.len < 1024 ? SNIFF_MORE : SNIFF_NO;
	return str_ends(str_trim(str_sub(d, 0, nl)), STR(" RTSP/1.0")) ? SNIFF_YES : SNIFF_NO;
}

const struct proto_ops proto_rtsp = {
	.name = "rtsp",
	.transports = PROTO_TCP,
	.ports = {554, 8554},
	.sniff = rtsp_sniff,
};
