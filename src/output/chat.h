/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output/chat: one question to an OpenAI-compatible endpoint. TLS 1.2 or newer with the
 * certificate checked; plain HTTP to this machine alone; no proxy, no redirect; at most a
 * minute and 256 KiB.
 */
#ifndef OUTPUT_CHAT_H
#define OUTPUT_CHAT_H
#include "base/buf.h"
#include "base/err.h"

struct chat_conf {
	const char *url;	/* whole: https://llm.corp.example/v1/chat/completions */
	const char *token_file; /* sent as a bearer token, or NULL */
	const char *ca;		/* PEM file, or NULL: the system's */
};

/* body: JSON. The answer's body goes to out. 0, or <0 with d. */
MUST int chat_ask(const struct chat_conf *c, struct str body, struct buf *out, struct diag *d);

#endif
