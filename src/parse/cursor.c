/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/cursor.h"
#include "base/json.h"
#include <errno.h>
#include <stdlib.h>

#define HEAD_BYTES   (64 * KIB)
#define LEAST_EVERY  64
#define EVENTS_FIRST 1024
#define BLOCK_KEEP   (4 * MIB)
#define PAD	     64

struct block *block_new(void)
{
	struct block *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->rec = calloc(BLOCK_RECORDS, sizeof(*b->rec));
	if (!b->rec || batch_init(&b->b, EVENTS_FIRST) < 0)
		return block_free(b);
	return b;
}

struct block *block_free(struct block *b)
{
	if (!b)
		return NULL;
	batch_free(&b->b);
	free(b->rec);
	free(b->raw);
	free(b);
	return NULL;
}

void block_reset(struct block *b)
{
	batch_reset(&b->b);
	b->next = NULL;
	if (b->raw_cap > BLOCK_KEEP) {
		free(b->raw);
		b->raw = NULL;
		b->raw_cap = 0;
	}
	b->nrec = b->live = 0;
	b->end = false;
	b->err = 0;
}

int block_decode(struct block *b, struct decoder *dec, struct str rec)
{
	int n;

	while ((n = decoder_decode(dec, rec, &b->b)) == -ENOSPC) {
		size_t cap = b->b.cap * 2;
		struct event *grown;

		/* Only a record beside others can lack room: alone, it is cut and counted. */
		if (b->b.cap - b->b.n >= BATCH_EVENTS_MAX)
			return 0;
		grown = realloc(b->b.events, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		b->b.events = grown;
		b->b.cap = cap;
	}
	return n;
}

/* Room for n bytes in buf, and the padding scanners read. */
static int reserve(char **buf, size_t *cap, size_t n)
{
	size_t want = MAX(n, *cap ? *cap : HEAD_BYTES);
	char *p;

	if (n <= *cap)
		return 0;
	p = realloc(*buf, want + PAD);
	if (!p)
		return -ENOMEM;
	*buf = p;
	*cap = want;
	return 0;
}

/* Reads on until buf holds `want` bytes or the file ends; room for them and PAD is there. */
static void read_on(struct cursor *c, char *buf, size_t *len, size_t want)
{
	while (*len < want && !c->eof) {
		int64_t n = packet_read(c->in, buf + *len, want - *len);

		if (n > 0) {
			*len += (size_t)n;
			c->bytes += (uint64_t)n;
			continue;
		}
		c->eof = true;
		c->torn = n < 0;
		c->err = (int)n;
	}
	memset(buf + *len, 0, PAD);
}

/* Reads until c->buf holds `want` unframed bytes or the file ends. */
static int fill(struct cursor *c, size_t want)
{
	int r;

	if (c->at) {
		memmove(c->buf, c->buf + c->at, c->len - c->at);
		c->len -= c->at;
		c->at = 0;
	}
	r = reserve(&c->buf, &c->cap, want);
	if (r == 0)
		read_on(c, c->buf, &c->len, want);
	return r;
}

/*
 * The next record of buf[*pos, len). The codec never sees more than record_max bytes at once,
 * so that what it cuts does not depend on how the bytes came. false: read on, or the end.
 */
static bool next_record(struct cursor *c, const char *buf, size_t len, size_t *pos,
			struct str *ret_rec)
{
	size_t max = decoder_codec(c->dec)->record_max;
	bool end = c->eof && (!c->follow || c->settle);

	for (;;) {
		size_t from = *pos;
		bool cut = max && len - from > max;
		struct str view = str_n(buf, cut ? from + max : len);
		enum frame_result r = decoder_frame(c->dec, view, pos, end && !cut, ret_rec);

		if (r == FRAME_RECORD && *pos > from)
			return true;
		if (*pos > from && (cut || r == FRAME_SKIP))
			continue;
		if (r == FRAME_MORE && cut) { /* the window is full and holds no whole record */
			*pos = from + max;
			c->skipped++;
			continue;
		}
		if (end || r == FRAME_RECORD || r == FRAME_SKIP)
			*pos = len;
		return false;
	}
}

int cursor_open(struct cursor *c, struct diag *d)
{
	int r;

	cursor_close(c);
	c->at = c->len = 0;
	c->eof = c->torn = false;
	c->err = 0;
	c->bytes = c->records = c->skipped = c->given = 0;
	r = packet_open(c->path, NULL, &c->in, d);
	if (r < 0)
		return r;
	r = fill(c, HEAD_BYTES);
	if (r == 0 && !c->len) {
		r = c->err ? c->err : E_FORMAT;
		diag_set(d, r, "%s: %s", c->path,
			 c->err					     ? err_text(c->err)
			 : packet_is_capture(c->in, &c->first_known) ? "no connection in it"
								     : "empty");
	} else if (r == 0) {
		r = c->codec ? decoder_open_as(c->src, c->path, c->codec, &c->dec, d)
		    : c->as.ops
			    ? decoder_open_again(c->src, c->path, c->as, &c->dec, d)
			    : decoder_open(c->src, c->path, str_n(c->buf, c->len), &c->dec, d);
	}
	if (r == 0 && c->written)
		decoder_written(c->dec, c->written);
	if (r == 0)
		c->source = decoder_source(c->dec);
	else
		cursor_close(c);
	return r;
}

static int note_known(struct cursor *c, int64_t known)
{
	size_t i = (size_t)(c->records / LEAST_EVERY);

	if (i >= c->capleast) {
		size_t cap = MAX(i + 1, c->capleast * 2 + 64);
		int64_t *p = realloc(c->least, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		c->least = p;
		c->capleast = cap;
	}
	while (c->nleast <= i)
		c->least[c->nleast++] = INT64_MAX;
	c->least[i] = MIN(c->least[i], known);
	c->first_known = MIN(c->first_known, known);
	c->last_known = MAX(c->last_known, known);
	return 0;
}

static void headway(struct headway *w, uint64_t n)
{
	uint64_t done;

	if (!w || !w->tell)
		return;
	done = atomic_fetch_add(&w->done, n) + n;
	if (atomic_flag_test_and_set(&w->busy))
		return;
	w->tell(w->arg, done, w->total);
	atomic_flag_clear(&w->busy);
}

static void scan_end(struct cursor *c)
{
	cursor_close(c);
	free(c->buf);
	c->buf = NULL;
	c->cap = 0;
}

int cursor_scan(struct cursor *c, struct diag *d)
{
	int r = cursor_open(c, d);
	size_t want = c->chunk;
	uint64_t taken = 0;

	if (r < 0)
		return r;
	c->as = decoder_recognised(c->dec);
	c->nleast = 0;
	c->ordered = packet_is_capture(c->in, &c->first_known);
	if (c->ordered) { /* to read it twice would cost as much as all that follows */
		c->known = c->last_known = c->first_known;
		scan_end(c);
		return 0;
	}
	c->first_known = INT64_MAX;
	c->last_known = INT64_MIN;
	for (bool last = false; r == 0 && !last;) {
		struct str rec;
		int64_t known;

		r = fill(c, want);
		last = c->eof;
		want = c->len;
		while (r == 0 && next_record(c, c->buf, c->len, &c->at, &rec)) {
			if (decoder_known(c->dec, rec, &known))
				r = note_known(c, known);
			c->records++;
		}
		headway(c->way, packet_taken(c->in) - taken);
		taken = packet_taken(c->in);
		/* A record larger than what was read: more at once. */
		want = MAX(c->chunk, c->at ? c->len - c->at + c->chunk : want * 2);
	}
	c->yearless = decoder_yearless(c->dec);
	for (size_t i = c->nleast; i-- > 1;)
		c->least[i - 1] = MIN(c->least[i - 1], c->least[i]);
	scan_end(c);
	return r < 0 ? diag_set(d, r, "%s: %s", c->path, err_text(r)) : 0;
}

static int64_t least_from(const struct cursor *c, uint64_t record)
{
	uint64_t i = record / LEAST_EVERY;

	if (c->ordered)
		return record > c->records ? INT64_MAX : c->known;
	return i < c->nleast ? c->least[i] : INT64_MAX;
}

static int block_add(struct cursor *c, struct block *b, struct str raw)
{
	struct block_rec *r = &b->rec[b->nrec];
	size_t first = b->b.n;
	uint32_t era = decoder_era(c->dec);
	int n = era == ERA_NONE ? 0 : block_decode(b, c->dec, raw);

	if (n < 0)
		return n;
	*r = (struct block_rec){.raw = raw,
				.no = c->records++,
				.first = (uint32_t)first,
				.n = (uint32_t)n,
				.era = era,
				.known = INT64_MAX};
	for (size_t i = first; i < b->b.n; i++)
		r->known = MIN(r->known, b->b.events[i].known);
	b->nrec += n > 0;
	if (n && c->ordered)
		c->known = r->known;
	return 0;
}

/* The unframed bytes and what follows them, into the block whose records will view them. */
static int take_bytes(struct cursor *c, struct block *b, size_t want, size_t *ret_len)
{
	size_t left = c->len - c->at;
	int r = reserve(&b->raw, &b->raw_cap, MAX(want, left));

	if (r < 0)
		return r;
	if (left)
		memcpy(b->raw, c->buf + c->at, left);
	*ret_len = left;
	read_on(c, b->raw, ret_len, want);
	return 0;
}

/* What the block left unframed, kept for the next. */
static int keep_rest(struct cursor *c, const char *p, size_t n)
{
	int r = reserve(&c->buf, &c->cap, n);

	c->at = c->len = 0;
	if (r < 0)
		return r;
	if (n)
		memcpy(c->buf, p, n);
	memset(c->buf + n, 0, PAD);
	c->len = n;
	return 0;
}

void cursor_block(struct cursor *c, struct block *b)
{
	uint64_t before = c->records;
	size_t pos = 0, len = 0, want = c->chunk;
	const struct refusal *ref;
	int r = 0;

	do {
		struct str rec;

		r = take_bytes(c, b, want, &len);
		pos = 0;
		while (r == 0 && c->records - before < BLOCK_RECORDS &&
		       next_record(c, b->raw, len, &pos, &rec))
			r = block_add(c, b, rec);
		if (r == 0)
			r = keep_rest(c, b->raw + pos, len - pos);
		want = c->len * 2 + c->chunk;
		/* A record larger than the chunk: the same bytes and more. */
	} while (r == 0 && !c->eof && c->records == before);
	b->err = r;
	b->end = r < 0 || (c->eof && c->at == c->len && !c->follow);
	b->taken = packet_taken(c->in);
	if (b->end) {
		(void)packet_stats(c->in, &c->packets);
		c->in = packet_close(c->in);
	}
	b->bytes = c->bytes - (c->len - c->at) - c->given;
	c->given += b->bytes;
	b->records = c->records;
	b->refused = c->skipped + (b->end && c->torn);
	for (size_t i = decoder_refusals(c->dec, &ref); i-- > 0;)
		b->refused += ref[i].n;
	b->bound = b->end ? INT64_MAX : least_from(c, c->records);
	b->later = b->end ? INT64_MAX : least_from(c, c->records + BLOCK_RECORDS);
}

bool cursor_more(struct cursor *c)
{
	if (!c->in || !packet_more(c->in))
		return false;
	c->eof = false;
	return true;
}

int cursor_skip(struct cursor *c, uint64_t n)
{
	size_t want = c->chunk;
	int r = 0;

	while (r == 0 && c->records < n) {
		uint64_t before = c->records;
		struct str rec;

		r = fill(c, want);
		while (r == 0 && c->records < n && next_record(c, c->buf, c->len, &c->at, &rec))
			c->records++;
		want = c->records > before ? c->chunk : (c->len - c->at) * 2 + c->chunk;
		if (c->eof && c->records < n)
			break; /* shorter than it was */
	}
	c->given = c->bytes - (c->len - c->at);
	return r;
}

void cursor_close(struct cursor *c)
{
	c->in = packet_close(c->in);
	c->dec = decoder_free(c->dec);
}

void cursor_free(struct cursor *c)
{
	cursor_close(c);
	free(c->buf);
	free(c->least);
	c->buf = NULL;
	c->least = NULL;
}
