/* SPDX-License-Identifier: Apache-2.0 */
/* incident/inquiry: asks the questions that fit, and weighs what the answers say. */
#include "incident/question.h"
#include "store/verdict.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct inquiry *inquiry_free(struct inquiry *q)
{
	if (!q)
		return NULL;
	history_clear(q);
	map_free(&q->bytes_of);
	questions_free(&q->qs);
	reread_free(q->reread);
	free(q);
	return NULL;
}

static double odds(double yes, double no)
{
	double v = 0.5 * log((yes + 1) / (no + 1));

	return v > 1 ? 1 : v < -1 ? -1 : v;
}

/*
 * Explanations that people confirmed gain, those they called wrong lose: half the log of the
 * odds, with one of each to begin with, at most 1. What they called benign makes the benign
 * explanation likelier.
 */
static int shift_priors(struct questions *qs, const char *dir, struct diag *d)
{
	struct verdicts *v;
	int err = verdicts_open(dir, true, &v, d);
	double benign = 0, confirmed = 0;

	if (err == -ENOENT)
		return 0;
	for (size_t h = 0; err == 0 && h < qs->nh; h++) {
		uint64_t yes = 0, no = 0, harmless = 0;

		if ((err = verdict_count(v, qs->h[h].name, STR("true"), &yes, d)) < 0 ||
		    (err = verdict_count(v, qs->h[h].name, STR("false"), &no, d)) < 0 ||
		    (err = verdict_count(v, qs->h[h].name, STR("benign"), &harmless, d)) < 0)
			break;
		benign += (double)harmless;
		confirmed += (double)yes;
		if ((int)h != qs->benign)
			qs->h[h].prior += odds((double)yes, (double)(no + harmless));
	}
	if (err == 0 && qs->benign >= 0)
		qs->h[qs->benign].prior += odds(benign, confirmed);
	verdicts_close(v);
	return err;
}

int inquiry_open(const struct inquiry_conf *conf, struct inquiry **ret_q, struct diag *d)
{
	struct inquiry *q = calloc(1, sizeof(*q));
	struct reread_conf rc = {.sources = conf->sources, .entities = conf->entities};
	int err;

	if (!q)
		return -ENOMEM;
	q->store = conf->store;
	map_init(&q->bytes_of);
	arena_init(&q->bytes, 256 * MIB);
	if ((err = reread_open(&rc, &q->reread, d)) < 0 ||
	    (err = questions_load(conf->questions, reread_schema(q->reread), &q->qs, d)) < 0 ||
	    (err = conf->dir ? shift_priors(&q->qs, conf->dir, d) : 0) < 0 ||
	    (err = reread_start(q->reread)) < 0) {
		inquiry_free(q);
		return err;
	}
	*ret_q = q;
	return 0;
}

size_t inquiry_questions(const struct inquiry *q)
{
	return q->qs.n;
}

struct str inquiry_id(const struct inquiry *q, size_t i)
{
	return q->qs.v[i]->id;
}

struct str inquiry_title(const struct inquiry *q, size_t i)
{
	return q->qs.v[i]->title;
}

static bool any(const struct str *want, size_t nwant, const struct str *have, size_t nhave)
{
	for (size_t i = 0; i < nwant; i++)
		for (size_t k = 0; k < nhave; k++)
			if (glob_match(want[i], have[k]))
				return true;
	return false;
}

/* Each that the models named is wanted, and there is one. */
static bool all(const struct str *want, size_t nwant, const struct str *have, size_t nhave)
{
	for (size_t k = 0; k < nhave; k++)
		if (!any(want, nwant, &have[k], 1))
			return false;
	return nhave > 0;
}

static bool fits(const struct question *c, const struct matter *m)
{
	return c->always || any(c->phases, c->nphases, m->phases, m->nphases) ||
	       any(c->families, c->nfamilies, m->families, m->nfamilies) ||
	       any(c->models, c->nmodels, m->models, m->nmodels);
}

static bool bound(const struct binding *b, struct str name)
{
	for (size_t i = 0; i < b->n; i++)
		if (str_eq(b->v[i].name, name))
			return true;
	return false;
}

/* Every variable of every look-up stands for something here. */
static bool askable(const struct question *c, const struct binding *b)
{
	for (size_t i = 0; i < c->nlooks; i++) {
		for (size_t k = 0; k < c->look[i].nof; k++)
			if (!bound(b, c->look[i].of[k]))
				return false;
		if (c->look[i].ends.len && !bound(b, c->look[i].ends))
			return false;
		for (size_t k = 0; k < c->look[i].nmatch; k++)
			if (!bound(b, c->look[i].match[k].var))
				return false;
	}
	return true;
}

static void cite(struct answer *a, const struct str *v, size_t n)
{
	for (size_t i = 0; i < n && a->ncites < CITES_MAX; i++) {
		size_t k = 0;

		while (k < a->ncites && !str_eq(a->cites[k], v[i]))
			k++;
		if (k == a->ncites)
			a->cites[a->ncites++] = v[i];
	}
}

