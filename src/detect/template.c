/* SPDX-License-Identifier: Apache-2.0 */
/* Titles and stories: text with {placeholders}, read by tired people. */
#include "base/buf.h"
#include "base/words.h"
#include "detect/impl.h"

#define TEXT_MAX  4096
#define VALUE_MAX 300 /* bytes of one value that are shown */

/* What stands for a role that the event does not have. */
static const char *const unknown[ROLE_COUNT] = {
	[ROLE_ACTOR] = "somebody",    [ROLE_DEVICE] = "a device",
	[ROLE_PEER] = "another host", [ROLE_TARGET] = "something",
	[ROLE_IMAGE] = "a program",   [ROLE_PARENT] = "another program",
};

/* Where to look for a name when the role has no entity. */
static const attr_t instead[ROLE_COUNT][2] = {
	[ROLE_ACTOR] = {ATTR_USER, ATTR_NONE},
	[ROLE_DEVICE] = {ATTR_DEVICE_HOST, ATTR_SRC_IP},
	[ROLE_PEER] = {ATTR_DST_KEY, ATTR_DST_IP},
	[ROLE_TARGET] = {ATTR_TARGET_USER, ATTR_RESOURCE},
	[ROLE_IMAGE] = {ATTR_PROC_PATH, ATTR_NONE},
	[ROLE_PARENT] = {ATTR_PARENT_PATH, ATTR_NONE},
};

int template_names(struct str text, int (*fn)(struct str name, void *arg), void *arg)
{
	int r = 0;

	while (r >= 0 && text.len) {
		size_t open = str_chr(text, '{', 0);
		size_t close = open == SIZE_MAX ? open : str_chr(text, '}', open);

		if (close == SIZE_MAX)
			break;
		r = fn(str_sub(text, open + 1, close), arg);
		text = str_sub(text, close + 1, text.len);
	}
	return r < 0 ? r : 0;
}

static double number_of(const struct val *v)
{
	return v->kind == VAL_FLOAT ? v->f : (double)v->i;
}

/* A figure with what stands behind it in the text: bytes, seconds, a noun. How much of that. */
static size_t add_figure(struct buf *b, struct str name, const struct val *v, struct str rest)
{
	const struct str bytes = STR(" bytes"), secs = STR(" s");
	char tmp[40];

	if (str_starts(name, STR("traffic.bytes"))) {
		words_size(b, number_of(v));
		return str_starts(rest, bytes) ? bytes.len : 0;
	}
	if (str_ends(name, STR("_s")) && str_starts(rest, secs) &&
	    (rest.len == secs.len || !(rest.p[secs.len] >= 'a' && rest.p[secs.len] <= 'z'))) {
		words_span(b, number_of(v));
		return secs.len;
	}
	if (v->kind == VAL_INT)
		return words_count(b, val_text(v, tmp), rest);
	if (v->f > 0.99 && v->f < 1.01)
		return words_count(b, STR("1"), rest);
	buf_fmt(b, v->f >= 100 || v->f <= -100 ? "%.0f" : "%.3g", v->f);
	return 0;
}

static bool add_value(struct buf *b, const struct val *v)
{
	char tmp[40];
	struct str s;

	if (v->kind == VAL_LIST && v->len)
		v = &v->list[0];
	if (!val_set(v) || v->kind == VAL_LIST)
		return false;
	if (v->kind == VAL_FLOAT) {
		add_figure(b, (struct str){NULL, 0}, v, (struct str){NULL, 0});
		return true;
	}
	s = val_text(v, tmp);
	buf_add(b, str_sub(s, 0, VALUE_MAX));
	if (s.len > VALUE_MAX)
		buf_addz(b, "...");
	return true;
}

static void add_role(const struct detect *dt, struct buf *b, enum ent_role role,
		     const struct event *e)
{
	uint32_t id = event_ent(e, role);
	struct str name;

	if (id != ENT_NONE && dt->entities && entity_names(dt->entities, id, &name, 1) == 1) {
		buf_add(b, name);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(instead[role]); i++)
		if (add_value(b, event_get(e, instead[role][i])))
			return;
	buf_addz(b, unknown[role]);
}

/* Takes back white space and a preposition that now would lead nowhere. */
static void drop_lead(struct buf *b)
{
	static const char *const words[] = {" from", " to", " of",   " by",  " on",
					    " at",   " in", " with", " for", ":"};

	while (b->len && b->p[b->len - 1] == ' ')
		b->len--;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ends(buf_str(b), str_of(words[i]))) {
			b->len -= strlen(words[i]);
			break;
		}
	if (b->p)
		b->p[b->len] = 0;
}

/* What {name} stands for. Returns the bytes of rest, the text behind it, that it told too. */
static size_t add_named(const struct detect *dt, struct buf *b, struct str name,
			struct str rest, const struct event *e)
{
	int role = ent_role_of(name);
	attr_t a = schema_find(dt->schema, name);
	const struct val *v = a == ATTR_NONE ? NULL : event_get(e, a);

	if (str_eqz(name, "entity"))
		role = event_ent(e, ROLE_ACTOR) != ENT_NONE ? ROLE_ACTOR : ROLE_DEVICE;
	if (role >= 0)
		add_role(dt, b, (enum ent_role)role, e);
	else if (v && (v->kind == VAL_INT || v->kind == VAL_FLOAT))
		return add_figure(b, name, v, rest);
	else if (!v || !add_value(b, v))
		drop_lead(b);
	return 0;
}

struct str template_fill(const struct detect *dt, struct arena *mem, struct str text,
			 const struct event *e)
{
	struct str out, name;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	while (text.len) {
		size_t open = MIN(str_chr(text, '{', 0), text.len);
		size_t close = MIN(str_chr(text, '}', open), text.len);

		buf_add(&b, str_sub(text, 0, open));
		name = str_sub(text, open + 1, close);
		text = str_sub(text, close + 1, text.len);
		if (name.len)
			text = str_sub(text, add_named(dt, &b, name, text, e), text.len);
	}
	out = arena_str(mem, str_trim(buf_str(&b)));
	buf_free(&b);
	return out;
}
