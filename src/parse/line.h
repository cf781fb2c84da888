/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/line: cutting text into lines, for the codecs whose records are lines.
 */
#ifndef PARSE_LINE_H
#define PARSE_LINE_H
#include "parse/codec.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

/*
 * The line at *pos without its end; *pos moves past it. FRAME_RECORD, FRAME_MORE or FRAME_END.
 * A line longer than LINE_MAX_BYTES is given out in pieces of that size.
 */
static inline enum frame_result line_next(struct str buf, size_t *pos, bool eof,
					  struct str *ret_line)
{
	const char *p = buf.p + *pos, *nl;
	size_t left = buf.len - *pos, len;

	if (!left)
		return eof ? FRAME_END : FRAME_MORE;
	nl = memchr(p, '\n', left);
	if (!nl && !eof && left < LINE_MAX_BYTES)
		return FRAME_MORE;
	len = nl ? (size_t)(nl - p) : MIN(left, LINE_MAX_BYTES);
	*pos += len + (nl != NULL);
	if (len && p[len - 1] == '\r')
		len--;
	*ret_line = str_n(p, len);
	return FRAME_RECORD;
}

#endif