/* Yes, no, or not enough to say: nothing looked at, or not all of it. */
static int verdict(const struct question *c, const struct found *f, const struct binding *b,
		   bool *ret_cut)
{
	bool cut = false;

	if (c->enough.n && !condition_true(&c->enough, f, b))
		return 2;
	if (condition_true(&c->yes, f, b))
		return 0;
	for (size_t i = 0; i < c->nlooks; i++)
		cut |= f[i].cut;
	if (!c->say[1].len)
		return 2;
	if (c->no.n)
		return condition_true(&c->no, f, b) ? 1 : 2;
	*ret_cut = cut;
	return cut ? 2 : 1;
}

static int ask(struct inquiry *q, const struct question *c, const struct binding *b,
	       struct arena *mem, struct findings *out, struct diag *d)
{
	struct found f[LOOKS_MAX];
	struct answer *a = &out->a[out->n];
	struct buf text;
	bool cut = false;
	int err = 0;

	for (size_t i = 0; err == 0 && i < c->nlooks; i++)
		err = look_up(q, &c->look[i], b, mem, &f[i], d);
	if (err < 0)
		return err;
	*a = (struct answer){.q = c, .entity = arena_str(mem, b->v[0].text)};
	a->what = verdict(c, f, b, &cut);
	buf_init(&text, 8 * KIB);
	if (cut)
		story_about(&text, q, "too_much", a->entity);
	else
		sentence_fill(&text, c->say[a->what], c, f, b);
	a->text = arena_str(mem, buf_str(&text));
	buf_free(&text);
	for (size_t i = 0; i < c->nlooks; i++)
		cite(a, f[i].cites, f[i].ncites);
	/* That nothing was found rests on what made us look. */
	if (!a->ncites)
		cite(a, b->cites, b->ncites);
	/* Two accounts that got one link are one question about the link. */
	for (size_t i = 0; i < out->n; i++)
		if (out->a[i].q == c && str_eq(out->a[i].text, a->text))
			return 0;
	out->n++;
	return 0;
}

static int ask_all(struct inquiry *q, struct matter *m, bool every, struct str only,
		   struct findings *out, struct diag *d)
{
	int err = 0;

	*out = (struct findings){0};
	q->t0 = m->t0;
	q->t1 = m->t1;
	for (size_t i = 0; err == 0 && i < q->qs.n; i++) {
		const struct question *c = q->qs.v[i];
		struct binding b;

		if (only.len ? !str_eq(only, c->id) : !every && !fits(c, m))
			continue;
		for (size_t k = 0; err == 0 && k < (size_t)c->most; k++) {
			if (out->n == ANSWERS_MAX || !matter_bind(q, m, c, k, &b))
				break;
			if (b.ncites && askable(c, &b))
				err = ask(q, c, &b, &m->mem, out, d);
		}
	}
	return err;
}

#define PRIOR_BREACH 2.5

static const struct str compliance = {"compliance", 10};

/* Where all begins: what kind of incident the models say it is. */
static double prior(const struct hypothesis *h, const struct matter *m)
{
	double w = h->prior;

	if (any(h->phases, h->nphases, m->phases, m->nphases) ||
	    all(h->alone, h->nalone, m->phases, m->nphases))
		w += 1;
	if (any(h->families, h->nfamilies, m->families, m->nfamilies))
		w += 0.5;
	/* That a rule is broken is no guess there: the question is whether it is more. */
	if (m->compliance && any(h->families, h->nfamilies, &compliance, 1))
		w += PRIOR_BREACH;
	return w;
}

/*
 * Sums with diminishing returns: of answers to one question the strongest counts whole, so that
 * five devices asked alike do not speak five times.
 */
static void weigh(const struct inquiry *q, const struct matter *m, struct findings *f)
{
	double total = 0, top = -1e9;

	for (size_t h = 0; h < q->qs.nh; h++) {
		f->weight[h] = prior(&q->qs.h[h], m);
		for (size_t i = 0; i < f->n; i++) {
			const struct answer *a = &f->a[i];
			size_t before = 0;

			if (a->what == 2)
				continue;
			for (size_t k = 0; k < i; k++)
				before += f->a[k].q == a->q && f->a[k].what == a->what;
			f->weight[h] += a->q->weigh[a->what].w[h] / (double)(1 + 3 * before);
		}
		top = MAX(top, f->weight[h]);
	}
	for (size_t h = 0; h < q->qs.nh; h++) {
		f->share[h] = exp(f->weight[h] - top);
		total += f->share[h];
	}
	f->winner = 0;
	for (size_t h = 0; h < q->qs.nh; h++) {
		f->share[h] /= total;
		if (f->share[h] > f->share[f->winner])
			f->winner = h;
	}
	f->second = f->winner ? 0 : 1;
	for (size_t h = 0; h < q->qs.nh; h++)
		if (h != f->winner && f->share[h] > f->share[f->second])
			f->second = h;
}

