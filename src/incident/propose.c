/* SPDX-License-Identifier: Apache-2.0 */
/* incident/propose: which filter would have left out an incident that a person called benign.
 */
#include "base/hash.h"
#include "base/json.h"
#include "base/timeutil.h"
#include "incident/suppress.h"
#include "parse/reread.h"
#include "store/audit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALERTS_MAX 64u
#define EVENTS_MAX 32u /* of one alert that are compared */
#define SHARED_MAX 3u

/* What narrows a scope, most telling first; the last ones only when none of the others does. */
static const char *const telling[] = {
	"dst_endpoint.key", "resource.name",   "process.file.path", "api.operation",
	"query.domain",	    "email.from",      "file.path",	    "api.service.name",
	"src_endpoint.ip",  "actor.user.name", "device.hostname",   "dst_endpoint.ip",
};
#define TELLING_FIRST 8u

/* What the records of one alert have in common. */
struct common {
	attr_t attr[ARRAY_LEN(telling)];
	struct str value[ARRAY_LEN(telling)];
	bool differs[ARRAY_LEN(telling)];
	size_t records;
};

struct proposer {
	const char *dir;
	const struct judgement *j;
	struct reread *reread;
	struct store *st;
	struct arena mem;
	struct str line; /* of the incident, then of an alert */
	struct common c;
	int made;
};

static int line_row(const struct store_finding *f, void *arg)
{
	struct proposer *p = arg;

	p->line = arena_str(&p->mem, f->json);
	return 1;
}

/* The line of a finding into p->line, empty when there is none. */
static int line_of(struct proposer *p, const char *kind, struct str id, struct diag *d)
{
	struct store_query q = {.kind = str_of(kind), .from = TIME_NONE, .to = TIME_NONE};
	int r;

	q.id = id;
	p->line = str_n(NULL, 0);
	r = store_findings(p->st, &q, line_row, p, d);
	return r < 0 ? r : 0;
}

static int event_row(const struct store_event *se, void *arg)
{
	struct proposer *p = arg;
	struct common *c = &p->c;
	const struct event *e = reread_event(p->reread, se, NULL);

	for (size_t i = 0; e && i < ARRAY_LEN(telling); i++) {
		struct str v = event_str(e, c->attr[i]);

		if (c->differs[i] || (c->records && !str_ieq(v, c->value[i])) || !v.len ||
		    v.len > 300)
			c->differs[i] = true;
		else if (!c->records)
			c->value[i] = arena_str(&p->mem, v);
	}
	c->records += e != NULL;
	return 0;
}

static struct str member(const struct json *j, const char *key, struct arena *mem)
{
	uint32_t t = json_get(j, 0, str_of(key));

	return t && j->tok[t].kind == JSON_STRING ? json_text(j, t, mem) : str_n(NULL, 0);
}

/* A value as Sigma reads it word for word, in YAML's double quotes. */
static void exact(struct buf *b, struct str v)
{
	struct buf plain;

	buf_init(&plain, 4 * KIB);
	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] == '*' || v.p[i] == '?' || v.p[i] == '\\')
			buf_addc(&plain, '\\');
		buf_addc(&plain, v.p[i]);
	}
	buf_json(b, buf_str(&plain));
	buf_free(&plain);
}

/* The selection; false when the records have nothing in common. */
static bool selection(const struct common *c, struct buf *b)
{
	size_t n = 0;

	buf_addz(b, "  selection:\n");
	for (size_t i = 0; i < ARRAY_LEN(telling) && n < SHARED_MAX; i++) {
		if (c->differs[i] || !c->records || (i >= TELLING_FIRST && n > 0))
			continue;
		buf_fmt(b, "    %s: ", telling[i]);
		exact(b, c->value[i]);
		buf_addc(b, '\n');
		n++;
	}
	return n > 0;
}

static void document(const struct proposer *p, struct str model, struct str title,
		     struct str entity, struct str id, struct str chosen, struct buf *b)
{
	char until[TIME_TEXT];
	int64_t end = p->j->time + SUPPRESS_DAYS * NS_PER_D;

	buf_addz(b, "title: ");
	buf_json(b, title);
	buf_fmt(b, "\nid: %.*s\nstatus: experimental\nauthor: ", STR_ARG(id));
	buf_json(b, p->j->by);
	buf_addz(b, "\ndescription: ");
	buf_json(b, p->j->note);
	buf_addz(b, "\nfilter:\n  rules: [");
	buf_json(b, model);
	buf_addz(b, "]\n");
	buf_add(b, chosen);
	buf_addz(b, "  condition: selection\nthymus:\n  entities: [");
	buf_json(b, entity);
	buf_fmt(b, "]\n  until: %.10s\n  incident: %.*s\n", time_rfc3339(end, until),
		STR_ARG(p->j->incident));
}

static bool there(const struct proposer *p, const char *folder, struct str id)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s/%.*s.yaml", p->dir, folder, STR_ARG(id));
	return access(path, F_OK) == 0;
}

