/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/evtx.h"
#include "base/timeutil.h"
#include "base/utf8.h"
#include <zlib.h>

#define RECORDS_AT    512
#define DEPTH_MAX     24		  /* of elements */
#define FRAGMENTS_MAX 8			  /* in one another */
#define WORK_MAX      65536		  /* tokens of one record */
#define RECORD_XML    ((size_t)256 << 10) /* bytes of XML of one record */
#define VALUES_MAX    512
#define EVTX_NAME_MAX 256

enum token {
	TOK_EOF,
	TOK_OPEN,
	TOK_CLOSE_START,
	TOK_CLOSE_EMPTY,
	TOK_CLOSE,
	TOK_VALUE,
	TOK_ATTRIBUTE,
	TOK_CDATA,
	TOK_CHAR,
	TOK_ENTITY,
	TOK_PI,
	TOK_PI_DATA,
	TOK_TEMPLATE,
	TOK_SUBST,
	TOK_SUBST_OPTIONAL,
	TOK_FRAGMENT,
	TOK_MORE = 0x40,
};

enum type {
	TYPE_NULL,
	TYPE_WIDE,
	TYPE_NARROW,
	TYPE_I8,
	TYPE_U8,
	TYPE_I16,
	TYPE_U16,
	TYPE_I32,
	TYPE_U32,
	TYPE_I64,
	TYPE_U64,
	TYPE_F32,
	TYPE_F64,
	TYPE_BOOL,
	TYPE_BINARY,
	TYPE_GUID,
	TYPE_SIZE,
	TYPE_FILETIME,
	TYPE_SYSTEMTIME,
	TYPE_SID,
	TYPE_HEX32,
	TYPE_HEX64,
	TYPE_XML = 0x21,
	TYPE_ARRAY = 0x80,
};

struct value {
	uint8_t type;
	struct str s;
};

/* Offsets are of the chunk: names and templates are found by them. */
struct reader {
	struct str chunk;
	size_t at, end;
	struct buf *out;
	size_t begun; /* of out, when the record began */
	size_t work;
	unsigned depth; /* of fragments */
	bool bad;
};

/* A fragment being read. */
struct frame {
	const struct value *v; /* of the template's instance; NULL outside one */
	size_t nv;
	size_t open[DEPTH_MAX]; /* where in the chunk the names of open elements stand */
	size_t depth;
	bool tag;	       /* attributes may follow */
	bool plain;	       /* no dependency id before the size of an element */
	size_t attr, attr_val; /* of out: where the open attribute and its value begin, or 0 */
};

static void fragment(struct reader *r, const struct value *v, size_t nv, bool plain);
static void put_name(struct reader *r, size_t at);

bool evtx_is(struct str head)
{
	return str_starts(head, str_n("ElfFile", 8));
}

static uint64_t le(struct str s, size_t at, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && at + i < s.len; i++)
		v |= (uint64_t)(unsigned char)s.p[at + i] << (8 * i);
	return v;
}

static uint64_t take(struct reader *r, size_t n)
{
	uint64_t v = le(r->chunk, r->at, n);

	if (n > r->end - r->at) {
		r->bad = true;
		r->at = r->end;
		return 0;
	}
	r->at += n;
	return v;
}

static struct str take_bytes(struct reader *r, size_t n)
{
	struct str s;

	if (n > r->end - r->at) {
		r->bad = true;
		n = r->end - r->at;
	}
	s = str_sub(r->chunk, r->at, r->at + n);
	r->at += n;
	return s;
}

static void put_char(struct reader *r, uint32_t c)
{
	struct buf *b = r->out;
	char utf8[4];

	if (c == '<')
		buf_addz(b, "&lt;");
	else if (c == '>')
		buf_addz(b, "&gt;");
	else if (c == '&')
		buf_addz(b, "&amp;");
	else if (c == '"')
		buf_addz(b, "&quot;");
	else if (c < ' ' && c != '\t')
		buf_fmt(b, "&#%u;", c ? c : 0xfffdU);
	else
		buf_add(b, str_n(utf8, utf8_put(utf8, c)));
}

