/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/inquiry_json: an incident's line with what was found out: "rated" (severity and
 * score before the answers), "questions", "hypotheses", and "story": the sentences of the whole
 * in order, each with the ids of the events it rests on. The sentences that join the others
 * stand in questions/story.yaml.
 */
#include "incident/impl.h"
#include "incident/question.h"
#include <errno.h>

#define SHARE_TOLD	0.05
#define SHARE_DECIDED	0.35 /* of the best; below, nothing is settled */
#define HYPOTHESES_TOLD 4u

static const char *const severities[] = {"informational", "low", "medium", "high", "critical"};

static int severity_of(struct str s)
{
	for (size_t i = 0; i < ARRAY_LEN(severities); i++)
		if (str_eqz(s, severities[i]))
			return (int)i;
	return 0;
}

static struct str member(const struct json *j, uint32_t obj, const char *key, struct arena *mem)
{
	uint32_t t = json_get(j, obj, str_of(key));

	return t && j->tok[t].kind == JSON_STRING ? json_text(j, t, mem) : STR("");
}

/* Severity and score as the models had them. */
static void rated(const struct json *j, struct arena *mem, int *ret_sev, unsigned *ret_score)
{
	uint32_t obj = json_get(j, 0, STR("rated"));
	uint32_t score = json_get(j, obj, STR("score"));
	int64_t v = 0;

	*ret_sev = severity_of(member(j, obj, "severity", mem));
	if (score && str_i64(json_raw(j, score), &v))
		*ret_score = (unsigned)MIN(MAX(v, 0), 100);
	else
		*ret_score = 0;
}

/*
 * What the answers make of it: the likelier a benign change, the lower; where it is the best
 * explanation by far, one severity less. A critical one stays: somebody has to look.
 */
static void rerate(const struct inquiry *q, const struct findings *f, int *sev, unsigned *score)
{
	double benign = q->qs.benign >= 0 ? f->share[q->qs.benign] : 0;

	*score = (unsigned)((double)*score * (1 - 0.4 * benign) + 0.5);
	if (benign >= 0.6 && *sev > 0 && *sev < 4)
		--*sev;
}

static void ids(struct buf *b, const struct str *v, size_t n)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(b, ',');
		buf_json(b, v[i]);
	}
	buf_addc(b, ']');
}

static void questions(struct buf *b, const struct inquiry *q, const struct findings *f)
{
	static const char *const what[] = {"yes", "no", "unknown"};

	buf_addz(b, ",\"questions\":[");
	for (size_t i = 0; i < f->n; i++) {
		const struct answer *a = &f->a[i];
		bool first = true;

		buf_addz(b, i ? ",{\"id\":" : "{\"id\":");
		buf_json(b, a->q->id);
		buf_addz(b, ",\"question\":");
		buf_json(b, a->q->title);
		buf_addz(b, ",\"about\":");
		buf_json(b, a->entity);
		buf_fmt(b, ",\"answer\":\"%s\",\"text\":", what[a->what]);
		buf_json(b, a->text);
		buf_addz(b, ",\"event_ids\":");
		ids(b, a->cites, a->ncites);
		buf_addz(b, ",\"speaks\":{");
		for (size_t h = 0; a->what < 2 && h < q->qs.nh; h++) {
			double w = a->q->weigh[a->what].w[h];

			if (w > -0.01 && w < 0.01)
				continue;
			if (!first)
				buf_addc(b, ',');
			first = false;
			buf_json(b, q->qs.h[h].name);
			buf_addc(b, ':');
			buf_json_f64(b, w);
		}
		buf_addz(b, "}}");
	}
	buf_addc(b, ']');
}

static double round2(double v)
{
	return (double)(int64_t)(v * 100 + (v < 0 ? -0.5 : 0.5)) / 100;
}

