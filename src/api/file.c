/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole list as a file (CSV, NDJSON), sent a part at a time: each part is the list asked for
 * again behind the last row sent, so between two parts nothing of the store is held and a
 * session that ended is noticed. In memory is one part. Whoever is slow holds that and a place
 * among FILES_MAX; who takes nothing for a minute is hung up on, as on every connection.
 */
#include "api/impl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 64

struct file {
	struct api *api;
	struct MHD_Connection *conn;
	char *path;
	struct buf part, next; /* being sent; the cursor behind it, empty at the end */
	size_t sent;
	bool audited;
};

static void set_part(struct file *f, const struct req *q)
{
	buf_clear(&f->part);
	buf_add(&f->part, buf_str(&q->out));
	buf_clear(&f->next);
	buf_add(&f->next, q->next);
	f->sent = 0;
	f->audited = q->audited;
}

/* 0, or <0: the file ends without its end, which the client can tell. */
static int next_part(struct file *f)
{
	struct req q;
	int r;

	req_begin(&q, f->api, f->conn, "GET", str_of(f->path));
	q.resume = buf_str(&f->next);
	q.audited = f->audited;
	req_run(&q);
	r = q.status == 200 ? 0 : -EIO;
	if (r == 0)
		set_part(f, &q);
	req_end(&q);
	return r < 0 ? r : buf_err(&f->part) | buf_err(&f->next);
}

static ssize_t read_some(void *cls, uint64_t pos, char *to, size_t max)
{
	struct file *f = cls;
	size_t n;

	(void)pos;
	if (f->sent == f->part.len && f->next.len && next_part(f) < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = MIN(f->part.len - f->sent, max);
	if (!n) /* a part may be empty: what a search looked through, and found nothing */
		return f->next.len ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
	memcpy(to, f->part.p + f->sent, n);
	f->sent += n;
	return (ssize_t)n;
}

static void leave(void *cls)
{
	struct file *f = cls;

	atomic_fetch_sub(&f->api->files, 1);
	buf_free(&f->part);
	buf_free(&f->next);
	free(f->path);
	free(f);
}

static struct file *join(struct req *q)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct file){
		.api = q->api, .conn = q->conn, .path = strndup(q->path.p, q->path.len)};
	buf_init(&f->part, REQ_OUT_MAX);
	buf_init(&f->next, MIB);
	set_part(f, q);
	if (atomic_fetch_add(&q->api->files, 1) < FILES_MAX && f->path && !buf_err(&f->part) &&
	    !buf_err(&f->next))
		return f;
	leave(f);
	return NULL;
}

struct MHD_Response *file_response(struct req *q)
{
	struct file *f = join(q);
	struct MHD_Response *r;

	if (!f)
		return NULL;
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * KIB, read_some, f, leave);
	if (!r)
		leave(f);
	return r;
}
