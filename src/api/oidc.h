/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/oidc: signing in at another's: OpenID Connect Core 1.0, authorization code flow with PKCE
 * (RFC 7636, S256), state and nonce; the provider's addresses come from its discovery document.
 * The ID token comes straight from the token endpoint over TLS, which vouches for it (Core
 * 3.1.3.7, point 6); issuer, audience, time and nonce are checked. Plain HTTP is spoken to a
 * provider on this machine only. A claim says the role; who has none of the names in `roles` is
 * not let in. The role is taken anew at each log-in; nobody gets an account that has a password
 * here.
 */
#ifndef API_OIDC_H
#define API_OIDC_H
#include "base/arena.h"
#include "base/err.h"

#define OIDC_ROLES_MAX 64

struct oidc_conf {
	const char *issuer;	 /* "https://login.example/realm"; NULL = none */
	const char *client;	 /* the client id */
	const char *secret_file; /* of a confidential client; NULL = a public one */
	const char *ca;	   /* PEM file of who may sign the provider's certificate, or NULL */
	const char *scope; /* beside "openid" */
	const char *name_claim, *role_claim;
	const char *roles[OIDC_ROLES_MAX]; /* "claim value=role"; the first that fits counts */
	size_t nroles;
};

struct oidc;

/* Copies nothing: conf must live as long. 0 (and *ret_o NULL without an issuer), or <0 with d.
 */
MUST int oidc_new(const struct oidc_conf *conf, struct oidc **ret_o, struct diag *d);
struct oidc *oidc_free(struct oidc *o);
/* The issuer's host, as the page shows it. */
struct str oidc_host(const struct oidc *o);

/*
 * Where the browser is sent to sign in, made in mem, and *ret_state, which must come back with
 * it (as a cookie). back: our callback's address. 0, or <0 with d for the audit log.
 */
MUST int oidc_begin(struct oidc *o, struct str back, int64_t now, struct arena *mem,
		    struct str *ret_url, struct str *ret_state, struct diag *d);

struct oidc_person {
	struct str name; /* as users_add takes it */
	struct str role; /* name of a role */
};
/* The code that came back under this state: who it is. 0, -EACCES or another, with d. */
MUST int oidc_end(struct oidc *o, struct str state, struct str code, struct str back,
		  int64_t now, struct arena *mem, struct oidc_person *ret_p, struct diag *d);

#endif
