/* SPDX-License-Identifier: Apache-2.0 */
#include "incident/signals.h"
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>

#define WAYS 8u /* signals of all entities that fall into one set */

struct signal {
	uint64_t key; /* 0: free */
	int64_t time;
	float surprise, days;
	uint32_t peers_same, peers;
	char quantity[40], tactic[28], id[96];
	char text[256], usual[96], seen[96];
};

struct signals {
	struct signal *slot; /* [nsets * WAYS] */
	size_t nsets;	     /* power of two */
};

int signals_new(size_t bytes, struct signals **ret_s)
{
	struct signals *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->nsets = 1;
	while (s->nsets * 2 * WAYS * sizeof(struct signal) <= bytes)
		s->nsets *= 2;
	s->slot = calloc(s->nsets * WAYS, sizeof(*s->slot));
	if (!s->slot) {
		free(s);
		return -ENOMEM;
	}
	*ret_s = s;
	return 0;
}

struct signals *signals_free(struct signals *s)
{
	if (s) {
		free(s->slot);
		free(s);
	}
	return NULL;
}

static struct signal *set_of(const struct signals *s, uint64_t key)
{
	return &s->slot[(hash_mix(key) & (s->nsets - 1)) * WAYS];
}

/* Cut at max - 1 bytes, not inside a character. */
static void keep(char *to, size_t max, struct str from)
{
	size_t n = MIN(from.len, max - 1);

	while (n > 0 && n < from.len && ((unsigned char)from.p[n] & 0xc0) == 0x80)
		n--;
	if (n)
		memcpy(to, from.p, n);
	to[n] = 0;
}

/* Where it goes: over its like of this hour, else a free place, else the oldest. */
static struct signal *place(struct signal *set, uint64_t key, struct str quantity, int64_t now)
{
	struct signal *best = set;

	for (unsigned i = 0; i < WAYS; i++) {
		struct signal *x = &set[i];

		if (x->key == key && now - x->time < NS_PER_H && str_eqz(quantity, x->quantity))
			return x;
		if (best->key && (!x->key || x->time < best->time))
			best = x;
	}
	return best;
}

void signals_put(struct signals *s, uint64_t key, const struct learn *l,
		 const struct learn_result *r, const struct event *e)
{
	struct signal *x = place(set_of(s, key), key, r->quantity, e->known);

	if (!key || !e->id.len || e->id.len >= sizeof(x->id))
		return;
	if (x->key == key && e->known - x->time < NS_PER_H &&
	    str_eqz(r->quantity, x->quantity) && (double)x->surprise >= r->surprise)
		return;
	if (l)
		learn_say(l, r);
	*x = (struct signal){.key = key,
			     .time = e->known,
			     .surprise = (float)r->surprise,
			     .days = (float)r->days,
			     .peers_same = r->peers_same,
			     .peers = r->peers};
	keep(x->quantity, sizeof(x->quantity), r->quantity);
	keep(x->tactic, sizeof(x->tactic), r->tactic);
	keep(x->id, sizeof(x->id), e->id);
	keep(x->text, sizeof(x->text), r->text);
	keep(x->usual, sizeof(x->usual), r->usual);
	keep(x->seen, sizeof(x->seen), r->seen);
}

int signals_take(struct signals *s, uint64_t key, int64_t t, struct str entity, uint8_t kind,
		 struct step **ret_step)
{
	struct signal *set = set_of(s, key), *x = NULL;
	struct why why;
	int err;

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].key == key && set[i].time <= t && t - set[i].time <= SIGNAL_WINDOW &&
		    (!x || set[i].time < x->time))
			x = &set[i];
	if (!x)
		return 0;
	why = (struct why){.quantity = str_of(x->quantity),
			   .usual = str_of(x->usual),
			   .seen = str_of(x->seen),
			   .text = str_of(x->text),
			   .surprise = (double)x->surprise,
			   .days = (double)x->days,
			   .peers_same = x->peers_same,
			   .peers = x->peers};
	x->key = 0;
	err = step_signal(x->time, str_of(x->tactic), entity, kind, &why, str_of(x->id),
			  ret_step);
	return err < 0 ? err : 1;
}

#define TAG_SIGNALS BLOCK_TAG('s', 'i', 'g', 'n')

struct kept_head {
	uint64_t nsets, n, size; /* size: of a signal in this program */
};

void signals_save(const struct signals *s, struct blocks_out *w)
{
	struct kept_head h = {.nsets = s->nsets, .size = sizeof(struct signal)};

	for (size_t i = 0; i < s->nsets * WAYS; i++)
		h.n += s->slot[i].key != 0;
	blocks_put(w, TAG_SIGNALS, &h, sizeof(h), NULL, 0);
	for (uint64_t i = 0; i < s->nsets * WAYS; i++)
		if (s->slot[i].key)
			blocks_put(w, TAG_SIGNALS, &i, sizeof(i), &s->slot[i],
				   sizeof(struct signal));
}

/* Another size of the table, or of a signal: those few hours are not remembered. */
int signals_load(struct signals *s, struct blocks_in *r)
{
	struct kept_head h;
	struct str data;
	uint32_t tag;
	int n = blocks_next(r, &tag, &data);

	if (n <= 0 || tag != TAG_SIGNALS || data.len != sizeof(h))
		return n < 0 ? n : E_FORMAT;
	memcpy(&h, data.p, sizeof(h));
	for (uint64_t k = 0, at; k < h.n; k++) {
		n = blocks_next(r, &tag, &data);
		if (n <= 0 || tag != TAG_SIGNALS || data.len != sizeof(at) + h.size)
			return n < 0 ? n : E_FORMAT;
		memcpy(&at, data.p, sizeof(at));
		if (h.size != sizeof(struct signal) || h.nsets != s->nsets ||
		    at >= s->nsets * WAYS)
			continue;
		memcpy(&s->slot[at], data.p + sizeof(at), sizeof(struct signal));
	}
	return 0;
}
