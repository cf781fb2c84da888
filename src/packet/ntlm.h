/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/ntlm: the three messages of NTLM (MS-NLMP), wherever they travel: in SMB, DCE/RPC,
 * LDAP, HTTP, bare or within SPNEGO. The carrier knows whether the log-in succeeded.
 * `software` is a library that is known by the form of its messages: systems of Microsoft,
 * Samba and Apple are not named, only what is made to speak to them from outside.
 */
#ifndef PACKET_NTLM_H
#define PACKET_NTLM_H
#include "packet/proto.h"

#define NTLM_NAME 96

struct ntlm {
	int64_t ts;
	bool challenge, auth; /* seen and not yet written */
	bool target_info;     /* asked for by the client */
	uint8_t nuser, ndomain, nhost, nnb, ndns, ntree;
	char user[NTLM_NAME], domain[NTLM_NAME], host[NTLM_NAME];
	const char *software; /* of the client, where its form tells; else NULL */
	char nb[NTLM_NAME], dns[NTLM_NAME], tree[NTLM_NAME]; /* of the server */
};

enum ntlm_result { NTLM_FAILURE, NTLM_SUCCESS, NTLM_UNKNOWN };

/* Reads a message if the token holds one. */
void ntlm_token(struct conn *c, struct ntlm *n, struct str token);
/* Writes the record of an authentication, if one was seen. */
void ntlm_write(struct conn *c, struct ntlm *n, enum ntlm_result result);

#endif
