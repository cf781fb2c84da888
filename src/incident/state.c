/* SPDX-License-Identifier: Apache-2.0 */
#include "incident/state.h"
#include "incident/signals.h"
#include <errno.h>
#include <stdlib.h>

#define TAG_HEAD BLOCK_TAG('i', 'n', 'c', 'h')
#define TAG_INC	 BLOCK_TAG('i', 'n', 'c', 'o')
#define TAG_NOTE BLOCK_TAG('i', 'n', 'c', 'n')
#define VERSION	 3u
#define SLOT_MAX (UINT64_C(1) << 20)

struct kept_head {
	uint64_t version, nopen, nnotes;
	int64_t swept;
};

/* ---- numbers and text, one after the other ---- */

static void put_n(struct buf *b, uint64_t v)
{
	buf_add(b, str_n((const char *)&v, sizeof(v)));
}

static void put_s(struct buf *b, struct str s)
{
	put_n(b, s.len);
	buf_add(b, s);
}

static void put_f(struct buf *b, double v)
{
	buf_add(b, str_n((const char *)&v, sizeof(v)));
}

/* Reads them; once something is missing all is 0 and bad says so. */
struct in {
	struct str left;
	bool bad;
};

static uint64_t get_n(struct in *x)
{
	uint64_t v = 0;

	if (x->bad || x->left.len < sizeof(v)) {
		x->bad = true;
		return 0;
	}
	memcpy(&v, x->left.p, sizeof(v));
	x->left = str_sub(x->left, sizeof(v), x->left.len);
	return v;
}

static double get_f(struct in *x)
{
	uint64_t n = get_n(x);
	double v;

	memcpy(&v, &n, sizeof(v));
	return v;
}

/* A count that may not be above max. */
static size_t get_count(struct in *x, size_t max)
{
	uint64_t n = get_n(x);

	x->bad |= n > max;
	return x->bad ? 0 : (size_t)n;
}

static struct str get_s(struct in *x)
{
	size_t n = get_count(x, x->left.len);
	struct str s = str_sub(x->left, 0, MIN(n, x->left.len));

	x->bad |= n > x->left.len;
	x->left = str_sub(x->left, s.len, x->left.len);
	return x->bad ? str_n(NULL, 0) : s;
}

/* ---- a step ---- */

static void put_ids(struct buf *b, const struct ids *l)
{
	put_n(b, l->n);
	for (size_t i = 0; i < l->n; i++)
		put_s(b, l->v[i]);
}

static void put_why(struct buf *b, const struct why *y)
{
	put_s(b, y->quantity);
	put_s(b, y->usual);
	put_s(b, y->seen);
	put_s(b, y->text);
	put_f(b, y->surprise);
	put_f(b, y->days);
	put_n(b, y->peers_same);
	put_n(b, y->peers);
}

static void put_step(struct buf *b, const struct step *s)
{
	put_n(b, s->kind);
	put_n(b, s->fold);
	put_n(b, (uint64_t)s->time);
	put_n(b, (uint64_t)s->last);
	put_n(b, s->count);
	put_n(b, s->severity);
	put_n(b, s->score);
	put_n(b, s->own);
	put_n(b, s->derived);
	put_s(b, s->alert_id);
	put_s(b, s->model);
	put_s(b, s->title);
	put_s(b, s->phase);
	put_s(b, s->text);
	put_s(b, s->advice);
	put_s(b, s->response);
	put_n(b, s->nattack);
	for (size_t i = 0; i < s->nattack; i++)
		put_s(b, s->attack[i]);
	put_n(b, s->nnames);
	for (size_t i = 0; i < s->nnames; i++) {
		put_s(b, s->names[i]);
		put_n(b, s->kinds[i]);
		put_n(b, s->roles[i]);
	}
	put_n(b, s->nwhy);
	for (size_t i = 0; i < s->nwhy; i++)
		put_why(b, &s->why[i]);
	put_n(b, s->nkeys);
	for (size_t i = 0; i < s->nkeys; i++)
		put_n(b, s->keys[i]);
	put_ids(b, &s->alerts);
	put_ids(b, &s->events);
}

