/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookalike: a domain that is new here and looks like one that is known here. Known is what was
 * there on three days; all quantities of this kind share what is known, so that a link is held
 * against the correspondents too. Under the hash of how a known name looks, and of that with
 * each one letter left out, stands the name: two names that are one letter apart meet there
 * (symmetric deletion, as spelling correctors do it).
 *
 * What is rare by itself is its own evidence: the raw surprise stands for the share of all
 * names that resemble some other so closely, and the door ranks it among this organisation's.
 */
#include "base/hash.h"
#include "event/looks.h"
#include "learn/core.h"

#define KNOWN_DAYS 3
#define LABEL_NEAR 6 /* shorter names are one letter apart by chance */
#define LABEL_SAME 4
#define TEXT_MAX   80
#define SEED_KNOWN UINT64_C(0x6c6f6f6b00000001)
#define SEED_NEAR  UINT64_C(0x6c6f6f6b00000002)

struct known {
	struct state st;
	uint32_t days, day; /* on which it was there; the last */
};

/* One name by its looks: the first that came. */
struct near {
	struct state st;
	uint8_t len;
	char text[]; /* the domain */
};

enum likeness { LIKE_NONE, LIKE_ENDING, LIKE_INSIDE, LIKE_NEAR, LIKE_SAME };

static const double nats[] = {0, 3, 5, 6, 9};

struct found {
	enum likeness how;
	struct str domain; /* in a state: valid until the next is put */
};

static uint64_t near_key(struct str looks)
{
	return hash_str(looks, SEED_NEAR);
}

static struct str near_of(const struct learn *l, struct str looks)
{
	const struct near *n = (const struct near *)state_peek(&l->states, near_key(looks));

	return n ? str_n(n->text, n->len) : (struct str){NULL, 0};
}

/* The looks without letter i. */
static struct str without(const struct looks *s, size_t i, char out[LOOKS_MAX_LEN])
{
	memcpy(out, s->text, i);
	memcpy(out + i, s->text + i + 1, s->len - i - 1);
	return str_n(out, s->len - 1);
}

static void near_put(struct learn *l, struct str looks, struct str domain, int64_t now)
{
	struct near *n = (struct near *)state_put(&l->states, near_key(looks),
						  sizeof(*n) + domain.len, now);

	if (!n || n->len)
		return;
	n->len = (uint8_t)domain.len;
	memcpy(n->text, domain.p, domain.len);
}

static void remember(struct learn *l, struct str domain, int64_t now)
{
	char tmp[LOOKS_MAX_LEN];
	struct looks s;

	looks_of(domain, &s);
	if (s.len < LABEL_SAME || domain.len > TEXT_MAX)
		return;
	near_put(l, str_n(s.text, s.len), domain, now);
	for (size_t i = 0; s.len >= LABEL_NEAR && i < s.len; i++)
		near_put(l, without(&s, i, tmp), domain, now);
}

/* Whether two labels differ by hyphens alone, which the eye sees. */
static bool hyphens_only(struct str a, struct str b)
{
	size_t i = 0, k = 0;

	for (;; i++, k++) {
		while (i < a.len && a.p[i] == '-')
			i++;
		while (k < b.len && b.p[k] == '-')
			k++;
		if (i >= a.len || k >= b.len)
			return i >= a.len && k >= b.len;
		if (lower_c(a.p[i]) != lower_c(b.p[k]))
			return false;
	}
}

/* What a known name that was found under some looks is to this one. */
static enum likeness likeness(struct str domain, const struct looks *s, struct str other)
{
	struct looks o;

	if (!other.len || str_ieq(domain, other))
		return LIKE_NONE;
	if (str_ieq(looks_label(domain), looks_label(other)))
		return s->len >= LABEL_NEAR ? LIKE_ENDING : LIKE_NONE;
	looks_of(other, &o);
	switch (looks_apart(str_n(s->text, s->len), str_n(o.text, o.len))) {
	case 0:
		if (!hyphens_only(looks_label(domain), looks_label(other)))
			return LIKE_SAME;
		/* fall through */
	case 1: /* who looks at all looks at the first letter */
		return MIN(s->len, o.len) >= LABEL_NEAR && s->text[0] == o.text[0] ? LIKE_NEAR
										   : LIKE_NONE;
	default:
		return LIKE_NONE;
	}
}

static void consider(struct found *f, struct str domain, const struct looks *s,
		     struct str other)
{
	enum likeness how = likeness(domain, s, other);

	if (how > f->how)
		*f = (struct found){how, other};
}

/* A known name between hyphens: name-login.example. */
static void look_inside(const struct learn *l, struct str domain, struct found *f)
{
	struct str rest = looks_label(domain);

	if (f->how >= LIKE_INSIDE || str_chr(rest, '-', 0) == SIZE_MAX)
		return;
	while (rest.len) {
		struct str part = str_cut(rest, '-', &rest), other;
		struct looks s = {.len = part.len};

		if (part.len < LABEL_NEAR || part.len > sizeof(s.text))
			continue;
		for (size_t i = 0; i < part.len; i++)
			s.text[i] = lower_c(part.p[i]);
		other = near_of(l, str_n(s.text, s.len));
		if (other.len && str_ieq(looks_label(other), part)) {
			*f = (struct found){LIKE_INSIDE, other};
			return;
		}
	}
}

static struct found search(const struct learn *l, struct str domain)
{
	struct found f = {LIKE_NONE, {NULL, 0}};
	char tmp[LOOKS_MAX_LEN];
	struct looks s;

	looks_of(domain, &s);
	if (s.len < LABEL_SAME)
		return f;
	consider(&f, domain, &s, near_of(l, str_n(s.text, s.len)));
	for (size_t i = 0; s.len >= LABEL_NEAR && f.how < LIKE_SAME && i < s.len; i++)
		consider(&f, domain, &s, near_of(l, without(&s, i, tmp)));
	look_inside(l, domain, &f);
	return f;
}

static void tell(struct learn *l, const struct observation *o, const struct found *f,
		 struct verdict *v)
{
	v->raw = nats[f->how];
	v->odd = f->how != LIKE_NONE;
	if (!v->odd)
		return;
	v->usual = arena_str(&l->text, f->domain);
	v->seen = arena_str(&l->text, o->value);
	verdict_set(v, OUT_LIKENESS, f->how);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	uint32_t day = (uint32_t)(o->now / NS_PER_D);
	struct known *k;
	struct found f;

	(void)q;
	k = (struct known *)state_put(&l->states, hash_istr(o->value, SEED_KNOWN), sizeof(*k),
				      o->now);
	if (!k)
		return;
	v->days = (double)(o->now - state_first(&k->st)) / (double)NS_PER_D;
	if (k->days >= KNOWN_DAYS) {
		k->day = day;
		return;
	}
	v->tested = k->days == 0;
	if (k->days == 0 || k->day != day) {
		k->days++;
		k->day = day;
	}
	verdict_set(v, OUT_NEW, v->days < 1);
	if (k->days == KNOWN_DAYS) {
		remember(l, o->value, o->now);
		return;
	}
	f = search(l, o->value);
	tell(l, o, &f, v);
}

static size_t keys(const struct learn *l, const struct quantity *q, const struct observation *o,
		   uint64_t ret_keys[KEYS_MAX])
{
	(void)l;
	(void)q;
	ret_keys[0] = hash_istr(o->value, SEED_KNOWN);
	return 1;
}

const struct kind kind_lookalike = {.name = "lookalike",
				    .needs_value = true,
				    .values = true,
				    .version = 1,
				    .see = see,
				    .keys = keys};
