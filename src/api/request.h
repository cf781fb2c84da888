/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/request: one request on its way through: what was asked, and the answer being made.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H
#include "api/api.h"
#include "base/arena.h"
#include "base/json.h"
#include "store/store.h"
#include "store/users.h"

#define REQ_SEGMENTS 4
#define REQ_BODY_MAX (1 * MIB)
#define REQ_OUT_MAX  (256 * MIB) /* of an answer, or a part of a file */
#define FILE_ROWS    1000	 /* of a list sent as a file, at a time; or as many as */
#define FILE_BYTES   (256 * KIB) /* have so many bytes */

enum req_format { FORMAT_JSON, FORMAT_CSV, FORMAT_NDJSON };

struct req {
	struct api *api;
	const struct api_conf *conf;
	void *conn; /* struct MHD_Connection */
	struct arena mem;
	const char *method;
	struct str path;	       /* after /api/v1, not decoded */
	struct str part[REQ_SEGMENTS]; /* what stands for {x} in the route, decoded */
	struct str body;
	enum req_format format;
	struct store *st;   /* by req_store */
	struct who who;	    /* rights 0: nobody known */
	struct str actor;   /* as the audit log calls him: "user:alice", "token:siem", "page" */
	struct str session; /* the secret of the cookie that let him in; empty for tokens */

	/* Of a list sent as a file, a part at a time. */
	struct str resume; /* this part begins behind this cursor; empty: the first */
	struct str next;   /* where what follows begins; empty: nothing does */
	bool audited;	   /* that messages are read stands in the audit log already */

	/* The answer. */
	unsigned status, retry_s; /* retry_s: of status 429 and 503 */
	const char *type;	  /* of the content */
	bool clean;		  /* masked already, or nothing of it is about persons */
	bool own;		  /* about nobody but who asks: not masked */
	struct buf out;
	struct str etag, cookie, file_name, location;
};

/* Text of a query parameter (views into the request), empty when absent. */
struct str req_query(struct req *q, const char *key);
struct str req_header(const struct req *q, const char *key);
/* The store, opened when first asked; NULL with a problem answered. */
struct store *req_store(struct req *q);
/*
 * Answers with an RFC 9457 problem. Returns 0, so that a handler may end with it.
 */
int req_problem(struct req *q, unsigned status, const char *title, const char *fmt, ...)
	PRINTF(4, 5);
/* A failure of the store or of memory as a problem. */
int req_failed(struct req *q, int err, const struct diag *d);

/*
 * Whether the body is called JSON or NDJSON. A page of a stranger can have a browser send us
 * text, or a form; for these types it would have to ask first, and is not answered: whatever
 * changes something asks for them.
 */
bool req_is_json(const struct req *q);

/*
 * The body as a JSON object, or a problem and false. json_free(j) in either case.
 */
bool req_object(struct req *q, struct json *j);
/* A text member, made in q->mem; empty when it is absent or no text. */
struct str req_member(struct req *q, const struct json *j, const char *key);
/* The entity tag of an answer, made in q->mem. */
struct str req_etag(struct req *q, struct str answer);
/*
 * Whether If-Match says that what is to be changed is what was read: what GET answers for it
 * stands in q->out, which is empty when it is not there, and is taken away. Else a problem
 * (404, 428 when nothing was said, 412) and false. Held from here to the change:
 * q->api->changing.
 */
bool req_unchanged(struct req *q);
/* Now, ns since 1970. */
int64_t req_now(void);
/* Adds a row to the audit log under the actor's name. 0, or <0: then nothing may be done. */
MUST int req_audit(struct req *q, const char *action, struct str object, struct str detail);
/*
 * Whether names of persons and raw records are kept from who asks. Answers in JSON are masked
 * when all is done, lists and what comes from incident lines before; a handler that answers in
 * another form says with q->clean that it took care itself, or it is not answered.
 */
bool req_masked(const struct req *q);

/* limit (1..1000, default 100; of a file FILE_ROWS), or a problem and false. */
bool req_limit(struct req *q, size_t *ret_limit);
/* from, to (RFC 3339) into a store_query, or a problem and false. */
bool req_times(struct req *q, struct store_query *sq);
/* Opaque cursors: text in, base64url out, and back. Empty when it is none of ours. */
struct str cursor_make(struct arena *mem, struct str plain);
struct str cursor_read(struct arena *mem, struct str cursor);
/* The one that the list goes on behind, not read yet; empty: from its start. */
struct str req_cursor(struct req *q);
/* A cursor that is a number above 0, and its making; 0: from the start, or a problem and false.
 */
bool req_cursor_number(struct req *q, uint64_t *ret_n);
struct str cursor_number(struct arena *mem, uint64_t n);

/*
 * A list in the format that was asked for: JSON {"items":[..],"next":..}, CSV, or NDJSON. Of a
 * file the handler gives a part, and with list_close says what follows: it is asked again.
 */
struct list {
	struct req *q;
	const char *const *columns; /* of CSV; ends with NULL */
	size_t n;
};
void list_open(struct list *l, struct req *q, const char *const *columns);
/* One item: a JSON object whose members `columns` are what CSV shows. */
void list_item(struct list *l, struct str json);
/* The same with the member "etag", for If-Match: that of a GET of the item alone. */
void list_item_tagged(struct list *l, struct str json);
/* Whether no further item fits: those asked for are there, or a part of a file is long enough.
 */
bool list_full(const struct list *l, size_t limit);
/* next: the cursor of what follows, empty = nothing does. extra: further members, or empty. */
void list_close(struct list *l, struct str next, struct str extra);

struct route {
	const char *method, *path; /* "/incidents/{id}" */
	enum role role;		   /* whose right is needed */
	int (*run)(struct req *q); /* 0, or <0 for a failure of ours */
};
extern const struct route routes[];
/* 0 and the answer in q. */
int route_run(struct req *q);

#endif
