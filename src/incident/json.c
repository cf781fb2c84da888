/* SPDX-License-Identifier: Apache-2.0 */
/* incident/json: the lines of the findings file; their shape is stable (docs/INCIDENTS.md). */
#include "incident/impl.h"

#define WHY_IDS 6u

/* A comma goes before every member but the first, told by what stands there already. */
static void key(struct buf *b, const char *k)
{
	if (b->len && b->p[b->len - 1] != '{')
		buf_addc(b, ',');
	buf_fmt(b, "\"%s\":", k);
}

static void text(struct buf *b, const char *k, struct str v)
{
	key(b, k);
	buf_json(b, v);
}

static void moment(struct buf *b, const char *k, int64_t ns)
{
	char t[TIME_TEXT];

	text(b, k, str_of(time_rfc3339(ns, t)));
}

/* Empty texts are left out: an id or name that is none cites nothing. */
static void list(struct buf *b, const char *k, const struct str *v, size_t n)
{
	bool first = true;

	key(b, k);
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (!v[i].len)
			continue;
		if (!first)
			buf_addc(b, ',');
		first = false;
		buf_json(b, v[i]);
	}
	buf_addc(b, ']');
}

static void why(struct buf *b, const struct why *w, const struct step *s)
{
	buf_addc(b, '{');
	text(b, "quantity", w->quantity);
	text(b, "usual", w->usual);
	text(b, "seen", w->seen);
	key(b, "surprise");
	buf_json_f64(b, w->surprise);
	key(b, "days");
	buf_json_f64(b, w->days);
	key(b, "peers_same");
	buf_fmt(b, "%u", w->peers_same);
	key(b, "peers");
	buf_fmt(b, "%u", w->peers);
	if (w->text.len)
		text(b, "text", w->text);
	if (s)
		list(b, "event_ids", s->events.v, MIN(s->events.n, (size_t)WHY_IDS));
	buf_addc(b, '}');
}

/* of: the steps they belong to, or NULL: an alert's own. */
static void whys(struct buf *b, const struct why *v, const struct step *const *of, size_t n)
{
	key(b, "why");
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(b, ',');
		why(b, &v[i], of ? of[i] : NULL);
	}
	buf_addc(b, ']');
}

void alert_json(struct buf *b, const struct alert *a)
{
	const struct model *m = a->model;

	buf_addz(b, "{\"kind\":\"alert\"");
	text(b, "id", str_of(a->id));
	moment(b, "time", a->time);
	text(b, "title", a->title.len ? a->title : m->title);
	text(b, "severity", str_of(severity_name(a->severity)));
	key(b, "score");
	buf_fmt(b, "%u", MIN(a->score, 100u));
	text(b, "model", m->name);
	text(b, "queue", a->compliance ? STR("compliance") : STR("threat"));
	list(b, "entities", a->names, MIN(a->nents, ALERT_ENTS_MAX));
	list(b, "event_ids", a->event_ids, MIN(a->nevents, ALERT_IDS_MAX));
	list(b, "attack", m->attack, m->nattack);
	if (m->phase.len)
		text(b, "phase", m->phase);
	if (a->story.len)
		text(b, "story", a->story);
	whys(b, a->why, NULL, MIN(a->nwhy, ARRAY_LEN(a->why)));
	if (a->packets.len)
		text(b, "packets", a->packets);
	if (a->packets_state.len)
		text(b, "packets_state", a->packets_state);
	if (a->nfiles)
		list(b, "files", a->files, a->nfiles);
	key(b, "count");
	buf_fmt(b, "%llu}", (unsigned long long)MAX(a->count, (uint64_t)1));
}

static void step(struct buf *b, const struct step *s)
{
	static const char *const kinds[] = {"alert", "note", "compliance", "signal"};

	buf_addc(b, '{');
	moment(b, "time", s->time);
	if (s->last != s->time)
		moment(b, "last", s->last);
	text(b, "kind", str_of(kinds[s->kind]));
	text(b, "phase", s->phase);
	list(b, "attack", s->attack, s->nattack);
	text(b, "text", s->text);
	if (s->kind == STEP_SIGNAL) {
		text(b, "quantity", s->model);
	} else {
		text(b, "model", s->model);
		text(b, "severity", str_of(severity_name(s->severity)));
		text(b, "alert_id", s->alert_id);
		if (s->response.len && s->kind != STEP_NOTE)
			text(b, "response", s->response);
	}
	list(b, "event_ids", s->events.v, MIN(s->events.n, (size_t)ALERT_IDS_MAX));
	list(b, "entities", s->names, s->nnames);
	key(b, "count");
	buf_fmt(b, "%llu}", (unsigned long long)s->count);
}

