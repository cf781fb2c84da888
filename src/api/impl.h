/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/impl: what the files of the HTTP side share.
 */
#ifndef API_IMPL_H
#define API_IMPL_H
#include "api/cert.h"
#include "api/limit.h"
#include "api/request.h"
#include "incident/evidence.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct subscriber;

struct api {
	struct api_conf conf;
	struct MHD_Daemon *daemon;
	char host[64];
	unsigned port;
	bool loopback;
	bool tls;
	bool secure; /* browsers come by TLS, to us or to a proxy before us: cookies say so */
	struct arena mem; /* of the certificate */
	struct cert cert;
	struct users *users; /* NULL: nobody has to sign in */
	struct limiter limiter;
	struct oidc *oidc; /* NULL: none */
	struct store_index *index;
	struct evidence_pool *evidence; /* NULL: no sources to read by */
	char setup[USERS_SECRET];
	unsigned char mask_key[16];
	pthread_mutex_t changing; /* from looking at If-Match to the change */
	/* The stream: its thread looks at the feed and wakes who waits. */
	pthread_t feeder;
	bool feeding;
	pthread_mutex_t lock;
	struct subscriber *subscribers;
	size_t nsubscribers;
	_Atomic uint64_t feed_end;
	_Atomic bool stop;
	_Atomic unsigned files; /* lists being sent as files */
};

/* Headers that every answer has. */
void http_common(const struct api *a, struct MHD_Response *r);
/*
 * One request of the API: begun, run (the answer then stands in it), ended. Its connection has
 * to live as long; path after /api/v1, borrowed.
 */
void req_begin(struct req *q, struct api *a, struct MHD_Connection *c, const char *method,
	       struct str path);
void req_run(struct req *q);
void req_end(struct req *q);
/* The list that q begins, as long as it is; NULL: no memory, or too many are being sent. */
struct MHD_Response *file_response(struct req *q);
/* A file of the page, or its index for a path of the page's own. */
enum MHD_Result static_answer(struct api *a, struct MHD_Connection *c, const char *url,
			      bool head);
/* The stream of what is new (server-sent events); false: too many listen already. */
MUST int stream_start(struct api *a);
void stream_stop(struct api *a);
bool stream_answer(struct api *a, struct MHD_Connection *c, enum MHD_Result *ret_r);

#endif