static struct why get_why(struct in *x)
{
	struct why y = {.quantity = get_s(x), .usual = get_s(x)};

	y.seen = get_s(x);
	y.text = get_s(x);
	y.surprise = get_f(x);
	y.days = get_f(x);
	y.peers_same = (uint32_t)get_n(x);
	y.peers = (uint32_t)get_n(x);
	return y;
}

static int get_ids(struct in *x, struct step *s, bool alerts)
{
	size_t n = get_count(x, x->left.len);
	int err = 0;

	for (size_t i = 0; err == 0 && !x->bad && i < n; i++)
		err = step_cite(s, alerts, get_s(x));
	return err;
}

static void get_numbers(struct in *x, struct step *s)
{
	s->kind = (enum step_kind)get_count(x, STEP_SIGNAL);
	s->fold = get_n(x);
	s->time = (int64_t)get_n(x);
	s->last = (int64_t)get_n(x);
	s->count = get_n(x);
	s->severity = (enum severity)get_count(x, SEV_CRITICAL);
	s->score = (unsigned)get_count(x, 100);
	s->own = get_n(x);
	s->derived = get_n(x) != 0;
}

static void get_words(struct in *x, struct step *s)
{
	s->alert_id = get_s(x);
	s->model = get_s(x);
	s->title = get_s(x);
	s->phase = get_s(x);
	s->text = get_s(x);
	s->advice = get_s(x);
	s->response = get_s(x);
	s->nattack = get_count(x, STEP_ATTACK);
	for (size_t i = 0; i < s->nattack; i++)
		s->attack[i] = get_s(x);
	s->nnames = get_count(x, ALERT_ENTS_MAX);
	for (size_t i = 0; i < s->nnames; i++) {
		s->names[i] = get_s(x);
		s->kinds[i] = (uint8_t)get_count(x, ENT_KIND_COUNT);
		s->roles[i] = (uint8_t)get_count(x, ROLE_COUNT);
	}
	s->nwhy = get_count(x, STEP_WHY);
	for (size_t i = 0; i < s->nwhy; i++)
		s->why[i] = get_why(x);
	s->nkeys = get_count(x, STEP_KEYS);
	for (size_t i = 0; i < s->nkeys; i++)
		s->keys[i] = get_n(x);
}

static int get_step(struct in *x, struct step **ret_s)
{
	struct step *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	get_numbers(x, s);
	get_words(x, s);
	err = step_own(s);
	if (err == 0)
		err = get_ids(x, s, true);
	if (err == 0)
		err = get_ids(x, s, false);
	if (err == 0 && x->bad)
		err = E_FORMAT;
	if (err < 0)
		step_free(s);
	else
		*ret_s = s;
	return err;
}

/* ---- an incident ---- */

static bool owns(const struct incidents *in, const struct inc *i, uint64_t key)
{
	const uint64_t *v = map_get(&in->keys, key);

	return v && *v == (uint64_t)i->slot + 1;
}

static void put_inc(struct buf *b, const struct incidents *in, const struct inc *i)
{
	put_n(b, i->slot);
	put_s(b, str_of(i->id));
	put_s(b, str_of(i->split_from));
	put_n(b, i->compliance);
	put_n(b, (uint64_t)i->time);
	put_n(b, (uint64_t)i->updated);
	put_n(b, i->nalerts);
	put_n(b, i->nkeys);
	for (size_t k = 0; k < i->nkeys; k++) {
		put_n(b, i->keys[k].key);
		put_n(b, (uint64_t)i->keys[k].last);
		put_n(b, (uint64_t)i->keys[k].strong | (uint64_t)owns(in, i, i->keys[k].key)
							       << 1);
	}
	put_n(b, i->nlinks);
	for (size_t k = 0; k < i->nlinks; k++) {
		put_s(b, i->links[k].from);
		put_s(b, i->links[k].to);
		put_ids(b, &i->links[k].events);
		put_n(b, i->links[k].kind);
		put_n(b, (uint64_t)i->links[k].time);
	}
	put_n(b, i->cap);
	put_n(b, i->nsteps);
	for (size_t k = 0; k < i->nsteps; k++)
		put_step(b, i->steps[k]);
}

