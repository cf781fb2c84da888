/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is new, as server-sent events. The feed of the store numbers each finding that was
 * written; the number is the event's id, so a browser that comes back (Last-Event-ID) misses
 * nothing. One thread looks at the feed and wakes those who wait.
 */
#include "api/auth.h"
#include "api/impl.h"
#include "base/timeutil.h"
#include <stdlib.h>
#include <time.h>

#define SUBSCRIBERS_MAX 200
#define LOOK_MS		100
#define HEARTBEAT_LOOKS 150 /* of LOOK_MS: 15 s */
#define BATCH		100
#define RETRY		"retry: 2000\n\n"

struct subscriber {
	struct api *api;
	struct MHD_Connection *conn;
	struct subscriber *next;
	uint64_t at; /* last number sent */
	bool waiting, greeted, beat;
	struct buf out;
	size_t sent;
};

int stream_get(struct req *q);

/* Those who may are given the stream before it comes to this, while there is room. */
int stream_get(struct req *q)
{
	return req_problem(q, 503, "Too many listen", "at most %d do at a time",
			   SUBSCRIBERS_MAX);
}

static int feed_row(uint64_t number, struct str kind, struct str id, void *arg)
{
	struct subscriber *s = arg;

	buf_fmt(&s->out, "id: %llu\nevent: %.*s\ndata: {\"id\":", (unsigned long long)number,
		STR_ARG(kind));
	buf_json(&s->out, id);
	buf_addz(&s->out, "}\n\n");
	s->at = number;
	return 0;
}

static void fill(struct subscriber *s)
{
	struct store_conf conf = {.dir = s->api->conf.store, .read_only = true};
	struct store *st = NULL;

	buf_clear(&s->out);
	s->sent = 0;
	if (!s->greeted) {
		buf_addz(&s->out, RETRY);
		s->greeted = true;
	}
	if (atomic_load(&s->api->feed_end) > s->at && store_open(&conf, &st, NULL) == 0) {
		/* What cannot be read now is tried again when the feed grows. */
		if (store_feed(st, s->at, BATCH, feed_row, s, NULL) < 0)
			buf_clear(&s->out);
		store_close(st);
	}
	if (!s->out.len && s->beat)
		buf_addz(&s->out, ": here\n\n");
	s->beat = false;
}

/* MHD asks for bytes: gives what there is, or goes to sleep until the feeder wakes it. */
static ssize_t read_some(void *cls, uint64_t pos, char *to, size_t max)
{
	struct subscriber *s = cls;
	size_t n;

	(void)pos;
	if (atomic_load(&s->api->stop))
		return MHD_CONTENT_READER_END_OF_STREAM;
	/* With the session or token that opened it the stream ends too. */
	if (s->beat && !auth_may(s->api, s->conn, ROLE_VIEWER))
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->sent == s->out.len)
		fill(s);
	n = MIN(s->out.len - s->sent, max);
	if (n) {
		memcpy(to, s->out.p + s->sent, n);
		s->sent += n;
		return (ssize_t)n;
	}
	pthread_mutex_lock(&s->api->lock);
	s->waiting = true;
	MHD_suspend_connection(s->conn);
	pthread_mutex_unlock(&s->api->lock);
	return 0;
}

static void leave(void *cls)
{
	struct subscriber *s = cls;
	struct api *a = s->api;

	pthread_mutex_lock(&a->lock);
	for (struct subscriber **p = &a->subscribers; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			a->nsubscribers--;
			break;
		}
	pthread_mutex_unlock(&a->lock);
	buf_free(&s->out);
	free(s);
}

static void wake_all(struct api *a, bool beat, uint64_t end)
{
	pthread_mutex_lock(&a->lock);
	for (struct subscriber *s = a->subscribers; s; s = s->next)
		if (s->waiting && (beat || end > s->at)) {
			s->waiting = false;
			s->beat = beat;
			MHD_resume_connection(s->conn);
		}
	pthread_mutex_unlock(&a->lock);
}

static void *feeder(void *arg)
{
	struct api *a = arg;
	struct store_conf conf = {.dir = a->conf.store, .read_only = true};
	struct store *st = NULL;
	unsigned looks = 0;

	while (!atomic_load(&a->stop)) {
		struct timespec nap = {0, LOOK_MS * 1000000L};
		uint64_t end;

		nanosleep(&nap, NULL);
		if (!st && store_open(&conf, &st, NULL) < 0)
			st = NULL;
		if (st && store_feed_end(st, &end, NULL) == 0)
			atomic_store(&a->feed_end, end);
		wake_all(a, ++looks % HEARTBEAT_LOOKS == 0, atomic_load(&a->feed_end));
	}
	store_close(st);
	return NULL;
}

int stream_start(struct api *a)
{
	int r = pthread_create(&a->feeder, NULL, feeder, a);

	a->feeding = r == 0;
	return -r;
}

void stream_stop(struct api *a)
{
	atomic_store(&a->stop, true);
	if (a->feeding)
		pthread_join(a->feeder, NULL);
	a->feeding = false;
	wake_all(a, true, 0);
}

static struct subscriber *join(struct api *a, struct MHD_Connection *c)
{
	const char *last = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID");
	struct subscriber *s = calloc(1, sizeof(*s));
	int64_t n;

	if (!s)
		return NULL;
	*s = (struct subscriber){.api = a, .conn = c, .at = atomic_load(&a->feed_end)};
	if (last && str_i64(str_of(last), &n) && n >= 0)
		s->at = (uint64_t)n;
	buf_init(&s->out, 1 * MIB);
	pthread_mutex_lock(&a->lock);
	if (a->nsubscribers == SUBSCRIBERS_MAX) {
		pthread_mutex_unlock(&a->lock);
		free(s);
		return NULL;
	}
	s->next = a->subscribers;
	a->subscribers = s;
	a->nsubscribers++;
	pthread_mutex_unlock(&a->lock);
	return s;
}

bool stream_answer(struct api *a, struct MHD_Connection *c, enum MHD_Result *ret_r)
{
	struct subscriber *s = join(a, c);
	struct MHD_Response *r;

	*ret_r = MHD_NO;
	if (!s)
		return false;
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * KIB, read_some, s, leave);
	if (!r) {
		leave(s);
		return true;
	}
	http_common(s->api, r);
	MHD_add_response_header(r, "Content-Type", "text/event-stream");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, 0);
	*ret_r = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return true;
}
