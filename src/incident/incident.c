/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "incident/signals.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A half of the memory is for edges, an eighth for signals, the rest for incidents and notes.
 */
#define WINDOW_DEFAULT (24 * NS_PER_H)
#define MEMORY_DEFAULT (64 * MIB)
#define NOTE_WINDOW    (6 * NS_PER_H)
#define CONTEXT_MAX    (STEPS_MAX - 50) /* steps beyond which no more context is taken in */
#define CANDIDATES_MAX 32u
#define LINE_MAX_BYTES (16 * MIB)

typedef int changed_fn(const struct incident_view *v, void *arg);

/* An open incident that an alert may join, and how many ways lead there. */
struct candidate {
	struct inc *i;
	unsigned strong, weak;
	const struct way *way; /* first that led there */
};

/* One call from outside: where to, and whom to tell. */
struct call {
	struct incidents *in;
	changed_fn *changed;
	void *arg;
};

int incidents_new(const struct incidents_conf *conf, struct entities *en,
		  struct incidents **ret_in)
{
	struct incidents *in = calloc(1, sizeof(*in));
	int err;

	if (!in)
		return -ENOMEM;
	in->en = en;
	in->window = conf && conf->window_ns > 0 ? conf->window_ns : WINDOW_DEFAULT;
	in->memory = (conf && conf->memory_bytes ? conf->memory_bytes : MEMORY_DEFAULT) / 2;
	in->swept = TIME_NONE;
	map_init(&in->keys);
	map_init(&in->t.seen);
	buf_init(&in->t.title, 4 * KIB);
	buf_init(&in->t.summary, 64 * KIB);
	buf_init(&in->t.json, LINE_MAX_BYTES);
	err = edges_new(in->memory, &in->edges);
	if (!err)
		err = signals_new(in->memory / 4, &in->signals);
	in->memory -= in->memory / 4;
	if (err) {
		incidents_free(in);
		return err;
	}
	*ret_in = in;
	return 0;
}

struct incidents *incidents_free(struct incidents *in)
{
	if (in) {
		for (size_t i = 0; i < in->cap; i++)
			inc_free(in->open[i]);
		for (size_t i = 0; i < in->nnotes; i++)
			step_free(in->notes[i].step);
		free(in->open);
		map_free(&in->keys);
		telling_free(&in->t);
		edges_free(in->edges);
		signals_free(in->signals);
		free(in);
	}
	return NULL;
}

int incidents_want(struct schema *s)
{
	static const attr_t attrs[] = {
		ATTR_OPERATION,	       ATTR_SESSION,	      ATTR_SESSION_ISSUER,
		ATTR_MAIL_FROM,	       ATTR_MAIL_TO,	      ATTR_MAIL_URL_DOMAINS,
		ATTR_MAIL_FROM_DOMAIN, ATTR_MAIL_FILE_HASHES, ATTR_SESSION_NAME,
		ATTR_QUERY_DOMAIN,     ATTR_FILE_SHA256,      ATTR_FILE_HASHES,
		ATTR_PROC_SHA256,      ATTR_PROC_HASHES,      ATTR_PROC_PATH,
		ATTR_FILE_PATH,	       ATTR_ACTIVITY};
	int err = 0;

	for (size_t t = 0; t < schema_types(s); t++) {
		const struct rectype *type = schema_type(s, t);

		for (size_t i = 0; !err && i < ARRAY_LEN(attrs); i++)
			if (schema_provides(s, type, attrs[i]))
				err = schema_want(s, type, attrs[i]);
	}
	return err;
}

int incidents_event(struct incidents *in, const struct event *e)
{
	return edges_event(in->edges, in->en, e);
}

