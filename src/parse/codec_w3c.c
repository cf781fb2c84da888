/* SPDX-License-Identifier: Apache-2.0 */
/*
 * W3C extended log format: "#Fields: date time c-ip ..." names the columns that follow, which
 * blanks or tabs part (IIS, CloudFront, the Windows firewall).
 * Fields: the columns by name.
 */
#include "parse/line.h"
#include <errno.h>

#define COLS_MAX 128

struct w3c_state {
	uint32_t era;
	char header[4096];
	size_t len;
};

static int w3c_sniff(struct str head)
{
	for (unsigned i = 0; i < 16 && head.len && head.p[0] == '#'; i++) {
		struct str line = str_cut(head, '\n', &head);

		if (str_starts(line, STR("#Fields: ")))
			return 97;
	}
	return 0;
}

static enum frame_result w3c_frame(void *state, struct str buf, size_t *pos, bool eof,
				   struct str *ret_rec, const char **ret_why)
{
	struct w3c_state *st = state;
	enum frame_result r;

	while ((r = line_next(buf, pos, eof, ret_rec)) == FRAME_RECORD) {
		struct str line = *ret_rec;

		if (str_starts(line, STR("#Fields: "))) {
			line = str_trim(str_sub(line, 9, line.len));
			if (line.len >= sizeof(st->header)) {
				*ret_why = "header too long";
				return FRAME_SKIP;
			}
			memset(st->header, 0, sizeof(st->header));
			memcpy(st->header, line.p, line.len);
			st->len = line.len;
			st->era++;
		} else if (line.len && line.p[0] != '#') {
			break;
		}
	}
	return r;
}

static int w3c_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		      const char **ret_why)
{
	struct w3c_state *st = state;
	struct str names = str_n(st->header, st->len);
	struct field *f = arena_alloc(mem, COLS_MAX * sizeof(*f));
	char sep = str_chr(rec, '\t', 0) != SIZE_MAX ? '\t' : ' ';
	size_t n = 0;

	if (!f)
		return -ENOMEM;
	while (names.p && names.len && rec.p && n < COLS_MAX) {
		struct str name = str_cut(names, ' ', &names), v = str_cut(rec, sep, &rec);

		if (v.len && !str_eqz(v, "-"))
			f[n++] = (struct field){name, val_s(v)};
	}
	if (names.len || rec.len) {
		*ret_why = "columns do not fit the header";
		return -1;
	}
	*ret_f = (struct fields){f, n};
	return 0;
}

const struct codec_ops codec_w3c = {
	.name = "w3c",
	.summary = "W3C extended logs (IIS, CloudFront, Windows firewall)",
	.record_max = LINE_MAX_BYTES,
	.state_size = sizeof(struct w3c_state),
	.sniff = w3c_sniff,
	.frame = w3c_frame,
	.fields = w3c_fields,
	.primed = true,
	.eras = true,
};
