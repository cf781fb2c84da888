/* SPDX-License-Identifier: Apache-2.0 */
/* incident/render_other: an incident for other programs: STIX 2.1 and OCSF 1.8.0. */
#include "base/hash.h"
#include "base/timeutil.h"
#include "event/ip.h"
#include "incident/incident.h"
#include "incident/render_impl.h"
#include <inttypes.h>
#include <stdio.h>

#define REFS_MAX 128u

/* Objects of a bundle refer to each other by ids made of what they are about. */
struct bundle {
	const struct json *j;
	struct arena *mem;
	struct buf *b;
	struct str ref[REFS_MAX];
	size_t n;
	struct str made; /* RFC 3339, to the millisecond */
};

static struct str text_of(const struct bundle *x, uint32_t obj, const char *key)
{
	uint32_t t = json_get(x->j, obj, str_of(key));

	if (!t || x->j->tok[t].kind > JSON_STRING)
		return STR("");
	return x->j->tok[t].kind == JSON_STRING ? json_text(x->j, t, x->mem)
						: json_raw(x->j, t);
}

static uint32_t array_of(const struct bundle *x, const char *key)
{
	uint32_t t = json_get(x->j, 0, str_of(key));

	return t && x->j->tok[t].kind == JSON_ARRAY ? t : 0;
}

/* "report--xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx": the same for the same content, everywhere. */
static struct str stix_id(struct arena *mem, const char *type, struct str what)
{
	uint64_t a = hash_str(what, hash_str(str_of(type), 11)), b = hash_str(what, ~a);

	return arena_fmt(mem, "%s--%08" PRIx32 "-%04x-4%03x-8%03x-%012" PRIx64, type,
			 (uint32_t)(a >> 32), (unsigned)(a >> 16 & 0xffff),
			 (unsigned)(a & 0xfff), (unsigned)(b >> 52),
			 b & UINT64_C(0xffffffffffff));
}

static struct str millis(struct arena *mem, struct str rfc)
{
	char t[TIME_TEXT];
	int64_t ns = 0;

	if (!time_parse(rfc, &ns))
		ns = 0;
	time_rfc3339(ns / NS_PER_S * NS_PER_S, t);
	t[strcspn(t, "Z")] = 0;
	return arena_fmt(mem, "%s.%03dZ", t, (int)(ns % NS_PER_S / NS_PER_MS));
}

/* Opens an object and remembers that the report refers to it; the caller adds and closes. */
static struct str open_object(struct bundle *x, const char *type, struct str what)
{
	struct str id = stix_id(x->mem, type, what);

