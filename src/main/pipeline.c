/* SPDX-License-Identifier: Apache-2.0 */
#include "main/pipeline.h"
#include "event/oui.h"
#include "incident/suppress.h"
#include "parse/pool.h"
#include <errno.h>

#define SUPPRESSIONS_MAX 1000
#define LEARNED_KEPT	 16
#define LEARNED_NATS	 4.6 /* odder than 99 hundredths of the past */

static int open_detect(struct pipeline *p, struct config *c, struct diag *d)
{
	const char *dirs[CONFIG_LIST_MAX + 1];
	struct detect_conf conf = {.dirs = dirs};

	conf.placeholders = c->placeholders;
	if (c->suppress_dir.len && !(conf.suppress = arena_strz(&c->mem, c->suppress_dir)))
		return -ENOMEM;
	conf.taxonomies = config_share(c, "taxonomies");
	dirs[conf.ndirs++] = config_share(c, "models");
	for (size_t i = 0; i < c->models.n; i++)
		dirs[conf.ndirs++] = c->models.v[i];
	return detect_open(&conf, p->schema, &p->detect, d);
}

/* The folder that was named must be readable; that of a package need not be there. */
static int open_makers(struct pipeline *p, struct config *c, struct diag *d)
{
	struct diag none = {{0}};

	if (c->oui_dir.len)
		return oui_load(arena_strz(&c->mem, c->oui_dir), &p->makers, d);
	if (oui_load(OUI_DIR, &p->makers, &none) < 0)
		p->makers = NULL;
	return 0;
}

static int open_parts(struct pipeline *p, struct config *c, struct diag *d)
{
	struct entities_conf en = {.max = (size_t)c->entities_max,
				   .networks = c->networks.v,
				   .nnetworks = c->networks.n,
				   .domains = c->domains.v,
				   .ndomains = c->domains.n};
	struct learn_conf ln = {.dir = config_share(c, "learned"),
				.memory_bytes = (size_t)c->learn_memory_mib * MIB,
				.alerts_per_day = c->alerts_per_day,
				.compliance_per_day = c->compliance_per_day};
	struct incidents_conf in = {0};
	int r = open_makers(p, c, d);

	en.makers = p->makers;
	if (r < 0 || (r = schema_new(&p->schema)) < 0 ||
	    (r = sources_load(config_share(c, "sources"), p->schema, &p->sources, d)) < 0 ||
	    (r = entities_provide(p->schema)) < 0 || (r = incidents_want(p->schema)) < 0 ||
	    (r = atlas_want(p->schema)) < 0 ||
	    (r = entities_new(&en, p->schema, &p->entities)) < 0 ||
	    (r = learn_open(&ln, p->schema, p->entities, &p->learn, d)) < 0 ||
	    (r = open_detect(p, c, d)) < 0 || (r = schema_freeze(p->schema)) < 0 ||
	    (r = sources_compile(p->sources, p->schema)) < 0 ||
	    (r = learn_start(p->learn)) < 0 ||
	    (r = detect_start(p->detect, p->schema, p->entities, p->learn)) < 0 ||
	    (r = incidents_new(&in, p->entities, &p->incidents)) < 0)
		return r;
	return 0;
}

int pipeline_open(struct pipeline *p, struct config *c, struct diag *d)
{
	int r;

	*p = (struct pipeline){0};
	buf_init(&p->line, 8 * MIB);
	d->msg[0] = 0;
	r = open_parts(p, c, d);
	if (r < 0) {
		if (!d->msg[0])
			diag_set(d, r, "cannot start: %s", err_text(r));
		pipeline_close(p);
	}
	return r;
}

int pipeline_map(struct pipeline *p, const char *dir, bool fresh, struct diag *d)
{
	struct atlas_conf c = {.dir = dir, .fresh = fresh};

	return atlas_open(&c, p->schema, p->entities, &p->atlas, d);
}

void pipeline_close(struct pipeline *p)
{
	atlas_close(p->atlas);
	incidents_free(p->incidents);
	detect_free(p->detect);
	learn_free(p->learn);
	entities_free(p->entities);
	oui_free(p->makers);
	sources_free(p->sources);
	schema_free(p->schema);
	buf_free(&p->line);
	*p = (struct pipeline){0};
}

