/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data connections of FTP, which proto_ftp has announced. Their bytes are counted in the
 * conn record and not looked at.
 */
#include "packet/proto.h"

static int64_t ftp_data_stream(struct conn *c, enum dir d, struct str data)
{
	(void)c;
	(void)d;
	return (int64_t)data.len;
}

static bool ftp_data_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)c;
	(void)d;
	(void)n;
	return true;
}

const struct proto_ops proto_ftp_data = {
	.name = "ftp-data",
	.transports = PROTO_TCP,
	.ports = {20},
	.stream = ftp_data_stream,
	.gap = ftp_data_gap,
};