/* UTF-16 to escaped UTF-8, up to the first NUL. */
static void put_wide(struct reader *r, struct str s)
{
	for (size_t i = 0; i + 1 < s.len; i += 2) {
		uint32_t c = (uint32_t)le(s, i, 2);
		uint32_t low = i + 3 < s.len ? (uint32_t)le(s, i + 2, 2) : 0;

		if (!c)
			return;
		if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = 0xfffd;
		}
		put_char(r, c);
	}
}

static void put_hex(struct reader *r, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_fmt(r->out, "%02X", (unsigned)(unsigned char)s.p[i]);
}

static void put_guid(struct reader *r, struct str s)
{
	buf_fmt(r->out, "{%08x-%04x-%04x-%02x%02x-", (unsigned)le(s, 0, 4),
		(unsigned)le(s, 4, 2), (unsigned)le(s, 6, 2), (unsigned)le(s, 8, 1),
		(unsigned)le(s, 9, 1));
	for (size_t i = 10; i < 16; i++)
		buf_fmt(r->out, "%02x", (unsigned)le(s, i, 1));
	buf_addc(r->out, '}');
}

static void put_sid(struct reader *r, struct str s)
{
	size_t n = (size_t)le(s, 1, 1);
	uint64_t authority = 0;

	for (size_t i = 2; i < 8; i++)
		authority = authority << 8 | le(s, i, 1);
	buf_fmt(r->out, "S-%u-%llu", (unsigned)le(s, 0, 1), (unsigned long long)authority);
	for (size_t i = 0; i < n && 12 + 4 * i <= s.len; i++)
		buf_fmt(r->out, "-%u", (unsigned)le(s, 8 + 4 * i, 4));
}

/* 100 ns since 1601. */
static void put_filetime(struct reader *r, uint64_t v)
{
	const uint64_t unix_epoch = UINT64_C(116444736000000000);
	char text[TIME_TEXT];

	if (v < unix_epoch || v - unix_epoch > (uint64_t)INT64_MAX / 100)
		buf_fmt(r->out, "%llu", (unsigned long long)v);
	else
		buf_addz(r->out, time_rfc3339((int64_t)((v - unix_epoch) * 100), text));
}

static void put_systemtime(struct reader *r, struct str s)
{
	buf_fmt(r->out, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)le(s, 0, 2),
		(unsigned)le(s, 2, 2), (unsigned)le(s, 6, 2), (unsigned)le(s, 8, 2),
		(unsigned)le(s, 10, 2), (unsigned)le(s, 12, 2), (unsigned)le(s, 14, 2));
}

/* Bytes of a type, 0 when it has none of its own. */
static size_t type_size(unsigned type)
{
	static const uint8_t size[] = {
		[TYPE_I8] = 1,	     [TYPE_U8] = 1,	     [TYPE_I16] = 2,
		[TYPE_U16] = 2,	     [TYPE_I32] = 4,	     [TYPE_U32] = 4,
		[TYPE_I64] = 8,	     [TYPE_U64] = 8,	     [TYPE_F32] = 4,
		[TYPE_F64] = 8,	     [TYPE_BOOL] = 4,	     [TYPE_GUID] = 16,
		[TYPE_FILETIME] = 8, [TYPE_SYSTEMTIME] = 16, [TYPE_HEX32] = 4,
		[TYPE_HEX64] = 8};

	return type < ARRAY_LEN(size) ? size[type] : 0;
}

static void put_number(struct reader *r, unsigned type, struct str s)
{
	uint64_t v = le(s, 0, MIN(s.len, (size_t)8));
	double f64;
	float f32;

	switch (type) {
	case TYPE_I8:
		buf_fmt(r->out, "%d", (int8_t)v);
		break;
	case TYPE_I16:
		buf_fmt(r->out, "%d", (int16_t)v);
		break;
	case TYPE_I32:
		buf_fmt(r->out, "%d", (int32_t)v);
		break;
	case TYPE_I64:
		buf_fmt(r->out, "%lld", (long long)v);
		break;
	case TYPE_F32:
		memcpy(&f32, s.p, sizeof(f32));
		buf_json_f64(r->out, (double)f32);
		break;
	case TYPE_F64:
		memcpy(&f64, s.p, sizeof(f64));
		buf_json_f64(r->out, f64);
		break;
	case TYPE_BOOL:
		buf_addz(r->out, v ? "true" : "false");
		break;
	case TYPE_SIZE:
	case TYPE_HEX32:
	case TYPE_HEX64:
		buf_fmt(r->out, "0x%llx", (unsigned long long)v);
		break;
	default:
		buf_fmt(r->out, "%llu", (unsigned long long)v);
	}
}

