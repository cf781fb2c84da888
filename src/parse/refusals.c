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