static void get_id(struct in *x, char id[20])
{
	struct str s = get_s(x);

	x->bad |= s.len >= 20;
	if (!x->bad && s.len)
		memcpy(id, s.p, s.len);
}

static int get_keys(struct in *x, struct incidents *in, struct inc *i)
{
	size_t n = get_count(x, KEYS_MAX);

	for (i->nkeys = 0; i->nkeys < n; i->nkeys++) {
		struct inc_key *k = &i->keys[i->nkeys];
		uint64_t how, *v;

		k->key = get_n(x);
		k->last = (int64_t)get_n(x);
		how = get_n(x);
		k->strong = how & 1;
		if (x->bad || !(how & 2))
			continue;
		v = map_put(&in->keys, k->key, NULL);
		if (!v)
			return -ENOMEM;
		*v = (uint64_t)i->slot + 1;
	}
	return 0;
}

static int get_links(struct in *x, struct inc *i)
{
	size_t n = get_count(x, LINKS_MAX);
	int err = 0;

	for (i->nlinks = 0; i->nlinks < n; i->nlinks++) {
		struct link *l = &i->links[i->nlinks];
		struct str from = get_s(x), to = get_s(x);
		size_t nevents = get_count(x, LINK_EVENTS);

		*l = (struct link){.from = str_n(str_dup(from), from.len),
				   .to = str_n(str_dup(to), to.len)};
		for (size_t k = 0; k < nevents; k++)
			err = err < 0 ? err : ids_add(&l->events, get_s(x));
		if (err < 0 || !l->from.p || !l->to.p) {
			link_free(l);
			return -ENOMEM;
		}
		l->kind = (uint8_t)get_count(x, EDGE_FILE);
		l->time = (int64_t)get_n(x);
	}
	return 0;
}

static int get_steps(struct in *x, struct inc *i)
{
	size_t cap = get_count(x, 2 * STEPS_MAX), n = get_count(x, STEPS_MAX);
	int err = 0;

	if (x->bad || cap < n)
		return E_FORMAT;
	i->steps = calloc(MAX(cap, (size_t)1), sizeof(*i->steps));
	if (!i->steps)
		return -ENOMEM;
	i->cap = cap;
	i->bytes += cap * sizeof(*i->steps);
	while (err == 0 && i->nsteps < n) {
		err = get_step(x, &i->steps[i->nsteps]);
		if (err == 0)
			i->bytes += step_bytes(i->steps[i->nsteps++]);
	}
	return err;
}

static int slot_for(struct incidents *in, size_t slot)
{
	size_t cap = in->cap ? in->cap : 16;
	struct inc **v;

	while (cap <= slot)
		cap *= 2;
	if (cap == in->cap)
		return 0;
	v = realloc(in->open, cap * sizeof(struct inc *));
	if (!v)
		return -ENOMEM;
	memset(v + in->cap, 0, (cap - in->cap) * sizeof(struct inc *));
	in->open = v;
	in->cap = cap;
	return 0;
}

