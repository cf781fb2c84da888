/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/silence.h"
#include "base/timeutil.h"
#include <errno.h>
#include <stdlib.h>

#define DAYS	   15u
#define SPARE	   (15 * 60 * NS_PER_S)
#define PAUSE	   NS_PER_H /* longer ones are of nights, so weekends are to be expected */
#define WATCH_MIN  NS_PER_D
#define WATCH_LONG (8 * NS_PER_D)
#define TAG_INPUT  BLOCK_TAG('s', 'i', 'l', 'i')

struct input {
	char name[SILENCE_NAME];
	int64_t since, last;
	uint64_t records;
	int64_t day;	       /* of longest[0], in days since 1970 */
	int64_t gone;	       /* when it was last heard before it fell silent */
	int64_t longest[DAYS]; /* pause of that day, the days before */
	bool silent, told;     /* told: of that */
	bool fresh;	       /* nothing since silence_resume: the pause is ours */
};

struct silence {
	struct input v[SILENCE_INPUTS];
	size_t n;
};

int silence_new(struct silence **ret_s)
{
	*ret_s = calloc(1, sizeof(**ret_s));
	return *ret_s ? 0 : -ENOMEM;
}

struct silence *silence_free(struct silence *s)
{
	free(s);
	return NULL;
}

int silence_input(struct silence *s, struct str name)
{
	struct input *x;

	name = str_sub(name, 0, SILENCE_NAME - 1);
	for (size_t i = 0; i < s->n; i++)
		if (str_eqz(name, s->v[i].name))
			return (int)i;
	if (s->n == SILENCE_INPUTS || !name.len)
		return -1;
	x = &s->v[s->n];
	memcpy(x->name, name.p, name.len);
	return (int)s->n++;
}

/* Days that have passed make room for a new one. */
static void turn(struct input *x, int64_t now)
{
	int64_t day = now / NS_PER_D, n = day - x->day;

	if (n <= 0)
		return;
	n = MIN(n, (int64_t)DAYS);
	memmove(x->longest + n, x->longest, (DAYS - (size_t)n) * sizeof(x->longest[0]));
	memset(x->longest, 0, (size_t)n * sizeof(x->longest[0]));
	x->day = day;
}

static int64_t usual(const struct input *x)
{
	int64_t most = 0;

	for (size_t i = 0; i < DAYS; i++)
		most = MAX(most, x->longest[i]);
	return most;
}

void silence_seen(struct silence *s, int input, int64_t now)
{
	struct input *x;

	if (input < 0 || (size_t)input >= s->n)
		return;
	x = &s->v[input];
	if (!x->records++) {
		x->since = x->last = now;
		x->day = now / NS_PER_D;
	}
	turn(x, now);
	if (!x->fresh && now > x->last)
		x->longest[0] = MAX(x->longest[0], now - x->last);
	x->fresh = false;
	x->silent = false;
	x->last = MAX(x->last, now);
}

void silence_resume(struct silence *s, int64_t now)
{
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].last = now;
		s->v[i].since = MIN(s->v[i].since, now);
		s->v[i].day = MIN(s->v[i].day, now / NS_PER_D);
		s->v[i].fresh = true;
	}
}

static bool is_silent(const struct input *x, int64_t now)
{
	int64_t most = usual(x), known = now - x->since;

	if (x->records < SILENCE_LEAST || known < (most > PAUSE ? WATCH_LONG : WATCH_MIN))
		return false;
	return now - x->last > 3 * most + SPARE;
}

void silence_check(struct silence *s, int64_t now,
		   int (*tell)(const struct silence_told *t, void *arg), void *arg)
{
	for (size_t i = 0; i < s->n; i++) {
		struct input *x = &s->v[i];
		struct silence_told t = {.input = x->name, .known = now - x->since};

		if (!x->silent && !x->told && is_silent(x, now)) {
			x->silent = true;
			x->gone = x->last;
			t.usual = usual(x);
		}
		if (x->silent == x->told)
			continue;
		t.back = !x->silent;
		t.quiet = (t.back ? x->last : now) - x->gone;
		if (tell(&t, arg) == 0)
			x->told = x->silent;
	}
}

void silence_count(const struct silence *s, size_t *ret_inputs, size_t *ret_silent)
{
	*ret_inputs = s->n;
	*ret_silent = 0;
	for (size_t i = 0; i < s->n; i++)
		*ret_silent += s->v[i].silent;
}

void silence_save(const struct silence *s, struct blocks_out *w)
{
	for (size_t i = 0; i < s->n; i++)
		blocks_put(w, TAG_INPUT, NULL, 0, &s->v[i], sizeof(s->v[i]));
}

int silence_load(struct silence *s, struct blocks_in *r)
{
	struct str data;
	uint32_t tag;
	int n;

	s->n = 0;
	while ((n = blocks_next(r, &tag, &data)) > 0) {
		struct input *x = &s->v[s->n];

		/* Of another layout: it is learned anew. */
		if (tag != TAG_INPUT || s->n == SILENCE_INPUTS)
			return E_FORMAT;
		if (data.len != sizeof(*x))
			continue;
		memcpy(x, data.p, sizeof(*x));
		if (x->name[0] && !x->name[sizeof(x->name) - 1])
			s->n++;
	}
	return n;
}