static void put_scalar(struct reader *r, unsigned type, struct str s)
{
	if (type_size(type) > s.len) {
		r->bad = true;
		return;
	}
	switch (type) {
	case TYPE_NULL:
		break;
	case TYPE_WIDE:
		put_wide(r, s);
		break;
	case TYPE_NARROW:
		for (size_t i = 0; i < s.len && s.p[i]; i++)
			put_char(r, (unsigned char)s.p[i]);
		break;
	case TYPE_BINARY:
		put_hex(r, s);
		break;
	case TYPE_GUID:
		put_guid(r, s);
		break;
	case TYPE_FILETIME:
		put_filetime(r, le(s, 0, 8));
		break;
	case TYPE_SYSTEMTIME:
		put_systemtime(r, s);
		break;
	case TYPE_SID:
		put_sid(r, s);
		break;
	default:
		if (type <= TYPE_HEX64)
			put_number(r, type, s);
		else
			put_hex(r, s);
	}
}

/* The first item of an array, which moves past it; texts end with a NUL. */
static struct str array_item(unsigned type, struct str *s)
{
	size_t n = type_size(type), step = type == TYPE_WIDE ? 2 : 1;
	struct str item;

	if (type == TYPE_WIDE || type == TYPE_NARROW) {
		for (n = 0; n + step <= s->len && le(*s, n, step) != 0;)
			n += step;
		item = str_sub(*s, 0, n);
		*s = str_sub(*s, MIN(n + step, s->len), s->len);
		return item;
	}
	if (!n)
		n = s->len;
	item = str_sub(*s, 0, n);
	*s = str_sub(*s, MIN(n, s->len), s->len);
	return item;
}

/* An array is an element for each of its items, as Windows writes it. */
static void put_array(struct reader *r, const struct frame *f, unsigned type, struct str s)
{
	for (bool first = true; s.len && !r->bad; first = false) {
		if (!first && !f->tag && f->depth) {
			buf_addz(r->out, "</");
			put_name(r, f->open[f->depth - 1]);
			buf_addz(r->out, "><");
			put_name(r, f->open[f->depth - 1]);
			buf_addc(r->out, '>');
		}
		put_scalar(r, type, array_item(type, &s));
		r->bad |= ++r->work > WORK_MAX || r->out->len - r->begun > RECORD_XML;
	}
}

/* XML within a value: a fragment of its own. */
static void put_fragment(struct reader *r, struct str s)
{
	size_t at = r->at, end = r->end;

	r->at = (size_t)(s.p - r->chunk.p);
	r->end = r->at + s.len;
	fragment(r, NULL, 0, true);
	r->at = at;
	r->end = end;
}

static void put_value(struct reader *r, const struct frame *f, const struct value *v)
{
	if (v->type == TYPE_XML && !f->tag)
		put_fragment(r, v->s);
	else if (v->type & TYPE_ARRAY)
		put_array(r, f, v->type & ~(unsigned)TYPE_ARRAY, v->s);
	else
		put_scalar(r, v->type, v->s);
}

static bool name_char(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == ':';
}

/* Writes the name at a place of the chunk; what is no name makes the record bad. */
static void put_name(struct reader *r, size_t at)
{
	size_t n = (size_t)le(r->chunk, at + 6, 2);

	if (!n || n > EVTX_NAME_MAX || at + 8 + 2 * n > r->chunk.len) {
		r->bad = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t c = (uint32_t)le(r->chunk, at + 8 + 2 * i, 2);

		if (!name_char(c)) {
			r->bad = true;
			return;
		}
		buf_addc(r->out, (char)c);
	}
}

