/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/users_impl: what users.c (people) and users_secret.c (sessions, tokens, links) share.
 */
#ifndef STORE_USERS_IMPL_H
#define STORE_USERS_IMPL_H
#include "store/sql_impl.h"
#include "store/users.h"
#include <pthread.h>

#define SECRET_HASH 32

struct users {
	sqlite3 *db;
	pthread_mutex_t lock; /* one statement after the other; not held while hashing */
};

int users_fail(struct users *u, struct diag *d);
/* A prepared statement, or NULL with d. */
sqlite3_stmt *users_prepare(struct users *u, const char *sql, struct diag *d);
/* Runs it to its end and frees it: the number of rows changed, or <0. */
MUST int users_run(struct users *u, sqlite3_stmt *st, struct diag *d);
/* 256 random bits as text, and what is kept of them. */
void users_secret(char ret_secret[USERS_SECRET], unsigned char ret_hash[SECRET_HASH]);
void users_secret_hash(struct str secret, unsigned char ret_hash[SECRET_HASH]);

#endif