	if (x->n)
		buf_addc(x->b, ',');
	buf_fmt(x->b, "{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":", type);
	buf_json(x->b, id);
	buf_addz(x->b, ",\"created\":");
	buf_json(x->b, x->made);
	buf_addz(x->b, ",\"modified\":");
	buf_json(x->b, x->made);
	if (x->n < REFS_MAX)
		x->ref[x->n++] = id;
	return id;
}

static void member(struct bundle *x, const char *key, struct str v)
{
	buf_fmt(x->b, ",\"%s\":", key);
	buf_json(x->b, v);
}

/* [domain-name:value = 'x'], with quotes and backslashes escaped as patterns want. */
static void pattern(struct bundle *x, struct str name)
{
	struct buf p;
	struct ip ip;
	bool address = ip_parse(name, &ip);

	buf_init(&p, 4096);
	buf_fmt(&p, "[%s:value = '",
		!address			    ? "domain-name"
		: str_chr(name, ':', 0) == SIZE_MAX ? "ipv4-addr"
						    : "ipv6-addr");
	for (size_t i = 0; i < name.len; i++) {
		if (name.p[i] == '\'' || name.p[i] == '\\')
			buf_addc(&p, '\\');
		buf_addc(&p, name.p[i]);
	}
	buf_addz(&p, "']");
	member(x, "pattern", buf_str(&p));
	buf_free(&p);
}

static void indicators(struct bundle *x, struct str from)
{
	uint32_t arr = array_of(x, "indicators");

	if (!arr)
		return;
	JSON_EACH_ITEM(x->j, arr, t)
	{
		struct str name = json_text(x->j, t, x->mem), port;
		struct str host = str_cut(name, ':', &port);
		int64_t n;

		/* "192.0.2.1:80" is an address and a port. */
		if (port.len && str_i64(port, &n))
			name = host;
		open_object(x, "indicator", name);
		member(x, "name", name);
		buf_addz(x->b, ",\"indicator_types\":[\"anomalous-activity\"],\"pattern_type\":"
			       "\"stix\"");
		pattern(x, name);
		member(x, "valid_from", from);
		buf_addc(x->b, '}');
	}
}

static void techniques(struct bundle *x)
{
	uint32_t arr = array_of(x, "attack");

	if (!arr)
		return;
	JSON_EACH_ITEM(x->j, arr, t)
	{
		struct str id = json_text(x->j, t, x->mem);

		open_object(x, "attack-pattern", id);
		member(x, "name", id);
		buf_addz(x->b, ",\"external_references\":[{\"source_name\":\"mitre-attack\","
			       "\"external_id\":");
		buf_json(x->b, id);
		buf_addz(x->b, "}]}");
	}
}

/* Questions and answers, also those that spoke against it. */
static void note(struct bundle *x, struct str report)
{
	uint32_t arr = array_of(x, "questions");
	struct buf text;

	if (!arr || x->j->tok[arr].n == 0)
		return;
	buf_init(&text, 8 * MIB);
	JSON_EACH_ITEM(x->j, arr, t)
	{
		buf_add(&text, text_of(x, t, "question"));
		buf_addz(&text, " ");
		buf_add(&text, text_of(x, t, "text"));
		buf_addz(&text, ".\n");
	}
	open_object(x, "note", text_of(x, 0, "id"));
	member(x, "abstract", STR("Questions asked, and their answers"));
	member(x, "content", buf_str(&text));
	buf_addz(x->b, ",\"object_refs\":[");
	buf_json(x->b, report);
	buf_addz(x->b, "]}");
	buf_free(&text);
}

int render_stix(const struct json *j, struct arena *mem, const char *version, struct buf *out)
{
	struct bundle x = {.j = j, .mem = mem, .b = out};
	struct str id = text_of(&x, 0, "id"), from = millis(mem, text_of(&x, 0, "time")), desc;
	struct str report = stix_id(mem, "report", id), who;
	uint32_t story = array_of(&x, "story");
	struct buf text;

	x.made = text_of(&x, 0, "updated").len ? millis(mem, text_of(&x, 0, "updated")) : from;
	buf_addz(out, "{\"type\":\"bundle\",\"id\":");
	buf_json(out, stix_id(mem, "bundle", id));
	buf_addz(out, ",\"objects\":[");
	who = open_object(&x, "identity", str_of(version));
	buf_fmt(out, ",\"name\":\"thymus %s\",\"identity_class\":\"system\"}", version);
	indicators(&x, from);
	techniques(&x);
	note(&x, report);
	buf_init(&text, MIB);
	if (story)
		JSON_EACH_ITEM(j, story, t)
		{
			buf_add(&text, text_of(&x, t, "text"));
			buf_addc(&text, '\n');
		}
	desc = text.len ? buf_str(&text) : text_of(&x, 0, "summary");
	buf_addz(out, ",{\"type\":\"report\",\"spec_version\":\"2.1\",\"id\":");
	buf_json(out, report);
	member(&x, "created", x.made);
	member(&x, "modified", x.made);
	member(&x, "created_by_ref", who);
	member(&x, "name", text_of(&x, 0, "title"));
	member(&x, "description", desc);
	buf_addz(out, ",\"report_types\":[\"observed-data\"]");
	member(&x, "published", x.made);
	buf_addz(out, ",\"object_refs\":[");
	for (size_t i = 0; i < x.n; i++) {
		if (i)
			buf_addc(out, ',');
		buf_json(out, x.ref[i]);
	}
	buf_addz(out, "]}]}\n");
	buf_free(&text);
	return buf_err(out);
}

static size_t list_of(const struct bundle *x, const char *key, struct str **ret_v)
{
	uint32_t arr = array_of(x, key);
	size_t n = 0;

	*ret_v = NULL;
	if (!arr)
		return 0;
	*ret_v = arena_alloc(x->mem, (x->j->tok[arr].n + (size_t)1) * sizeof(**ret_v));
	if (!*ret_v)
		return 0;
	JSON_EACH_ITEM(x->j, arr, t)
	(*ret_v)[n++] = json_text(x->j, t, x->mem);
	return n;
}

static enum severity severity_of(struct str s)
{
	for (int i = SEV_INFORMATIONAL; i <= SEV_CRITICAL; i++)
		if (str_eqz(s, severity_name((enum severity)i)))
			return (enum severity)i;
	return SEV_INFORMATIONAL;
}

static size_t whys(const struct bundle *x, struct why *w, size_t max)
{
	uint32_t arr = array_of(x, "why");
	size_t n = 0;

	if (!arr)
		return 0;
	JSON_EACH_ITEM(x->j, arr, t)
	if (n < max)
		w[n++] = (struct why){.quantity = text_of(x, t, "quantity"),
				      .usual = text_of(x, t, "usual"),
				      .seen = text_of(x, t, "seen")};
	return n;
}

/* The alert of a line, as far as OCSF has a place for it. */
static int ocsf_of_alert(struct bundle *x, const char *version, struct buf *out)
{
	struct str id = text_of(x, 0, "id"), *names, *events;
	struct model m = {.name = text_of(x, 0, "model")};
	struct alert a = {.model = &m,
			  .title = text_of(x, 0, "title"),
			  .story = text_of(x, 0, "story"),
			  .severity = severity_of(text_of(x, 0, "severity"))};
	struct str *attack;
	int64_t n;

	if (id.len >= sizeof(a.id) || !time_parse(text_of(x, 0, "time"), &a.time))
		return E_FORMAT;
	memcpy(a.id, id.p, id.len);
	if (str_i64(text_of(x, 0, "score"), &n))
		a.score = (unsigned)MIN(MAX(n, 0), 100);
	if (str_i64(text_of(x, 0, "count"), &n))
		a.count = (uint64_t)MAX(n, 1);
	a.compliance = str_eqz(text_of(x, 0, "queue"), "compliance");
	a.nents = MIN(list_of(x, "entities", &names), (size_t)ALERT_ENTS_MAX);
	a.nevents = MIN(list_of(x, "event_ids", &events), (size_t)ALERT_IDS_MAX);
	for (size_t i = 0; i < a.nents; i++)
		a.names[i] = names[i];
	for (size_t i = 0; i < a.nevents; i++)
		a.event_ids[i] = events[i];
	m.nattack = list_of(x, "attack", &attack);
	m.attack = attack;
	a.nwhy = whys(x, a.why, ARRAY_LEN(a.why));
	alert_ocsf(out, &a, version);
	return 0;
}

int render_ocsf(const struct json *j, struct arena *mem, const char *version, struct buf *out)
{
	struct bundle x = {.j = j, .mem = mem, .b = out};
	struct incident_view v = {.id = text_of(&x, 0, "id"),
				  .title = text_of(&x, 0, "title"),
				  .summary = text_of(&x, 0, "summary"),
				  .status = text_of(&x, 0, "status"),
				  .merged_into = text_of(&x, 0, "merged_into")};
	struct str *names, *alerts;
	struct buf one;
	int64_t score;

	/* That writer tells a first member by the brace before it. */
	buf_init(&one, 16 * MIB);
	if (str_eqz(text_of(&x, 0, "kind"), "alert")) {
		int r = ocsf_of_alert(&x, version, &one);

		buf_add(out, buf_str(&one));
		buf_addc(out, '\n');
		buf_free(&one);
		return r < 0 ? r : buf_err(out);
	}
	v.severity = severity_of(text_of(&x, 0, "severity"));
	if (str_i64(text_of(&x, 0, "score"), &score))
		v.score = (unsigned)MIN(MAX(score, 0), 100);
	if (!time_parse(text_of(&x, 0, "time"), &v.time)) {
		buf_free(&one);
		return E_FORMAT;
	}
	if (!time_parse(text_of(&x, 0, "updated"), &v.updated))
		v.updated = v.time;
	v.compliance = str_eqz(text_of(&x, 0, "queue"), "compliance");
	v.nentities = list_of(&x, "entities", &names);
	v.nalerts = list_of(&x, "alert_ids", &alerts);
	v.entities = names;
	v.alert_ids = alerts;
	incident_ocsf(&one, &v, version);
	buf_add(out, buf_str(&one));
	buf_addc(out, '\n');
	buf_free(&one);
	return buf_err(out);
}