/* Hands the incident as it stands now to the caller. */
static int tell(const struct call *c, const struct inc *i)
{
	struct telling *t = &c->in->t;
	struct incident_view v;
	int err;

	if (i->nsteps == 0) /* memory ran out while it opened */
		return 0;
	err = telling_fill(t, i);
	if (!err)
		err = telling_json(t, i);
	if (err || !c->changed)
		return err;
	v = (struct incident_view){
		.id = str_of(i->id),
		.time = i->time,
		.updated = i->updated,
		.title = buf_str(&t->title),
		.summary = buf_str(&t->summary),
		.severity = t->severity,
		.score = t->score,
		.compliance = i->compliance,
		.status = str_of(i->status),
		.merged_into = str_of(i->merged_into),
		.json = buf_str(&t->json),
		.entities = t->entities,
		.nentities = t->nentities,
		.alert_ids = t->alerts,
		.nalerts = t->nalerts,
		.event_ids = t->events,
		.nevents = t->nevents,
	};
	return c->changed(&v, c->arg);
}

/* Keys move to whoever used them last, so an incident may list some it lost. */
static bool owns_key(const struct incidents *in, const struct inc *i, uint64_t key)
{
	const uint64_t *v = map_get(&in->keys, key);

	return v && *v == (uint64_t)i->slot + 1;
}

/* Forgets an incident; no line is written. */
static void drop(struct incidents *in, struct inc *i)
{
	for (size_t k = 0; k < i->nkeys; k++)
		if (owns_key(in, i, i->keys[k].key))
			map_del(&in->keys, i->keys[k].key);
	in->bytes -= i->bytes;
	in->open[i->slot] = NULL;
	inc_free(i);
}

/* Its last line, then it is gone; what comes later opens a new one. */
static int close_one(const struct call *c, struct inc *i)
{
	int err;

	i->status = "closed";
	err = tell(c, i);
	drop(c->in, i);
	return err;
}

/* The lowest free slot, so that slots depend on the order of alerts alone. */
static int open_named(struct incidents *in, struct str alert_id, bool compliance, int64_t time,
		      struct inc **ret_i)
{
	struct inc *i;
	size_t slot = 0;

	while (slot < in->cap && in->open[slot])
		slot++;
	if (slot == in->cap) {
		size_t cap = in->cap ? in->cap * 2 : 16;
		struct inc **v = realloc(in->open, cap * sizeof(struct inc *));

		if (!v)
			return -ENOMEM;
		memset(v + in->cap, 0, (cap - in->cap) * sizeof(struct inc *));
		in->open = v;
		in->cap = cap;
	}
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	snprintf(i->id, sizeof(i->id), "i%.*s", (int)MIN(alert_id.len, (size_t)17) - 1,
		 alert_id.len ? alert_id.p + 1 : "");
	i->slot = (uint32_t)slot;
	i->compliance = compliance;
	i->status = "open";
	i->time = i->updated = time;
	i->bytes = sizeof(*i);
	in->bytes += i->bytes;
	in->open[slot] = i;
	*ret_i = i;
	return 0;
}

static int open_one(struct incidents *in, const struct alert *a, struct inc **ret_i)
{
	return open_named(in, str_of(a->id), a->compliance, a->time, ret_i);
}

static struct inc_key *key_of(struct inc *i, uint64_t key)
{
	for (size_t k = 0; k < i->nkeys; k++)
		if (i->keys[k].key == key)
			return &i->keys[k];
	return NULL;
}

/* From now on i is found by key. */
static int key_put(struct incidents *in, struct inc *i, uint64_t key, int64_t t, bool strong)
{
	struct inc_key *k = key_of(i, key);
	uint64_t *v;

	if (k) {
		k->last = MAX(k->last, t);
		k->strong |= strong;
	} else if (i->nkeys < KEYS_MAX) {
		i->keys[i->nkeys++] = (struct inc_key){key, t, strong};
	} else {
		k = i->keys;
		for (size_t n = 1; n < i->nkeys; n++)
			if (i->keys[n].last < k->last)
				k = &i->keys[n];
		if (owns_key(in, i, k->key))
			map_del(&in->keys, k->key);
		*k = (struct inc_key){key, t, strong};
	}
	v = map_put(&in->keys, key, NULL);
	if (!v)
		return -ENOMEM;
	*v = (uint64_t)i->slot + 1;
	return 0;
}

