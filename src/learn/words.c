/* SPDX-License-Identifier: Apache-2.0 */
/* The words of results, made when somebody asks for them: most are never read. */
#include "base/words.h"
#include "base/timeutil.h"
#include "learn/core.h"

static struct str number(struct learn *l, double x)
{
	return arena_fmt(&l->text, "%.0f", x);
}

/* How many others of its kind do so: the counts have who is looked at among them. */
static struct str others(struct learn *l, const struct verdict *v)
{
	unsigned same = v->peers_same > 1 ? v->peers_same - 1 : 0;
	unsigned peers = MAX(v->peers > 1 ? v->peers - 1 : 0, same);

	if (!peers)
		return STR("it has no peers to compare with");
	if (!same)
		return arena_fmt(&l->text, "none of %u peer%s does", peers,
				 peers == 1 ? "" : "s");
	return arena_fmt(&l->text, "%u of %u peer%s %s", same, peers, peers == 1 ? "" : "s",
			 same == 1 ? "does" : "do");
}

/* Two windows are looked through for what is new: never more than there is in this one. */
static struct str fresh(struct learn *l, const struct verdict *v)
{
	if (v->f[OUT_DISTINCT_NEW] < 0.5)
		return STR("none");
	if (v->f[OUT_DISTINCT_NEW] > v->f[OUT_DISTINCT] - 0.5)
		return v->f[OUT_DISTINCT] > 2.5 ? STR("all") : number(l, v->f[OUT_DISTINCT]);
	return number(l, v->f[OUT_DISTINCT_NEW]);
}

static struct str filled(struct learn *l, struct str name, const struct unsaid *u)
{
	const struct entity *en = entity_get(l->entities, u->o.entity);
	char when[TIME_TEXT];

	if (str_eqz(name, "entity"))
		return en ? en->name : STR("somebody");
	if (str_eqz(name, "seen"))
		return u->v.seen;
	if (str_eqz(name, "usual"))
		return u->v.usual;
	if (str_eqz(name, "value"))
		return u->o.value;
	if (str_eqz(name, "distinct"))
		return number(l, u->v.f[OUT_DISTINCT]);
	if (str_eqz(name, "fresh"))
		return fresh(l, &u->v);
	if (str_eqz(name, "window"))
		return arena_str(&l->text, str_of(time_human(u->q->window, when)));
	if (str_eqz(name, "days"))
		return number(l, u->v.days);
	if (str_eqz(name, "others"))
		return others(l, &u->v);
	return STR("?");
}

/* The quantity's sentence with its places filled. */
static struct str fill(struct learn *l, const struct unsaid *u)
{
	struct str rest = str_of(u->q->text), out;
	struct buf b;

	buf_init(&b, 16 * KIB);
	while (rest.len) {
		struct str part;

		buf_add(&b, str_cut(rest, '{', &rest));
		if (!rest.p)
			break;
		part = filled(l, str_cut(rest, '}', &rest), u);
		rest = str_sub(rest, words_count(&b, part, rest), rest.len);
	}
	out = arena_str(&l->text, buf_str(&b));
	buf_free(&b);
	return out;
}

static void say(struct learn *l, size_t i)
{
	struct unsaid *u = &l->unsaid[i];
	struct learn_result *r = &l->results[i];

	if (u->said)
		return;
	u->said = true;
	if (u->q->kind->explain && !u->v.seen.len && !u->v.usual.len)
		u->q->kind->explain(l, u->q, &u->o, &u->v);
	r->usual = u->v.usual;
	r->seen = u->v.seen;
	r->text = fill(l, u);
}

/* Words are made once; for the caller nothing changes. */
static struct learn *own(const struct learn *l)
{
	return (struct learn *)(uintptr_t)l;
}

size_t learn_results(const struct learn *l, const struct learn_result **ret_r)
{
	for (size_t i = 0; i < l->nresults; i++)
		say(own(l), i);
	return learn_surprises(l, ret_r);
}

size_t learn_surprises(const struct learn *l, const struct learn_result **ret_r)
{
	*ret_r = l->results;
	return l->nresults;
}

void learn_say(const struct learn *l, const struct learn_result *r)
{
	say(own(l), (size_t)(r - l->results));
}
