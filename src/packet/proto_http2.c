/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 in the clear: by prior knowledge, or after an upgrade of HTTP/1. A request and its
 * response are one "http" record, as those of HTTP/1, written when the response has ended;
 * files too. Heads are unpacked (HPACK, RFC 7541) by libnghttp2, whose memory is the sensor's.
 * Where bytes of a head are lost the tables of HPACK are too, and the side is not read on.
 */
#include "base/base64.h"
#include "packet/content.h"
#include "packet/line.h"
#include <nghttp2/nghttp2.h>

#define STREAMS_MAX  64		/* open at once; the oldest is told of as it is */
#define TABLE_MAX    (64 * KIB) /* of HPACK, whatever the other side allows */
#define FIELDS_MAX   1000	/* of a head */
#define TEXT_MAX     4096	/* of all texts of a stream */
#define FRAME_HEAD   9
#define SETTINGS_MAX 600 /* bytes: a hundred of them */

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum frame_type {
	F_DATA = 0,
	F_HEADERS = 1,
	F_RST_STREAM = 3,
	F_SETTINGS = 4,
	F_PUSH_PROMISE = 5,
	F_CONTINUATION = 9,
	F_UNREAD = 255,
};

enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8, PRIORITY = 32 };

struct body {
	uint64_t n;
	const char *mime;
	char id[FILE_ID];
	struct content content;
};

struct stream {
	struct stream *next; /* older first */
	uint32_t id;
	int64_t ts;
	bool asked; /* its request was seen */
	bool basic;
	unsigned status;
	struct body body[2];
	struct str method, host, uri, referrer, agent, origin, user, name[2], proxied, scheme;
	uint16_t used; /* of text */
	char text[TEXT_MAX];
};

struct way {
	nghttp2_hd_inflater *heads; /* owns */
	bool in;   /* a frame's head was taken, and what stands before its content */
	bool open; /* a head goes on in the next frame */
	bool ends; /* the stream ends with the head that is read */
	bool asks; /* the head that is read is a request's */
	uint8_t type, flags;
	uint32_t id;		/* of the stream of the frame, or of the one promised */
	uint32_t left, pad;	/* of the frame's content; behind it */
	uint32_t fields;	/* of the head so far */
	uint32_t table, wanted; /* size of HPACK's table: allowed, and soon */
	struct str coding;	/* of the head that is read; in the text of its stream */
};

struct http2 {
	bool begun; /* the preface was seen */
	unsigned depth, n;
	uint32_t last[2]; /* stream opened last by the server, by the client: even, odd */
	struct way way[2];
	struct stream *first;
	struct conn room; /* whose memory heads take; nothing else of it is set */
	nghttp2_mem mem;
};

static enum sniff_result http2_sniff(const struct sniff *s)
{
	size_t n = MIN(s->data.len, sizeof(preface) - 1);

	if (s->dir == DIR_RESP || memcmp(s->data.p, preface, n) != 0)
		return SNIFF_NO;
	return n < sizeof(preface) - 1 ? SNIFF_MORE : SNIFF_YES;
}

/* ---- memory of HPACK's tables: each block has its size before it ---- */

#define BEFORE ((size_t)16)

static void *hd_malloc(size_t n, void *arg)
{
	struct http2 *h = arg;
	char *p = n < 4 * MIB ? conn_alloc(&h->room, n + BEFORE) : NULL;

	if (!p)
		return NULL;
	memcpy(p, &n, sizeof(n));
	return p + BEFORE;
}

static void hd_free(void *ptr, void *arg)
{
	struct http2 *h = arg;
	size_t n;

	if (!ptr)
		return;
	memcpy(&n, (char *)ptr - BEFORE, sizeof(n));
	conn_free(&h->room, (char *)ptr - BEFORE, n + BEFORE);
}

