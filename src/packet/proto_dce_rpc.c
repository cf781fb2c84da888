/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DCE/RPC on TCP: the endpoint mapper, DCOM, WMI, and whatever got a port from the mapper.
 * Found by content, as its ports are made up.
 */
#include "packet/rpc.h"

static enum sniff_result dce_rpc_sniff(const struct sniff *s)
{
	return rpc_sniff(s->data);
}

static int64_t dce_rpc_stream(struct conn *c, enum dir d, struct str data)
{
	return rpc_feed(c, c->state, d, data) ? (int64_t)data.len : STREAM_FAIL;
}

static bool dce_rpc_gap(struct conn *c, enum dir d, uint64_t n)
{
	rpc_gap(c->state, d, n);
	return !((struct rpc *)c->state)->way[d].dead;
}

static void dce_rpc_close(struct conn *c)
{
	rpc_end(c, c->state);
}

const struct proto_ops proto_dce_rpc = {
	.name = "dce_rpc",
	.transports = PROTO_TCP,
	.ports = {135, 593},
	.state_size = sizeof(struct rpc),
	.sniff = dce_rpc_sniff,
	.stream = dce_rpc_stream,
	.gap = dce_rpc_gap,
	.close = dce_rpc_close,
};
