/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeek's tab-separated logs. The `#` lines say how the columns are called and written; they may
 * come again in the middle of a file. The log's name (#path) is the field _path.
 */
#include "parse/line.h"
#include <errno.h>

#define COLS_MAX   256
#define HEADER_MAX 16384
#define LABEL_GAP  "   " /* labelled logs glue their own columns to the last one with blanks */

/* One header line, kept. */
struct words {
	char text[HEADER_MAX];
	size_t len;
};

enum col_type { COL_TEXT, COL_INT, COL_FLOAT, COL_BOOL };

/* A column as the header has it; the name is at an offset, since states are copied. */
struct col {
	uint16_t name, len;
	uint8_t type; /* enum col_type, of items where it is a list */
	bool list;    /* vector[T] or set[T] */
};

struct tsv_state {
	uint32_t era;
	bool stale; /* a header line came since the columns were made */
	bool wide;  /* more columns than fit */
	uint32_t ncol;
	struct col col[COLS_MAX];
	struct words names, types;
	char path[128], unset[32], empty[32];
	size_t path_len, unset_len, empty_len;
	char sep, set_sep;
};

static int tsv_sniff(struct str head)
{
	if (str_starts(head, STR("#separator ")))
		return 100;
	if (str_starts(head, STR("#fields\t")))
		return 95;
	return head.len && head.p[0] == '#' && str_find(head, STR("\n#fields\t")) != SIZE_MAX
		       ? 80
		       : 0;
}

static int tsv_open(void *state)
{
	struct tsv_state *st = state;

	st->sep = '\t';
	st->set_sep = ',';
	st->unset[0] = '-';
	st->unset_len = 1;
	st->empty_len = sizeof("(empty)") - 1;
	memcpy(st->empty, "(empty)", st->empty_len);
	return 0;
}

static bool keep(char *to, size_t cap, size_t *len, struct str v)
{
	if (v.len > cap)
		return false;
	if (v.len)
		memcpy(to, v.p, v.len);
	*len = v.len;
	return true;
}

/* "\x09" or the character itself; what is neither leaves the separator as it was. */
static void separator(char *ret_c, struct str v)
{
	if (v.len == 4 && v.p[0] == '\\' && v.p[1] == 'x' && hex_digit(v.p[2]) >= 0 &&
	    hex_digit(v.p[3]) >= 0)
		*ret_c = (char)(hex_digit(v.p[2]) * 16 + hex_digit(v.p[3]));
	else if (v.len == 1)
		*ret_c = v.p[0];
}

/* A `#` line; false when it does not fit. */
static bool header(struct tsv_state *st, struct str line)
{
	struct str v, key;

	st->era++;
	st->stale = true;
	if (str_starts(line, STR("#separator "))) {
		separator(&st->sep, str_sub(line, sizeof("#separator ") - 1, line.len));
		return true;
	}
	key = str_cut(line, st->sep, &v);
	if (str_eqz(key, "#set_separator"))
		separator(&st->set_sep, v);
	else if (str_eqz(key, "#path"))
		return keep(st->path, sizeof(st->path), &st->path_len, v);
	else if (str_eqz(key, "#unset_field"))
		return keep(st->unset, sizeof(st->unset), &st->unset_len, v);
	else if (str_eqz(key, "#empty_field"))
		return keep(st->empty, sizeof(st->empty), &st->empty_len, v);
	else if (str_eqz(key, "#fields"))
		return keep(st->names.text, HEADER_MAX, &st->names.len, v);
	else if (str_eqz(key, "#types"))
		return keep(st->types.text, HEADER_MAX, &st->types.len, v);
	return true;
}

/* The next column of a line; in the last one, those glued on. */
static struct str column(struct str *rest, char sep)
{
	const char *p = rest->p, *end = p + rest->len;
	struct str c;
	size_t gap;

	while (p < end && *p != sep)
		p++;
	c = str_n(rest->p, (size_t)(p - rest->p));
	if (p < end) {
		*rest = str_n(p + 1, (size_t)(end - p) - 1);
		return c;
	}
	gap = str_find(c, STR(LABEL_GAP));
	if (gap == SIZE_MAX) {
		*rest = (struct str){NULL, 0};
		return c;
	}
	*rest = str_trim(str_sub(c, gap, c.len));
	return str_sub(c, 0, gap);
}

static enum col_type type_of(struct str type)
{
	if (str_eqz(type, "count") || str_eqz(type, "port") || str_eqz(type, "int"))
		return COL_INT;
	if (str_eqz(type, "interval") || str_eqz(type, "double"))
		return COL_FLOAT;
	return str_eqz(type, "bool") ? COL_BOOL : COL_TEXT;
}

