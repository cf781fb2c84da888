/* SPDX-License-Identifier: Apache-2.0 */
/* The map as text for people, as JSON, and as GraphML for graph tools. */
#include "atlas/chart.h"
#include "base/utf8.h"
#include "base/words.h"

static const char *class_name(unsigned cls)
{
	static const char *const names[ENT_CLASS_COUNT] = {
		"unknown", "human", "service", "client", "server", "ot", "iot", "external"};

	return cls < ENT_CLASS_COUNT ? names[cls] : "unknown";
}

/* "bucket" says more than "resource". */
static struct str what_it_is(const struct spot *s)
{
	return s->type.len ? s->type : s->kind;
}

static void text_spot(struct buf *b, const struct spot *s)
{
	char from[TIME_TEXT], to[TIME_TEXT];

	buf_safe(b, s->name);
	buf_addz(b, " (");
	buf_safe(b, what_it_is(s));
	if (s->cls)
		buf_fmt(b, ", %s", class_name(s->cls));
	buf_fmt(b, "), seen since %s", time_rfc3339(s->first, from));
	if (s->last != TIME_NONE)
		buf_fmt(b, ", last %s", time_rfc3339(s->last, to));
	if (s->owner.len) {
		buf_addz(b, ", of ");
		buf_safe(b, s->owner);
	}
	if (s->created != TIME_NONE)
		buf_fmt(b, ", made %s", time_rfc3339(s->created, from));
	if (s->deleted != TIME_NONE)
		buf_fmt(b, ", removed %s", time_rfc3339(s->deleted, from));
	if (s->open_first != TIME_NONE)
		buf_fmt(b, ", reached from the internet %s to %s",
			time_rfc3339(s->open_first, from), time_rfc3339(s->open_last, to));
	buf_addc(b, '\n');
}

static void text_line(struct buf *b, const struct chart *c, const struct line *l)
{
	char from[TIME_TEXT], to[TIME_TEXT];

	buf_addz(b, "  ");
	buf_safe(b, c->spots[l->from].name);
	buf_fmt(b, " %s ", tie_text(l->kind));
	buf_safe(b, c->spots[l->to].name);
	if (l->what.len) {
		buf_addz(b, " (");
		buf_safe(b, l->what);
		buf_addc(b, ')');
	}
	buf_fmt(b, ": %lld events", (long long)l->count);
	if (l->out || l->in) {
		buf_addz(b, ", ");
		words_size(b, (double)l->out);
		buf_addz(b, " there, ");
		words_size(b, (double)l->in);
		buf_addz(b, " back");
	}
	buf_fmt(b, ", %s to %s\n", time_rfc3339(l->first, from), time_rfc3339(l->last, to));
}

static void text(const struct chart *c, struct buf *b)
{
	char when[TIME_TEXT], span[TIME_TEXT];

	buf_fmt(b, "as of %s, ties in use in the %s before\n\n", time_rfc3339(c->at, when),
		time_human(c->within, span));
	for (size_t i = 0; i < c->nkinds; i++) {
		buf_fmt(b, "%8lld  ", (long long)c->kinds[i].places);
		buf_safe(b, c->kinds[i].kind);
		if (c->kinds[i].type.len) {
			buf_addz(b, ", ");
			buf_safe(b, c->kinds[i].type);
		}
		buf_addc(b, '\n');
	}
	if (c->overview)
		buf_addz(b, "\nreached from the internet:\n");
	for (size_t i = 0; i < c->nspots; i++)
		if (c->overview ? c->spots[i].open_first != TIME_NONE : c->spots[i].start)
			text_spot(b, &c->spots[i]);
	if (c->overview)
		buf_addz(b, "\nwho may become whom, and did:\n");
	for (size_t i = 0; i < c->nlines; i++)
		text_line(b, c, &c->lines[i]);
	for (size_t i = 0; i < c->nspots; i++)
		if (c->spots[i].more) {
			buf_addz(b, "  ");
			buf_safe(b, c->spots[i].name);
			buf_fmt(b, " has %zu more ties\n", c->spots[i].more);
		}
	if (c->forgotten)
		buf_fmt(b, "%lld long unused ties were removed for want of room\n",
			(long long)c->forgotten);
}

/* ---- JSON ---- */

static void json_text(struct buf *b, const char *key, struct str v)
{
	buf_fmt(b, ",\"%s\":", key);
	buf_json(b, v);
}