static void *hd_calloc(size_t n, size_t size, void *arg)
{
	void *p = size && n > SIZE_MAX / size ? NULL : hd_malloc(n * size, arg);

	return p ? memset(p, 0, n * size) : NULL;
}

static void *hd_realloc(void *ptr, size_t size, void *arg)
{
	void *p = hd_malloc(size, arg);
	size_t n;

	if (!p || !ptr)
		return p;
	memcpy(&n, (char *)ptr - BEFORE, sizeof(n));
	memcpy(p, ptr, MIN(n, size));
	hd_free(ptr, arg);
	return p;
}

static bool begin(struct conn *c, struct http2 *h)
{
	h->mem = (nghttp2_mem){h, hd_malloc, hd_free, hd_calloc, hd_realloc};

	h->begun = true;
	h->room.room = c->room;
	for (unsigned d = 0; d < 2; d++) {
		if (nghttp2_hd_inflate_new2(&h->way[d].heads, &h->mem) != 0)
			return false;
		h->way[d].table = NGHTTP2_DEFAULT_HEADER_TABLE_SIZE;
	}
	return true;
}

/* ---- streams ---- */

static void put_list(struct rec *r, const char *key, struct str s)
{
	if (!s.len)
		return;
	rec_list(r, key);
	rec_str(r, NULL, s);
	rec_list_end(r);
}

static void write_stream(struct conn *c, struct http2 *h, const struct stream *s)
{
	struct rec *r = conn_rec(c, "http", s->ts);

	rec_u64(r, "trans_depth", ++h->depth);
	if (s->asked) {
		rec_str(r, "method", s->method);
		rec_str(r, "host", s->host);
		rec_str(r, "uri", s->uri);
		rec_str(r, "referrer", s->referrer);
	}
	rec_z(r, "version", "2");
	if (s->asked) {
		rec_str(r, "user_agent", s->agent);
		rec_str(r, "origin", s->origin);
	}
	rec_u64(r, "request_body_len", s->body[DIR_ORIG].n);
	rec_u64(r, "response_body_len", s->body[DIR_RESP].n);
	if (s->status)
		rec_u64(r, "status_code", s->status);
	rec_list(r, "tags");
	rec_list_end(r);
	rec_str(r, "username", s->user);
	if (s->basic)
		rec_bool(r, "basic_auth", true);
	if (s->scheme.len)
		rec_str(r, "auth_scheme", s->scheme);
	put_list(r, "proxied", s->proxied);
	put_list(r, "orig_fuids", str_of(s->body[DIR_ORIG].id));
	put_list(r, "orig_filenames", s->name[DIR_ORIG]);
	put_list(r, "orig_mime_types", str_of(s->body[DIR_ORIG].mime));
	put_list(r, "resp_fuids", str_of(s->body[DIR_RESP].id));
	put_list(r, "resp_filenames", s->name[DIR_RESP]);
	put_list(r, "resp_mime_types", str_of(s->body[DIR_RESP].mime));
	rec_end(r);
}

static struct stream *stream_find(const struct http2 *h, uint32_t id)
{
	struct stream *s = h->first;

	while (s && s->id != id)
		s = s->next;
	return s;
}

static void stream_end(struct conn *c, struct http2 *h, struct stream *s)
{
	struct stream **at = &h->first;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	h->n--;
	for (unsigned d = 0; d < 2; d++) {
		const char *mime =
			content_end(c, &s->body[d].content, d == DIR_ORIG, s->name[d]);

		s->body[d].mime = mime ? mime : s->body[d].mime;
	}
	write_stream(c, h, s);
	conn_free(c, s, sizeof(*s));
}

/* Made when it was not there before; NULL when memory is out, or it is over. */
static struct stream *stream_get(struct conn *c, struct http2 *h, uint32_t id)
{
	struct stream *s = stream_find(h, id), **at = &h->first;

