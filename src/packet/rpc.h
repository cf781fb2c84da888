/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/rpc: DCE/RPC over something that carries bytes in order (C706 chapter 12, MS-RPCE):
 * TCP, or a named pipe of SMB. Fed with bytes of either side as they come; one record a call.
 */
#ifndef PACKET_RPC_H
#define PACKET_RPC_H
#include "packet/ntlm.h"

#define RPC_CONTEXTS 8
#define RPC_CALLS    16
#define RPC_PIPE     64

struct rpc_iface;

struct rpc_context {
	bool used;
	uint16_t id;
	const struct rpc_iface *iface; /* NULL: its UUID is not known */
	uint8_t uuid[16];
};

struct rpc_call {
	bool used;
	uint32_t id;
	uint16_t context, op;
	uint32_t rid; /* what may be the id of a group, where it stands bare */
	bool has_rid, sealed;
	int64_t ts;
};

struct rpc_way {
	uint8_t *p; /* the start of a fragment */
	uint32_t len, cap, skip;
	bool dead;
};

struct rpc {
	struct rpc_context context[RPC_CONTEXTS];
	struct rpc_call call[RPC_CALLS];
	unsigned next_context, next_call;
	uint8_t course; /* how far calls without a known binding went as a directory's do */
	struct rpc_call cracked; /* of these, that in which a name was looked up */
	struct rpc_way way[2];
	struct ntlm ntlm;
	char pipe[RPC_PIPE]; /* "\PIPE\svcctl", or the port */
	uint8_t npipe;
};

/* Whether bytes begin a fragment. MORE: 16 are needed. */
enum sniff_result rpc_sniff(struct str s);
/* false: it is no DCE/RPC, or memory is out; what follows is not read. */
bool rpc_feed(struct conn *c, struct rpc *r, enum dir d, struct str s);
/* n bytes of a side will not come, or are of no interest. */
void rpc_gap(struct rpc *r, enum dir d, uint64_t n);
/* Writes calls without an answer, frees buffers; r itself belongs to the caller. */
void rpc_end(struct conn *c, struct rpc *r);

#endif
