/* SPDX-License-Identifier: Apache-2.0 */
/* incident/story: score, title and summary: fixed sentences, no language model. */
#include "base/hash.h"
#include "incident/impl.h"
#include <errno.h>
#include <stdlib.h>

static const struct {
	const char *phase, *text;
} tactics[TACTICS] = {
	{"reconnaissance", "reconnaissance"},
	{"resource-development", "preparation"},
	{"initial-access", "initial access"},
	{"execution", "execution"},
	{"persistence", "persistence"},
	{"privilege-escalation", "privilege escalation"},
	{"defense-evasion", "defence evasion"},
	{"credential-access", "credential access"},
	{"discovery", "discovery"},
	{"lateral-movement", "lateral movement"},
	{"collection", "collection"},
	{"command-and-control", "command and control"},
	{"exfiltration", "exfiltration"},
	{"impact", "impact"},
};

int tactic_rank(struct str phase)
{
	char dashed[32];

	if (phase.len >= sizeof(dashed))
		return -1;
	/* Sigma 1 wrote tags with underscores. */
	for (size_t i = 0; i < phase.len; i++)
		dashed[i] = phase.p[i] == '_' ? '-' : lower_c(phase.p[i]);
	for (int i = 0; i < TACTICS; i++)
		if (str_eqz(str_n(dashed, phase.len), tactics[i].phase))
			return i;
	return -1;
}

const char *tactic_text(int rank)
{
	return rank >= 0 && rank < TACTICS ? tactics[rank].text : "activity";
}

/* Only alerts of its own queue rate an incident; the rest is context. */
static bool counts(const struct inc *i, const struct step *s)
{
	return s->kind == (i->compliance ? STEP_COMPLIANCE : STEP_ALERT);
}

/* Length of the longest run of steps whose tactics follow the kill chain upward. */
static unsigned chain_length(const struct inc *i)
{
	unsigned best[TACTICS] = {0}, longest = 0;

	for (size_t k = 0; k < i->nsteps; k++) {
		int r = tactic_rank(i->steps[k]->phase);
		unsigned n = 0;

		if (r < 0 || !counts(i, i->steps[k]))
			continue;
		for (int q = 0; q < r; q++)
			n = MAX(n, best[q]);
		best[r] = MAX(best[r], n + 1);
		longest = MAX(longest, best[r]);
	}
	return longest;
}

/* Severity and score, as docs/INCIDENTS.md has them. */
static void rate(struct telling *t, const struct inc *i)
{
	unsigned first = 0, second = 0, seen = 0;
	bool direct = i->compliance;
	double calm;

	t->severity = SEV_INFORMATIONAL;
	for (size_t k = 0; k < i->nsteps; k++) {
		const struct step *s = i->steps[k];
		int r = tactic_rank(s->phase);

		if (!counts(i, s))
			continue;
		t->severity = MAX(t->severity, s->severity);
		direct |= !s->derived;
		if (s->score > first) {
			second = first;
			first = s->score;
		} else {
			second = MAX(second, s->score);
		}
		if (r >= 0)
			seen |= 1u << r;
	}
	t->tactics = (unsigned)__builtin_popcount(seen);
	if (!i->compliance && chain_length(i) >= 3 && t->severity < SEV_CRITICAL)
		t->severity++;
	/* What only adds up weak signs needs one that stands by itself. */
	if (!direct)
		t->severity = MIN(t->severity, SEV_MEDIUM);
	/* Each further sign takes its share of what is left to 100, so that rank never ties
	 * there. */
	calm = (100.0 - first) * (1.0 - 0.005 * second);
	for (unsigned n = 1; n < t->tactics; n++)
		calm *= 0.85;
	t->score = (unsigned)(100.0 - calm + 0.5);
}

/* That stages meet is said by the steps themselves: what happened is the better title. */
static bool says_what(const struct step *s)
{
	return !str_starts(s->model, STR("meta/"));
}

/* How many steps name it. */
static size_t weight(const struct inc *i, struct str name)
{
	size_t n = 0;

	for (size_t k = 0; k < i->nsteps; k++)
		for (size_t j = 0; j < i->steps[k]->nnames; j++)
			n += counts(i, i->steps[k]) && str_ieq(i->steps[k]->names[j], name);
	return n;
}

/* The inside entity that most steps name; the first among equals. */
static struct str centre(const struct inc *i)
{
	struct str best = {0};
	size_t most = 0;

