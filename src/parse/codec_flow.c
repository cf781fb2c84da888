/* SPDX-License-Identifier: Apache-2.0 */
/* AWS VPC flow logs: words between blanks, with or without a header line (then version 2). */
#include "parse/line.h"
#include <errno.h>

#define COLS_MAX 64
#define V2                                                                                  \
	"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets " \
	"bytes start end action log-status"

struct flow_state {
	uint32_t era;
	char header[2048];
	size_t len;
};

static bool is_header(struct str line)
{
	return str_find(line, STR("srcaddr")) != SIZE_MAX &&
	       str_find(line, STR("dstaddr")) != SIZE_MAX;
}

static int flow_sniff(struct str head)
{
	struct str rest, line = str_cut(head, '\n', &rest);
	size_t blanks = 0;

	if (is_header(line) && str_chr(line, ',', 0) == SIZE_MAX &&
	    str_chr(line, '{', 0) == SIZE_MAX)
		return 95;
	for (size_t i = 0; i < line.len; i++)
		blanks += line.p[i] == ' ';
	return str_starts(line, STR("2 ")) && blanks == 13 ? 85 : 0;
}

static enum frame_result flow_frame(void *state, struct str buf, size_t *pos, bool eof,
				    struct str *ret_rec, const char **ret_why)
{
	struct flow_state *st = state;
	enum frame_result r;

	while ((r = line_next(buf, pos, eof, ret_rec)) == FRAME_RECORD) {
		if (is_header(*ret_rec)) {
			if (ret_rec->len >= sizeof(st->header)) {
				*ret_why = "header too long";
				return FRAME_SKIP;
			}
			memcpy(st->header, ret_rec->p, ret_rec->len);
			st->len = ret_rec->len;
			st->era++;
		} else if (ret_rec->len) {
			break;
		}
	}
	return r;
}

static int flow_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		       const char **ret_why)
{
	struct flow_state *st = state;
	struct str names = st->len ? str_n(st->header, st->len) : STR(V2);
	struct field *f = arena_alloc(mem, COLS_MAX * sizeof(*f));
	size_t n = 0;

	if (!f)
		return -ENOMEM;
	while (names.p && rec.p && n < COLS_MAX) {
		struct str name = str_cut(names, ' ', &names), v = str_cut(rec, ' ', &rec);

		if (v.len && !str_eqz(v, "-"))
			f[n++] = (struct field){name, val_s(v)};
	}
	if (names.p || rec.p) {
		*ret_why = "columns do not fit the header";
		return -1;
	}
	*ret_f = (struct fields){f, n};
	return 0;
}

const struct codec_ops codec_flow = {
	.name = "flow",
	.summary = "AWS VPC flow logs",
	.record_max = LINE_MAX_BYTES,
	.state_size = sizeof(struct flow_state),
	.sniff = flow_sniff,
	.frame = flow_frame,
	.fields = flow_fields,
	.primed = true,
	.eras = true,
	.columns = true,
};