/* The reasons of all steps, most surprising first, one a quantity. */
static void incident_why(struct buf *b, const struct inc *i)
{
	struct why top[8];
	const struct step *of[8];
	size_t n = 0;

	for (size_t k = 0; k < i->nsteps; k++) {
		for (size_t j = 0; j < i->steps[k]->nwhy; j++) {
			const struct why *w = &i->steps[k]->why[j];
			size_t at = 0, drop;

			while (at < n && top[at].surprise >= w->surprise &&
			       !str_eq(top[at].quantity, w->quantity))
				at++;
			if (at == ARRAY_LEN(top) || (at < n && top[at].surprise >= w->surprise))
				continue;
			/* The weaker one of the same quantity makes room, else the last. */
			for (drop = at; drop < n; drop++)
				if (str_eq(top[drop].quantity, w->quantity))
					break;
			if (drop == n && n < ARRAY_LEN(top))
				n++;
			drop = MIN(drop, ARRAY_LEN(top) - 1);
			memmove(&top[at + 1], &top[at], (drop - at) * sizeof(top[0]));
			memmove(&of[at + 1], &of[at], (drop - at) * sizeof(of[0]));
			top[at] = *w;
			of[at] = i->steps[k];
		}
	}
	whys(b, top, of, n);
}

static void say_action(struct str action, void *arg)
{
	struct buf *b = arg;

	if (b->p[b->len - 1] != '[')
		buf_addc(b, ',');
	buf_json(b, action);
}

static void what_next(struct buf *b, const struct inc *i)
{
	struct str v[NEXT_MAX];

	list(b, "next", v, next_advice(i, v));
	key(b, "response");
	buf_addc(b, '[');
	if (buf_err(b) == 0)
		next_actions(i, say_action, b);
	buf_addc(b, ']');
}

static void techniques(struct buf *b, const struct inc *i)
{
	struct str v[32];
	size_t n = 0;

	for (size_t s = 0; s < i->nsteps; s++) {
		for (size_t j = 0; j < i->steps[s]->nattack; j++) {
			size_t at = 0;

			while (at < n && !str_eq(v[at], i->steps[s]->attack[j]))
				at++;
			if (at == n && n < ARRAY_LEN(v))
				v[n++] = i->steps[s]->attack[j];
		}
	}
	list(b, "attack", v, n);
}

/* What to look for elsewhere: the outside ends that its alerts name. */
static void indicators(struct buf *b, const struct inc *i)
{
	struct str v[32];
	size_t n = 0;

	for (size_t s = 0; s < i->nsteps; s++) {
		const struct step *t = i->steps[s];

		for (size_t j = 0; t->kind == STEP_ALERT && j < t->nnames; j++) {
			size_t at = 0;

			while (at < n && !str_eq(v[at], t->names[j]))
				at++;
			if (at == n && n < ARRAY_LEN(v) && t->kinds[j] == ENT_ENDPOINT)
				v[n++] = t->names[j];
		}
	}
	list(b, "indicators", v, n);
}

static void links(struct buf *b, const struct inc *i)
{
	key(b, "edges");
	buf_addc(b, '[');
	for (size_t k = 0; k < i->nlinks; k++) {
		const struct link *l = &i->links[k];

		buf_addz(b, k ? ",{" : "{");
		text(b, "from", l->from);
		text(b, "to", l->to);
		text(b, "by", str_of(edge_name(l->kind)));
		moment(b, "time", l->time);
		list(b, "event_ids", l->events.v, l->events.n);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

int telling_json(struct telling *t, const struct inc *i)
{
	struct buf *b = &t->json;

	buf_clear(b);
	buf_addz(b, "{\"kind\":\"incident\"");
	text(b, "id", str_of(i->id));
	moment(b, "time", i->time);
	moment(b, "updated", i->updated);
	text(b, "title", buf_str(&t->title));
	text(b, "severity", str_of(severity_name(t->severity)));
	key(b, "score");
	buf_fmt(b, "%u", t->score);
	text(b, "queue", i->compliance ? STR("compliance") : STR("threat"));
	text(b, "status", str_of(i->status));
	if (i->merged_into[0])
		text(b, "merged_into", str_of(i->merged_into));
	if (i->split_from[0])
		text(b, "split_from", str_of(i->split_from));
	list(b, "entities", t->entities, t->nentities);
	list(b, "alert_ids", t->alerts, t->nalerts);
	list(b, "event_ids", t->events, t->nevents);
	techniques(b, i);
	text(b, "summary", buf_str(&t->summary));
	key(b, "steps");
	buf_addc(b, '[');
	for (size_t k = 0; k < i->nsteps; k++) {
		if (k)
			buf_addc(b, ',');
		step(b, i->steps[k]);
	}
	buf_addc(b, ']');
	incident_why(b, i);
	links(b, i);
	indicators(b, i);
	what_next(b, i);
	buf_addc(b, '}');
	return buf_err(b);
}
