/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are sent in. */
#include "api/request.h"
#include <errno.h>

int events_push(struct req *q);

/*
 * A page of a stranger can have a browser send us text, or a form; for these types it would
 * have to ask first, and is not answered.
 */
static bool is_json(struct str type)
{
	struct str rest;

	type = str_trim(str_cut(type, ';', &rest));
	return str_ieqz(type, "application/json") || str_ieqz(type, "application/x-ndjson");
}

int events_push(struct req *q)
{
	size_t kept = 0, refused = 0;
	int r;

	if (!q->conf->push)
		return req_problem(q, 503, "Nothing is taken in", "this server shows a store");
	if (!is_json(req_header(q, "Content-Type")))
		return req_problem(q, 415, "Not this type",
				   "send application/json or application/x-ndjson");
	r = q->conf->push(q->body, &kept, &refused, q->conf->push_arg);
	if (r == -EAGAIN)
		return req_problem(q, 503, "Later",
				   "too much waits to be read, or the disk is full");
	if (r < 0)
		return r;
	buf_fmt(&q->out, "{\"kept\":%zu,\"refused\":%zu}", kept, refused);
	return 0;
}