static int put(struct proposer *p, struct str id, struct str text, struct diag *d)
{
	struct audit_entry e = {.time = p->j->time,
				.actor = p->j->by,
				.action = STR("suppression.propose"),
				.detail = text};
	struct audit *log;
	char path[4200];
	FILE *f;
	bool ok;
	int r = audit_open(p->dir, false, &log, d);

	if (r < 0)
		return r;
	e.object = arena_fmt(&p->mem, "suppression:%.*s", STR_ARG(id));
	r = audit_add(log, &e, NULL, d);
	audit_close(log);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/proposed", p->dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/proposed/%.*s.yaml", p->dir, STR_ARG(id));
	f = fopen(path, "wbe");
	if (!f)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	ok = fwrite(text.p, 1, text.len, f) == text.len;
	ok = fclose(f) == 0 && ok;
	p->made += ok;
	return ok ? 0 : diag_set(d, -EIO, "%s: cannot be written", path);
}

/* What the records that an alert cites have in common into p->c. */
static int compare(struct proposer *p, const struct json *j, struct diag *d)
{
	uint32_t ids = json_get(j, 0, STR("event_ids"));
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(telling); i++)
		p->c.differs[i] = false;
	p->c.records = 0;
	if (!ids || j->tok[ids].kind != JSON_ARRAY)
		return 0;
	JSON_EACH_ITEM(j, ids, t)
	{
		struct store_query q = {.from = TIME_NONE, .to = TIME_NONE, .limit = 8};

		if (r < 0 || n++ == EVENTS_MAX)
			break;
		q.id = json_text(j, t, &p->mem);
		r = store_events(p->st, &q, event_row, p, d);
	}
	return r < 0 ? r : 0;
}

static int one_alert(struct proposer *p, struct str alert, struct diag *d)
{
	struct json j;
	struct buf chosen, text;
	struct str model, title, entity = {NULL, 0}, id;
	uint32_t ents;
	int r = line_of(p, "alert", alert, d);

	if (r < 0 || !p->line.len)
		return r;
	r = json_scan_copy(&j, p->line, &p->mem);
	buf_init(&chosen, 8 * KIB);
	buf_init(&text, 64 * KIB);
	if (r == 0)
		r = compare(p, &j, d);
	model = r == 0 ? member(&j, "model", &p->mem) : str_n(NULL, 0);
	title = r == 0 ? member(&j, "title", &p->mem) : str_n(NULL, 0);
	ents = r == 0 ? json_get(&j, 0, STR("entities")) : 0;
	if (ents && j.tok[ents].n)
		entity = json_text(&j, ents + 1, &p->mem);
	if (r == 0 && model.len && entity.len && selection(&p->c, &chosen)) {
		id = arena_fmt(&p->mem, "s%016llx",
			       (unsigned long long)hash_str(
				       buf_str(&chosen), hash_str(entity, hash_str(model, 0))));
		document(p, model, title, entity, id, buf_str(&chosen), &text);
		r = buf_err(&text);
		if (r == 0 && !there(p, "suppress", id) && !there(p, "proposed", id))
			r = put(p, id, buf_str(&text), d);
	}
	json_free(&j);
	buf_free(&chosen);
	buf_free(&text);
	return r;
}

static int all_alerts(struct proposer *p, struct diag *d)
{
	struct json j;
	uint32_t ids;
	size_t n = 0;
	int r = line_of(p, "incident", p->j->incident, d);

	if (r < 0)
		return r;
	r = json_scan_copy(&j, p->line, &p->mem);
	ids = r == 0 ? json_get(&j, 0, STR("alert_ids")) : 0;
	if (ids && j.tok[ids].kind == JSON_ARRAY)
		JSON_EACH_ITEM(&j, ids, t)
	if (r == 0 && n++ < ALERTS_MAX)
		r = one_alert(p, json_text(&j, t, &p->mem), d);
	json_free(&j);
	return r;
}

static int want(struct proposer *p)
{
	struct schema *s = reread_schema(p->reread);
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(telling); i++) {
		p->c.attr[i] = schema_attr(s, str_of(telling[i]));
		for (size_t t = 0; r == 0 && t < schema_types(s); t++)
			if (schema_provides(s, schema_type(s, t), p->c.attr[i]))
				r = schema_want(s, schema_type(s, t), p->c.attr[i]);
	}
	return r;
}

int suppress_propose(const char *dir, const struct inquiry_conf *conf,
		     const struct judgement *j, struct diag *d)
{
	struct reread_conf rc = {.sources = conf->sources, .entities = conf->entities};
	struct store_conf sc = {.dir = dir, .read_only = true};
	struct proposer *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->dir = dir;
	p->j = j;
	arena_init(&p->mem, 256 * MIB);
	r = store_open(&sc, &p->st, d);
	if (r == 0)
		r = reread_open(&rc, &p->reread, d);
	if (r == 0)
		r = want(p);
	if (r == 0)
		r = reread_start(p->reread);
	if (r == 0)
		r = all_alerts(p, d);
	if (r == 0)
		r = p->made;
	reread_free(p->reread);
	store_close(p->st);
	arena_free(&p->mem);
	free(p);
	return r;
}