static void json_time(struct buf *b, const char *key, int64_t t)
{
	char when[TIME_TEXT];

	if (t != TIME_NONE)
		buf_fmt(b, ",\"%s\":\"%s\"", key, time_rfc3339(t, when));
}

static void json_spot(struct buf *b, const struct spot *s)
{
	buf_fmt(b, "{\"id\":\"%016llx\"", (unsigned long long)s->key);
	json_text(b, "kind", s->kind);
	json_text(b, "type", what_it_is(s));
	json_text(b, "name", s->name);
	buf_fmt(b, ",\"class\":\"%s\"", class_name(s->cls));
	json_time(b, "first_seen", s->first);
	json_time(b, "last_seen", s->last);
	if (s->events >= 0)
		buf_fmt(b, ",\"events\":%lld", (long long)s->events);
	buf_fmt(b, ",\"hop\":%u,\"start\":%s,\"more\":%zu", s->hop, s->start ? "true" : "false",
		s->more);
	if (s->owner.len)
		json_text(b, "owner", s->owner);
	json_time(b, "created", s->created);
	json_time(b, "deleted", s->deleted);
	json_time(b, "internet_first", s->open_first);
	json_time(b, "internet_last", s->open_last);
	buf_addc(b, '}');
}

static void json_line(struct buf *b, const struct chart *c, const struct line *l)
{
	struct str rest = l->what;
	bool first = true;

	buf_fmt(b, "{\"from\":\"%016llx\",\"to\":\"%016llx\",\"kind\":\"%s\",\"text\":\"%s\"",
		(unsigned long long)c->spots[l->from].key,
		(unsigned long long)c->spots[l->to].key, tie_name(l->kind), tie_text(l->kind));
	json_time(b, "first_seen", l->first);
	json_time(b, "last_seen", l->last);
	buf_fmt(b,
		",\"events\":%lld,\"bytes_out\":%lld,\"bytes_in\":%lld,\"hours\":%u,\"what\":[",
		(long long)l->count, (long long)l->out, (long long)l->in, l->hours);
	while (rest.p && l->what.len) {
		buf_addz(b, first ? "" : ",");
		buf_json(b, str_cut(rest, ',', &rest));
		first = false;
	}
	buf_addz(b, "]}");
}

static void json(const struct chart *c, struct buf *b)
{
	char when[TIME_TEXT];

	buf_fmt(b, "{\"at\":\"%s\",\"within_s\":%lld,\"forgotten\":%lld,\"kinds\":[",
		time_rfc3339(c->at, when), (long long)(c->within / NS_PER_S),
		(long long)c->forgotten);
	for (size_t i = 0; i < c->nkinds; i++) {
		buf_addz(b, i ? ",{\"kind\":" : "{\"kind\":");
		buf_json(b, c->kinds[i].kind);
		json_text(b, "type", c->kinds[i].type);
		buf_fmt(b, ",\"places\":%lld}", (long long)c->kinds[i].places);
	}
	buf_addz(b, "],\"places\":[");
	for (size_t i = 0; i < c->nspots; i++) {
		buf_addz(b, i ? "," : "");
		json_spot(b, &c->spots[i]);
	}
	buf_addz(b, "],\"ties\":[");
	for (size_t i = 0; i < c->nlines; i++) {
		buf_addz(b, i ? "," : "");
		json_line(b, c, &c->lines[i]);
	}
	buf_addz(b, "]}");
}

/* ---- GraphML (graphml.graphdrawing.org, the 1.0 schema) ---- */

/* Text of XML: what XML 1.0 does not allow at all becomes a question mark. */
static void xml(struct buf *b, struct str s)
{
	for (size_t i = 0, n; i < s.len; i += MAX(n, (size_t)1)) {
		unsigned char ch = (unsigned char)s.p[i];

		n = utf8_len(s, i);

		if (ch == '&')
			buf_addz(b, "&amp;");
		else if (ch == '<')
			buf_addz(b, "&lt;");
		else if (ch == '>')
			buf_addz(b, "&gt;");
		else if (ch == '"')
			buf_addz(b, "&quot;");
		else if (n == 0 || ch < 0x20 || ch == 0x7f)
			buf_addc(b, '?');
		else
			buf_add(b, str_sub(s, i, i + n));
	}
}

static void data(struct buf *b, const char *key, struct str v)
{
	if (!v.len)
		return;
	buf_fmt(b, "<data key=\"%s\">", key);
	xml(b, v);
	buf_addz(b, "</data>");
}