int pipeline_line(struct pipeline *p, struct str json)
{
	if (!p->findings)
		return 0;
	if (fwrite(json.p, 1, json.len, p->findings) != json.len ||
	    fputc('\n', p->findings) == EOF)
		return diag_set(&p->diag, errno == ENOSPC ? -ENOSPC : -EIO,
				"findings cannot be written");
	return 0;
}

static int on_incident(const struct incident_view *v, void *arg)
{
	struct pipeline *p = arg;
	struct store_finding f = {.kind = STR("incident"),
				  .id = v->id,
				  .title = v->title,
				  .queue = v->compliance ? STR("compliance") : STR("threat"),
				  .status = v->status,
				  .time = v->time,
				  .severity = (int)v->severity,
				  .score = v->score,
				  .json = v->json,
				  .entities = v->entities,
				  .nentities = v->nentities,
				  .event_ids = v->event_ids,
				  .nevents = v->nevents,
				  .alert_ids = v->alert_ids,
				  .nalerts = v->nalerts};
	int r;

	if (p->ocsf) {
		buf_clear(&p->line);
		incident_ocsf(&p->line, v, THYMUS_VERSION);
		r = buf_err(&p->line);
		r = r < 0 ? r : pipeline_line(p, buf_str(&p->line));
	} else {
		r = pipeline_line(p, v->json);
	}
	if (r == 0 && p->store)
		r = store_finding_put(p->store, &f, &p->diag);
	return r;
}

static int keep_alert(struct pipeline *p, const struct alert *a)
{
	struct store_finding f = {.kind = a->note ? STR("note") : STR("alert"),
				  .id = str_of(a->id),
				  .title = a->title,
				  .model = a->model->name,
				  .queue = a->compliance ? STR("compliance") : STR("threat"),
				  .status = STR("open"),
				  .time = a->time,
				  .severity = (int)a->severity,
				  .score = a->score,
				  .entities = a->names,
				  .nentities = a->nents,
				  .event_ids = a->event_ids,
				  .nevents = a->nevents};
	int r;

	buf_clear(&p->line);
	alert_json(&p->line, a);
	r = buf_err(&p->line);
	if (r < 0)
		return diag_set(&p->diag, r, "alert %s: %s", a->id, err_text(r));
	f.json = buf_str(&p->line);
	if (!a->note && !p->ocsf)
		r = pipeline_line(p, f.json);
	if (r == 0 && p->store)
		r = store_finding_put(p->store, &f, &p->diag);
	if (r == 0 && !a->note && p->ocsf) {
		buf_clear(&p->line);
		alert_ocsf(&p->line, a, THYMUS_VERSION);
		r = buf_err(&p->line);
		r = r < 0 ? r : pipeline_line(p, buf_str(&p->line));
	}
	return r;
}

/* What could go wrong stands on the map, whether it was an alert or not. */
static int keep_weakness(struct pipeline *p, const struct alert *a)
{
	struct atlas_weakness w = {.what = a->model->mends.len ? a->model->mends
							       : a->model->name,
				   .title = a->title,
				   .event_id = a->nevents ? a->event_ids[0] : str_n(NULL, 0),
				   .time = a->time,
				   .mended = a->model->mends.len > 0,
				   .ent = ENT_NONE};

	if (!p->atlas || (a->model->posture < 0 && !w.mended) || p->stored)
		return 0;
	for (size_t i = a->nents; i-- > 0;)
		if (a->roles[i] == a->model->posture || (i == 0 && w.ent == ENT_NONE))
			w.ent = a->ents[i];
	return atlas_weak(p->atlas, &w, &p->diag);
}

static int on_alert(struct alert *a, const struct event *e, void *arg)
{
	struct pipeline *p = arg;
	int r;

	if (p->evidence && !a->note)
		p->evidence(p->evidence_arg, a, e);
	r = keep_alert(p, a);
	if (a->note)
		p->notes++;
	else
		p->alerts++;
	if (r == 0)
		r = incidents_alert(p->incidents, a, on_incident, p);
	if (r == 0)
		r = keep_weakness(p, a);
	alert_free(a);
	return r;
}