	for (size_t k = 0; k < i->nsteps; k++) {
		const struct step *s = i->steps[k];

		for (size_t j = 0; counts(i, s) && j < s->nnames; j++) {
			size_t w;

			if (s->kinds[j] > ENT_WORKLOAD || !s->names[j].len)
				continue;
			w = weight(i, s->names[j]);
			if (w > most) {
				most = w;
				best = s->names[j];
			}
		}
	}
	if (!best.len && i->steps[0]->nnames)
		best = i->steps[0]->names[0];
	return best;
}

static bool about(const struct step *s, struct str name)
{
	return s->nnames > 0 && str_ieq(s->names[0], name);
}

static bool stronger(const struct step *a, const struct step *b, struct str on)
{
	if (says_what(a) != says_what(b))
		return says_what(a);
	if (a->severity != b->severity)
		return a->severity > b->severity;
	if (about(a, on) != about(b, on))
		return about(a, on);
	return a->score > b->score;
}

/* The step that gives the title: of the gravest one about who is at the centre. */
static const struct step *strongest(const struct inc *i)
{
	const struct step *best = NULL;
	struct str on = centre(i);

	for (size_t k = 0; k < i->nsteps; k++)
		if (counts(i, i->steps[k]) && (!best || stronger(i->steps[k], best, on)))
			best = i->steps[k];
	return best ? best : i->steps[0];
}

/* Without the point at the end, so that sentences can be put together. */
static struct str unpointed(struct str s)
{
	s = str_trim(s);
	while (s.len && (s.p[s.len - 1] == '.' || s.p[s.len - 1] == '!'))
		s.len--;
	return s;
}

static size_t steps_of(const struct inc *i, bool own)
{
	size_t n = 0;

	for (size_t k = 0; k < i->nsteps; k++)
		n += counts(i, i->steps[k]) == own;
	return n;
}

static bool says(struct str text, struct str name)
{
	for (size_t i = 0; i + name.len <= text.len; i++)
		if (str_ieq(str_sub(text, i, i + name.len), name))
			return true;
	return false;
}

/* The strongest step, and how far it went beyond. */
static void title(struct telling *t, const struct inc *i)
{
	const struct step *top = strongest(i);
	struct str on = centre(i);
	size_t more = steps_of(i, true) - 1;

	buf_add(&t->title, unpointed(top->title));
	if (more > 0 && more != SIZE_MAX) {
		buf_fmt(&t->title, " and %zu more step%s", more, more == 1 ? "" : "s");
		if (on.len && !says(top->title, on)) {
			buf_addz(&t->title, " on ");
			buf_add(&t->title, on);
		}
	}
}

/* Ends with a full stop, unless it ends with a question. */
static void sentence(struct buf *b, struct str s)
{
	s = unpointed(s);
	buf_add(b, s);
	if (!str_ends(s, STR("?")))
		buf_addc(b, '.');
}

/* The first step that a model speaks of, and the last; signals are told apart. */
static const struct step *first_told(const struct inc *i)
{
	for (size_t k = 0; k < i->nsteps; k++)
		if (i->steps[k]->kind != STEP_SIGNAL)
			return i->steps[k];
	return i->steps[0];
}

static const struct step *last_told(const struct inc *i)
{
	for (size_t k = i->nsteps; k-- > 0;)
		if (i->steps[k]->kind != STEP_SIGNAL)
			return i->steps[k];
	return i->steps[0];
}

/* How it went on: the phases in order, and over how long. */
static void course(struct buf *b, const struct inc *i)
{
	const struct step *first = first_told(i), *last = last_told(i);
	char span[TIME_TEXT];
	unsigned told = 1u << TACTICS;
	int r = tactic_rank(first->phase);
	const char *sep = "";

	if (first == last)
		return;
	if (r >= 0)
		told |= 1u << r;
	buf_fmt(b, " Within %s it went on with ",
		time_human(MAX(last->time - first->time, NS_PER_S), span));
	for (size_t k = 1; k < i->nsteps; k++) {
		r = tactic_rank(i->steps[k]->phase);
		if (r < 0 || told & (1u << r) || i->steps[k]->kind == STEP_SIGNAL)
			continue;
		told |= 1u << r;
		buf_fmt(b, "%s%s", sep, tactic_text(r));
		sep = ", then ";
	}
	if (!*sep) {
		size_t n = 0;

		for (size_t k = 0; k < i->nsteps; k++)
			n += i->steps[k]->kind != STEP_SIGNAL && i->steps[k] != first;
		buf_fmt(b, "%zu more step%s of the same kind", n, n == 1 ? "" : "s");
	}
	buf_addz(b, "; last seen: ");
	sentence(b, last->text);
}

