/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/auth: who asks. A session comes as a cookie (HttpOnly, SameSite=Strict, and Secure under
 * the name __Host-thymus where TLS is spoken), a token as "Authorization: Bearer". What changes
 * something under a cookie must bring the session's CSRF token too.
 */
#ifndef API_AUTH_H
#define API_AUTH_H
#include "api/impl.h"

/* Opens the users, unless nobody has to sign in; makes the set-up link. 0, or <0 with d. */
MUST int auth_start(struct api *a, struct diag *d);
void auth_stop(struct api *a);
/* Fills q->who, actor and session. 0 also when nobody known asks. */
MUST int auth_identify(struct req *q);
/* The same for a connection: has who asks this right? Does not count as use of a session. */
bool auth_may(struct api *a, struct MHD_Connection *c, enum role role);
/* What X-CSRF-Token must say, made in q->mem. */
struct str auth_csrf(struct req *q);
bool auth_csrf_fits(struct req *q);
/* Starts a session for a user: the cookie stands in the answer. 0 or <0. */
MUST int auth_let_in(struct req *q, struct str name);
/* Ends it, in the browser too. */
MUST int auth_let_out(struct req *q);
/*
 * Takes one of the tries that the client's address and the name have. false with a problem
 * (429) answered. auth_try_good gives it back.
 */
bool auth_try(struct req *q, struct str name);
void auth_try_good(struct req *q, struct str name);

#endif
