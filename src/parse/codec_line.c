/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line a record, for sources that say themselves how it is taken apart (`texts:`). Fields:
 * message, the line; of "<34>" before it facility and severity.
 */
#include "parse/line.h"
#include <errno.h>

static int line_sniff(struct str head)
{
	struct str rest, line = str_cut(str_sub(head, 0, 4096), '\n', &rest);

	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t' && line.p[i] != '\r')
			return 0;
	return line.len ? 10 : 0;
}

static enum frame_result line_frame(void *state, struct str buf, size_t *pos, bool eof,
				    struct str *ret_rec, const char **ret_why)
{
	enum frame_result r;

	(void)state;
	(void)ret_why;
	while ((r = line_next(buf, pos, eof, ret_rec)) == FRAME_RECORD)
		if (ret_rec->len && ret_rec->p[0] != '#')
			break;
	return r;
}

static int line_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		       const char **ret_why)
{
	struct field *f = arena_alloc(mem, 3 * sizeof(*f));
	size_t n = 0, end = rec.p[0] == '<' ? str_chr(str_sub(rec, 0, 5), '>', 0) : SIZE_MAX;
	int64_t pri;

	(void)state;
	(void)ret_why;
	if (!f)
		return -ENOMEM;
	if (end != SIZE_MAX && str_i64(str_sub(rec, 1, end), &pri) && pri >= 0 && pri <= 191) {
		f[n++] = (struct field){STR("facility"), val_i(pri / 8)};
		f[n++] = (struct field){STR("severity"), val_i(pri % 8)};
		rec = str_sub(rec, end + 1, rec.len);
	}
	f[n++] = (struct field){STR("message"), val_s(rec)};
	*ret_f = (struct fields){f, n};
	return 0;
}

const struct codec_ops codec_line = {
	.name = "line",
	.summary = "lines of text, taken apart as their source says",
	.record_max = LINE_MAX_BYTES,
	.sniff = line_sniff,
	.frame = line_frame,
	.fields = line_fields,
};
