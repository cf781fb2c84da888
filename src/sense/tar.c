/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/tar.h"

/* Where the fields of a header stand. */
enum {
	AT_NAME = 0,
	AT_SIZE = 124,
	AT_MTIME = 136,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_MAGIC = 257,
	AT_PREFIX = 345,
	LEN_NAME = 100,
	LEN_NUMBER = 12,
	LEN_SUM = 8,
	LEN_PREFIX = 155,
};

/* A number in octal, or, when its first bit is set, in base 256; -1 when it is none. */
static int64_t number(const unsigned char *p, size_t n)
{
	int64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		if (p[0] != 0x80)
			return -1;
		for (i = 1; i < n; i++) {
			if (v >> 54)
				return -1;
			v = v << 8 | p[i];
		}
		return v;
	}
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (p[i] - '0'); /* 12 digits: 36 bits */
	return i == n || p[i] == 0 || p[i] == ' ' ? v : -1;
}

/* Whether the block's checksum is right. Some old writers summed signed bytes. */
static bool sum_fits(const unsigned char *b)
{
	int64_t want = number(b + AT_SUM, LEN_SUM), plain = 0, with_sign = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		unsigned char c = i >= AT_SUM && i < AT_SUM + LEN_SUM ? ' ' : b[i];

		plain += c;
		with_sign += (signed char)c;
	}
	return want == plain || want == with_sign;
}

bool tar_is(struct str head)
{
	return head.len >= TAR_BLOCK && memcmp(head.p + AT_MAGIC, "ustar", 5) == 0 &&
	       sum_fits((const unsigned char *)head.p);
}

void tar_begin(struct tar *t, int64_t (*read)(void *, char *, size_t), void *arg)
{
	*t = (struct tar){.read = read, .arg = arg, .size = -1};
}

/* n bytes of the archive; E_TRUNC when there are fewer. */
static int take(struct tar *t, char *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		int64_t r = t->read(t->arg, buf + got, n - got);

		if (r <= 0)
			return r < 0 ? (int)r : E_TRUNC;
		got += (size_t)r;
	}
	return 0;
}

int64_t tar_read(struct tar *t, char *buf, size_t n)
{
	int r;

	n = (size_t)MIN((uint64_t)n, t->left);
	if (!n)
		return 0;
	r = take(t, buf, n);
	if (r < 0)
		return r;
	t->left -= n;
	return (int64_t)n;
}

static int pass_over(struct tar *t)
{
	char waste[16 * TAR_BLOCK];
	int64_t r;
	int e;

	while ((r = tar_read(t, waste, sizeof(waste))) > 0)
		;
	if (r < 0)
		return (int)r;
	e = take(t, waste, t->pad);
	t->pad = 0;
	return e;
}

static size_t text_len(const char *p, size_t max)
{
	const char *end = memchr(p, 0, max);

	return end ? (size_t)(end - p) : max;
}

static void name_set(struct tar *t, struct str s)
{
	t->nname = MIN(s.len, sizeof(t->name));
	if (t->nname)
		memcpy(t->name, s.p, t->nname);
}

/* The data of a header that names the next entry. */
static int long_name(struct tar *t)
{
	char buf[TAR_NAME_MAX];
	int64_t r = tar_read(t, buf, sizeof(buf));

	if (r < 0)
		return (int)r;
	name_set(t, str_n(buf, text_len(buf, (size_t)r)));
	return 0;
}

static void pax_record(struct tar *t, struct str key, struct str value)
{
	int64_t n;

	if (str_eqz(key, "path"))
		name_set(t, value);
	else if (str_eqz(key, "size") && str_i64(value, &n) && n >= 0)
		t->size = n;
	else if (str_starts(key, STR("GNU.sparse.")))
		t->sparse = true;
}