	if (s || id <= h->last[id & 1])
		return s;
	h->last[id & 1] = id;
	if (h->n == STREAMS_MAX)
		stream_end(c, h, h->first);
	s = conn_alloc(c, sizeof(*s));
	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct stream, text));
	s->id = id;
	s->ts = c->ts;
	while (*at)
		at = &(*at)->next;
	*at = s;
	h->n++;
	return s;
}

/* ---- heads ---- */

static struct str keep(struct stream *s, struct str v, size_t max)
{
	size_t n = MIN(MIN(v.len, max), (size_t)TEXT_MAX - s->used);
	struct str out = str_n(s->text + s->used, n);

	if (n)
		memcpy(s->text + s->used, v.p, n);
	s->used = (uint16_t)(s->used + n);
	return out;
}

static void credentials(struct stream *s, struct str v)
{
	struct str token, scheme = line_word(v, &token);
	char plain[192];
	size_t colon;
	struct str all;

	s->scheme = keep(s, scheme, 16);
	if (!str_ieqz(scheme, "basic"))
		return;
	all = str_n(plain, base64_decode(token, plain, sizeof(plain)));
	colon = str_chr(all, ':', 0);
	s->basic = colon != SIZE_MAX;
	if (s->basic)
		s->user = keep(s, str_sub(all, 0, colon), 192);
}

static struct str file_name(struct str disposition)
{
	size_t at = str_find(disposition, STR("filename="));
	struct str s, rest;

	if (at == SIZE_MAX)
		return str_n(NULL, 0);
	s = str_sub(disposition, at + 9, disposition.len);
	if (s.len && s.p[0] == '"')
		return str_cut(str_sub(s, 1, s.len), '"', &rest);
	return str_trim(str_cut(s, ';', &rest));
}

static void field_asked(struct stream *s, struct str name, struct str v)
{
	static const struct {
		const char *name;
		size_t off, max;
	} want[] = {
		{":method", offsetof(struct stream, method), 24},
		{":authority", offsetof(struct stream, host), 256},
		{"host", offsetof(struct stream, host), 256},
		{":path", offsetof(struct stream, uri), 2048},
		{"referer", offsetof(struct stream, referrer), 512},
		{"user-agent", offsetof(struct stream, agent), 512},
		{"origin", offsetof(struct stream, origin), 256},
		{"x-forwarded-for", offsetof(struct stream, proxied), 128},
		{"via", offsetof(struct stream, proxied), 128},
	};

	s->asked = true;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct str *to = (struct str *)((char *)s + want[i].off);

		if (!to->p && str_eqz(name, want[i].name))
			*to = keep(s, v, want[i].max);
	}
	if ((str_eqz(name, "authorization") || str_eqz(name, "proxy-authorization")) &&
	    !s->scheme.p)
		credentials(s, v);
}

static void field(struct stream *s, struct way *w, struct str name, struct str v)
{
	enum dir d = w->asks ? DIR_ORIG : DIR_RESP;
	int64_t status;

	if (w->asks)
		field_asked(s, name, v);
	else if (str_eqz(name, ":status") && str_i64(v, &status) && status >= 100 &&
		 status <= 999)
		s->status = (unsigned)status;
	if (str_eqz(name, "content-encoding") && !w->coding.p)
		w->coding = keep(s, v, 16);
	else if (str_eqz(name, "content-disposition") && !s->name[d].p)
		s->name[d] = keep(s, file_name(v), 128);
}

static void head_done(struct conn *c, struct http2 *h, enum dir d)
{
	struct way *w = &h->way[d];
	struct stream *s = stream_find(h, w->id);

	w->open = false;
	nghttp2_hd_inflate_end_headers(w->heads);
	if (!s)
		return;
	if (!s->body[d].n && (d == DIR_ORIG || (!w->asks && s->status == 200)))
		s->body[d].content.packing = content_packing(w->coding);
	if (w->ends && d == DIR_RESP && (s->status / 100 != 1 || !s->status))
		stream_end(c, h, s);
}

