/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/segment_rows: what a block says of its events beside their bytes, small enough to be
 * looked through where those are not unpacked. Numbers are of 7 bits a byte, the lowest first.
 */
#ifndef STORE_SEGMENT_ROWS_H
#define STORE_SEGMENT_ROWS_H
#include "base/buf.h"

#define SEG_NUMBER_MAX 10 /* bytes of a number */

/* One event. The numbers of its nents entities follow. */
struct seg_row {
	uint64_t seq;
	int64_t time, known;
	uint32_t type;			     /* its number among the types of the block */
	uint32_t id_len, raw_len, extra_len; /* what it has in its frame, in this order */
	uint32_t nents;
};
#define SEG_ROW_MAX (8 * SEG_NUMBER_MAX)

char *seg_put(char *p, uint64_t v);
/* At most SEG_ROW_MAX bytes. last: the row before in its frame; zeros before the first. */
char *seg_row_put(char *p, const struct seg_row *row, const struct seg_row *last);

/* Reads what may be damaged: once it is, all that comes is 0 or empty. */
struct seg_rd {
	const char *p, *end;
	bool bad;
};
uint64_t seg_get(struct seg_rd *r);
struct str seg_get_n(struct seg_rd *r, size_t n);
/* row holds the one before, zeros before the first. false: damaged. */
bool seg_row_get(struct seg_rd *r, struct seg_row *row);

#endif
