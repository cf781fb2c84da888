/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/learn/product: the whole learning and detecting part of the product over a stream, by
 * its public interfaces and with the sources/, learned/ and models/ that it ships.
 */
#ifndef BENCH_PRODUCT_H
#define BENCH_PRODUCT_H
#include "base/err.h"
#include "bench/learn/stream.h"

/* What the product says of one record, by how much of it takes part. */
enum view {
	VIEW_ALERT, /* 1 when a model gave an alert that the budget let pass */
	VIEW_CHAIN, /* surprise of the chain of tactics: what alerts on identities rest on */
	VIEW_CHAIN_RAW, /* without recalibration of the chain itself */
	VIEW_SLOW,	/* surprise of the slow chain, over five days */
	VIEW_SINGLE,	/* greatest surprise of one quantity: no chain */
	VIEW_RAW,	/* greatest raw surprise of one quantity: no chain, no recalibration */
	VIEW_HOUR,	/* the quantities of the entity's hour together: bench/learn/hour.h */
	VIEW_ENTITY_HOUR, /* the learned quantity of that name */
	VIEW_ENTITY_RAW,
	VIEWS
};

extern const char *const view_names[VIEWS];

struct product;

/*
 * share: folder that holds sources/, learned/ and models/; list: every alert and note as a line
 * to stdout, with the attack that the record belongs to. 0, or <0 with a line in d.
 */
MUST int product_open(const struct stream *s, const char *share, double alerts_per_day,
		      bool list, struct product **ret_p, struct diag *d);
MUST int product_see(struct product *p, const struct rec *r, double ret_view[VIEWS]);
/* How many alerts, and how many times each model spoke, as text lines to stdout. */
void product_print_models(const struct product *p);
struct product *product_free(struct product *p);

#endif