/* Bytes of a head; last: of its last frame. */
static bool head_bytes(struct conn *c, struct http2 *h, enum dir d, struct str in, bool last)
{
	struct way *w = &h->way[d];
	struct stream *s = stream_get(c, h, w->id);
	int more = NGHTTP2_HD_INFLATE_EMIT;

	while (more & NGHTTP2_HD_INFLATE_EMIT) {
		nghttp2_nv nv;
		ssize_t n;

		more = 0;
		n = nghttp2_hd_inflate_hd2(w->heads, &nv, &more, (const uint8_t *)in.p, in.len,
					   last);
		if (n < 0 || (size_t)n > in.len)
			return false;
		in = str_sub(in, (size_t)n, in.len);
		if (!(more & NGHTTP2_HD_INFLATE_EMIT))
			break;
		if (++w->fields > FIELDS_MAX)
			return false;
		if (s)
			field(s, w, str_n((char *)nv.name, nv.namelen),
			      str_n((char *)nv.value, nv.valuelen));
	}
	if (last)
		head_done(c, h, d);
	return true;
}

/* ---- frames ---- */

static void body_bytes(struct conn *c, struct http2 *h, enum dir d, struct str data)
{
	struct stream *s = stream_find(h, h->way[d].id);
	struct body *b;

	if (!s || !data.len)
		return;
	b = &s->body[d];
	if (!b->n) {
		b->mime = mime_of(data);
		content_begin(c, &b->content, b->id);
	}
	content_bytes(c, &b->content, b->n, data);
	b->n += data.len;
}

/*
 * What one side says of its tables binds what the other sends, from when it has heard of it; so
 * a smaller one is not insisted on.
 */
static void settings(struct http2 *h, enum dir d, struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	for (size_t i = 0; i + 6 <= s.len; i += 6)
		if (be16(p + i) == NGHTTP2_SETTINGS_HEADER_TABLE_SIZE)
			h->way[!d].wanted = MIN(be32(p + i + 2), (uint32_t)TABLE_MAX);
}

/* A head begins. */
static void head_begin(struct way *w, enum dir d)
{
	w->ends = w->type == F_HEADERS && w->flags & END_STREAM;
	w->asks = d == DIR_ORIG || w->type == F_PUSH_PROMISE;
	w->fields = 0;
	w->coding = str_n(NULL, 0); /* the stream it belonged to may be gone */
	w->open = true;
	if (w->wanted > w->table &&
	    nghttp2_hd_inflate_change_table_size(w->heads, w->wanted) == 0)
		w->table = w->wanted;
}

static void frame_done(struct conn *c, struct http2 *h, enum dir d)
{
	struct way *w = &h->way[d];
	struct stream *s = stream_find(h, w->id);

	w->in = false;
	if (s && (w->type == F_RST_STREAM ||
		  (w->type == F_DATA && w->flags & END_STREAM && d == DIR_RESP)))
		stream_end(c, h, s);
}

/* Bytes of the head of a frame and of what stands before its content; 0: not all there. */
static int64_t frame_begin(struct way *w, enum dir d, struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	uint32_t len, fixed = 0, pad = 0;
	bool padded;

	if (s.len < FRAME_HEAD)
		return 0;
	len = be24(p);
	w->type = p[3];
	w->flags = p[4];
	padded = w->flags & PADDED &&
		 (w->type == F_DATA || w->type == F_HEADERS || w->type == F_PUSH_PROMISE);
	fixed = padded + (w->type == F_HEADERS && w->flags & PRIORITY ? 5U : 0U) +
		(w->type == F_PUSH_PROMISE ? 4U : 0U);
	if (len < fixed || (w->type == F_CONTINUATION) != w->open)
		return STREAM_FAIL;
	/* Settings are read in one piece. */
	if (s.len < FRAME_HEAD + fixed ||
	    (w->type == F_SETTINGS && len <= SETTINGS_MAX && s.len < FRAME_HEAD + len))
		return 0;
	pad = padded ? p[FRAME_HEAD] : 0;
	if (pad > len - fixed)
		return STREAM_FAIL;
	if (w->type == F_SETTINGS && len > SETTINGS_MAX)
		w->type = F_UNREAD;
	if (w->type == F_PUSH_PROMISE)
		w->id = be32(p + FRAME_HEAD + padded) & 0x7fffffff;
	else if (w->type != F_CONTINUATION)
		w->id = be32(p + 5) & 0x7fffffff;
	if (w->type == F_HEADERS || w->type == F_PUSH_PROMISE)
		head_begin(w, d);
	w->left = len - fixed - pad;
	w->pad = pad;
	w->in = true;
	return FRAME_HEAD + (int64_t)fixed;
}

