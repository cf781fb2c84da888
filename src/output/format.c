/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output/format: a finding's line in the forms of other programs. CEF as ArcSight's "Common
 * Event Format" guide (revision 25) says it: '|' and '\' are escaped in the head, '=' and '\'
 * in the extension. LEEF 2.0 as IBM's guide says it, with a tab between the members. JSON,
 * OCSF, STIX and text are incident/render's.
 */
#include "base/timeutil.h"
#include "incident/render.h"
#include "output/impl.h"

#define LIST_SHOWN 2048 /* bytes of a list of names */

bool format_known(struct str format)
{
	return str_eqz(format, "cef") || str_eqz(format, "leef") || str_eqz(format, "json") ||
	       str_eqz(format, "ocsf") || str_eqz(format, "stix") || str_eqz(format, "text");
}

struct str finding_text(const struct json *j, const char *key, struct arena *mem)
{
	uint32_t t = json_get(j, 0, str_of(key));

	if (!t || j->tok[t].kind > JSON_STRING)
		return STR("");
	return j->tok[t].kind == JSON_STRING ? json_text(j, t, mem) : json_raw(j, t);
}

/* The texts of a list with a comma between. */
static struct str joined(const struct json *j, const char *key, struct arena *mem)
{
	uint32_t arr = json_get(j, 0, str_of(key));
	struct buf b;
	struct str all;

	if (!arr || j->tok[arr].kind != JSON_ARRAY)
		return STR("");
	buf_init(&b, 64 * KIB);
	JSON_EACH_ITEM(j, arr, t)
	{
		if (b.len > LIST_SHOWN)
			break;
		if (b.len)
			buf_addc(&b, ',');
		buf_add(&b, json_text(j, t, mem));
	}
	all = arena_str(mem, buf_str(&b));
	buf_free(&b);
	return all;
}

/* No control byte passes; what `escaped` names gets a backslash. */
static void put(struct buf *out, struct str s, const char *escaped)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if ((unsigned char)c < 0x20 || c == 0x7f)
			c = ' ';
		else if (strchr(escaped, c))
			buf_addc(out, '\\');
		buf_addc(out, c);
	}
}

static int level_of(struct str severity)
{
	static const char *const names[] = {"informational", "low", "medium", "high",
					    "critical"};

	for (int i = 0; i < (int)ARRAY_LEN(names); i++)
		if (str_eqz(severity, names[i]))
			return i;
	return 0;
}

/* What CEF and LEEF have in common. */
struct head {
	struct str id, cls, title, words, queue, status, entities, attack;
	int severity; /* 1..10 */
	int64_t time;
	int64_t score;
};

static void head_of(const struct json *j, struct arena *mem, struct head *h)
{
	struct str model = finding_text(j, "model", mem), story = finding_text(j, "story", mem);
	struct str when = finding_text(j, "updated", mem);

	*h = (struct head){.id = finding_text(j, "id", mem),
			   .cls = model.len ? model : finding_text(j, "kind", mem),
			   .title = finding_text(j, "title", mem),
			   .words = story.len ? story : finding_text(j, "summary", mem),
			   .queue = finding_text(j, "queue", mem),
			   .status = finding_text(j, "status", mem),
			   .entities = joined(j, "entities", mem),
			   .attack = joined(j, "attack", mem)};
	h->severity = 2 + 2 * level_of(finding_text(j, "severity", mem));
	when = when.len ? when : finding_text(j, "time", mem);
	if (!time_parse(when, &h->time))
		h->time = 0;
	if (!str_i64(finding_text(j, "score", mem), &h->score))
		h->score = 0;
}

static void cef_member(struct buf *out, const char *key, const char *label, struct str v)
{
	if (!v.len)
		return;
	if (label)
		buf_fmt(out, " %sLabel=%s", key, label);
	buf_fmt(out, " %s=", key);
	put(out, v, "=\\");
}

static void cef(const struct head *h, const char *version, struct buf *out)
{
	buf_fmt(out, "CEF:0|thymus|thymus|%s|", version);
	put(out, h->cls, "|\\");
	buf_addc(out, '|');
	put(out, h->title, "|\\");
	buf_fmt(out, "|%d|rt=%lld", h->severity, (long long)(h->time / NS_PER_MS));
	cef_member(out, "externalId", NULL, h->id);
	cef_member(out, "cat", NULL, h->queue);
	cef_member(out, "msg", NULL, str_sub(h->words, 0, 1023));
	cef_member(out, "outcome", NULL, h->status);
	cef_member(out, "cs1", "entities", h->entities);
	cef_member(out, "cs2", "attack", h->attack);
	buf_fmt(out, " cn1Label=score cn1=%lld", (long long)h->score);
}

static void leef_member(struct buf *out, const char *key, struct str v)
{
	if (!v.len)
		return;
	buf_fmt(out, "\t%s=", key);
	put(out, v, "");
}

static void leef(const struct head *h, const char *version, struct buf *out)
{
	buf_fmt(out, "LEEF:2.0|thymus|thymus|%s|", version);
	put(out, h->cls, "|\\");
	buf_fmt(out, "|x09|devTime=%lld\tsev=%d", (long long)(h->time / NS_PER_MS),
		h->severity);
	leef_member(out, "externalId", h->id);
	leef_member(out, "cat", h->queue);
	leef_member(out, "title", h->title);
	leef_member(out, "msg", h->words);
	leef_member(out, "status", h->status);
	leef_member(out, "entities", h->entities);
	leef_member(out, "attack", h->attack);
	buf_fmt(out, "\tscore=%lld", (long long)h->score);
}

int format_finding(struct str format, const struct json *j, struct str line,
		   const char *version, struct arena *mem, struct buf *out,
		   const char **ret_type)
{
	struct head h;

	*ret_type = "text/plain; charset=utf-8";
	if (str_eqz(format, "json") || str_eqz(format, "ocsf"))
		*ret_type = "application/json";
	else if (str_eqz(format, "stix"))
		*ret_type = "application/stix+json;version=2.1";
	if (str_eqz(format, "json")) {
		buf_add(out, str_trim(line));
		return buf_err(out);
	}
	if (!str_eqz(format, "cef") && !str_eqz(format, "leef"))
		return render(format, line, version, out);
	head_of(j, mem, &h);
	if (str_eqz(format, "cef"))
		cef(&h, version, out);
	else
		leef(&h, version, out);
	return buf_err(out);
}