static void data_time(struct buf *b, const char *key, int64_t t)
{
	char when[TIME_TEXT];

	if (t != TIME_NONE)
		data(b, key, str_of(time_rfc3339(t, when)));
}

static void graphml_spot(struct buf *b, const struct spot *s)
{
	buf_fmt(b, "<node id=\"p%016llx\">", (unsigned long long)s->key);
	data(b, "name", s->name);
	data(b, "kind", s->kind);
	data(b, "type", what_it_is(s));
	data(b, "class", str_of(class_name(s->cls)));
	data(b, "owner", s->owner);
	data_time(b, "first_seen", s->first);
	data_time(b, "last_seen", s->last);
	data_time(b, "created", s->created);
	data_time(b, "deleted", s->deleted);
	data_time(b, "internet_first", s->open_first);
	buf_addz(b, "</node>\n");
}

static void graphml(const struct chart *c, struct buf *b)
{
	static const struct {
		const char *key, *of, *type;
	} keys[] = {
		{"name", "node", "string"},	{"kind", "all", "string"},
		{"type", "node", "string"},	{"class", "node", "string"},
		{"owner", "node", "string"},	{"first_seen", "all", "string"},
		{"last_seen", "all", "string"}, {"created", "node", "string"},
		{"deleted", "node", "string"},	{"internet_first", "node", "string"},
		{"what", "edge", "string"},	{"events", "edge", "long"},
		{"bytes_out", "edge", "long"},	{"bytes_in", "edge", "long"},
	};

	buf_addz(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		buf_fmt(b, "<key id=\"%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n",
			keys[i].key, keys[i].of, keys[i].key, keys[i].type);
	buf_addz(b, "<graph id=\"map\" edgedefault=\"directed\">\n");
	for (size_t i = 0; i < c->nspots; i++)
		graphml_spot(b, &c->spots[i]);
	for (size_t i = 0; i < c->nlines; i++) {
		const struct line *l = &c->lines[i];

		buf_fmt(b, "<edge source=\"p%016llx\" target=\"p%016llx\">",
			(unsigned long long)c->spots[l->from].key,
			(unsigned long long)c->spots[l->to].key);
		data(b, "kind", str_of(tie_name(l->kind)));
		data(b, "what", l->what);
		data_time(b, "first_seen", l->first);
		data_time(b, "last_seen", l->last);
		buf_fmt(b,
			"<data key=\"events\">%lld</data><data key=\"bytes_out\">%lld</data>"
			"<data key=\"bytes_in\">%lld</data></edge>\n",
			(long long)l->count, (long long)l->out, (long long)l->in);
	}
	buf_addz(b, "</graph>\n</graphml>\n");
}

void draw_weak(const struct chart *c, enum chart_form form, struct buf *out)
{
	char when[TIME_TEXT];

	if (form == CHART_JSON)
		buf_fmt(out, "{\"at\":\"%s\",\"items\":[", time_rfc3339(c->at, when));
	for (size_t i = 0; i < c->nweak; i++) {
		const struct weak *w = &c->weak[i];
		const struct spot *s = &c->spots[w->spot];

		if (form != CHART_JSON) {
			buf_safe(out, s->name);
			buf_addz(out, ": ");
			buf_safe(out, w->title);
			buf_fmt(out, " (since %s", time_rfc3339(w->first, when));
			buf_fmt(out, ", last %s; ", time_rfc3339(w->last, when));
			buf_safe(out, w->what);
			buf_addz(out, ", event ");
			buf_safe(out, w->event);
			buf_addz(out, ")\n");
			continue;
		}
		buf_addz(out, i ? ",{\"kind\":" : "{\"kind\":");
		buf_json(out, s->kind);
		json_text(out, "name", s->name);
		json_text(out, "model", w->what);
		json_text(out, "title", w->title);
		json_time(out, "first_seen", w->first);
		json_time(out, "last_seen", w->last);
		buf_fmt(out, ",\"times\":%lld", (long long)w->times);
		json_text(out, "event_id", w->event);
		buf_addc(out, '}');
	}
	buf_addz(out, form == CHART_JSON ? "]}" : "");
}

void draw(const struct chart *c, enum chart_form form, struct buf *out)
{
	if (form == CHART_JSON)
		json(c, out);
	else if (form == CHART_GRAPHML)
		graphml(c, out);
	else
		text(c, out);
}