static void hypotheses(struct buf *b, const struct inquiry *q, const struct findings *f)
{
	bool told[HYPOTHESES_MAX] = {false}, first = true;
	size_t n = 0;

	buf_addz(b, ",\"hypotheses\":[");
	for (;;) {
		size_t best = q->qs.nh;

		for (size_t h = 0; h < q->qs.nh; h++)
			if (!told[h] && (best == q->qs.nh || f->share[h] > f->share[best]))
				best = h;
		if (best == q->qs.nh || n++ == HYPOTHESES_TOLD ||
		    (f->share[best] < SHARE_TOLD && !first))
			break;
		told[best] = true;
		buf_addz(b, first ? "{\"name\":" : ",{\"name\":");
		first = false;
		buf_json(b, q->qs.h[best].name);
		buf_addz(b, ",\"text\":");
		buf_json(b, q->qs.h[best].text);
		buf_addz(b, ",\"weight\":");
		buf_json_f64(b, round2(f->weight[best]));
		buf_addz(b, ",\"share\":");
		buf_json_f64(b, round2(f->share[best]));
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

/* What {key} of a sentence is. */
struct pair {
	struct str key, text;
};

/* A sentence of story.yaml with {name} filled in from pairs. */
static void fill(struct buf *b, struct str tpl, const struct pair *pairs, size_t n)
{
	size_t at = 0;

	for (;;) {
		size_t a = str_chr(tpl, '{', at), z = a == SIZE_MAX ? a : str_chr(tpl, '}', a);
		struct str name;

		if (z == SIZE_MAX) {
			buf_add(b, str_sub(tpl, at, tpl.len));
			return;
		}
		buf_add(b, str_sub(tpl, at, a));
		name = str_sub(tpl, a + 1, z);
		for (size_t i = 0; i < n; i++)
			if (str_eq(name, pairs[i].key))
				buf_add(b, pairs[i].text);
		at = z + 1;
	}
}

struct str story_text(const struct inquiry *q, const char *key)
{
	const struct yaml *y = q->qs.story_doc;

	return yaml_str(y->docs ? y->docs->root : NULL, key, "");
}

void story_about(struct buf *b, const struct inquiry *q, const char *key, struct str about)
{
	struct pair p = {STR("about"), about};

	fill(b, story_text(q, key), &p, 1);
}

/* A story being written into out. */
struct teller {
	const struct inquiry *q;
	const struct json *j;
	const struct findings *f;
	struct arena *mem;
	struct buf *out, line;
	bool begun;
};

/* One sentence, by its key in story.yaml; without ids it is not told. */
static void tell(struct teller *t, const char *key, const struct pair *pairs, size_t n,
		 const struct str *cites, size_t ncites)
{
	const struct yaml *y = t->q->qs.story_doc;
	struct str tpl = yaml_str(y->docs ? y->docs->root : NULL, key, "");

	if (!tpl.len || !ncites)
		return;
	buf_clear(&t->line);
	fill(&t->line, tpl, pairs, n);
	buf_addz(t->out, t->begun ? ",{\"part\":\"" : "{\"part\":\"");
	t->begun = true;
	buf_addz(t->out, key);
	buf_addz(t->out, "\",\"text\":");
	buf_json(t->out, buf_str(&t->line));
	buf_addz(t->out, ",\"event_ids\":");
	ids(t->out, cites, ncites);
	buf_addc(t->out, '}');
}

static size_t list_of(const struct json *j, uint32_t obj, const char *key, struct str *v,
		      size_t max, struct arena *mem)
{
	uint32_t arr = json_get(j, obj, str_of(key));
	size_t n = 0;

	if (!arr || j->tok[arr].kind != JSON_ARRAY)
		return 0;
	JSON_EACH_ITEM(j, arr, t)
	if (n < max)
		v[n++] = json_text(j, t, mem);
	return n;
}

static struct str unpointed(struct str s)
{
	s = str_trim(s);
	while (s.len && s.p[s.len - 1] == '.')
		s.len--;
	return s;
}

/* The steps that a model speaks of: the first, the last, and what phases lie between. */
struct course {
	uint32_t first, last;
	int phase[TACTICS]; /* ranks, in order of coming, but that of the first step */
	size_t nphases;
};

static bool course_of(struct teller *t, struct course *c)
{
	uint32_t arr = json_get(t->j, 0, STR("steps"));
	unsigned told = 0;
	bool alert = false;

	*c = (struct course){0};
	if (!arr || t->j->tok[arr].kind != JSON_ARRAY)
		return false;
	JSON_EACH_ITEM(t->j, arr, s)
	{
		int r = tactic_rank(member(t->j, s, "phase", t->mem));
		struct str kind = member(t->j, s, "kind", t->mem);

		if (str_eqz(kind, "signal"))
			continue;
		/* What an alert says is a better end than what was merely noted. */
		if (!alert || str_eqz(kind, "alert"))
			c->last = s;
		alert |= str_eqz(kind, "alert");
		if (r >= 0 && c->first && !(told & 1u << r))
			c->phase[c->nphases++] = r;
		c->first = c->first ? c->first : s;
		told |= r >= 0 ? 1u << r : 0;
	}
	return c->first != 0;
}

/* "discovery, lateral movement and impact" */
static void put_phases(struct buf *b, const struct course *c)
{
	for (size_t i = 0; i < c->nphases; i++)
		buf_fmt(b, "%s%s",
			!i		      ? ""
			: i + 1 == c->nphases ? " and "
					      : ", ",
			tactic_text(c->phase[i]));
}

static void tell_course(struct teller *t, const struct course *c)
{
	struct pair pairs[3] = {
		{STR("span"), {NULL, 0}}, {STR("text"), {NULL, 0}}, {STR("phases"), {NULL, 0}}};
	struct str cites[CITES_MAX];
	struct buf phases;
	int64_t a = 0, z = 0;
	char span[TIME_TEXT];

	if (c->first == c->last || !time_parse(member(t->j, c->first, "time", t->mem), &a) ||
	    !time_parse(member(t->j, c->last, "time", t->mem), &z))
		return;
	buf_init(&phases, 1024);
	put_phases(&phases, c);
	pairs[0].text = str_of(time_human(MAX(z - a, NS_PER_S), span));
	pairs[1].text = unpointed(member(t->j, c->last, "text", t->mem));
	pairs[2].text = buf_str(&phases);
	tell(t, c->nphases ? "course" : "same", pairs, 3, cites,
	     list_of(t->j, c->last, "event_ids", cites, CITES_MAX, t->mem));
	buf_free(&phases);
}

static void tell_steps(struct teller *t)
{
	struct pair pairs[2] = {{STR("time"), {NULL, 0}}, {STR("text"), {NULL, 0}}};
	struct str cites[CITES_MAX];
	struct course c;

	if (!course_of(t, &c))
		return;
	pairs[0].text = str_sub(member(t->j, c.first, "time", t->mem), 0, 19);
	pairs[1].text = unpointed(member(t->j, c.first, "text", t->mem));
	tell(t, "opening", pairs, 2, cites,
	     list_of(t->j, c.first, "event_ids", cites, CITES_MAX, t->mem));
	tell_course(t, &c);
}

static double number(const struct json *j, uint32_t obj, const char *key)
{
	uint32_t t = json_get(j, obj, str_of(key));
	double v;

	return t && str_f64(json_raw(j, t), &v) ? v : 0;
}

/* What half of its peers do as well is odd for it, but no story. */
static bool common(const struct json *j, uint32_t why)
{
	return 2 * (number(j, why, "peers_same") - 1) >= MAX(number(j, why, "peers") - 1, 2);
}

static void tell_why(struct teller *t)
{
	uint32_t arr = json_get(t->j, 0, STR("why"));
	struct str cites[CITES_MAX];
	struct pair pairs[1] = {{STR("text"), {NULL, 0}}};
	size_t n = 0;

	if (!arr || t->j->tok[arr].kind != JSON_ARRAY)
		return;
	JSON_EACH_ITEM(t->j, arr, w)
	{
		size_t c = list_of(t->j, w, "event_ids", cites, CITES_MAX, t->mem);

		if (common(t->j, w))
			continue;
		pairs[0].text = unpointed(member(t->j, w, "text", t->mem));
		if (pairs[0].text.len && c && n++ < 2)
			tell(t, "unusual", pairs, 1, cites, c);
	}
}

/* The answer that says most for (sign 1) or against (-1) a hypothesis and is not told yet. */
static size_t strongest(const struct findings *f, size_t h, double sign, const bool *told)
{
	size_t best = f->n;
	double most = 0.2;

	for (size_t i = 0; i < f->n; i++) {
		double w = f->a[i].what < 2 ? sign * f->a[i].q->weigh[f->a[i].what].w[h] : 0;

		if (!told[i] && w > most) {
			most = w;
			best = i;
		}
	}
	return best;
}

static void tell_answer(struct teller *t, const char *key, size_t i, bool *told)
{
	const struct answer *a = &t->f->a[i];
	struct pair pairs[1] = {{STR("text"), unpointed(a->text)}};

	told[i] = true;
	tell(t, key, pairs, 1, a->cites, a->ncites);
}

/* What the answers come to, and what speaks against it. */
static void tell_verdict(struct teller *t)
{
	const struct findings *f = t->f;
	bool told[ANSWERS_MAX] = {false};
	const struct hypothesis *h = t->q->qs.h;
	struct pair pairs[4] = {{STR("winner"), h[f->winner].text},
				{STR("second"), h[f->second].text},
				{STR("share"), {NULL, 0}},
				{STR("second_share"), {NULL, 0}}};
	size_t best = strongest(f, f->winner, 1, told), i;

	for (size_t k = 0; k < 3 && (i = strongest(f, f->winner, 1, told)) < f->n; k++)
		tell_answer(t, "answer", i, told);
	if (best == f->n)
		return;
	if (f->share[f->winner] >= SHARE_DECIDED &&
	    (i = strongest(f, f->winner, -1, told)) < f->n)
		tell_answer(t, "against", i, told);
	pairs[2].text = arena_fmt(t->mem, "%.0f", f->share[f->winner] * 100);
	pairs[3].text = arena_fmt(t->mem, "%.0f", f->share[f->second] * 100);
	tell(t,
	     f->share[f->winner] < SHARE_DECIDED ? "verdict_open"
	     : f->share[f->second] < SHARE_TOLD	 ? "verdict_alone"
						 : "verdict",
	     pairs, 4, f->a[best].cites, f->a[best].ncites);
}

static bool ours(struct str key)
{
	return str_eqz(key, "rated") || str_eqz(key, "questions") ||
	       str_eqz(key, "hypotheses") || str_eqz(key, "story");
}

/* The members that stay, with severity and score as they are now. */
static void head(struct buf *b, const struct json *j, int sev, unsigned score)
{
	bool first = true;

	JSON_EACH_MEMBER(j, 0, t)
	{
		struct str key = json_raw(j, t), v = json_raw(j, t + 1);

		if (ours(key))
			continue;
		buf_addz(b, first ? "{\"" : ",\"");
		first = false;
		buf_add(b, key);
		buf_addz(b, "\":");
		if (str_eqz(key, "severity"))
			buf_fmt(b, "\"%s\"", severities[sev]);
		else if (str_eqz(key, "score"))
			buf_fmt(b, "%u", score);
		else if (j->tok[t + 1].kind == JSON_STRING)
			buf_fmt(b, "\"%.*s\"", STR_ARG(v));
		else
			buf_add(b, v);
	}
}

int findings_json(const struct inquiry *q, const struct json *j, const struct findings *f,
		  struct arena *mem, struct buf *out, struct inquiry_result *r)
{
	struct teller t = {.q = q, .j = j, .f = f, .mem = mem, .out = out};
	unsigned score = 0, was_score;
	int64_t v = 0;
	int sev, was;

	if (json_get(j, 0, STR("rated"))) {
		rated(j, mem, &was, &was_score);
	} else {
		uint32_t s = json_get(j, 0, STR("score"));

		was = severity_of(member(j, 0, "severity", mem));
		was_score =
			s && str_i64(json_raw(j, s), &v) ? (unsigned)MIN(MAX(v, 0), 100) : 0;
	}
	sev = was;
	score = was_score;
	/* A breach is one, however harmless. */
	if (!str_eqz(member(j, 0, "queue", mem), "compliance"))
		rerate(q, f, &sev, &score);
	r->severity = sev;
	r->score = score;
	buf_clear(out);
	head(out, j, sev, score);
	buf_fmt(out, ",\"rated\":{\"severity\":\"%s\",\"score\":%u}", severities[was],
		was_score);
	questions(out, q, f);
	hypotheses(out, q, f);
	buf_addz(out, ",\"story\":[");
	buf_init(&t.line, 16 * KIB);
	tell_steps(&t);
	tell_why(&t);
	tell_verdict(&t);
	buf_addz(out, "]}");
	buf_free(&t.line);
	return buf_err(out);
}