static int get_inc(struct incidents *in, struct str data)
{
	struct in x = {.left = data};
	size_t slot = get_count(&x, SLOT_MAX);
	struct inc *i;
	int err = slot_for(in, slot);

	if (err < 0)
		return err;
	if (x.bad || in->open[slot])
		return E_FORMAT;
	i = in->open[slot] = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->slot = (uint32_t)slot;
	i->status = "open";
	i->bytes = sizeof(*i);
	get_id(&x, i->id);
	get_id(&x, i->split_from);
	i->compliance = get_n(&x) != 0;
	i->time = (int64_t)get_n(&x);
	i->updated = (int64_t)get_n(&x);
	i->nalerts = (size_t)get_n(&x);
	err = get_keys(&x, in, i);
	if (err == 0)
		err = get_links(&x, i);
	if (err == 0)
		err = get_steps(&x, i);
	in->bytes += i->bytes;
	return err == 0 && (x.bad || x.left.len) ? E_FORMAT : err;
}

/* ---- notes ---- */

static void put_note(struct buf *b, const struct waiting *n)
{
	put_n(b, n->nkeys);
	for (size_t k = 0; k < n->nkeys; k++)
		put_n(b, n->keys[k]);
	put_step(b, n->step);
}

static int get_note(struct incidents *in, struct str data)
{
	struct waiting *n = &in->notes[in->nnotes];
	struct in x = {.left = data};
	int err;

	n->nkeys = get_count(&x, ALERT_ENTS_MAX);
	for (size_t k = 0; k < n->nkeys; k++)
		n->keys[k] = get_n(&x);
	err = get_step(&x, &n->step);
	if (err < 0)
		return err;
	in->bytes += step_bytes(n->step);
	in->nnotes++;
	return x.left.len ? E_FORMAT : 0;
}

/* ---- all of it ---- */

static void put_block(struct blocks_out *w, uint32_t tag, struct buf *b)
{
	int err = buf_err(b);

	if (err < 0)
		blocks_fail(w, err);
	else
		blocks_put(w, tag, NULL, 0, b->p, b->len);
	buf_clear(b);
}

void incidents_save(const struct incidents *in, struct blocks_out *w)
{
	struct kept_head h = {.version = VERSION, .nnotes = in->nnotes, .swept = in->swept};
	struct buf b;

	for (size_t k = 0; k < in->cap; k++)
		h.nopen += in->open[k] != NULL;
	blocks_put(w, TAG_HEAD, &h, sizeof(h), NULL, 0);
	buf_init(&b, BLOCK_MAX);
	for (size_t k = 0; k < in->cap; k++) {
		if (!in->open[k])
			continue;
		put_inc(&b, in, in->open[k]);
		put_block(w, TAG_INC, &b);
	}
	for (size_t k = 0; k < in->nnotes; k++) {
		put_note(&b, &in->notes[k]);
		put_block(w, TAG_NOTE, &b);
	}
	buf_free(&b);
	edges_save(in->edges, w);
	signals_save(in->signals, w);
}

static int load_parts(struct incidents *in, const struct kept_head *h, struct blocks_in *r)
{
	struct str data;
	uint32_t tag;
	int n = 1, err = 0;

	for (uint64_t k = 0; err == 0 && k < h->nopen + h->nnotes; k++) {
		bool note = k >= h->nopen;

		n = blocks_next(r, &tag, &data);
		if (n <= 0 || tag != (note ? TAG_NOTE : TAG_INC))
			return n < 0 ? n : E_FORMAT;
		err = note ? get_note(in, data) : get_inc(in, data);
	}
	return err;
}

int incidents_load(struct incidents *in, struct blocks_in *r)
{
	struct kept_head h;
	struct str data;
	uint32_t tag;
	int n = blocks_next(r, &tag, &data);

	if (n <= 0)
		return n;
	if (tag != TAG_HEAD || data.len != sizeof(h))
		return E_FORMAT;
	memcpy(&h, data.p, sizeof(h));
	if (h.version != VERSION)
		return E_VERSION;
	if (h.nopen > SLOT_MAX || h.nnotes > NOTES_MAX)
		return E_FORMAT;
	in->swept = h.swept;
	n = load_parts(in, &h, r);
	if (n == 0)
		n = edges_load(in->edges, r);
	return n < 0 ? n : signals_load(in->signals, r);
}
