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

struct tsv_state {
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
	return r;
}

/* The next column of a line; in the last one, those glued on. */
static struct str column(struct str *rest, char sep)
{
	size_t gap;
	struct str all = *rest, c = str_cut(all, sep, rest);

	if (rest->p)
		return c;
	gap = str_find(c, STR(LABEL_GAP));
	if (gap == SIZE_MAX)
		return c;
	*rest = str_trim(str_sub(c, gap, c.len));
	return str_sub(c, 0, gap);
}

static struct val scalar(struct str v, struct str type)
{
	int64_t i;
	double f;

	if (str_eqz(type, "count") || str_eqz(type, "port") || str_eqz(type, "int"))
		return str_i64(v, &i) ? val_i(i) : val_s(v);
	if (str_eqz(type, "interval") || str_eqz(type, "double"))
		return str_f64(v, &f) ? val_f(f) : val_s(v);
	if (str_eqz(type, "bool") && v.len == 1 && (v.p[0] == 'T' || v.p[0] == 'F'))
		return val_b(v.p[0] == 'T');
	return val_s(v);
}

/* vector[T] and set[T]. VAL_NONE when memory ran out. */
static struct val items(const struct tsv_state *st, struct str v, struct str type,
			struct arena *mem)
{
	size_t n = 1, open = str_chr(type, '[', 0);
	struct str of = str_sub(type, open + 1, type.len - 1);
	struct val *list;

	for (size_t i = 0; i < v.len; i++)
		n += v.p[i] == st->set_sep;
	list = arena_alloc(mem, n * sizeof(*list));
	if (!list)
		return val_none;
	for (size_t i = 0; i < n; i++)
		list[i] = scalar(str_cut(v, st->set_sep, &v), of);
	return (struct val){.kind = VAL_LIST, .len = (uint32_t)n, .list = list};
}

static struct val value(const struct tsv_state *st, struct str v, struct str type,
			struct arena *mem)
{
	if (!v.len || str_eq(v, str_n(st->unset, st->unset_len)) ||
	    str_eq(v, str_n(st->empty, st->empty_len)))
		return val_none;
	if (str_ends(type, STR("]")) && str_chr(type, '[', 0) != SIZE_MAX)
		return items(st, v, type, mem);
	return scalar(v, type);
}

static int tsv_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		      const char **ret_why)
{
	struct tsv_state *st = state;
	struct str names = str_n(st->names.text, st->names.len);
	struct str types = str_n(st->types.text, st->types.len);
	struct field *f;
	struct str path = arena_str(mem, str_n(st->path, st->path_len));
	size_t n = 0, cols = 0, cap = 2; /* the last column and _path */

	for (size_t i = 0; i < names.len && cap <= COLS_MAX; i++)
		cap += names.p[i] == st->sep || names.p[i] == ' ';
	f = arena_alloc(mem, cap * sizeof(*f));
	if (!f || !path.p)
		return -ENOMEM;
	if (!names.len) {
		*ret_why = "no #fields line";
		return -1;
	}
	if (path.len)
		f[n++] = (struct field){STR("_path"), val_s(path)};
	while (names.p && rec.p && cols++ < COLS_MAX) {
		struct str type = types.p ? column(&types, st->sep) : (struct str){0};
		struct str name = column(&names, st->sep);
		struct str raw = names.p ? column(&rec, st->sep) : str_cut(rec, st->sep, &rec);
		struct val v = value(st, raw, type, mem);

		if (v.kind != VAL_NONE)
			f[n++] = (struct field){name, v};
	}
	if (names.p || rec.p) {
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
};