/* Takes s, also on failure. */
static int add_step(struct incidents *in, struct inc *i, struct step *s)
{
	size_t before = i->bytes;
	int err = inc_add(i, s);

	in->bytes += i->bytes - before;
	return err;
}

static void vote(struct candidate *v, size_t *n, struct inc *i, const struct way *w,
		 bool strong)
{
	size_t at = 0;

	while (at < *n && v[at].i != i)
		at++;
	if (at == CANDIDATES_MAX)
		return;
	if (at == *n)
		v[(*n)++] = (struct candidate){.i = i, .way = w};
	if (strong)
		v[at].strong++;
	else
		v[at].weak++;
}

/*
 * All open incidents that a way leads to, at most CANDIDATES_MAX. A key joins within the window
 * around the last alert that named it, in both directions since alerts may come out of order;
 * it counts as strong when both sides hold it strongly. own: the bits of the alert's entities.
 */
static size_t candidates(struct incidents *in, const struct ways *w, int64_t t, uint64_t own,
			 struct candidate v[CANDIDATES_MAX])
{
	size_t n = 0;

	for (size_t k = 0; k < w->n; k++) {
		const struct way *y = &w->v[k];
		const uint64_t *slot = map_get(&in->keys, y->key);
		int64_t window = y->again   ? MAX(in->window, AGAIN_WINDOW)
				 : y->brief ? in->window / 4
					    : in->window;
		struct inc *i;
		struct inc_key *key;

		if (!slot)
			continue;
		i = in->open[*slot - 1];
		key = key_of(i, y->key);
		if (y->crowded && edges_crowd(in->edges, y->key, inc_own(i) | own))
			continue;
		if (key && t - key->last <= window && key->last - t <= window)
			vote(v, &n, i, y, y->strong && key->strong);
	}
	return n;
}

static bool older(const struct inc *a, const struct inc *b)
{
	if (a->time != b->time)
		return a->time < b->time;
	return strcmp(a->id, b->id) < 0;
}

/* The oldest that shares something strong; else the one with most in common. */
static const struct candidate *choose(const struct candidate *v, size_t n)
{
	const struct candidate *best = NULL;

	for (size_t k = 0; k < n; k++) {
		const struct candidate *c = &v[k];

		if (!best || (c->strong && !best->strong) ||
		    (c->strong && older(c->i, best->i)) ||
		    (!c->strong && !best->strong &&
		     (c->weak > best->weak || (c->weak == best->weak && older(best->i, c->i)))))
			best = c;
	}
	return best;
}

static bool full(const struct inc *i)
{
	return i->nsteps >= STEPS_MAX || i->nalerts >= ALERTS_MAX;
}

/* The younger goes into the older: its line says so, then it is gone. */
static int merge(const struct call *c, struct inc *to, struct inc *from)
{
	struct incidents *in = c->in;
	int err;

	if (to->nsteps + from->nsteps > STEPS_MAX || to->nalerts + from->nalerts > ALERTS_MAX)
		return 0;
	from->status = "merged";
	memcpy(from->merged_into, to->id, sizeof(to->id));
	err = tell(c, from);
	for (size_t k = 0; !err && k < from->nkeys; k++)
		err = key_put(in, to, from->keys[k].key, from->keys[k].last,
			      from->keys[k].strong);
	while (!err && from->nsteps > 0) {
		struct step *s = from->steps[--from->nsteps];
		size_t size = step_bytes(s);

		from->bytes -= size;
		in->bytes -= size;
		err = add_step(in, to, s);
	}
	while (from->nlinks > 0 && to->nlinks < LINKS_MAX)
		to->links[to->nlinks++] = from->links[--from->nlinks];
	to->time = MIN(to->time, from->time);
	to->updated = MAX(to->updated, from->updated);
	drop(in, from);
	return err;
}