/* Where a name stands; where that is just here, it is passed over. */
static size_t take_name(struct reader *r)
{
	size_t at = (size_t)take(r, 4);

	if (at == r->at) /* next, hash, length, the text, NUL */
		(void)take_bytes(r, 8 + 2 * (size_t)le(r->chunk, at + 6, 2) + 2);
	return at;
}

static void open_element(struct reader *r, struct frame *f, bool more)
{
	size_t name;

	(void)take(r, f->plain ? 4 : 6); /* dependency id, bytes of the element */
	name = take_name(r);
	if (more)
		(void)take(r, 4); /* bytes of the attributes */
	if (f->depth == DEPTH_MAX || f->tag) {
		r->bad = true;
		return;
	}
	buf_addc(r->out, '<');
	put_name(r, name);
	f->open[f->depth++] = name;
	f->tag = true;
}

/* Ends the open attribute; one without a value was optional and goes. */
static void close_attribute(struct reader *r, struct frame *f)
{
	if (!f->attr)
		return;
	if (r->out->len == f->attr_val)
		r->out->len = f->attr;
	else
		buf_addc(r->out, '"');
	f->attr = 0;
}

static void open_attribute(struct reader *r, struct frame *f)
{
	size_t name = take_name(r);

	if (!f->tag) {
		r->bad = true;
		return;
	}
	close_attribute(r, f);
	f->attr = r->out->len;
	buf_addc(r->out, ' ');
	put_name(r, name);
	buf_addz(r->out, "=\"");
	f->attr_val = r->out->len;
}

static void close_tag(struct reader *r, struct frame *f, bool empty)
{
	if (!f->tag) {
		r->bad = true;
		return;
	}
	close_attribute(r, f);
	buf_addz(r->out, empty ? "/>" : ">");
	f->depth -= empty;
	f->tag = false;
}

static void close_element(struct reader *r, struct frame *f)
{
	if (f->tag || !f->depth) {
		r->bad = true;
		return;
	}
	buf_addz(r->out, "</");
	put_name(r, f->open[--f->depth]);
	buf_addc(r->out, '>');
}

/* Its values stand behind it, its text (a template) here or where it was used first. */
static void instance(struct reader *r)
{
	struct value v[VALUES_MAX];
	size_t at, end, size, n, def;

	(void)take(r, 5); /* unknown, id */
	def = (size_t)take(r, 4);
	size = (size_t)le(r->chunk, def + 20, 4);
	if (def + 24 > r->chunk.len || size > r->chunk.len - def - 24) {
		r->bad = true;
		return;
	}
	if (def == r->at)
		(void)take_bytes(r, 24 + size);
	n = (size_t)take(r, 4);
	if (n > VALUES_MAX || 4 * n > r->end - r->at) {
		r->bad = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		v[i].s.len = (size_t)take(r, 2);
		v[i].type = (uint8_t)take(r, 1);
		(void)take(r, 1);
	}
	for (size_t i = 0; i < n; i++)
		v[i].s = take_bytes(r, v[i].s.len);
	if (r->bad)
		return;
	at = r->at;
	end = r->end;
	r->at = def + 24;
	r->end = r->at + size;
	fragment(r, v, n, false);
	r->at = at;
	r->end = end;
}

static void substitution(struct reader *r, const struct frame *f)
{
	size_t i = (size_t)take(r, 2);

	(void)take(r, 1); /* type: the value has its own */
	if (i < f->nv)
		put_value(r, f, &f->v[i]);
}

/* Text that is counted in characters: of a value (cdata: without a type before it). */
static void literal(struct reader *r, bool typed)
{
	if (typed && take(r, 1) != TYPE_WIDE)
		r->bad = true;
	else
		put_wide(r, take_bytes(r, 2 * (size_t)take(r, 2)));
}