/* One record "LENGTH KEY=VALUE\n"; the end of a long one is passed over. */
static int pax_one(struct tar *t)
{
	char buf[64 + TAR_NAME_MAX];
	size_t n, digits = 0;
	uint64_t len = 0, rest;
	struct str value, key;
	int64_t r;

	/* The length, up to the blank. */
	for (;; digits++) {
		r = tar_read(t, buf, 1);
		if (r <= 0)
			return r < 0 ? (int)r : E_FORMAT;
		if (buf[0] < '0' || buf[0] > '9' || digits == 7)
			break;
		len = len * 10 + (unsigned)(buf[0] - '0');
	}
	if (!digits || buf[0] != ' ' || len < digits + 3)
		return E_FORMAT;
	rest = len - digits - 1;
	n = (size_t)MIN(rest, (uint64_t)sizeof(buf));
	if (rest > t->left)
		return E_FORMAT;
	r = tar_read(t, buf, n);
	if (r < 0)
		return (int)r;
	for (rest -= n; rest && r >= 0; rest -= (uint64_t)r) {
		char waste[TAR_BLOCK];

		r = tar_read(t, waste, (size_t)MIN(rest, (uint64_t)sizeof(waste)));
	}
	if (r < 0)
		return (int)r;
	n -= n == len - digits - 1; /* the line's end */
	key = str_cut(str_n(buf, n), '=', &value);
	if (value.p)
		pax_record(t, key, value);
	return 0;
}

static int pax(struct tar *t)
{
	int r = 0;

	while (t->left && r == 0)
		r = pax_one(t);
	return r;
}

/* The name in the entry's own header. */
static void own_name(struct tar *t, const char *b)
{
	size_t n = text_len(b + AT_NAME, LEN_NAME);
	size_t p = b[AT_MAGIC + 5] == 0 ? text_len(b + AT_PREFIX, LEN_PREFIX) : 0;

	memcpy(t->name, b + AT_PREFIX, p);
	if (p)
		t->name[p++] = '/';
	memcpy(t->name + p, b + AT_NAME, n);
	t->nname = p + n;
}

static void entry(struct tar *t, const char *b, struct tar_entry *ret_e)
{
	int64_t s = number((const unsigned char *)b + AT_MTIME, LEN_NUMBER);
	char type = b[AT_TYPE];

	if (!t->nname)
		own_name(t, b);
	*ret_e = (struct tar_entry){.name = str_n(t->name, t->nname), .size = t->left};
	ret_e->mtime = s > 0 && s < INT64_MAX / NS_PER_S ? s * NS_PER_S : 0;
	ret_e->file = type == 0 || type == '0' || type == '7';
	ret_e->strange =
		(ret_e->file && t->sparse) || (!ret_e->file && !(type >= '1' && type <= '6'));
	t->nname = 0;
	t->size = -1;
	t->sparse = false;
}

int tar_next(struct tar *t, struct tar_entry *ret_e)
{
	for (;;) {
		char b[TAR_BLOCK], type;
		int r = pass_over(t);
		int64_t size;

		if (r < 0)
			return r;
		r = take(t, b, 1);
		if (r == E_TRUNC) /* some writers leave out the empty blocks at the end */
			return 0;
		if (r == 0)
			r = take(t, b + 1, sizeof(b) - 1);
		if (r < 0)
			return r;
		if (!b[0] && memcmp(b, b + 1, sizeof(b) - 1) == 0)
			return 0;
		type = b[AT_TYPE];
		size = number((const unsigned char *)b + AT_SIZE, LEN_NUMBER);
		if (!tar_is(str_n(b, sizeof(b))) || size < 0)
			return E_FORMAT;
		if (type >= '1' &&
		    type <= '6') /* links and the like have none, whatever they say */
			size = 0;
		else if (t->size >= 0 && type != 'x' && type != 'L')
			size = t->size;
		t->left = (uint64_t)size;
		t->pad = (unsigned)(-(uint64_t)size % TAR_BLOCK);
		if ((type == 'x' || type == 'g' || type == 'L' || type == 'K') &&
		    size > TAR_META_MAX)
			return E_LIMIT;
		if (type == 'x') {
			r = pax(t);
		} else if (type == 'L') {
			r = long_name(t);
		} else if (type != 'g' && type != 'K') {
			entry(t, b, ret_e);
			return 1;
		}
		if (r < 0)
			return r;
	}
}
