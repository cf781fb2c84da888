/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/level: how far a number lies above an entity's own past and its group's. Numbers come
 * one a window in which anything happened. Sizes are judged in y = ln(1 + x) by Student's t,
 * counts by the negative binomial; both are corrected for the hour of the week, and an entity
 * speaks for itself more the longer it is known.
 */
#ifndef LEARN_LEVEL_H
#define LEARN_LEVEL_H
#include "learn/core.h"
#include "learn/gpd.h"

/*
 * A histogram of positive numbers whose bins grow by a tenth, so that quantiles are within 5 %.
 * Where 64 bins do not span what came, neighbours are joined and the error doubles (UDDSketch,
 * Epicoco et al. 2020). Full bins halve all, which forgets. Merging gives the sketch of both.
 */
#define SKETCH_BINS 64
struct sketch {
	int16_t base;	/* exponent of the lowest bin */
	uint8_t coarse; /* bins grow by 1.1 to the power of 2^coarse */
	uint16_t bin[SKETCH_BINS];
	uint32_t n;
};

void sketch_add(struct sketch *s, double x);

/* That of one entity, 64 bytes: fewer bins, which halve when one has counted to 255. */
#define SKETCH_OWN 60
struct sketch_own {
	int16_t base;
	uint8_t coarse;
	uint8_t bin[SKETCH_OWN];
};

void sketch_own_add(struct sketch_own *own, double x);
void sketch_of(const struct sketch_own *own, struct sketch *ret_s);
void sketch_merge(struct sketch *into, const struct sketch *from);
/* The number that a share p of all lie below; 0 when empty. */
double sketch_quantile(const struct sketch *s, double p);
/* The share at or above x, of all and one more: (above + half of its bin + 1/2) / (n + 1). */
double sketch_tail(const struct sketch *s, double x);
/* Generalised Pareto tail of ln x above the share p; *ret_from is where it begins. */
struct gpd sketch_tail_fit(const struct sketch *s, double p, double *ret_from);

/* Mean deviation of y by hour of the week, of a group (bins of weekday and hour, UTC). */
struct hour_bin {
	float n, mean;
};
struct hours {
	struct hour_bin week[168], day[48]; /* day: weekdays' and weekend's 24 hours */
	int64_t aged;			    /* day the counts were last aged on */
};
/* An entity's own: weekdays' and weekend's hours, deviation in sixteenths of a nat. */
struct own_hours {
	int8_t dev[48];
	uint8_t n[48];
};

void hours_add(struct hours *h, struct own_hours *own, int64_t now, int64_t window, double dev);
/* What the hour adds to y; own may be NULL. */
double hours_shift(const struct hours *h, const struct own_hours *own, int64_t now,
		   int64_t window);

/* What a class is known by: its states of volume and burst begin with it. */
struct class_past {
	struct state st;
	struct level level, fresh; /* fresh: of things never met before */
	struct hours hours;
	struct sketch sizes;
	struct gpd tail; /* of ln size above its highest fiftieth, fitted hourly */
	double ln_from;	 /* ln of where it begins */
	int64_t hour;
};

uint64_t past_key(const struct quantity *q, uint8_t cls);
/* The class's state, made when absent; NULL when out of memory. */
struct class_past *class_past(struct learn *l, const struct quantity *q, uint8_t cls,
			      size_t size, int64_t now);
/* Nats of a size x or more: by the entity's past and, above the class's 98 %, its tail. */
double size_nats(const struct level *own, struct class_past *g, double shift, double x,
		 int64_t now);
/*
 * One observation a window in the door's past: a new height takes the place of the last one,
 * which is kept in *reached (< 0: none yet in this window).
 */
void window_tell(struct quantity *q, const struct observation *o, float *reached,
		 struct verdict *v);

/* Takes y in; memory of half-life 14 d, in windows of this length, times members. */
void level_learn(struct level *lv, double y, int64_t window, double members);
/* Nats of y = ln(1 + x) or more. */
double level_log_t(const struct level *own, const struct level *group, double y);
/* Nats of a count x or more; the levels are of counts, phi is the hour's factor. */
double level_counts(const struct level *own, const struct level *group, double phi, double x);
/* -ln P(X >= x) of a negative binomial of mean mu and size r. */
double nb_nats(double mu, double r, double x);
/* Fisher's combination of k <= 8 p-values given in nats: a chi-square tail, nats. */
double fisher_nats(const double *s, int k);

#endif
