/* SPDX-License-Identifier: Apache-2.0 */
/* The words of results, made when somebody asks for them: most are never read. */
#include "base/timeutil.h"
#include "learn/core.h"

static struct str number(struct learn *l, double x)
{
	return arena_fmt(&l->text, "%.0f", x);
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
		return number(l, u->v.f[OUT_DISTINCT_NEW]);
	if (str_eqz(name, "window"))
		return arena_str(&l->text, str_of(time_human(u->q->window, when)));
	if (str_eqz(name, "days"))
		return number(l, u->v.days);
	if (str_eqz(name, "same"))
		return number(l, u->v.peers_same);
	if (str_eqz(name, "peers"))
		return number(l, u->v.peers);
	return STR("?");
}

/* The quantity's sentence with its places filled. */
static struct str fill(struct learn *l, const struct unsaid *u)
{
	struct str rest = str_of(u->q->text), out = STR("");

	while (rest.len) {
		struct str part = str_cut(rest, '{', &rest);

		out = arena_fmt(&l->text, "%.*s%.*s", STR_ARG(out), STR_ARG(part));
		if (!rest.p)
			break;
		part = filled(l, str_cut(rest, '}', &rest), u);
		out = arena_fmt(&l->text, "%.*s%.*s", STR_ARG(out), STR_ARG(part));
	}
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
