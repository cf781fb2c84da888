/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/next: what is to be done. The models' advice, sentence by sentence: orders before
 * questions, nothing twice; and their proposed actions, each with whom it concerns and how it
 * is undone.
 */
#include "base/hash.h"
#include "incident/impl.h"

#define SAID_MAX   14u
#define ORDERS_MAX 8u
#define WORDS_MAX  24u

struct said {
	struct str text;
	uint64_t word[WORDS_MAX]; /* hashes of its words */
	size_t nwords;
};

/* What is told: of its own queue's alerts. */
static bool tells(const struct step *s)
{
	return s->kind == STEP_ALERT || s->kind == STEP_COMPLIANCE;
}

/* The strongest first, the earlier among equals. Returns how many. */
static size_t by_severity(const struct inc *i, const struct step *v[STEPS_MAX])
{
	size_t n = 0;

	for (int sev = SEV_CRITICAL; sev >= SEV_INFORMATIONAL; sev--)
		for (size_t k = 0; k < i->nsteps && n < STEPS_MAX; k++)
			if ((int)i->steps[k]->severity == sev && tells(i->steps[k]))
				v[n++] = i->steps[k];
	return n;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80;
}

static void said_set(struct said *s, struct str text)
{
	size_t at = 0;

	*s = (struct said){.text = text};
	while (at < text.len && s->nwords < WORDS_MAX) {
		size_t end = at;

		while (end < text.len && is_letter(text.p[end]))
			end++;
		if (end > at)
			s->word[s->nwords++] = hash_istr(str_sub(text, at, end), 0);
		at = end + 1;
	}
}

/* Two thirds of the words of both are the same. */
static bool alike(const struct said *a, const struct said *b)
{
	size_t both = 0;

	for (size_t i = 0; i < a->nwords; i++)
		for (size_t k = 0; k < b->nwords; k++)
			if (a->word[i] == b->word[k]) {
				both++;
				break;
			}
	return 3 * both >= 2 * (a->nwords + b->nwords - both);
}

/* The next sentence of *rest, with its mark. */
static struct str sentence_of(struct str *rest)
{
	struct str s;
	size_t at = 0;

	while (at < rest->len && !((rest->p[at] == '.' || rest->p[at] == '?') &&
				   (at + 1 == rest->len || rest->p[at + 1] == ' ')))
		at++;
	s = str_trim(str_sub(*rest, 0, MIN(at + 1, rest->len)));
	*rest = str_sub(*rest, MIN(at + 1, rest->len), rest->len);
	return s;
}

static size_t gather(const struct inc *i, bool questions, struct said v[SAID_MAX], size_t n,
		     size_t max)
{
	const struct step *steps[STEPS_MAX];
	size_t nsteps = by_severity(i, steps), first = n;

	for (size_t k = 0; k < nsteps; k++) {
		struct str rest = steps[k]->advice;

		while (rest.len && n < SAID_MAX && n - first < max) {
			struct str s = sentence_of(&rest);
			size_t at = 0;

			if (!s.len || str_ends(s, STR("?")) != questions)
				continue;
			said_set(&v[n], s);
			while (at < n && !alike(&v[at], &v[n]))
				at++;
			n += at == n;
		}
	}
	return n;
}

size_t next_advice(const struct inc *i, struct str v[NEXT_MAX])
{
	struct said said[SAID_MAX];
	size_t n = gather(i, false, said, 0, ORDERS_MAX);

	n = gather(i, true, said, n, SAID_MAX - ORDERS_MAX);
	for (size_t k = 0; k < n; k++)
		v[k] = said[k].text;
	return n;
}

enum whom {
	WHOM_DEVICE,
	WHOM_ENDPOINT,
	WHOM_SOURCE,
	WHOM_ACCOUNT,
	WHOM_IMAGE,
	WHOM_RESOURCE,
	WHOM_NOBODY
};

static const struct {
	const char *begins;
	enum whom whom;
	const char *then;
} actions[] = {
#define X(begins, whom, then) {begins, WHOM_##whom, then},
#include "incident/responses.def"
#undef X
};

static bool is_one(uint8_t kind, enum whom whom)
{
	switch (whom) {
	case WHOM_DEVICE:
		return kind == ENT_DEVICE || kind == ENT_WORKLOAD;
	case WHOM_ACCOUNT:
		return kind == ENT_ACCOUNT || kind == ENT_ROLE || kind == ENT_WORKLOAD;
	case WHOM_ENDPOINT:
		return kind == ENT_ENDPOINT;
	case WHOM_IMAGE:
		return kind == ENT_IMAGE;
	default:
		return kind == ENT_RESOURCE;
	}
}

/*
 * Who began it: an address, else the device that acted or is first told of. Not the other end,
 * unless nobody else is named.
 */
static size_t source(const struct step *s)
{
	size_t n = s->nnames, dev = n, other = n;

	for (size_t k = n; k-- > 0;) {
		bool far = s->roles[k] == ROLE_PEER || s->roles[k] == ROLE_TARGET;

		if (s->kinds[k] == ENT_ENDPOINT && !far)
			return k;
		if (s->kinds[k] == ENT_ENDPOINT)
			other = k;
		else if (is_one(s->kinds[k], WHOM_DEVICE) && !far &&
			 (k == 0 || s->roles[k] == ROLE_ACTOR))
			dev = k;
	}
	return dev < n ? dev : other;
}

/* The first of the step's names that the action can be done to; else whom the step is about. */
static struct str object(const struct step *s, enum whom whom)
{
	if (whom == WHOM_NOBODY)
		return (struct str){NULL, 0};
	if (whom == WHOM_SOURCE && source(s) < s->nnames)
		return s->names[source(s)];
	for (size_t k = 0; k < s->nnames; k++)
		if (is_one(s->kinds[k], whom))
			return s->names[k];
	return s->nnames ? s->names[0] : (struct str){NULL, 0};
}

/* Returns a hash of what is done to whom: another wording of it is no other action. */
static uint64_t put_action(struct buf *b, const struct step *s, struct str action)
{
	for (size_t k = 0; k < ARRAY_LEN(actions); k++) {
		struct str whom;

		if (!str_starts(action, str_of(actions[k].begins)))
			continue;
		whom = object(s, actions[k].whom);
		buf_add(b, action);
		if (whom.len) {
			buf_addz(b, ": ");
			buf_add(b, whom);
		}
		buf_addz(b, "; ");
		buf_addz(b, actions[k].then);
		return hash_istr(whom, whom.len ? k : hash_istr(action, 0));
	}
	buf_add(b, action);
	return hash_istr(action, 0);
}

void next_actions(const struct inc *i, void (*say)(struct str text, void *arg), void *arg)
{
	const struct step *steps[STEPS_MAX];
	uint64_t seen[NEXT_MAX];
	size_t nsteps = by_severity(i, steps), n = 0;
	struct buf b;

	buf_init(&b, 4 * KIB);
	for (size_t k = 0; k < nsteps; k++) {
		struct str rest = steps[k]->response;

		while (rest.len && n < NEXT_MAX) {
			size_t at = 0;

			buf_clear(&b);
			seen[n] = put_action(&b, steps[k], str_trim(str_cut(rest, ';', &rest)));
			while (seen[at] != seen[n])
				at++;
			if (at < n || !b.len)
				continue;
			n++;
			say(buf_str(&b), arg);
		}
	}
	buf_free(&b);
}
