/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/files.h"
#include "base/hash.h"
#include "packet/sensor.h"

/* After so many the kind of a file is believed, for which hashes it gets. */
#define SURE_BYTES 64

struct file_tap *file_tap_new(struct conn *c)
{
	struct file_tap *t = conn_alloc(c, sizeof(*t));
	static const char digit[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char uid[20];
	uint64_t a, b;

	if (!t)
		return NULL;
	*t = (struct file_tap){.ts = c->ts};
	/* Unique as far as connection, moment and place in memory of records tell. */
	a = hash_str(conn_uid(c, uid), (uint64_t)c->ts);
	b = hash_2(a, c->rec->records);
	t->id[0] = 'F';
	for (unsigned i = 1; i < 18; i++) {
		uint64_t *v = i < 10 ? &a : &b;

		t->id[i] = digit[*v % 62];
		*v /= 62;
	}
	return t;
}

/* What is worth the dearer hashes, which lists of malware are still made of. */
static bool is_worth(const char *mime)
{
	static const char *const part[] = {
		"application/",
		"text/rtf",
		"text/x-",
		NULL,
	};

	for (size_t i = 0; mime && part[i]; i++)
		if (strncmp(mime, part[i], strlen(part[i])) == 0)
			return true;
	return false;
}

const char *file_tap_mime(const struct file_tap *t)
{
	return t->nhead ? mime_of(str_n((const char *)t->head, t->nhead)) : NULL;
}

static void first(struct conn *c, struct file_tap *t, uint64_t at)
{
	struct carve *keep = sensor_carve(c->sensor);

	t->keep = keep && !at ? carve_begin(keep) : NULL;
	t->any = true;
	t->broken |= at != 0;
	t->all = true; /* until it is known */
	digest_begin(&t->sha256, DIGEST_SHA256);
	digest_begin(&t->sha1, DIGEST_SHA1);
	digest_begin(&t->md5, DIGEST_MD5);
}

void file_tap_bytes(struct conn *c, struct file_tap *t, uint64_t at, struct str s)
{
	size_t n;

	t->last = c->ts;
	if (!s.len)
		return;
	if (!t->any)
		first(c, t, at);
	if (at != t->next)
		t->broken = true;
	if (!t->broken && t->nhead < MIME_BYTES && t->seen < MIME_BYTES) {
		n = MIN(s.len, (size_t)(MIME_BYTES - t->nhead));
		memcpy(t->head + t->nhead, s.p, n);
		t->nhead = (uint16_t)(t->nhead + n);
	}
	t->seen += s.len;
	t->next = at + s.len;
	if (t->broken)
		return;
	if (!t->sure && t->nhead >= SURE_BYTES) {
		t->sure = true;
		t->all = is_worth(file_tap_mime(t));
	}
	if (t->keep)
		carve_bytes(t->keep, s);
	digest_add(&t->sha256, s.p, s.len);
	if (t->all) {
		digest_add(&t->sha1, s.p, s.len);
		digest_add(&t->md5, s.p, s.len);
	}
}

void file_tap_lost(struct file_tap *t, uint64_t n)
{
	t->broken = true;
	t->missing += n;
	t->next += n;
}

static void put_hashes(struct rec *r, struct file_tap *t)
{
	uint8_t sum[32];
	size_t n;

	if (t->all) {
		n = digest_end(&t->md5, sum);
		rec_hex(r, "md5", sum, n);
		n = digest_end(&t->sha1, sum);
		rec_hex(r, "sha1", sum, n);
	}
	n = digest_end(&t->sha256, sum);
	rec_hex(r, "sha256", sum, n);
	carve_end(t->keep, sum);
	t->keep = NULL;
}

void file_tap_drop(struct conn *c, struct file_tap *t)
{
	if (!t)
		return;
	carve_drop(t->keep);
	conn_free(c, t, sizeof(*t));
}

void file_tap_end(struct conn *c, struct file_tap *t, const char *source, bool is_orig,
		  struct str name)
{
	const char *mime;
	struct rec *r;

	if (!t)
		return;
	if (!t->any) {
		file_tap_drop(c, t);
		return;
	}
	mime = file_tap_mime(t);
	if (!t->sure)
		t->all = is_worth(mime);
	r = conn_rec(c, "files", t->ts);
	rec_str(r, "fuid", str_n(t->id, 18));
	rec_z(r, "source", source);
	rec_u64(r, "depth", 0);
	rec_z(r, "mime_type", mime);
	if (name.len)
		rec_str(r, "filename", name);
	rec_secs(r, "duration", t->last - t->ts);
	rec_bool(r, "local_orig", ip_private(conn_ip(c, is_orig ? DIR_ORIG : DIR_RESP)));
	rec_bool(r, "is_orig", is_orig);
	rec_u64(r, "seen_bytes", t->seen);
	if (t->has_total)
		rec_u64(r, "total_bytes", t->total);
	rec_u64(r, "missing_bytes",
		t->has_total && t->total > t->seen ? t->total - t->seen : t->missing);
	rec_bool(r, "timedout", false);
	if (!t->broken && (!t->has_total || t->total == t->seen))
		put_hashes(r, t);
	rec_end(r);
	file_tap_drop(c, t);
}
