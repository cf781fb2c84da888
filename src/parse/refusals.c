/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/refusals.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* One line under one reason, added to what the other files had. */
int refusals_add(struct refusals *l, const struct refusal *r)
{
	struct refusal *grown;

	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].why, r->why) == 0 &&
		    strcmp(l->v[i].source, r->source) == 0) {
			l->v[i].n += r->n;
			return 0;
		}
	}
	grown = realloc(l->v, (l->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->v = grown;
	grown[l->n++] = *r;
	return 0;
}

/* What a capture had that gave no record, under the sensor's own reasons. */
static int packets_take(struct refusals *l, const struct cursor *c)
{
	const struct input_stats *p = &c->packets;
	const struct {
		uint64_t n;
		const char *why;
	} more[] = {{p->s.evicted, "connections ended early for want of room"},
		    {p->s.unread, "connections not read for want of room"},
		    {p->lost > 0, "bytes of the capture that are no frame"}};
	struct refusal own = {.source = "packet"};
	int r = 0;

	snprintf(own.first, sizeof(own.first), "%s", c->path);
	for (int i = 0; i < DISSECT_RESULTS && r == 0; i++) {
		own.why = dissect_text((enum dissect_result)i);
		own.n = p->s.refused[i];
		if (own.n)
			r = refusals_add(l, &own);
	}
	for (size_t i = 0; i < ARRAY_LEN(more) && r == 0; i++) {
		own.why = more[i].why;
		own.n = more[i].n;
		if (own.n)
			r = refusals_add(l, &own);
	}
	return r;
}

int refusals_take(struct refusals *l, const struct cursor *c)
{
	struct refusal own = {.source = decoder_source(c->dec)};
	const struct refusal *ref;
	size_t n = decoder_refusals(c->dec, &ref);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = refusals_add(l, &ref[i]);
	own.why = "record larger than its format allows";
	own.n = c->skipped;
	if (r == 0 && own.n)
		r = refusals_add(l, &own);
	own.why = c->err == E_TRUNC ? "file ends in the middle" : "rest of file cannot be read";
	own.n = 1;
	snprintf(own.first, sizeof(own.first), "%s", c->path);
	if (r == 0 && c->torn)
		r = refusals_add(l, &own);
	if (r == 0 && c->ordered)
		r = packets_take(l, c);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct refusal *x = a, *y = b;
	int c = strcmp(x->source, y->source);

	return c ? c : strcmp(x->why, y->why);
}

void refusals_sort(struct refusals *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}
