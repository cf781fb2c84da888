/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/val: the value of one attribute of one event. Text is a view into the record's own
 * bytes (or into the batch's arena where it had to be unescaped): never NUL-terminated, valid
 * as long as the batch.
 */
#ifndef EVENT_VAL_H
#define EVENT_VAL_H
#include "base/arena.h"
#include "base/str.h"

enum val_kind {
	VAL_NONE = 0, /* the record has no such field */
	VAL_NULL,     /* the record says null */
	VAL_BOOL,     /* i is 0 or 1 */
	VAL_INT,
	VAL_FLOAT,
	VAL_STR,
	VAL_LIST, /* len values at list; may hold any kind */
	VAL_JSON, /* an object that nobody took apart: its raw JSON text in s */
};

struct val {
	uint8_t kind;
	uint32_t len; /* bytes of s, or number of list items */
	union {
		const char *s;
		int64_t i;
		double f;
		const struct val *list;
	};
};

extern const struct val val_none;

static inline struct val val_s(struct str s)
{
	return (struct val){.kind = VAL_STR, .len = (uint32_t)s.len, .s = s.p};
}

static inline struct val val_i(int64_t i)
{
	return (struct val){.kind = VAL_INT, .i = i};
}

static inline struct val val_b(bool b)
{
	return (struct val){.kind = VAL_BOOL, .i = b};
}

static inline struct val val_f(double f)
{
	return (struct val){.kind = VAL_FLOAT, .f = f};
}

/* Whether there is anything but nothing, null and empty text. */
static inline bool val_set(const struct val *v)
{
	return v->kind > VAL_NULL && !(v->kind == VAL_STR && v->len == 0) &&
	       !(v->kind == VAL_LIST && v->len == 0);
}

struct str val_first(const struct val *list);

/* Text of a VAL_STR or VAL_JSON; of a list, that of its first item; else empty. */
static inline struct str val_str(const struct val *v)
{
	if (v->kind == VAL_STR || v->kind == VAL_JSON)
		return (struct str){v->s, v->len};
	return v->kind == VAL_LIST ? val_first(v) : (struct str){NULL, 0};
}

struct str val_written(const struct val *v, char tmp[40]);

/* Text of any value but a list; numbers and bools are written into tmp. */
static inline struct str val_text(const struct val *v, char tmp[40])
{
	return v->kind == VAL_STR ? (struct str){v->s, v->len} : val_written(v, tmp);
}

/* Number of an INT, FLOAT, BOOL, or of text that is one. */
bool val_num(const struct val *v, double *ret_v);
bool val_int(const struct val *v, int64_t *ret_v);
/* true for BOOL 1, and for the texts "true", "yes", "1" in any case. */
bool val_true(const struct val *v);
/*
 * The value seen as a list: 0 items for nothing and null, 1 for a scalar. *ret_item points to
 * the first, items are contiguous.
 */
size_t val_items(const struct val *v, const struct val **ret_item);
/* Deep copy into a; returns false when out of memory. */
bool val_copy(struct arena *a, const struct val *v, struct val *ret_v);

#endif
