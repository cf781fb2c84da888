/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/buf: a growing byte buffer with a ceiling. The error is sticky: appending after a
 * failure does nothing, so a writer checks once, at the end, with buf_err().
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include "base/str.h"

struct buf {
	char *p; /* always NUL-terminated once anything was appended */
	size_t len, cap;
	size_t max; /* ceiling of len */
	int err;    /* 0, -ENOMEM or E_LIMIT */
};

void buf_init(struct buf *b, size_t max);
void buf_add(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *z);
void buf_addc(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Makes room for n more bytes and returns where they go (then add to len), or NULL. */
char *buf_room(struct buf *b, size_t n);
/* Appends a JSON string with quotes; control bytes and invalid UTF-8 are escaped. */
void buf_json(struct buf *b, struct str s);
/* Appends a double as JSON: shortest of %.6g, "null" when not finite. */
void buf_json_f64(struct buf *b, double v);
/* Appends text for a terminal or a log: control bytes and escapes become \xNN. */
void buf_safe(struct buf *b, struct str s);
struct str buf_str(const struct buf *b);
int buf_err(const struct buf *b);
void buf_clear(struct buf *b); /* empties, keeps memory, clears the error */
void buf_free(struct buf *b);

#endif