static void count(const struct inquiry *q, const struct findings *f, struct inquiry_result *r)
{
	*r = (struct inquiry_result){.asked = f->n, .winner = q->qs.h[f->winner].name};
	for (size_t i = 0; i < f->n; i++) {
		r->yes += f->a[i].what == 0;
		r->no += f->a[i].what == 1;
		r->unknown += f->a[i].what == 2;
	}
}

static int inquire(struct inquiry *q, struct str line, struct str only, struct buf *out,
		   struct inquiry_result *ret_r, struct diag *d)
{
	struct matter *m = calloc(1, sizeof(*m));
	struct findings *f = calloc(1, sizeof(*f));
	struct arena mem;
	struct json j;
	int err = -ENOMEM;

	arena_init(&mem, 0);
	json_init(&j);
	if (m && f)
		err = json_scan_copy(&j, line, &mem);
	/* Whatever was asked before: the same store gives the same answers. */
	if (err == 0)
		err = reread_forget(q->reread);
	if (err == 0) {
		err = matter_of_incident(q, &j, m, d);
		if (err == 0)
			err = ask_all(q, m, false, only, f, d);
		/* Retention took a block after its rows and before its bytes: once more
		 * without. */
		if (err == E_NOTFOUND) {
			history_clear(q);
			err = ask_all(q, m, false, only, f, d);
		}
		if (err == 0) {
			weigh(q, m, f);
			count(q, f, ret_r);
			err = findings_json(q, &j, f, &m->mem, out, ret_r);
		}
		history_clear(q);
		matter_free(m);
	}
	json_free(&j);
	arena_free(&mem);
	free(f);
	free(m);
	return err;
}

int inquiry_incident(struct inquiry *q, struct str line, struct buf *out,
		     struct inquiry_result *ret_r, struct diag *d)
{
	return inquire(q, line, (struct str){NULL, 0}, out, ret_r, d);
}

int inquiry_one(struct inquiry *q, struct str id, struct str line, struct buf *out,
		struct diag *d)
{
	struct inquiry_result r;

	for (size_t i = 0; i < q->qs.n; i++)
		if (str_eq(q->qs.v[i]->id, id))
			return inquire(q, line, id, out, &r, d);
	return diag_set(d, E_NOTFOUND, "no question '%.*s'", STR_ARG(id));
}

/* The line of something nobody alerted about: its odd events are its steps. */
static void bare_line(struct buf *b, struct str entity, int64_t around, int64_t span,
		      const struct matter *m)
{
	char t[TIME_TEXT], s[TIME_TEXT];

	buf_addz(b, "{\"kind\":\"inquiry\",\"id\":");
	buf_json(b, entity);
	buf_fmt(b, ",\"time\":\"%s\",\"title\":", time_rfc3339(around, t));
	time_human(span, s);
	time_rfc3339(around / NS_PER_S * NS_PER_S, t);
	buf_addc(b, '"');
	for (size_t i = 0; i < entity.len; i++)
		if (entity.p[i] != '"' && entity.p[i] != '\\' && (uint8_t)entity.p[i] >= 0x20)
			buf_addc(b, entity.p[i]);
	buf_fmt(b, " within %s of %s\",\"severity\":\"informational\",\"score\":0,", s, t);
	buf_addz(b, "\"queue\":\"threat\",\"status\":\"closed\",\"entities\":[");
	buf_json(b, entity);
	buf_addz(b, "],\"alert_ids\":[],\"event_ids\":[");
	for (size_t i = 0; i < m->n; i++) {
		if (i)
			buf_addc(b, ',');
		buf_json(b, m->f[i].e->id);
	}
	buf_addz(b, "],\"summary\":\"\",\"steps\":[]}");
}

int inquiry_entity(struct inquiry *q, struct str entity, int64_t around, int64_t span_ns,
		   struct buf *out, struct inquiry_result *ret_r, struct diag *d)
{
	struct matter *m = calloc(1, sizeof(*m));
	struct findings *f = calloc(1, sizeof(*f));
	struct arena mem;
	struct json j;
	struct buf line;
	int err = -ENOMEM;

	arena_init(&mem, 0);
	json_init(&j);
	buf_init(&line, MIB);
	if (m && f)
		err = reread_forget(q->reread);
	if (err == 0)
		err = matter_of_entity(q, entity, around - span_ns, around + span_ns, m, d);
	if (err == 0)
		err = ask_all(q, m, true, (struct str){NULL, 0}, f, d);
	if (err == 0) {
		weigh(q, m, f);
		count(q, f, ret_r);
		bare_line(&line, entity, around, span_ns, m);
		err = buf_err(&line) ? buf_err(&line)
				     : json_scan_copy(&j, buf_str(&line), &mem);
	}
	if (err == 0)
		err = findings_json(q, &j, f, &m->mem, out, ret_r);
	history_clear(q);
	if (m)
		matter_free(m);
	json_free(&j);
	arena_free(&mem);
	buf_free(&line);
	free(f);
	free(m);
	return err;
}
