/* SPDX-License-Identifier: Apache-2.0 */
#include "event/val.h"
#include <math.h>
#include <stdio.h>

const struct val val_none = {.kind = VAL_NONE};

struct str val_first(const struct val *list)
{
	return list->len ? val_str(&list->list[0]) : (struct str){NULL, 0};
}

/* By hand: ports and counts are turned into text for every event. */
static struct str int_text(int64_t i, char tmp[40])
{
	uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
	size_t at = 40;

	do {
		tmp[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (i < 0)
		tmp[--at] = '-';
	return str_n(tmp + at, 40 - at);
}

struct str val_written(const struct val *v, char tmp[40])
{
	int n;

	switch (v->kind) {
	case VAL_BOOL:
		return v->i ? STR("true") : STR("false");
	case VAL_INT:
		return int_text(v->i, tmp);
	case VAL_FLOAT:
		n = snprintf(tmp, 40, "%.15g", v->f);
		return str_n(tmp, (size_t)n);
	default:
		return val_str(v);
	}
}

bool val_num(const struct val *v, double *ret_v)
{
	switch (v->kind) {
	case VAL_BOOL:
	case VAL_INT:
		*ret_v = (double)v->i;
		return true;
	case VAL_FLOAT:
		*ret_v = v->f;
		return true;
	case VAL_STR:
		return str_f64(val_str(v), ret_v);
	default:
		return false;
	}
}

bool val_int(const struct val *v, int64_t *ret_v)
{
	switch (v->kind) {
	case VAL_BOOL:
	case VAL_INT:
		*ret_v = v->i;
		return true;
	case VAL_FLOAT:
		if (!(fabs(v->f) < 9e18))
			return false;
		*ret_v = (int64_t)v->f;
		return true;
	case VAL_STR:
		return str_i64(val_str(v), ret_v);
	default:
		return false;
	}
}

bool val_true(const struct val *v)
{
	struct str s = val_str(v);

	if (v->kind == VAL_BOOL || v->kind == VAL_INT)
		return v->i != 0;
	return str_ieqz(s, "true") || str_ieqz(s, "yes") || str_eqz(s, "1");
}

size_t val_items(const struct val *v, const struct val **ret_item)
{
	*ret_item = v;
	if (v->kind == VAL_LIST) {
		*ret_item = v->list;
		return v->len;
	}
	return v->kind > VAL_NULL;
}

bool val_copy(struct arena *a, const struct val *v, struct val *ret_v)
{
	struct val *list;

	*ret_v = *v;
	if (v->kind == VAL_STR || v->kind == VAL_JSON) {
		ret_v->s = arena_str(a, val_str(v)).p;
		return ret_v->s != NULL;
	}
	if (v->kind != VAL_LIST || v->len == 0)
		return true;
	list = arena_alloc(a, v->len * sizeof(*list));
	if (!list)
		return false;
	for (uint32_t i = 0; i < v->len; i++)
		if (!val_copy(a, &v->list[i], &list[i]))
			return false;
	ret_v->list = list;
	return true;
}