static void note_drop(struct incidents *in, size_t at)
{
	in->nnotes--;
	memmove(&in->notes[at], &in->notes[at + 1], (in->nnotes - at) * sizeof(in->notes[0]));
}

/* Keeps a note for an incident that may open on one of its entities. Takes s. */
static void note_wait(struct incidents *in, struct step *s, const struct ways *w)
{
	struct waiting n = {.step = s};

	for (size_t k = 0; k < w->n && n.nkeys < ALERT_ENTS_MAX; k++)
		if (w->v[k].kind == WAY_DIRECT && w->v[k].strong && !w->v[k].crowded)
			n.keys[n.nkeys++] = w->v[k].key;
	if (in->nnotes == NOTES_MAX) {
		in->bytes -= step_bytes(in->notes[0].step);
		step_free(in->notes[0].step);
		note_drop(in, 0);
	}
	in->bytes += step_bytes(s);
	in->notes[in->nnotes++] = n;
}

static bool note_fits(const struct waiting *n, const struct ways *w, int64_t t)
{
	if (t - n->step->time > NOTE_WINDOW || n->step->time - t > NOTE_WINDOW)
		return false;
	for (size_t k = 0; k < w->n; k++)
		for (size_t j = 0; j < n->nkeys; j++)
			if (w->v[k].kind == WAY_DIRECT && w->v[k].strong && !w->v[k].crowded &&
			    w->v[k].key == n->keys[j])
				return true;
	return false;
}

/* What surprised about i's own entities in the hours before t. */
static int signals_join(struct incidents *in, struct inc *i, const struct alert *a,
			const struct ways *w)
{
	int err = 0;

	for (size_t k = 0; !err && k < w->n; k++) {
		const struct way *y = &w->v[k];
		const struct entity *x = entity_get(in->en, a->ents[y->from]);
		struct step *s;
		int got = 1;

		if (y->kind != WAY_DIRECT || !y->strong || !y->lasting || !x)
			continue;
		while (!err && got > 0 && i->nsteps < CONTEXT_MAX) {
			got = signals_take(in->signals, y->key, a->time, x->name, x->kind, &s);
			err = got > 0 ? add_step(in, i, s) : got;
		}
	}
	return err;
}

/* The open incident that is found by key and was about it within the window. */
static struct inc *about(struct incidents *in, uint64_t key, int64_t t)
{
	const uint64_t *slot = map_get(&in->keys, key);
	struct inc *i = slot ? in->open[*slot - 1] : NULL;
	const struct inc_key *k = i && !i->compliance ? key_of(i, key) : NULL;

	return k && k->strong && t - k->last <= SIGNAL_WINDOW ? i : NULL;
}

/* It is told with the next alert, or when the incident closes. */
int incidents_signals(struct incidents *in, const struct learn *l, const struct learn_result *r,
		      size_t n, const struct event *e)
{
	int err = 0;

	for (size_t k = 0; !err && k < n; k++) {
		const struct entity *x = entity_get(in->en, r[k].entity);
		struct step *s;
		struct inc *i;

		if (!x || r[k].surprise < INCIDENT_SIGNAL_NATS || r[k].learning ||
		    !r[k].tactic.len)
			continue;
		signals_put(in->signals, edges_key(x), l, &r[k], e);
		i = about(in, edges_key(x), e->known);
		if (!i || i->nsteps >= CONTEXT_MAX)
			continue;
		err = signals_take(in->signals, edges_key(x), e->known, x->name, x->kind, &s);
		err = err > 0 ? add_step(in, i, s) : err;
	}
	return err;
}

static int notes_take(struct incidents *in, struct inc *i, const struct ways *w, int64_t t)
{
	int err = 0;

	for (size_t k = 0; !err && k < in->nnotes && i->nsteps < CONTEXT_MAX;) {
		struct step *s = in->notes[k].step;

		if (!note_fits(&in->notes[k], w, t)) {
			k++;
			continue;
		}
		note_drop(in, k);
		in->bytes -= step_bytes(s);
		err = add_step(in, i, s);
	}
	return err;
}