/* The columns of #fields and #types. */
static void make_columns(struct tsv_state *st)
{
	struct str names = str_n(st->names.text, st->names.len);
	struct str types = str_n(st->types.text, st->types.len);

	memset(st->col, 0, sizeof(st->col));
	st->ncol = 0;
	while (names.len && names.p && st->ncol < COLS_MAX) {
		struct str type = types.p ? column(&types, st->sep) : (struct str){0};
		struct str name = column(&names, st->sep);
		size_t open = str_ends(type, STR("]")) ? str_chr(type, '[', 0) : SIZE_MAX;
		struct col *c = &st->col[st->ncol++];

		c->name = (uint16_t)(name.p - st->names.text);
		c->len = (uint16_t)name.len;
		c->list = open != SIZE_MAX;
		if (c->list)
			type = str_sub(type, open + 1, type.len - 1);
		c->type = (uint8_t)type_of(type);
	}
	st->wide = names.p && names.len;
	st->stale = false;
}

static enum frame_result tsv_frame(void *state, struct str buf, size_t *pos, bool eof,
				   struct str *ret_rec, const char **ret_why)
{
	struct tsv_state *st = state;
	enum frame_result r;

	while ((r = line_next(buf, pos, eof, ret_rec)) == FRAME_RECORD) {
		if (!ret_rec->len)
			continue;
		if (ret_rec->p[0] != '#')
			break;
		if (!header(st, *ret_rec)) {
			*ret_why = "header too long";
			return FRAME_SKIP;
		}
	}
	if (r == FRAME_RECORD && st->stale)
		make_columns(st);
	return r;
}

static struct val scalar(struct str v, enum col_type type)
{
	int64_t i;
	double f;

	if (type == COL_INT)
		return str_i64(v, &i) ? val_i(i) : val_s(v);
	if (type == COL_FLOAT)
		return str_f64(v, &f) ? val_f(f) : val_s(v);
	if (type == COL_BOOL && v.len == 1 && (v.p[0] == 'T' || v.p[0] == 'F'))
		return val_b(v.p[0] == 'T');
	return val_s(v);
}

/* The items of a list. VAL_NONE when memory ran out. */
static struct val items(const struct tsv_state *st, struct str v, enum col_type type,
			struct arena *mem)
{
	struct val *list;
	size_t n = 1;

	for (size_t i = 0; i < v.len; i++)
		n += v.p[i] == st->set_sep;
	list = arena_alloc(mem, n * sizeof(*list));
	if (!list)
		return val_none;
	for (size_t i = 0; i < n; i++)
		list[i] = scalar(str_cut(v, st->set_sep, &v), type);
	return (struct val){.kind = VAL_LIST, .len = (uint32_t)n, .list = list};
}

static struct val value(const struct tsv_state *st, struct str v, const struct col *c,
			struct arena *mem)
{
	if (!v.len || str_eq(v, str_n(st->unset, st->unset_len)) ||
	    str_eq(v, str_n(st->empty, st->empty_len)))
		return val_none;
	return c->list ? items(st, v, (enum col_type)c->type, mem)
		       : scalar(v, (enum col_type)c->type);
}

static int tsv_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		      const char **ret_why)
{
	struct tsv_state *st = state;
	struct field *f = arena_alloc(mem, (st->ncol + 1) * sizeof(*f));
	size_t n = 0, i = 0;

	if (!f)
		return -ENOMEM;
	if (!st->ncol) {
		*ret_why = "no #fields line";
		return -1;
	}
	if (st->path_len) {
		struct str path = arena_str(mem, str_n(st->path, st->path_len));

		if (!path.p)
			return -ENOMEM;
		f[n++] = (struct field){STR("_path"), val_s(path)};
	}
	for (; i < st->ncol && rec.p; i++) {
		const struct col *c = &st->col[i];
		struct str raw =
			i + 1 < st->ncol ? column(&rec, st->sep) : str_cut(rec, st->sep, &rec);
		struct val v = value(st, raw, c, mem);

		if (v.kind != VAL_NONE)
			f[n++] = (struct field){str_n(st->names.text + c->name, c->len), v};
	}
	if (i < st->ncol || rec.p || st->wide) {
		*ret_why = "columns do not fit the header";
		return -1;
	}
	*ret_f = (struct fields){f, n};
	return 0;
}

const struct codec_ops codec_zeek_tsv = {
	.name = "zeek_tsv",
	.summary = "Zeek logs, tab-separated",
	.record_max = LINE_MAX_BYTES,
	.state_size = sizeof(struct tsv_state),
	.sniff = tsv_sniff,
	.open = tsv_open,
	.frame = tsv_frame,
	.fields = tsv_fields,
	.primed = true,
	.eras = true,
	.columns = true,
};