static bool content(struct conn *c, struct http2 *h, enum dir d, struct str s, bool last)
{
	struct way *w = &h->way[d];

	switch (w->type) {
	case F_HEADERS:
	case F_PUSH_PROMISE:
	case F_CONTINUATION:
		return head_bytes(c, h, d, s, last && w->flags & END_HEADERS);
	case F_DATA:
		body_bytes(c, h, d, s);
		return true;
	case F_SETTINGS:
		if (last && s.len <= SETTINGS_MAX)
			settings(h, d, s);
		return true;
	default:
		return true;
	}
}

static int64_t http2_stream(struct conn *c, enum dir d, struct str s)
{
	struct http2 *h = c->state;
	struct way *w = &h->way[d];
	size_t at = 0;

	if (!h->begun) {
		if (d == DIR_RESP || s.len < sizeof(preface) - 1)
			return 0;
		if (!str_starts(s, str_of(preface)) || !begin(c, h))
			return STREAM_FAIL;
		at = sizeof(preface) - 1;
	}
	while (at < s.len || (w->in && !w->left)) {
		size_t n;

		if (!w->in) {
			int64_t r = frame_begin(w, d, str_sub(s, at, s.len));

			if (r <= 0)
				return r < 0 ? r : (int64_t)at;
			at += (size_t)r;
		}
		n = MIN((size_t)w->left, s.len - at);
		if ((n || !w->left) && !content(c, h, d, str_sub(s, at, at + n), n == w->left))
			return STREAM_FAIL;
		at += n;
		w->left -= (uint32_t)n;
		if (w->left)
			break;
		frame_done(c, h, d);
		if (w->pad)
			conn_skip(c, d, w->pad);
		if (w->pad) {
			w->pad = 0;
			break; /* what is skipped comes off what follows */
		}
	}
	return (int64_t)at;
}

/* Within a body a hole is known for what it is. */
static bool http2_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct http2 *h = c->state;
	struct way *w = &h->way[d];
	struct stream *s;

	if (!w->in || w->type != F_DATA || n > w->left)
		return false;
	s = stream_find(h, w->id);
	if (s) {
		content_lost(&s->body[d].content, n);
		s->body[d].n += n;
	}
	w->left -= (uint32_t)n;
	if (!w->left) {
		frame_done(c, h, d);
		if (w->pad)
			conn_skip(c, d, w->pad);
		w->pad = 0;
	}
	return true;
}

static void http2_close(struct conn *c)
{
	struct http2 *h = c->state;

	while (h->first)
		stream_end(c, h, h->first);
	for (unsigned d = 0; d < 2; d++)
		if (h->way[d].heads) /* there may have been no memory for it */
			nghttp2_hd_inflate_del(h->way[d].heads);
}

const struct proto_ops proto_http2 = {
	.name = "http2",
	.transports = PROTO_TCP,
	.ports = {80, 8080},
	.state_size = sizeof(struct http2),
	.sniff = http2_sniff,
	.stream = http2_stream,
	.gap = http2_gap,
	.close = http2_close,
};