/*
 * What a stranger sent to a public server says nothing of the server, which meets a hundred
 * such a day: his notes join by himself alone.
 */
static void strangers_own(struct ways *w, const struct alert *a, const struct entities *en)
{
	const struct entity *x = a->nents ? entity_get(en, a->ents[0]) : NULL;
	size_t n = 0;

	if (!x || x->kind != ENT_ENDPOINT || entities_own_domain(en, x->name))
		return;
	for (size_t k = 0; k < w->n; k++)
		if (w->v[k].from == 0)
			w->v[n++] = w->v[k];
	w->n = n;
}

/* Notes and compliance breaches join what is there as context; they change no keys. */
static int context(const struct call *c, const struct alert *a, struct step *s,
		   const struct ways *w)
{
	struct candidate v[CANDIDATES_MAX];
	size_t n = candidates(c->in, w, a->time, s->own, v);
	const struct candidate *best = choose(v, n);
	int err;

	if (best && best->strong && best->i->nsteps < CONTEXT_MAX) {
		err = add_step(c->in, best->i, s);
		return err ? err : tell(c, best->i);
	}
	if (a->note && !a->compliance)
		note_wait(c->in, s, w);
	else
		step_free(s);
	return 0;
}

/* That it came back through the same door, as a step of its own. */
static int back_again(struct incidents *in, struct inc *i, const struct alert *a,
		      const struct way *w, int64_t since)
{
	const struct entity *x = entity_get(in->en, a->ents[w->from]);
	char text[400], span[TIME_TEXT];
	struct why why = {.quantity = STR("exploited_again")};
	struct step *s;
	int err;

	if (!x || !a->nevents || i->nsteps >= CONTEXT_MAX || a->time - since < NS_PER_H)
		return 0;
	time_human(a->time - since, span);
	snprintf(text, sizeof(text),
		 "%.*s was broken into again in the same way as %s before: a return by "
		 "re-exploitation",
		 (int)MIN(x->name.len, (size_t)200), x->name.p, span);
	why.text = str_of(text);
	err = step_signal(a->time, STR("initial-access"), x->name, x->kind, &why,
			  a->event_ids[0], &s);
	if (err)
		return err;
	step_key(s, w->key);
	return add_step(in, i, s);
}

/*
 * The way of an alert of the threat queue: merge what it ties together, join or open, take
 * over its keys and the notes that waited for it, tell. Takes s.
 */
static int threat(const struct call *c, const struct alert *a, struct step *s,
		  const struct ways *w)
{
	struct incidents *in = c->in;
	struct candidate v[CANDIDATES_MAX];
	size_t n = candidates(in, w, a->time, s->own, v);
	const struct candidate *best = choose(v, n);
	struct inc *i = best ? best->i : NULL;
	const struct way *back = NULL;
	int64_t since = 0;
	bool opened = false;
	int err = 0;

	for (size_t k = 0; k < n; k++) {
		if (v[k].i == i && v[k].way->again) {
			back = v[k].way;
			since = key_of(i, back->key)->last;
		}
	}
	for (size_t k = 0; k < w->n; k++)
		if (w->v[k].lasting)
			step_key(s, w->v[k].key);
	/* What it came by ties it to the others, whether that is its own or over an edge. */
	for (size_t k = 0; k < n; k++)
		if (v[k].i == i || (best->strong && v[k].strong))
			step_key(s, v[k].way->key);
	for (size_t k = 0; !err && i && k < n; k++)
		if (best->strong && v[k].strong && v[k].i != i) {
			err = merge(c, i, v[k].i);
			err = err ? err : link_add(i, in->en, a, v[k].way);
		}
	if (!err && i && full(i)) {
		err = close_one(c, i);
		i = NULL;
	}
	if (!err && !i) {
		err = open_one(in, a, &i);
		opened = !err;
	}
	if (err) {
		step_free(s);
		return err;
	}
	if (!opened)
		err = link_add(i, in->en, a, best->way);
	if (err) {
		step_free(s);
		return err;
	}
	err = add_step(in, i, s);
	for (size_t k = 0; !err && k < w->n; k++)
		if (w->v[k].lasting || (w->v[k].crowded && key_of(i, w->v[k].key)))
			err = key_put(in, i, w->v[k].key, a->time, w->v[k].strong);
	if (!err && back && !opened)
		err = back_again(in, i, a, back, since);
	if (!err)
		err = notes_take(in, i, w, a->time);
	if (!err)
		err = signals_join(in, i, a, w);
	i->time = MIN(i->time, a->time);
	i->updated = MAX(i->updated, a->time);
	return err ? err : tell(c, i);
}

