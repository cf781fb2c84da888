/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1. A request and its response are one record, written when the response has ended. Each
 * body is a file (packet/files), unpacked when it came as gzip or deflate; one that came in
 * part or packed otherwise is none: then its length and the kind of its first bytes are told.
 * Log-ins by NTLM, bare or within Negotiate, as WinRM has them, are told of as ntlm. WinRM
 * (MS-WSMV) is named, and what it does to what, as far as it is not encrypted.
 */
#include "base/base64.h"
#include "packet/body.h"
#include "packet/content.h"
#include "packet/line.h"
#include "packet/ntlm.h"

#define HEAD_MAX  (32 * KIB)
#define WAIT_MAX  32 /* requests without a response */
#define LINES_MAX 128
#define TOKEN_MAX 2048

enum part { HEAD, BODY, CHUNK, CHUNK_DATA, TRAILER, TO_END };

struct req {
	struct req *next;
	int64_t ts;
	size_t bytes; /* of this block */
	uint64_t body;
	unsigned depth;
	bool head, connect, basic, ntlm, mines;
	bool wsman, sealed; /* WinRM; its message is encrypted */
	uint8_t nrpc, nscheme, naction, nresource;
	char rpc[64], scheme[16];	/* what the body calls; how the sender signs in */
	char action[48], resource[128]; /* of WinRM */
	const char *mime;
	char file_id[FILE_ID];
	struct str method, uri, host, referrer, agent, version, origin, user, name, proxied;
	char text[];
};

struct way {
	enum part part;
	uint64_t left; /* of the body or chunk */
	uint64_t body;
	bool seen; /* the first bytes of the body */
	struct content content;
};

struct http {
	struct way way[2];
	struct req *first, *last;
	unsigned n, depth;
	/* Of the response that is being read: */
	bool open;
	unsigned code, info;
	char version[4], message[64];
	size_t nversion, nmessage;
	char name[128];
	size_t nname;
	const char *mime;
	char file_id[FILE_ID];
	bool upgrade;	   /* 101, or CONNECT was granted */
	struct ntlm *ntlm; /* owns; from the first token on */
};

static bool is_version(struct str line)
{
	return line.len >= 8 && memcmp(line.p, "HTTP/", 5) == 0 && line.p[5] >= '0' &&
	       line.p[5] <= '9';
}

