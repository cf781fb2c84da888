/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are sent in. */
#include "api/request.h"
#include <errno.h>

int events_push(struct req *q);

int events_push(struct req *q)
{
	size_t kept = 0, refused = 0;
	int r;

	if (!q->conf->push)
		return req_problem(q, 503, "Nothing is taken in", "this server shows a store");
	if (!req_is_json(q))
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