/* The queue of its own: one incident a device or account, with every breach a step. Takes s. */
static int compliance(const struct call *c, const struct alert *a, struct step *s)
{
	struct incidents *in = c->in;
	uint64_t key = ways_compliance(a, in->en);
	const uint64_t *slot = map_get(&in->keys, key);
	struct inc *i = slot ? in->open[*slot - 1] : NULL;
	int err = 0;

	if (i && (a->time - i->updated > in->window || full(i))) {
		err = close_one(c, i);
		i = NULL;
	}
	if (!err && !i)
		err = open_one(in, a, &i);
	if (err) {
		step_free(s);
		return err;
	}
	err = add_step(in, i, s);
	if (!err)
		err = key_put(in, i, key, a->time, true);
	i->time = MIN(i->time, a->time);
	i->updated = MAX(i->updated, a->time);
	return err ? err : tell(c, i);
}

static bool part_has(const struct inc *i, const uint8_t *part_of, uint8_t part, uint64_t key)
{
	for (size_t k = 0; k < i->nsteps; k++)
		for (size_t n = 0; part_of[k] == part && n < i->steps[k]->nkeys; n++)
			if (i->steps[k]->keys[n] == key)
				return true;
	return false;
}

/* An incident of its own for one part of i, with the keys that are its alone. */
static int part_open(struct incidents *in, struct inc *i, const uint8_t *part_of, uint8_t part,
		     struct inc **ret_i)
{
	const struct step *first = NULL;
	struct inc *to;
	int err;

	for (size_t k = i->nsteps; k-- > 0;)
		if (part_of[k] == part && i->steps[k]->kind == STEP_ALERT)
			first = i->steps[k];
	err = open_named(in, first->alert_id, false, first->time, &to);
	if (err)
		return err;
	memcpy(to->split_from, i->id, sizeof(i->id));
	for (size_t k = 0; !err && k < i->nkeys; k++) {
		const struct inc_key *y = &i->keys[k];

		if (!owns_key(in, i, y->key) || !part_has(i, part_of, part, y->key) ||
		    part_has(i, part_of, 1, y->key))
			continue;
		to->updated = MAX(to->updated, y->last);
		err = key_put(in, to, y->key, y->last, y->strong);
	}
	*ret_i = to;
	return err;
}

/* Moves the steps of a part; those of others stay in order. */
static int part_move(struct incidents *in, struct inc *i, uint8_t *part_of, uint8_t part,
		     struct inc *to)
{
	size_t n = 0;
	int err = 0;

	i->nalerts = 0;
	for (size_t k = 0; k < i->nsteps; k++) {
		struct step *s = i->steps[k];
		size_t size = step_bytes(s);

		if (part_of[k] != part || err) {
			i->nalerts += s->kind == STEP_ALERT ? s->alerts.n : 0;
			part_of[n] = part_of[k];
			i->steps[n++] = s;
			continue;
		}
		to->updated = MAX(to->updated, s->last);
		i->bytes -= size;
		in->bytes -= size;
		err = add_step(in, to, s);
	}
	i->nsteps = n;
	return err;
}