/* The most surprising reason of all steps. */
static void unusual(struct buf *b, const struct inc *i)
{
	const struct why *top = NULL;

	for (size_t k = 0; k < i->nsteps; k++)
		for (size_t j = 0; j < i->steps[k]->nwhy; j++)
			if (!top || i->steps[k]->why[j].surprise > top->surprise)
				top = &i->steps[k]->why[j];
	if (!top)
		return;
	buf_addc(b, ' ');
	if (top->text.len) {
		sentence(b, top->text);
		return;
	}
	buf_addz(b, "Unusual: ");
	buf_add(b, top->quantity);
	buf_addz(b, " was ");
	buf_add(b, top->seen);
	buf_addz(b, ", usual is ");
	sentence(b, top->usual.len ? top->usual : STR("nothing of the kind"));
}

static void summary(struct telling *t, const struct inc *i)
{
	const struct step *first = first_told(i), *top = strongest(i);
	struct buf *b = &t->summary;
	char when[TIME_TEXT];

	buf_fmt(b, "%s: ", time_rfc3339(first->time / NS_PER_S * NS_PER_S, when));
	sentence(b, first->text);
	course(b, i);
	unusual(b, i);
	if (top->advice.len) {
		buf_addz(b, " Next: ");
		sentence(b, top->advice);
	} else if (top->nnames) {
		buf_addz(b, " Next: ask whether ");
		buf_add(b, centre(i));
		buf_addz(b, " was meant to do this.");
	}
}

static int push(struct str **v, size_t *n, size_t *cap, struct str s)
{
	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 64;
		struct str *p = realloc(*v, more * sizeof(*p));

		if (!p)
			return -ENOMEM;
		*v = p;
		*cap = more;
	}
	(*v)[(*n)++] = s;
	return 0;
}

/* Ids that alerts cite come first and are never cut; those of context fill up to the cap. */
static int events(struct telling *t, const struct inc *i, bool own)
{
	bool fresh;

	for (size_t k = 0; k < i->nsteps; k++) {
		const struct step *s = i->steps[k];

		for (size_t j = 0; counts(i, s) == own && j < s->events.n; j++) {
			if (!own && t->nevents >= EVENTS_MAX)
				return 0;
			if (!map_put(&t->seen, hash_str(s->events.v[j], 0), &fresh))
				return -ENOMEM;
			if (fresh &&
			    push(&t->events, &t->nevents, &t->cap_events, s->events.v[j]) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Each name once, those of its own alerts first. */
static void names(struct telling *t, const struct inc *i, bool own)
{
	for (size_t k = 0; k < i->nsteps; k++) {
		const struct step *s = i->steps[k];

		for (size_t j = 0; counts(i, s) == own && j < s->nnames; j++) {
			size_t at = 0;

			while (at < t->nentities && !str_ieq(t->entities[at], s->names[j]))
				at++;
			if (at == t->nentities && at < NAMES_MAX && s->names[j].len)
				t->entities[t->nentities++] = s->names[j];
		}
	}
}

int telling_fill(struct telling *t, const struct inc *i)
{
	int err;

	buf_clear(&t->title);
	buf_clear(&t->summary);
	t->nentities = t->nalerts = t->nevents = 0;
	map_clear(&t->seen);
	if (!t->entities)
		t->entities = calloc(NAMES_MAX, sizeof(struct str));
	if (!t->entities)
		return -ENOMEM;
	rate(t, i);
	title(t, i);
	summary(t, i);
	names(t, i, true);
	names(t, i, false);
	for (size_t k = 0; k < i->nsteps; k++)
		for (size_t j = 0; counts(i, i->steps[k]) && j < i->steps[k]->alerts.n; j++)
			if (push(&t->alerts, &t->nalerts, &t->cap_alerts,
				 i->steps[k]->alerts.v[j]) < 0)
				return -ENOMEM;
	err = events(t, i, true);
	if (!err)
		err = events(t, i, false);
	if (!err)
		err = buf_err(&t->title);
	return err ? err : buf_err(&t->summary);
}

void telling_free(struct telling *t)
{
	buf_free(&t->title);
	buf_free(&t->summary);
	buf_free(&t->json);
	free(t->entities);
	free(t->alerts);
	free(t->events);
	map_free(&t->seen);
}
