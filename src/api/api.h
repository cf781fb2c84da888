/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api: HTTP over a store, as docs/openapi.yaml describes it, and the files of the page. Threads
 * of its own; each request opens the store read only, so that one process may write it
 * meanwhile.
 */
#ifndef API_API_H
#define API_API_H
#include "api/oidc.h"
#include "base/buf.h"
#include "base/err.h"
#include "incident/inquiry.h"

struct api;

struct api_conf {
	const char *listen; /* "127.0.0.1:8765", "[::1]:0" (0 = any free port) */
	const char *store;  /* folder */
	const char *ui;	    /* folder of the page's files; NULL = none */
	const char *version;
	unsigned threads; /* 0 = 4 */
	bool open;	  /* nobody has to sign in: for a demonstration on loopback only */
	int64_t idle;	  /* ns until an unused session ends; 0 = 12 hours */
	/*
	 * TLS is spoken on every address that is not of this machine only, and there too when
	 * tls or a certificate (PEM files) is given. Without one an own one is made in the
	 * store.
	 */
	bool tls;
	const char *tls_cert, *tls_key;
	struct oidc_conf oidc;
	const char *url; /* "https://thymus.example/": how browsers call it, or NULL */
	/*
	 * JSON arrays made once at start: the models ([{"name":..}]) and the options. Borrowed
	 * until api_stop; empty = [].
	 */
	struct str models, options;
	const char *questions_dir, *lists_dir; /* NAME.yaml, NAME.txt; NULL = none */
	/*
	 * For the analyst's questions about an incident that was not asked about yet; its store
	 * is not read. Without folders none are asked.
	 */
	struct inquiry_conf inquiry;
	/*
	 * Takes JSON records that were sent in and keeps them: 0, -EAGAIN (later), or <0. NULL:
	 * nothing is taken. Called by any thread.
	 */
	int (*push)(struct str body, size_t *ret_kept, size_t *ret_refused, void *arg);
	void *push_arg;
	/* Live figures as members of an object ("\"queue\":{..},"), or NULL. Called by any
	 * thread. */
	void (*health)(struct buf *out, void *arg);
	/* The same figures in the text format of Prometheus, or NULL. */
	void (*metrics)(struct buf *out, void *arg);
	void *health_arg; /* of both */
};

/* Listens and answers. 0, or <0 with a finished line in d. */
MUST int api_start(const struct api_conf *conf, struct api **ret_api, struct diag *d);
/* The port that was bound. */
unsigned api_port(const struct api *a);
/* SHA-256 of the own certificate as browsers show it; NULL without TLS or with another's. */
const char *api_print(const struct api *a);
bool api_tls(const struct api *a);
/*
 * The secret of the set-up link, while nobody is there who administrates; else NULL. The page
 * takes it as /setup#SECRET.
 */
const char *api_setup(const struct api *a);
/* Ends all connections. NULL is fine; returns NULL. */
struct api *api_stop(struct api *a);

#endif