/*
 * What hung together by a hub alone, that was not yet known as one, becomes incidents of their
 * own. The part with the oldest alert keeps the id.
 */
static int split(const struct call *c, struct inc *i)
{
	uint8_t part_of[STEPS_MAX];
	unsigned parts = split_parts(i, c->in->edges, part_of);
	int err = 0;

	for (unsigned p = 2; !err && p <= parts; p++) {
		struct inc *to = NULL;

		err = part_open(c->in, i, part_of, (uint8_t)p, &to);
		if (!err)
			err = part_move(c->in, i, part_of, (uint8_t)p, to);
		if (!err)
			err = tell(c, to);
	}
	return err || parts < 2 ? err : tell(c, i);
}

static struct inc *idlest(const struct incidents *in, size_t *ret_open)
{
	struct inc *worst = NULL;

	*ret_open = 0;
	for (size_t k = 0; k < in->cap; k++) {
		struct inc *i = in->open[k];

		if (!i)
			continue;
		++*ret_open;
		if (!worst || i->updated < worst->updated ||
		    (i->updated == worst->updated && older(i, worst)))
			worst = i;
	}
	return worst;
}

/* Waiting notes go first, then whichever incident was idle longest. The last one stays. */
static int trim(const struct call *c)
{
	struct incidents *in = c->in;
	int err = 0;

	while (in->bytes > in->memory && in->nnotes > 0) {
		in->bytes -= step_bytes(in->notes[0].step);
		step_free(in->notes[0].step);
		note_drop(in, 0);
	}
	while (!err && in->bytes > in->memory) {
		size_t n;
		struct inc *i = idlest(in, &n);

		if (n < 2)
			break;
		err = close_one(c, i);
	}
	return err;
}

/* How long it may be idle: one that began with a broken service waits for the next time. */
static int64_t patience(const struct incidents *in, const struct inc *i)
{
	for (size_t k = 0; !i->compliance && k < i->nsteps; k++)
		if (i->steps[k]->kind == STEP_ALERT &&
		    ways_exploit(i->steps[k]->phase, i->steps[k]->attack, i->steps[k]->nattack))
			return MAX(in->window, AGAIN_WINDOW);
	return in->window;
}

/* Closes what was idle for that long. */
static int sweep(const struct call *c, int64_t now)
{
	struct incidents *in = c->in;
	int err = 0;

	in->swept = now;
	for (size_t k = 0; !err && k < in->cap; k++)
		if (in->open[k])
			err = split(c, in->open[k]);
	for (size_t k = 0; !err && k < in->cap; k++)
		if (in->open[k] && in->open[k]->updated < now - patience(in, in->open[k]))
			err = close_one(c, in->open[k]);
	return err;
}

int incidents_alert(struct incidents *in, const struct alert *a, changed_fn *changed, void *arg)
{
	struct call c = {in, changed, arg};
	struct ways w;
	struct step *s;
	int err = 0;

	if (in->swept == TIME_NONE)
		in->swept = a->time;
	if (a->time - in->swept > NS_PER_H)
		err = sweep(&c, a->time);
	if (!err)
		err = step_new(a, in->en, &s);
	if (err)
		return err;
	ways_find(&w, a, in->en, in->edges, in->window);
	if (a->compliance && !a->note) {
		err = compliance(&c, a, s);
		if (!err)
			err = step_new(a, in->en, &s);
		if (!err)
			err = context(&c, a, s, &w);
	} else if (a->note || a->compliance) {
		strangers_own(&w, a, in->en);
		err = context(&c, a, s, &w);
	} else {
		err = threat(&c, a, s, &w);
	}
	return err ? err : trim(&c);
}

int incidents_flush(struct incidents *in, int64_t now, changed_fn *changed, void *arg)
{
	struct call c = {in, changed, arg};

	return sweep(&c, now);
}
