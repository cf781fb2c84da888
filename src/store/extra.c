/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/extra: the tail of a record: a list of entries, each
 *   u8 'a', u8+name, u8 number?, u16+text              an attribute
 *   u8 'l', u8+quantity, 4 * (u16+text), 3 * f64        what was learned
 * Unknown entries end the list.
 */
#include "store/segment.h"

static void put16(struct buf *b, struct str s)
{
	uint16_t n = (uint16_t)MIN(s.len, (size_t)4096);

	buf_add(b, str_n((const char *)&n, sizeof(n)));
	buf_add(b, str_n(s.p, n));
}

static void put8(struct buf *b, struct str s)
{
	uint8_t n = (uint8_t)MIN(s.len, (size_t)UINT8_MAX);

	buf_addc(b, (char)n);
	buf_add(b, str_n(s.p, n));
}

static void put_attr(struct buf *b, struct str name, const struct val *v)
{
	const struct val *item;
	size_t n = val_items(v, &item);
	char tmp[40];

	for (size_t i = 0; i < n && i < 8; i++) {
		buf_addc(b, 'a');
		put8(b, name);
		buf_addc(b, item[i].kind == VAL_INT || item[i].kind == VAL_FLOAT);
		put16(b, val_text(&item[i], tmp));
	}
}

/* JSON, XML and mail say themselves what is what; lines under a header do not. */
static bool tells_itself(const struct event *e)
{
	return e->raw.len && (e->raw.p[0] == '{' || e->raw.p[0] == '<' || e->raw.p[0] == '[' ||
			      e->type->cls == CLASS_EMAIL_ACTIVITY);
}

void seg_extra_put(struct buf *b, const struct event *e, const struct store_extra *x)
{
	for (uint16_t i = 0; x->schema && !tells_itself(e) && i < e->type->nslots; i++) {
		struct str name = schema_name(x->schema, e->type->attr_of[i]);

		if (val_set(&e->row[i]) && e->row[i].kind != VAL_JSON &&
		    !str_starts(name, STR("learned.")))
			put_attr(b, name, &e->row[i]);
	}
	for (size_t i = 0; i < x->nlearned; i++) {
		const struct store_learned *l = &x->learned[i];
		double v[3] = {l->raw, l->surprise, l->days};

		buf_addc(b, 'l');
		put8(b, l->quantity);
		put16(b, l->entity);
		put16(b, l->usual);
		put16(b, l->seen);
		put16(b, l->text);
		buf_add(b, str_n((const char *)v, sizeof(v)));
	}
}

static bool take(struct str s, size_t *at, void *p, size_t n)
{
	if (s.len - *at < n)
		return false;
	memcpy(p, s.p + *at, n);
	*at += n;
	return true;
}

static bool take_text(struct str s, size_t *at, size_t wide, struct str *ret_t)
{
	uint16_t n = 0;
	uint8_t n8 = 0;

	if (wide == 1 ? !take(s, at, &n8, 1) : !take(s, at, &n, 2))
		return false;
	n = wide == 1 ? n8 : n;
	if (s.len - *at < n)
		return false;
	*ret_t = str_n(s.p + *at, n);
	*at += n;
	return true;
}

/* The entry at *at into either form; its letter, or 0 at the end. */
static char entry(struct str s, size_t *at, struct str t[6], bool *ret_number, double v[3])
{
	uint8_t number = 0;
	char what = 0;

	if (*at >= s.len || !take(s, at, &what, 1) || !take_text(s, at, 1, &t[0]))
		return 0;
	if (what == 'a') {
		if (!take(s, at, &number, 1) || !take_text(s, at, 2, &t[1]))
			return 0;
		*ret_number = number != 0;
		return what;
	}
	for (size_t i = 1; what == 'l' && i <= 4; i++)
		if (!take_text(s, at, 2, &t[i]))
			return 0;
	return what == 'l' && take(s, at, v, 3 * sizeof(double)) ? what : 0;
}

bool store_attr(const struct store_event *e, size_t *at, struct str *ret_name,
		struct str *ret_text, bool *ret_number)
{
	struct str t[6];
	double v[3];
	char what;

	while ((what = entry(e->extra, at, t, ret_number, v)) != 0) {
		if (what != 'a')
			continue;
		*ret_name = t[0];
		*ret_text = t[1];
		return true;
	}
	return false;
}

bool store_learned(const struct store_event *e, size_t *at, struct store_learned *ret_l)
{
	struct str t[6];
	double v[3];
	bool number;
	char what;

	while ((what = entry(e->extra, at, t, &number, v)) != 0) {
		if (what != 'l')
			continue;
		*ret_l = (struct store_learned){.quantity = t[0],
						.entity = t[1],
						.usual = t[2],
						.seen = t[3],
						.text = t[4],
						.raw = v[0],
						.surprise = v[1],
						.days = v[2]};
		return true;
	}
	return false;
}
