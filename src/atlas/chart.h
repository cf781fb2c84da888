/* SPDX-License-Identifier: Apache-2.0 */
/* atlas/chart: a part of the map as read from the file: places and the ties between them. */
#ifndef ATLAS_CHART_H
#define ATLAS_CHART_H
#include "atlas/impl.h"

struct spot {
	int64_t key;
	struct str kind, type, name, owner;
	unsigned cls, hop;
	int64_t first, last, open_first, open_last, created, deleted; /* or TIME_NONE */
	int64_t events; /* -1: not known as of the moment asked about */
	size_t more;	/* ties left out */
	bool start, asked;
};

struct line {
	size_t from, to;      /* spots */
	unsigned kind, hours; /* in use so many hours of the window */
	int64_t first, last;
	int64_t count, out, in; /* to the end of the day asked about */
	struct str what;
};

/* A weakness of a spot. */
struct weak {
	size_t spot;
	struct str what, title, event;
	int64_t first, last, times, mended;
};

struct kind_count {
	struct str kind, type;
	int64_t places;
};

struct chart {
	sqlite3 *db;
	struct arena mem; /* holds all text of what was read last */
	struct spot *spots;
	size_t nspots, cap_spots;
	struct line *lines;
	size_t nlines, cap_lines;
	struct weak *weak;
	size_t nweak, cap_weak;
	struct kind_count *kinds;
	size_t nkinds;
	int64_t at, within;
	int64_t forgotten;
	bool overview;
};

/* draw.c */
void draw(const struct chart *c, enum chart_form form, struct buf *out);
void draw_weak(const struct chart *c, enum chart_form form, struct buf *out);

#endif
