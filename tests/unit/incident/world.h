/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small organisation for the incident tests: entities made by name, alerts and events filled
 * by hand, and every line an incident gave out, kept in order.
 */
#ifndef TESTS_UNIT_INCIDENT_WORLD_H
#define TESTS_UNIT_INCIDENT_WORLD_H
#include "base/buf.h"
#include "incident/incident.h"
#include "tap.h"
#include <jansson.h>

#define T0	  (INT64_C(1700000000) * NS_PER_S)
#define LINES_MAX 4096

struct world {
	struct schema *s;
	struct entities *en;
	struct incidents *in;
	struct rectype *conn, *api, *mail, *proc, *smb, *dns;
	struct batch b;
	char *lines[LINES_MAX];
	size_t nlines;
	unsigned nalerts;
};

struct part {
	enum ent_kind kind;
	const char *name;
	enum ent_role role;
};

UNUSED static struct rectype *world_type(struct world *w, const char *name, enum ocsf_class cls)
{
	struct rectype *t = schema_type_add(w->s, STR("test"), str_of(name), cls);
	static const attr_t attrs[] = {ATTR_OPERATION,	      ATTR_SESSION,
				       ATTR_MAIL_FROM,	      ATTR_MAIL_TO,
				       ATTR_MAIL_URL_DOMAINS, ATTR_MAIL_FROM_DOMAIN,
				       ATTR_MAIL_FILE_HASHES, ATTR_PROC_HASHES,
				       ATTR_PROC_PATH,	      ATTR_FILE_PATH,
				       ATTR_ACTIVITY,	      ATTR_QUERY_DOMAIN,
				       ATTR_SESSION_NAME};

	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		CHECK(schema_provide(w->s, t, attrs[i]) == 0);
	return t;
}

UNUSED static void world_open(struct world *w, const struct incidents_conf *conf)
{
	static const char *const own[] = {"ours.example"};
	struct entities_conf ec = {.domains = own, .ndomains = 1};

	memset(w, 0, sizeof(*w));
	if (schema_new(&w->s) < 0)
		abort();
	w->conn = world_type(w, "conn", CLASS_NETWORK_ACTIVITY);
	w->api = world_type(w, "api", CLASS_API_ACTIVITY);
	w->mail = world_type(w, "mail", CLASS_EMAIL_ACTIVITY);
	w->proc = world_type(w, "proc", CLASS_PROCESS_ACTIVITY);
	w->smb = world_type(w, "smb", CLASS_SMB_ACTIVITY);
	w->dns = world_type(w, "dns", CLASS_DNS_ACTIVITY);
	if (incidents_want(w->s) < 0 || schema_freeze(w->s) < 0 ||
	    entities_new(&ec, w->s, &w->en) < 0 || incidents_new(conf, w->en, &w->in) < 0 ||
	    batch_init(&w->b, 64) < 0)
		abort();
}

UNUSED static void world_close(struct world *w)
{
	incidents_free(w->in);
	entities_free(w->en);
	batch_free(&w->b);
	schema_free(w->s);
	for (size_t i = 0; i < w->nlines; i++)
		free(w->lines[i]);
}

UNUSED static int world_line(const struct incident_view *v, void *arg)
{
	struct world *w = arg;

	if (w->nlines < LINES_MAX)
		w->lines[w->nlines++] = str_dup(v->json);
	return 0;
}

UNUSED static void alert_fill(struct world *w, struct alert *a, const struct model *m,
			      int64_t time, const struct part *p, size_t n)
{
	memset(a, 0, sizeof(*a));
	snprintf(a->id, sizeof(a->id), "a%016x", ++w->nalerts);
	a->time = time;
	a->model = m;
	a->severity = m->level;
	a->score = 50;
	a->compliance = m->compliance;
	a->note = m->note;
	for (size_t i = 0; i < n; i++) {
		a->ents[i] = entity_put(w->en, p[i].kind, str_of(p[i].name), time);
		a->roles[i] = (uint8_t)p[i].role;
		a->names[i] = str_of(p[i].name);
	}
	a->nents = n;
	a->event_ids[0] = str_of(a->id);
	a->event_ids[0].p++;
	a->event_ids[0].len--;
	a->nevents = 1;
}

UNUSED static void world_alert(struct world *w, const struct model *m, int64_t time,
			       const struct part *p, size_t n)
{
	struct alert a;

	alert_fill(w, &a, m, time, p, n);
	CHECK_INT(incidents_alert(w->in, &a, world_line, w), 0);
}

UNUSED static struct event *event_fill(struct world *w, const struct rectype *t, int64_t time,
				       const struct part *p, size_t n)
{
	struct event *e;

	batch_reset(&w->b);
	e = batch_add(&w->b, t);
	if (!e)
		abort();
	e->time = e->known = time;
	for (size_t i = 0; i < n; i++) {
		e->ents[i].id = entity_put(w->en, p[i].kind, str_of(p[i].name), time);
		e->ents[i].role = (uint8_t)p[i].role;
	}
	e->nents = (uint8_t)n;
	return e;
}

UNUSED static void world_event(struct world *w, const struct rectype *t, int64_t time,
			       const struct part *p, size_t n)
{
	CHECK_INT(incidents_event(w->in, event_fill(w, t, time, p, n)), 0);
}

/* The last line of each incident that was not merged, in order of their first lines. */
UNUSED static json_t *world_final(const struct world *w)
{
	json_t *byid = json_object(), *out = json_array(), *v;
	const char *k;

	for (size_t i = 0; i < w->nlines; i++) {
		json_t *o = json_loads(w->lines[i], JSON_REJECT_DUPLICATES, NULL);

		CHECK(o != NULL);
		if (o)
			json_object_set_new(byid, json_string_value(json_object_get(o, "id")),
					    o);
	}
	json_object_foreach(byid, k,
			    v) if (strcmp(json_string_value(json_object_get(v, "status")),
					  "merged") != 0) json_array_append(out, v);
	json_decref(byid);
	return out;
}

/* How many incidents there are, merged ones left out. */
UNUSED static size_t world_count(const struct world *w)
{
	json_t *a = world_final(w);
	size_t n = json_array_size(a);

	json_decref(a);
	return n;
}

#define ALERT(w, m, t, ...)                                      \
	world_alert(w, m, t, (const struct part[]){__VA_ARGS__}, \
		    sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part))
#define EVENT(w, type, t, ...)                                      \
	world_event(w, type, t, (const struct part[]){__VA_ARGS__}, \
		    sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part))
#define DEV(n)                             \
	{                                  \
		ENT_DEVICE, n, ROLE_DEVICE \
	}
#define ACC(n)                             \
	{                                  \
		ENT_ACCOUNT, n, ROLE_ACTOR \
	}
#define EXT(n)                             \
	{                                  \
		ENT_ENDPOINT, n, ROLE_PEER \
	}
#define PEER(n)                          \
	{                                \
		ENT_DEVICE, n, ROLE_PEER \
	}

#endif
