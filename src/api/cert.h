/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/cert: the server's certificate. One that is configured is read; else an own one (ECDSA
 * P-256, signed by itself, for the names and addresses under which the server can be called) is
 * made in DIR/tls.pem and DIR/tls.key (mode 0600), and made anew when it nears its end or the
 * names are others.
 */
#ifndef API_CERT_H
#define API_CERT_H
#include "base/arena.h"
#include "base/err.h"

#define CERT_PRINT (32 * 3) /* "AB:CD:..." with NUL */

struct cert_conf {
	const char *dir;
	const char *cert, *key; /* PEM files; NULL = an own one */
	const char *const *names;
	size_t nnames; /* host names and addresses of an own one */
	int64_t now;   /* ns since 1970 */
};

struct cert {
	char *cert, *key;	/* PEM, in mem */
	char print[CERT_PRINT]; /* SHA-256 of the first certificate, as browsers show it */
	bool own;
};

/* 0, or <0 with a finished line in d. */
MUST int cert_open(const struct cert_conf *conf, struct arena *mem, struct cert *ret_c,
		   struct diag *d);

#endif
