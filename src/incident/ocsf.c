/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/ocsf: findings as OCSF 1.8.0 says them: an alert is a Detection Finding (2004), an
 * incident an Incident Finding (2005). A projection: what OCSF has no place for stays out.
 */
#include "event/ip.h"
#include "incident/impl.h"

#define OCSF_VERSION   "1.8.0"
#define CLASS_ALERT    2004
#define CLASS_INCIDENT 2005

enum activity { ACTIVITY_CREATE = 1, ACTIVITY_UPDATE, ACTIVITY_CLOSE };

/* A comma goes before every member but the first, told by what stands there already. */
static void comma(struct buf *b)
{
	if (b->len && b->p[b->len - 1] != '{' && b->p[b->len - 1] != '[')
		buf_addc(b, ',');
}

static void key(struct buf *b, const char *k)
{
	comma(b);
	buf_fmt(b, "\"%s\":", k);
}

static void text(struct buf *b, const char *k, struct str v)
{
	if (!v.len)
		return;
	key(b, k);
	buf_json(b, v);
}

static void number(struct buf *b, const char *k, long long v)
{
	key(b, k);
	buf_fmt(b, "%lld", v);
}

/* The head that every OCSF record has; times are in milliseconds. */
static void head(struct buf *b, int cls, enum activity act, int64_t time, enum severity sev,
		 struct str uid, const char *version)
{
	buf_addz(b, "{\"category_uid\":2");
	number(b, "class_uid", cls);
	number(b, "activity_id", act);
	number(b, "type_uid", (long long)cls * 100 + act);
	number(b, "time", time / NS_PER_MS);
	number(b, "severity_id", (long long)sev + 1);
	text(b, "severity", str_of(severity_name(sev)));
	key(b, "metadata");
	buf_addz(b, "{\"version\":\"" OCSF_VERSION "\"");
	text(b, "uid", uid);
	key(b, "product");
	buf_addz(b, "{\"name\":\"thymus\"");
	text(b, "version", str_of(version));
	buf_addz(b, "}}");
}

static void related(struct buf *b, const struct str *ids, size_t n)
{
	key(b, "related_events");
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (!ids[i].len)
			continue;
		comma(b);
		buf_addc(b, '{');
		text(b, "uid", ids[i]);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

/* The schema's numbers for what a name is. */
static int observable_type(struct str name)
{
	struct ip ip;

	if (ip_parse(name, &ip))
		return 2; /* IP Address */
	if (str_starts(name, STR("arn:")))
		return 10; /* Resource UID */
	if (str_chr(name, '@', 0) != SIZE_MAX)
		return 5; /* Email Address */
	return 99;	  /* Other */
}

static void observables(struct buf *b, const struct str *names, size_t n)
{
	key(b, "observables");
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		int type = observable_type(names[i]);

		if (!names[i].len)
			continue;
		comma(b);
		buf_addz(b, "{\"name\":\"entity\"");
		number(b, "type_id", type);
		if (type == 99)
			text(b, "type", STR("Entity"));
		text(b, "value", names[i]);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void attacks(struct buf *b, const struct str *ids, size_t n)
{
	if (!n)
		return;
	key(b, "attacks");
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		comma(b);
		buf_addz(b, "{\"technique\":{");
		text(b, "uid", ids[i]);
		buf_addz(b, "}}");
	}
	buf_addc(b, ']');
}

static void observed(struct buf *b, const char *k, struct str quantity, struct str value)
{
	if (!value.len)
		return;
	key(b, k);
	buf_addz(b, "[{");
	text(b, "observation_parameter", quantity);
	key(b, "observations");
	buf_addz(b, "[{");
	text(b, "value", value);
	buf_addz(b, "}]}]");
}

/* Why unusual: seen is the anomaly, usual the baseline. What nothing was seen of is left out.
 */
static void analyses(struct buf *b, const struct why *w, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!w[i].seen.len || !w[i].quantity.len)
			continue;
		if (!any) {
			key(b, "anomaly_analyses");
			buf_addc(b, '[');
			any = true;
		}
		comma(b);
		buf_addz(b, "{\"analysis_targets\":[{");
		text(b, "name", w[i].quantity);
		buf_addz(b, "}]");
		observed(b, "anomalies", w[i].quantity, w[i].seen);
		observed(b, "baselines", w[i].quantity, w[i].usual);
		buf_addc(b, '}');
	}
	if (any)
		buf_addc(b, ']');
}

void alert_ocsf(struct buf *b, const struct alert *a, const char *version)
{
	const struct model *m = a->model;
	struct str title = a->title.len ? a->title : m->title, id = str_of(a->id);

	head(b, CLASS_ALERT, ACTIVITY_CREATE, a->time, a->severity, id, version);
	key(b, "is_alert");
	buf_addz(b, a->compliance ? "false" : "true");
	number(b, "status_id", 1); /* New */
	number(b, "confidence_score", MIN(a->score, 100u));
	text(b, "message", a->story.len ? a->story : title);
	key(b, "finding_info");
	buf_addc(b, '{');
	text(b, "uid", id);
	text(b, "title", title);
	key(b, "analytic");
	buf_fmt(b, "{\"type_id\":%d", a->nwhy ? 2 : 1); /* Behavioral, Rule */
	text(b, "name", m->name);
	buf_addc(b, '}');
	attacks(b, m->attack, m->nattack);
	related(b, a->event_ids, MIN(a->nevents, ALERT_IDS_MAX));
	buf_addc(b, '}');
	observables(b, a->names, MIN(a->nents, ALERT_ENTS_MAX));
	analyses(b, a->why, MIN(a->nwhy, ARRAY_LEN(a->why)));
	number(b, "count", (long long)MAX(a->count, (uint64_t)1));
	buf_addc(b, '}');
}

void incident_ocsf(struct buf *b, const struct incident_view *v, const char *version)
{
	bool gone = !str_eqz(v->status, "open");
	enum activity act = gone		   ? ACTIVITY_CLOSE
			    : v->updated > v->time ? ACTIVITY_UPDATE
						   : ACTIVITY_CREATE;

	head(b, CLASS_INCIDENT, act, v->updated, v->severity, v->id, version);
	number(b, "status_id", gone ? 5 : 1); /* Closed, New */
	if (v->merged_into.len) {
		number(b, "verdict_id", 10); /* Duplicate */
		text(b, "status_detail", v->merged_into);
	}
	number(b, "start_time", v->time / NS_PER_MS);
	number(b, "end_time", v->updated / NS_PER_MS);
	number(b, "impact_score", v->score);
	text(b, "message", v->title);
	text(b, "desc", v->summary);
	/* An incident nobody has taken belongs to its queue. */
	key(b, "assignee_group");
	buf_fmt(b, "{\"name\":\"%s\"}", v->compliance ? "compliance" : "threat");
	key(b, "finding_info_list");
	buf_addc(b, '[');
	for (size_t i = 0; i < v->nalerts; i++) {
		comma(b);
		buf_addc(b, '{');
		text(b, "uid", v->alert_ids[i]);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
	observables(b, v->entities, v->nentities);
	buf_addc(b, '}');
}