static void token(struct reader *r, struct frame *f, unsigned t)
{
	switch (t & ~(unsigned)TOK_MORE) {
	case TOK_OPEN:
		open_element(r, f, t & TOK_MORE);
		break;
	case TOK_CLOSE_START:
	case TOK_CLOSE_EMPTY:
		close_tag(r, f, t == TOK_CLOSE_EMPTY);
		break;
	case TOK_CLOSE:
		close_element(r, f);
		break;
	case TOK_VALUE:
	case TOK_CDATA:
		literal(r, (t & ~(unsigned)TOK_MORE) == TOK_VALUE);
		break;
	case TOK_ATTRIBUTE:
		open_attribute(r, f);
		break;
	case TOK_CHAR:
		put_char(r, (uint32_t)take(r, 2));
		break;
	case TOK_ENTITY:
		buf_addc(r->out, '&');
		put_name(r, take_name(r));
		buf_addc(r->out, ';');
		break;
	case TOK_PI: /* nothing of an event stands in processing instructions */
		(void)take_name(r);
		break;
	case TOK_PI_DATA:
		(void)take_bytes(r, 2 * (size_t)take(r, 2));
		break;
	case TOK_TEMPLATE:
		instance(r);
		break;
	case TOK_SUBST:
	case TOK_SUBST_OPTIONAL:
		substitution(r, f);
		break;
	case TOK_FRAGMENT:
		(void)take(r, 3);
		break;
	default:
		r->bad = true;
	}
}

/* From r->at to its end, or to r->end. Elements that stay open make the record bad. */
static void fragment(struct reader *r, const struct value *v, size_t nv, bool plain)
{
	struct frame f = {.v = v, .nv = nv, .plain = plain};

	r->bad |= ++r->depth > FRAGMENTS_MAX;
	while (!r->bad && r->at < r->end) {
		unsigned t = (unsigned)take(r, 1);

		if (t == TOK_EOF)
			break;
		token(r, &f, t);
		r->bad |= ++r->work > WORK_MAX || r->out->len - r->begun > RECORD_XML ||
			  buf_err(r->out) < 0;
	}
	r->bad |= f.depth > 0;
	r->depth--;
}

static void damage(struct buf *out, const char *why)
{
	buf_fmt(out, "<EvtxDamage why=\"%s\"/>\n", why);
}

static void record(struct str chunk, size_t at, size_t size, struct buf *out)
{
	struct reader r = {.chunk = chunk,
			   .at = at + 24,
			   .end = at + size - 4,
			   .out = out,
			   .begun = out->len};

	fragment(&r, NULL, 0, false);
	if (!r.bad && out->len > r.begun &&
	    str_starts(str_n(out->p + r.begun, out->len - r.begun), STR("<Event"))) {
		buf_addc(out, '\n');
		return;
	}
	if (buf_err(out) == 0)
		out->len = r.begun;
	damage(out, "record");
}

/* CRC-32 of the head without itself and the flags, and of the records. */
static bool sums_fit(struct str c, size_t end)
{
	const Bytef *p = (const Bytef *)c.p;
	uLong head = crc32(crc32(0, p, 120), p + 128, RECORDS_AT - 128);

	return head == le(c, 124, 4) &&
	       crc32(0, p + RECORDS_AT, (uInt)(end - RECORDS_AT)) == le(c, 52, 4);
}

void evtx_chunk(struct str chunk, struct buf *out)
{
	size_t end = (size_t)le(chunk, 48, 4), used = 0;

	while (used < chunk.len && !chunk.p[used])
		used++;
	if (used == chunk.len)
		return;
	if (chunk.len < EVTX_CHUNK) {
		damage(out, "torn");
		return;
	}
	if (!str_starts(chunk, str_n("ElfChnk", 8)) || end < RECORDS_AT || end > chunk.len ||
	    !sums_fit(chunk, end)) {
		damage(out, "checksum");
		return;
	}
	for (size_t at = RECORDS_AT; at + 28 <= end;) {
		size_t size = (size_t)le(chunk, at + 4, 4);

		if (le(chunk, at, 4) != 0x2a2a || size < 28 || size > end - at) {
			damage(out, "record");
			return;
		}
		record(chunk, at, size, out);
		at += size;
	}
}