static bool is_method(struct str s, size_t *ret_len)
{
	size_t i = 0;

	while (i < s.len && i < 24 &&
	       ((s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '_' || s.p[i] == '-'))
		i++;
	*ret_len = i;
	return i >= 3 && i < 24;
}

static enum sniff_result http_sniff(const struct sniff *s)
{
	struct str d = s->data, line;
	size_t n, nl;

	if (d.len < 5)
		return memcmp(d.p, "HTTP/", d.len) == 0 || is_method(d, &n) ? SNIFF_MORE
									    : SNIFF_NO;
	if (memcmp(d.p, "HTTP/", 5) == 0)
		return d.len < 8 ? SNIFF_MORE : is_version(d) ? SNIFF_YES : SNIFF_NO;
	if (!is_method(d, &n))
		return SNIFF_NO;
	if (n == d.len)
		return SNIFF_MORE;
	if (d.p[n] != ' ' || str_starts(d, STR("PRI * HTTP/2")))
		return SNIFF_NO;
	nl = str_chr(d, '\n', n);
	if (nl == SIZE_MAX)
		return d.len < 4000 ? SNIFF_MORE : SNIFF_NO;
	line = str_trim(str_sub(d, 0, nl));
	return line.len > n + 9 && is_version(str_sub(line, line.len - 8, line.len)) ? SNIFF_YES
										     : SNIFF_NO;
}

/* Length of a head with its empty line, 0 when it is not whole. */
static size_t head_len(struct str s)
{
	size_t i = 0;

	for (;;) {
		size_t nl = str_chr(s, '\n', i);

		if (nl == SIZE_MAX)
			return 0;
		if (nl == i || (nl == i + 1 && s.p[i] == '\r'))
			return nl + 1;
		i = nl + 1;
	}
}

struct fields {
	struct str host, referrer, agent, origin, auth, length, coding, disposition, proxied,
		content, challenge, kind;
};

static void head_fields(struct str rest, struct fields *f)
{
	static const struct {
		const char *name;
		size_t off;
	} want[] = {
		{"host", offsetof(struct fields, host)},
		{"referer", offsetof(struct fields, referrer)},
		{"user-agent", offsetof(struct fields, agent)},
		{"origin", offsetof(struct fields, origin)},
		{"authorization", offsetof(struct fields, auth)},
		{"proxy-authorization", offsetof(struct fields, auth)},
		{"content-length", offsetof(struct fields, length)},
		{"transfer-encoding", offsetof(struct fields, coding)},
		{"content-disposition", offsetof(struct fields, disposition)},
		{"x-forwarded-for", offsetof(struct fields, proxied)},
		{"via", offsetof(struct fields, proxied)},
		{"content-encoding", offsetof(struct fields, content)},
		{"content-type", offsetof(struct fields, kind)},
		{"www-authenticate", offsetof(struct fields, challenge)},
		{"proxy-authenticate", offsetof(struct fields, challenge)},
	};

	*f = (struct fields){0};
	for (unsigned i = 0; i < LINES_MAX && rest.p; i++) {
		struct str value, line = str_cut(rest, '\n', &rest);
		struct str name = str_trim(str_cut(line, ':', &value));

		for (size_t k = 0; value.p && k < ARRAY_LEN(want); k++) {
			struct str *to = (struct str *)((char *)f + want[k].off);

			if (!to->p && str_ieqz(name, want[k].name))
				*to = str_trim(value);
		}
	}
}

/* The user of Basic credentials; false: there are none. out has room for 192 bytes. */
static bool basic_user(struct str auth, char *out, size_t *ret_len)
{
	size_t n, colon;

	*ret_len = 0;
	if (auth.len < 8 || !str_ieqz(str_sub(auth, 0, 6), "basic "))
		return false;
	n = base64_decode(str_trim(str_sub(auth, 6, auth.len)), out, 192);
	colon = str_chr(str_n(out, n), ':', 0);
	if (colon == SIZE_MAX)
		return false;
	*ret_len = colon;
	return true;
}

/* A message of NTLM in a head of either side. true: it names who logs in. */
static bool ntlm_head(struct conn *c, struct http *h, struct str head)
{
	char token[TOKEN_MAX];
	struct str text, kind = str_cut(head, ' ', &text);

	if (!text.p || !(str_ieqz(kind, "NTLM") || str_ieqz(kind, "Negotiate")))
		return false;
	if (!h->ntlm) {
		h->ntlm = conn_alloc(c, sizeof(*h->ntlm));
		if (!h->ntlm)
			return false;
		*h->ntlm = (struct ntlm){0};
	}
	ntlm_token(c, h->ntlm,
		   str_n(token, base64_decode(str_trim(text), token, sizeof(token))));
	return h->ntlm->auth;
}

/* filename="..." of a Content-Disposition. */
static struct str file_name(struct str d)
{
	size_t at = str_find(d, STR("filename="));
	struct str s, rest;

	if (at == SIZE_MAX)
		return str_n(NULL, 0);
	s = str_sub(d, at + 9, d.len);
	if (s.len && s.p[0] == '"')
		return str_cut(str_sub(s, 1, s.len), '"', &rest);
	return str_trim(str_cut(s, ';', &rest));
}

static struct str copy(struct req *q, size_t *at, struct str s, size_t max)
{
	struct str out = str_n(q->text + *at, MIN(s.len, max));

	if (!s.p)
		return str_n(NULL, 0);
	memcpy(q->text + *at, s.p, out.len);
	*at += out.len;
	return out;
}

/* As much of s as fits into max (at most 255) bytes; how many. */
static uint8_t cut(char *out, size_t max, struct str s)
{
	size_t n = MIN(s.len, max);

	if (n)
		memcpy(out, s.p, n);
	return (uint8_t)n;
}

static void put_list(struct rec *r, const char *key, struct str s)
{
	if (!s.len)
		return;
	rec_list(r, key);
	rec_str(r, NULL, s);
	rec_list_end(r);
}

static void set_mime(struct http *h, enum dir d, const char *mime)
{
	if (d == DIR_RESP)
		h->mime = mime;
	else if (h->last)
		h->last->mime = mime;
}

/* The body of a side has ended: what is known of it as a file. */
static void file_end(struct conn *c, struct http *h, enum dir d)
{
	struct way *w = &h->way[d];
	const struct req *q = h->last;
	struct str name = d == DIR_RESP ? str_n(h->name, h->nname)
			  : q		? q->name
					: str_n(NULL, 0);
	const char *mime = content_end(c, &w->content, d == DIR_ORIG, name);

	if (mime)
		set_mime(h, d, mime);
}

static void write_pair(struct conn *c, struct http *h, const struct req *q)
{
	struct rec *r = conn_rec(c, "http", q ? q->ts : c->ts);
	const char *mime = h->open ? h->mime : NULL;

	rec_u64(r, "trans_depth", q ? q->depth : ++h->depth);
	if (q) {
		rec_str(r, "method", q->method);
		rec_str(r, "host", q->host);
		rec_str(r, "uri", q->uri);
		rec_str(r, "referrer", q->referrer);
		rec_str(r, "version", q->version);
		rec_str(r, "user_agent", q->agent);
		rec_str(r, "origin", q->origin);
	} else {
		rec_str(r, "version", str_n(h->version, h->nversion));
	}
	rec_u64(r, "request_body_len", q ? q->body : 0);
	rec_u64(r, "response_body_len", h->open ? h->way[DIR_RESP].body : 0);
	if (h->open) {
		rec_u64(r, "status_code", h->code);
		rec_str(r, "status_msg", str_n(h->message, h->nmessage));
	}
	if (h->info)
		rec_u64(r, "info_code", h->info);
	rec_list(r, "tags");
	rec_list_end(r);
	if (q) {
		rec_str(r, "username", q->user);
		if (q->basic)
			rec_bool(r, "basic_auth", true);
		if (q->nscheme)
			rec_str(r, "auth_scheme", str_n(q->scheme, q->nscheme));
		if (q->nrpc)
			rec_str(r, "rpc_method", str_n(q->rpc, q->nrpc));
		if (q->naction)
			rec_str(r, "rpc_action", str_n(q->action, q->naction));
		if (q->nresource)
			rec_str(r, "rpc_resource", str_n(q->resource, q->nresource));
		if (q->sealed)
			rec_bool(r, "rpc_sealed", true);
		if (q->mines)
			rec_bool(r, "mining", true);
		put_list(r, "proxied", q->proxied);
		put_list(r, "orig_fuids", str_of(q->file_id));
		put_list(r, "orig_filenames", q->name);
		put_list(r, "orig_mime_types", str_of(q->mime));
	}
	if (h->open) {
		put_list(r, "resp_fuids", str_of(h->file_id));
		put_list(r, "resp_filenames", str_n(h->name, h->nname));
		put_list(r, "resp_mime_types", str_of(mime));
	}
	rec_end(r);
	h->open = false;
	h->info = 0;
}

static void request_done(struct conn *c, struct http *h)
{
	struct req *q = h->first;

	file_end(c, h, DIR_RESP);
	if (q && q->ntlm && h->ntlm)
		ntlm_write(c, h->ntlm,
			   !h->open			      ? NTLM_UNKNOWN
			   : h->code == 401 || h->code == 407 ? NTLM_FAILURE
							      : NTLM_SUCCESS);
	write_pair(c, h, q);
	if (!q)
		return;
	h->first = q->next;
	if (!h->first)
		h->last = NULL;
	h->n--;
	conn_free(c, q, q->bytes);
}

/* WinRM: what is posted to its path in its form. */
static void wsman(struct req *q, const struct fields *f)
{
	bool sealed = str_ieqz(str_sub(f->kind, 0, 19), "multipart/encrypted");

	q->wsman = str_eqz(q->method, "POST") && str_ieqz(str_sub(q->uri, 0, 6), "/wsman") &&
		   (sealed || str_ieqz(str_sub(f->kind, 0, 20), "application/soap+xml"));
	q->sealed = q->wsman && sealed;
}

static bool request_add(struct conn *c, struct http *h, struct str line, const struct fields *f)
{
	struct str rest, method = str_cut(line, ' ', &rest), uri, version, scheme;
	size_t sp = SIZE_MAX, at = 0, bytes, nuser;
	char user[192];
	struct req *q;

	for (size_t i = 0; i < rest.len; i++)
		if (rest.p[i] == ' ')
			sp = i;
	if (sp == SIZE_MAX || !is_version(str_sub(rest, sp + 1, rest.len)))
		return false;
	uri = str_trim(str_sub(rest, 0, sp));
	version = str_sub(rest, sp + 6, rest.len);
	bytes = sizeof(*q) + method.len + MIN(uri.len, REC_TEXT_MAX) + f->host.len +
		f->referrer.len + f->agent.len + f->origin.len + f->disposition.len +
		f->proxied.len + 256;
	q = conn_alloc(c, bytes);
	if (!q)
		return false;
	if (h->n == WAIT_MAX)
		request_done(c, h);
	*q = (struct req){.ts = c->ts, .bytes = bytes, .depth = ++h->depth};
	q->method = copy(q, &at, method, 24);
	q->uri = copy(q, &at, uri, REC_TEXT_MAX);
	q->host = copy(q, &at, f->host, SIZE_MAX);
	q->referrer = copy(q, &at, f->referrer, SIZE_MAX);
	q->agent = copy(q, &at, f->agent, SIZE_MAX);
	q->origin = copy(q, &at, f->origin, SIZE_MAX);
	q->proxied = copy(q, &at, f->proxied, SIZE_MAX);
	q->name = copy(q, &at, file_name(f->disposition), SIZE_MAX);
	q->version = copy(q, &at, version, 3);
	q->basic = basic_user(f->auth, user, &nuser);
	if (q->basic)
		q->user = copy(q, &at, str_n(user, nuser), SIZE_MAX);
	scheme = line_word(f->auth, &rest);
	q->nscheme = cut(q->scheme, sizeof(q->scheme), scheme);
	q->ntlm = !q->basic && ntlm_head(c, h, f->auth);
	wsman(q, f);
	q->head = str_eqz(q->method, "HEAD");
	q->connect = str_eqz(q->method, "CONNECT");
	if (h->last)
		h->last->next = q;
	else
		h->first = q;
	h->last = q;
	h->n++;
	return true;
}

/* What follows a head. */
static void body_begin(struct way *w, const struct fields *f, bool none, bool to_end)
{
	int64_t n = 0; /* no file is open here: one ends with its message */

	*w = (struct way){.part = HEAD, .content.packing = content_packing(f->content)};
	if (none)
		return;
	if (f->coding.p && str_ieqz(str_sub(f->coding, 0, 7), "chunked")) {
		w->part = CHUNK;
	} else if (f->length.p && str_i64(f->length, &n) && n >= 0) {
		w->left = (uint64_t)n;
		w->part = n ? BODY : HEAD;
	} else if (to_end) {
		w->part = TO_END;
	}
}

static bool response_head(struct conn *c, struct http *h, struct str line, struct fields *f)
{
	struct str rest, version = str_cut(line, ' ', &rest), message = {0};
	struct str code = str_cut(rest, ' ', &message), name = file_name(f->disposition);
	const struct req *q = h->first;
	int64_t n;

	if (!is_version(version) || !str_i64(code, &n) || n < 100 || n > 999)
		return false;
	if (n / 100 == 1 && n != 101) {
		h->info = (unsigned)n;
		h->way[DIR_RESP] = (struct way){.part = HEAD};
		return true;
	}
	h->open = true;
	h->code = (unsigned)n;
	h->mime = NULL;
	h->file_id[0] = 0;
	if (n == 401 || n == 407)
		ntlm_head(c, h, f->challenge);
	if (q && q->wsman && (n == 200 || n == 401 || n == 500)) /* done, who are you, failed */
		conn_service(c, "winrm");
	h->nmessage = cut(h->message, sizeof(h->message), str_trim(message));
	h->nversion = MIN(version.len - 5, (size_t)3);
	memcpy(h->version, version.p + 5, h->nversion);
	h->nname = cut(h->name, sizeof(h->name), name);
	h->upgrade = n == 101 || (q && q->connect && n / 100 == 2);
	body_begin(&h->way[DIR_RESP], f, h->upgrade || n == 204 || n == 304 || (q && q->head),
		   true);
	if (n != 200)
		h->way[DIR_RESP].content.packing = CONTENT_NONE;
	return true;
}

/* A direction's message has ended, if it has. */
static void message_end(struct conn *c, struct http *h, enum dir d)
{
	if (h->way[d].part != HEAD)
		return;
	file_end(c, h, d);
	if (d == DIR_ORIG || !h->open)
		return;
	request_done(c, h);
	if (h->upgrade)
		conn_again(c);
}

static int64_t head(struct conn *c, struct http *h, enum dir d, struct str s)
{
	size_t n, blank = 0;
	struct str line, rest;
	struct fields f;

	while (blank < s.len && (s.p[blank] == '\r' || s.p[blank] == '\n'))
		blank++;
	if (blank)
		return (int64_t)blank;
	n = head_len(s);
	if (!n)
		return s.len > HEAD_MAX ? STREAM_FAIL : 0;
	line = str_trim(str_cut(str_n(s.p, n), '\n', &rest));
	head_fields(rest, &f);
	if (d == DIR_ORIG) {
		if (!request_add(c, h, line, &f))
			return STREAM_FAIL;
		body_begin(&h->way[d], &f, false, false);
	} else {
		if (!response_head(c, h, line, &f))
			return STREAM_FAIL;
	}
	message_end(c, h, d);
	return (int64_t)n;
}

/* What stands behind the last of these marks, or all of it. */
static struct str last_part(struct str s, const char *mark)
{
	size_t at;

	while ((at = str_find(s, str_of(mark))) != SIZE_MAX)
		s = str_sub(s, at + strlen(mark), s.len);
	return s;
}

/* What the first bytes of a request's body call. */
static void body_calls(struct req *q, struct str s)
{
	struct str name = body_method(s);

	q->nrpc = cut(q->rpc, sizeof(q->rpc), name);
	q->mines = body_mines(s);
	if (!q->wsman || q->sealed)
		return;
	name = last_part(body_element(s, "Action"), "/");
	q->naction = cut(q->action, sizeof(q->action), name);
	name = last_part(body_element(s, "ResourceURI"), "/wsman/1/");
	q->nresource = cut(q->resource, sizeof(q->resource), name);
}

/* The file that a body is, if it is one. */
static void file_begin(struct conn *c, struct http *h, enum dir d)
{
	struct way *w = &h->way[d];
	char *id = d == DIR_RESP ? h->file_id : h->last ? h->last->file_id : NULL;

	if (!id)
		return;
	content_begin(c, &w->content, id);
	if (!w->content.file)
		return;
	w->content.file->has_total = w->part == BODY && w->content.packing == CONTENT_PLAIN;
	w->content.file->total = w->body + w->left;
}

/* The first bytes of a body. */
static void body_first(struct conn *c, struct http *h, enum dir d, struct str s)
{
	h->way[d].seen = true;
	set_mime(h, d, mime_of(s));
	if (d == DIR_ORIG && h->last)
		body_calls(h->last, str_sub(s, 0, BODY_BYTES));
	file_begin(c, h, d);
}

static void body_bytes(struct conn *c, struct http *h, enum dir d, struct str s)
{
	struct way *w = &h->way[d];

	if (!w->seen && s.len)
		body_first(c, h, d, s);
	content_bytes(c, &w->content, w->body, s);
	w->body += s.len;
	if (d == DIR_ORIG && h->last)
		h->last->body = w->body;
}

/* The line before a chunk; -1 broken, 0 not whole. */
static int64_t chunk_line(struct way *w, struct str s)
{
	size_t nl = str_chr(s, '\n', 0), i = 0;
	uint64_t n = 0;

	if (nl == SIZE_MAX)
		return s.len > 1024 ? STREAM_FAIL : 0;
	for (; i < nl && i < 15 && hex_digit(s.p[i]) >= 0; i++)
		n = n << 4 | (uint64_t)hex_digit(s.p[i]);
	if (!i)
		return nl <= 1 ? (int64_t)nl + 1 : STREAM_FAIL; /* the line after a chunk */
	w->left = n;
	w->part = n ? CHUNK_DATA : TRAILER;
	return (int64_t)nl + 1;
}

static int64_t trailer(struct way *w, struct str s)
{
	size_t nl = str_chr(s, '\n', 0);

	if (nl == SIZE_MAX)
		return s.len > 4096 ? STREAM_FAIL : 0;
	if (nl <= 1)
		w->part = HEAD;
	return (int64_t)nl + 1;
}

static int64_t http_stream(struct conn *c, enum dir d, struct str s)
{
	struct http *h = c->state;
	struct way *w = &h->way[d];
	int64_t r;

	switch (w->part) {
	case HEAD:
		return head(c, h, d, s);
	case CHUNK:
		return chunk_line(w, s);
	case TRAILER:
		r = trailer(w, s);
		message_end(c, h, d);
		return r;
	case TO_END:
		body_bytes(c, h, d, s);
		return (int64_t)s.len;
	default:
		break;
	}
	s.len = (size_t)MIN((uint64_t)s.len, w->left);
	body_bytes(c, h, d, s);
	w->left -= s.len;
	if (!w->left)
		w->part = w->part == BODY ? HEAD : CHUNK;
	message_end(c, h, d);
	return (int64_t)s.len;
}

static bool http_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct http *h = c->state;
	struct way *w = &h->way[d];

	if (w->part == TO_END || ((w->part == BODY || w->part == CHUNK_DATA) && n <= w->left)) {
		w->seen = true;
		w->body += n;
		content_lost(&w->content, n);
		if (d == DIR_ORIG && h->last)
			h->last->body = w->body;
		if (w->part == TO_END)
			return true;
		w->left -= n;
		if (!w->left)
			w->part = w->part == BODY ? HEAD : CHUNK;
		message_end(c, h, d);
		return true;
	}
	return false;
}

static void http_close(struct conn *c)
{
	struct http *h = c->state;

	if (h->open)
		request_done(c, h);
	file_end(c, h, DIR_ORIG);
	while (h->first)
		request_done(c, h);
	file_end(c, h, DIR_RESP);
	if (h->ntlm) {
		ntlm_write(c, h->ntlm, NTLM_UNKNOWN);
		conn_free(c, h->ntlm, sizeof(*h->ntlm));
	}
}

const struct proto_ops proto_http = {
	.name = "http",
	.transports = PROTO_TCP,
	.ports = {80, 8080, 8000, 8888, 3128, 81, 8081, 631, 5985, 1080},
	.state_size = sizeof(struct http),
	.buffer_max = HEAD_MAX,
	.sniff = http_sniff,
	.stream = http_stream,
	.gap = http_gap,
	.close = http_close,
};
