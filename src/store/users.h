/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/users: who may use page and API, in DIR/users.db (SQLite, mode 0600). Passwords are
 * kept as argon2id (libsodium's interactive cost: 64 MiB, 2 passes), all other secrets
 * (sessions, tokens, the set-up link) as BLAKE2b of 256 random bits: what stands in the file
 * lets nobody in. One struct may be used by several threads, the file by several processes.
 * Times are ns since 1970, by the caller's clock. The caller writes the audit log.
 */
#ifndef STORE_USERS_H
#define STORE_USERS_H
#include "base/arena.h"
#include "base/err.h"

#define USERS_SECRET	   64	/* bytes of a secret as text, with its NUL */
#define USERS_PASSWORD_MIN 12	/* characters (bytes) of a password */
#define USERS_PASSWORD_MAX 1024 /* more are refused, not cut */
#define USERS_NAME_MAX	   64

/*
 * The roles, and at the same time what a route may ask for (api/routes.def): a role may use the
 * routes of those in users_rights(). ROLE_ANYONE asks for nothing.
 */
enum role {
	ROLE_ANYONE,
	ROLE_VIEWER,	/* reads; names of persons and raw records are masked */
	ROLE_ANALYST,	/* reads everything, says what incidents were */
	ROLE_RESPONDER, /* and acts */
	ROLE_EDITOR,	/* as an analyst, and changes models */
	ROLE_ADMIN,	/* everything */
	ROLE_AUDITOR,	/* as a viewer, and reads the audit log */
	ROLE_SENSOR,	/* of tokens: sends records in, reads nothing */
	USER_ROLES
};
#define RIGHT(role) (UINT32_C(1) << (role))

/* "viewer", "model-editor", ...; empty for ROLE_ANYONE. */
const char *users_role_name(enum role r);
/* ROLE_ANYONE when there is none of this name. */
enum role users_role(struct str name);
/* A set of RIGHT()s. */
uint32_t users_rights(enum role r);

struct users;

/* Made when absent. 0, or <0 with d. */
MUST int users_open(const char *dir, struct users **ret_u, struct diag *d);
struct users *users_close(struct users *u);

/* Whether somebody can administrate: 1, 0, or <0. */
MUST int users_ready(struct users *u, struct diag *d);
/*
 * The secret of a set-up link, good once until `expires`; one made before is void. The first
 * administrator makes himself with it: 0, -EACCES (not this secret, used or too late), or as
 * users_add.
 */
MUST int users_setup_new(struct users *u, int64_t expires, char ret_secret[USERS_SECRET],
			 struct diag *d);
MUST int users_setup_use(struct users *u, struct str secret, struct str name,
			 struct str password, int64_t now, struct diag *d);

/*
 * name: a-z, 0-9, '.', '_', '-', '@'. 0, -EINVAL (a name or password that is not taken; d says
 * why), -EEXIST, or another error.
 */
MUST int users_add(struct users *u, struct str name, enum role role, struct str password,
		   int64_t now, struct diag *d);

/*
 * Somebody whom another has looked at (OpenID): made when absent, without a password, else
 * given this role. 0, -EACCES (disabled, or the name has a password here), -EINVAL.
 */
MUST int users_elsewhere(struct users *u, struct str name, enum role role, int64_t now,
			 struct diag *d);

struct users_change {
	enum role role;	     /* ROLE_ANYONE = as it is */
	int disabled;	     /* 0, 1, or -1 = as it is */
	struct str password; /* empty = as it is */
};
/*
 * Ends the user's sessions. 0, E_NOTFOUND, -EINVAL (with d), -EPERM when nobody who
 * administrates would be left.
 */
MUST int users_change(struct users *u, struct str name, const struct users_change *c,
		      struct diag *d);

struct user {
	struct str name;
	enum role role;
	bool disabled;
	int64_t made, last; /* last log-in; 0 = never */
};
/* By name; strings live during the call; row != 0 stops. */
MUST int users_list(struct users *u, int (*row)(const struct user *x, void *arg), void *arg,
		    struct diag *d);
/*
 * Whether name and password belong together and the user is not disabled: 0 or -EACCES. Takes
 * as long for a name that is not there.
 */
MUST int users_check(struct users *u, struct str name, struct str password, int64_t now,
		     struct diag *d);

/* Somebody known: the rights are those of the moment. */
struct who {
	struct str name; /* of the user or token; made in mem */
	enum role role;
	uint32_t rights;
	bool token;
};

MUST int users_session_new(struct users *u, struct str name, int64_t now, int64_t idle,
			   char ret_secret[USERS_SECRET], struct diag *d);
/*
 * Whose session that is; its end moves on (idle after now, a week after its start at most). 0
 * or -EACCES.
 */
MUST int users_session(struct users *u, struct str secret, int64_t now, int64_t idle,
		       struct arena *mem, struct who *ret_w, struct diag *d);
MUST int users_session_end(struct users *u, struct str secret, struct diag *d);

struct token {
	struct str name, owner; /* owner: a user, or empty: of the server itself */
	enum role role;
	int64_t made, expires, last; /* last use, to the hour; 0 = never */
};
/* 0, -EINVAL (with d), -EEXIST. The secret is told this once. */
MUST int users_token_new(struct users *u, const struct token *t, char ret_secret[USERS_SECRET],
			 struct diag *d);
/* A token may at most what its owner may. 0 or -EACCES. */
MUST int users_token(struct users *u, struct str secret, int64_t now, struct arena *mem,
		     struct who *ret_w, struct diag *d);
MUST int users_token_list(struct users *u, int (*row)(const struct token *t, void *arg),
			  void *arg, struct diag *d);
/* 0 or E_NOTFOUND. */
MUST int users_token_revoke(struct users *u, struct str name, struct diag *d);

/* 16 random bytes of this installation, always the same: the key of pseudonyms. */
MUST int users_mask_key(struct users *u, unsigned char ret_key[16], struct diag *d);

#endif