/* With what was odd about it, for whoever asks later why. */
static int keep_event(struct pipeline *p, const struct event *e, const struct learn_result *odd,
		      size_t n)
{
	struct store_learned l[LEARNED_KEPT];
	struct store_extra x = {.schema = p->schema, .learned = l};

	for (size_t i = 0; i < n && x.nlearned < LEARNED_KEPT; i++) {
		const struct entity *t = entity_get(p->entities, odd[i].entity);

		if (odd[i].surprise < LEARNED_NATS)
			continue;
		learn_say(p->learn, &odd[i]);
		l[x.nlearned++] = (struct store_learned){
			.quantity = odd[i].quantity,
			.entity = t ? t->name : STR(""),
			.usual = odd[i].usual,
			.seen = odd[i].seen,
			.text = odd[i].text,
			.raw = odd[i].raw,
			.surprise = odd[i].surprise,
			.days = odd[i].days,
		};
	}
	return store_event_with(p->store, e, p->entities, &x);
}

int pipeline_event(struct pipeline *p, struct event *e, struct arena *mem)
{
	int r;

	const struct learn_result *odd = NULL;
	size_t n;

	p->diag.msg[0] = 0;
	if ((r = entities_resolve(p->entities, e, mem)) < 0 ||
	    (r = learn_event(p->learn, e, mem)) < 0)
		return r;
	n = learn_surprises(p->learn, &odd);
	if ((r = incidents_event(p->incidents, e)) < 0 ||
	    (r = incidents_signals(p->incidents, p->learn, odd, n, e)) < 0 ||
	    (r = detect_event(p->detect, e, on_alert, p)) < 0)
		return r;
	if (p->atlas && (r = atlas_event(p->atlas, e, p->stored, &p->diag)) < 0)
		return r;
	return p->store && !p->stored ? keep_event(p, e, odd, n) : 0;
}

/* How often each suppression left something out, for `thymus suppress`. */
int pipeline_keep_suppressed(struct pipeline *p)
{
	struct suppression v[SUPPRESSIONS_MAX];
	size_t n = detect_suppressions(p->detect, v, SUPPRESSIONS_MAX);
	struct buf b;
	int r;

	buf_init(&b, MIB);
	for (size_t i = 0; i < n; i++)
		buf_fmt(&b, "%.*s\t%llu\t%lld\n", STR_ARG(v[i].id),
			(unsigned long long)v[i].count, (long long)v[i].last);
	r = buf_err(&b);
	if (r == 0)
		r = store_meta_put(p->store, SUPPRESS_META, buf_str(&b), &p->diag);
	buf_free(&b);
	return r;
}

uint64_t pipeline_suppressed(const struct pipeline *p, size_t *ret_n)
{
	struct suppression v[SUPPRESSIONS_MAX];
	size_t n = detect_suppressions(p->detect, v, SUPPRESSIONS_MAX);
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += v[i].count;
	*ret_n = n;
	return all;
}

static int finish_store(struct pipeline *p)
{
	int r = store_entities_put(p->store, p->entities, &p->diag);

	if (r == 0)
		r = pipeline_keep_suppressed(p);
	if (r == 0)
		r = pipeline_keep_learning(p);
	return r < 0 ? r : store_sync(p->store, &p->diag);
}

/* The map on its way to its file: another than the store's, out of entities that both read. */
struct map_job {
	struct job job; /* first */
	struct atlas *atlas;
	int err;
	struct diag d;
};

static void job_map(struct job *j)
{
	struct map_job *m = (struct map_job *)j;

	m->err = atlas_flush(m->atlas, &m->d);
}

int pipeline_finish(struct pipeline *p, int64_t now)
{
	struct map_job map = {.job.run = job_map, .atlas = p->atlas};
	int r = incidents_flush(p->incidents, now, on_incident, p);
	struct pool *pool = NULL;

	if (r == 0)
		r = pool_new(p->store && p->atlas, &pool);
	if (r < 0)
		return r;
	if (p->atlas)
		pool_submit(pool, &map.job);
	if (p->store)
		r = finish_store(p);
	pool_wait(pool, &map.job);
	pool_free(pool);
	/* Its room is wanted for the questions, which read the map's file. */
	p->atlas = atlas_close(p->atlas);
	return r < 0 || map.err == 0 ? r : diag_set(&p->diag, map.err, "%s", map.d.msg);
}
