/* SPDX-License-Identifier: Apache-2.0 */
/* incident/render: text, Markdown and HTML are one walk over the line with three pens. */
#include "incident/render.h"
#include "base/json.h"
#include "incident/render_impl.h"
#include <errno.h>
#include <stdio.h>

#define IDS_SHOWN 6u

enum form { FORM_TEXT, FORM_MD, FORM_HTML };

struct page {
	struct buf *b;
	enum form form;
	const struct json *j;
	struct arena *mem;
};

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
	"1rem;"
	"color:#1a1a1a}h1{font-size:1.4rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:"
	"1.6rem;"
	"border-bottom:1px solid "
	"#ccc}.meta,.ids{color:#555;font-size:.85em}.ids{word-break:break-all}"
	"li{margin:.35rem 0}.weak{color:#666}@media print{body{margin:0;max-width:none}h2,li{"
	"break-inside:avoid}}";

/* Bytes of records in HTML: no markup, no control characters. */
static void put_html(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '<')
			buf_addz(b, "&lt;");
		else if (c == '>')
			buf_addz(b, "&gt;");
		else if (c == '&')
			buf_addz(b, "&amp;");
		else if (c == '"')
			buf_addz(b, "&quot;");
		else if (c == '\'')
			buf_addz(b, "&#39;");
		else if (c < 0x20 || c == 0x7f)
			buf_addc(b, ' ');
		else
			buf_addc(b, (char)c);
	}
}

static void put_md(struct buf *b, struct str s)
{
	struct buf safe;

	buf_init(&safe, 8 * MIB);
	buf_safe(&safe, s);
	for (size_t i = 0; i < safe.len; i++) {
		if (strchr("\\`*_{}[]<>#|~!", safe.p[i]))
			buf_addc(b, '\\');
		buf_addc(b, safe.p[i]);
	}
	buf_free(&safe);
}

static void put(struct page *p, struct str s)
{
	if (p->form == FORM_HTML)
		put_html(p->b, s);
	else if (p->form == FORM_MD)
		put_md(p->b, s);
	else
		buf_safe(p->b, s);
}

static void heading(struct page *p, const char *text)
{
	static const char *const before[] = {"\n\n", "\n\n## ", "<h2>"};
	static const char *const after[] = {"", "\n", "</h2>\n"};

	buf_addz(p->b, before[p->form]);
	buf_addz(p->b, text);
	buf_addz(p->b, after[p->form]);
}

static void list_open(struct page *p, bool ordered)
{
	if (p->form == FORM_HTML)
		buf_addz(p->b, ordered ? "<ol>" : "<ul>");
}

static void list_close(struct page *p, bool ordered)
{
	if (p->form == FORM_HTML)
		buf_addz(p->b, ordered ? "</ol>\n" : "</ul>\n");
}

static void item(struct page *p, unsigned number)
{
	if (p->form == FORM_HTML)
		buf_addz(p->b, "\n<li>");
	else if (number)
		buf_fmt(p->b, p->form == FORM_MD ? "\n%u. " : "\n%3u. ", number);
	else
		buf_addz(p->b, p->form == FORM_MD ? "\n- " : "\n  - ");
}

static void item_end(struct page *p)
{
	if (p->form == FORM_HTML)
		buf_addz(p->b, "</li>");
}

/* A new line inside an item. */
static void line_break(struct page *p)
{
	static const char *const text[] = {"\n     ", "  \n   ", "<br>"};

	buf_addz(p->b, text[p->form]);
}

static struct str text_of(struct page *p, uint32_t obj, const char *key)
{
	uint32_t t = json_get(p->j, obj, str_of(key));

	if (!t || p->j->tok[t].kind > JSON_STRING)
		return (struct str){NULL, 0};
	return p->j->tok[t].kind == JSON_STRING ? json_text(p->j, t, p->mem)
						: json_raw(p->j, t);
}

static uint32_t array_of(struct page *p, uint32_t obj, const char *key)
{
	uint32_t t = json_get(p->j, obj, str_of(key));

	return t && p->j->tok[t].kind == JSON_ARRAY && p->j->tok[t].n ? t : 0;
}

static double number_of(struct page *p, uint32_t obj, const char *key)
{
	double v;

	return str_f64(text_of(p, obj, key), &v) ? v : 0;
}

static void join(struct page *p, uint32_t arr, uint32_t max)
{
	uint32_t n = 0;

	if (!arr)
		return;
	JSON_EACH_ITEM(p->j, arr, t)
	{
		if (n++ == max) {
			buf_fmt(p->b, ", ... (%u in all)", p->j->tok[arr].n);
			break;
		}
		if (n > 1)
			buf_addz(p->b, ", ");
		put(p, json_text(p->j, t, p->mem));
	}
}

static void evidence(struct page *p, uint32_t obj)
{
	uint32_t arr = array_of(p, obj, "event_ids");

	if (!arr)
		return;
	line_break(p);
	buf_addz(p->b, p->form == FORM_HTML ? "<span class=ids>evidence: " : "evidence: ");
	join(p, arr, IDS_SHOWN);
	if (p->form == FORM_HTML)
		buf_addz(p->b, "</span>");
}

static void page_head(struct page *p)
{
	struct str title = text_of(p, 0, "title");

	if (p->form == FORM_HTML) {
		buf_addz(p->b,
			 "<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
			 "<meta http-equiv=Content-Security-Policy "
			 "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
		put(p, title);
		buf_fmt(p->b, "</title>\n<style>%s</style>\n<h1>", style);
		put(p, title);
		buf_addz(p->b, "</h1>\n<p class=meta>");
	} else {
		buf_addz(p->b, p->form == FORM_MD ? "# " : "");
		put(p, title);
		buf_addz(p->b, p->form == FORM_MD ? "\n\n" : "\n");
	}
	put(p, text_of(p, 0, "id"));
	buf_addz(p->b, ", severity ");
	put(p, text_of(p, 0, "severity"));
	buf_addz(p->b, ", score ");
	put(p, text_of(p, 0, "score"));
	buf_addz(p->b, ", ");
	put(p, text_of(p, 0, "queue"));
	buf_addz(p->b, " queue, ");
	put(p, text_of(p, 0, "status"));
	if (json_get(p->j, 0, STR("rated")) &&
	    !str_eq(text_of(p, json_get(p->j, 0, STR("rated")), "score"),
		    text_of(p, 0, "score"))) {
		buf_addz(p->b, "; before the questions ");
		put(p, text_of(p, json_get(p->j, 0, STR("rated")), "severity"));
		buf_addc(p->b, ' ');
		put(p, text_of(p, json_get(p->j, 0, STR("rated")), "score"));
	}
	if (text_of(p, 0, "worded_by").len) {
		buf_addz(p->b, "; sentences under \"In short\" worded by ");
		put(p, text_of(p, 0, "worded_by"));
		buf_addz(p->b, " and checked against the story");
	}
	if (p->form == FORM_HTML)
		buf_addz(p->b, "</p>\n");
}

static void summary(struct page *p)
{
	uint32_t story = array_of(p, 0, "story");

	if (!story) {
		buf_addz(p->b, p->form == FORM_HTML ? "<p>" : "\n\n");
		put(p, text_of(p, 0, "summary"));
		buf_addz(p->b, p->form == FORM_HTML ? "</p>\n" : "");
		return;
	}
	heading(p, "In short");
	list_open(p, false);
	JSON_EACH_ITEM(p->j, story, t)
	{
		item(p, 0);
		put(p, text_of(p, t, "text"));
		evidence(p, t);
		item_end(p);
	}
	list_close(p, false);
}

static void concerned(struct page *p)
{
	uint32_t arr = array_of(p, 0, "entities");

	if (!arr)
		return;
	if (p->form == FORM_TEXT)
		buf_addz(p->b, "\n\nConcerned: ");
	else
		heading(p, "Concerned");
	join(p, arr, 20);
}

static void steps(struct page *p)
{
	uint32_t arr = array_of(p, 0, "steps");
	unsigned n = 0;

	if (!arr)
		return;
	heading(p, "What happened");
	list_open(p, true);
	JSON_EACH_ITEM(p->j, arr, t)
	{
		bool signal = str_eqz(text_of(p, t, "kind"), "signal");
		struct str phase = text_of(p, t, "phase");

		item(p, ++n);
		put(p, text_of(p, t, "time"));
		if (phase.len) {
			buf_addz(p->b, p->form == FORM_MD ? "  (" : "  [");
			put(p, phase);
			buf_addz(p->b, p->form == FORM_MD ? ")" : "]");
		}
		if (array_of(p, t, "attack")) {
			buf_addc(p->b, ' ');
			join(p, array_of(p, t, "attack"), 4);
		}
		line_break(p);
		buf_addz(p->b, signal && p->form == FORM_HTML ? "<span class=weak>" : "");
		buf_addz(p->b, signal ? "also noticed: " : "");
		put(p, text_of(p, t, "text"));
		buf_addz(p->b, signal && p->form == FORM_HTML ? "</span>" : "");
		evidence(p, t);
		item_end(p);
	}
	list_close(p, true);
}

static void why(struct page *p)
{
	uint32_t arr = array_of(p, 0, "why");

	if (!arr)
		return;
	heading(p, "Why this is unusual");
	list_open(p, false);
	JSON_EACH_ITEM(p->j, arr, t)
	{
		double days = number_of(p, t, "days");

		item(p, 0);
		put(p, text_of(p, t, "text"));
		if (!text_of(p, t, "text").len) {
			put(p, text_of(p, t, "seen"));
			buf_addz(p->b, "; usual: ");
			put(p, text_of(p, t, "usual"));
		}
		if (days >= 0.5)
			buf_fmt(p->b, " (%.0f day%s of history)", days, days < 1.5 ? "" : "s");
		evidence(p, t);
		item_end(p);
	}
	list_close(p, false);
}

static void hypotheses(struct page *p)
{
	uint32_t arr = array_of(p, 0, "hypotheses");

	if (!arr)
		return;
	heading(p, "What it may be");
	list_open(p, false);
	JSON_EACH_ITEM(p->j, arr, t)
	{
		item(p, 0);
		buf_fmt(p->b, "%.0f %%: ", number_of(p, t, "share") * 100);
		put(p, text_of(p, t, "text"));
		item_end(p);
	}
	list_close(p, false);
}

/* Whether an answer lowers the hypothesis that won. */
static bool against(struct page *p, uint32_t answer)
{
	uint32_t arr = array_of(p, 0, "hypotheses");
	char key[80];

	if (!arr)
		return false;
	snprintf(key, sizeof(key), "%.*s", STR_ARG(text_of(p, arr + 1, "name")));
	return number_of(p, json_get(p->j, answer, STR("speaks")), key) < -0.01;
}

static void questions(struct page *p, const char *answer, const char *head)
{
	uint32_t arr = array_of(p, 0, "questions");
	bool any = false;

	if (!arr)
		return;
	JSON_EACH_ITEM(p->j, arr, t)
	{
		if (!str_eqz(text_of(p, t, "answer"), answer))
			continue;
		if (!any) {
			heading(p, head);
			list_open(p, false);
		}
		any = true;
		item(p, 0);
		put(p, text_of(p, t, "question"));
		line_break(p);
		put(p, text_of(p, t, "text"));
		buf_addz(p->b, against(p, t) ? " (speaks against)" : "");
		/* Where nothing is stored there is nothing to open either. */
		if (!str_eqz(text_of(p, t, "answer"), "unknown"))
			evidence(p, t);
		item_end(p);
	}
	if (any)
		list_close(p, false);
}

static void plain_list(struct page *p, const char *key, const char *head)
{
	uint32_t arr = array_of(p, 0, key);

	if (!arr)
		return;
	heading(p, head);
	list_open(p, false);
	JSON_EACH_ITEM(p->j, arr, t)
	{
		item(p, 0);
		put(p, json_text(p->j, t, p->mem));
		item_end(p);
	}
	list_close(p, false);
}

static void walk(struct page *p)
{
	page_head(p);
	summary(p);
	hypotheses(p);
	concerned(p);
	steps(p);
	why(p);
	questions(p, "yes", "Asked, and it was so");
	questions(p, "no", "Asked, and it was not so");
	questions(p, "unknown", "Asked, and not enough is known");
	plain_list(p, "indicators", "To look for elsewhere");
	plain_list(p, "next", "What to do next");
	plain_list(p, "response", "Proposed, for you to decide");
	buf_addz(p->b, p->form == FORM_HTML ? "</html>\n" : "\n");
}

bool render_known(struct str format)
{
	static const char *const names[] = {"text", "md", "html", "json", "ocsf", "stix"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqz(format, names[i]))
			return true;
	return false;
}

int render(struct str format, struct str line, const char *version, struct buf *out)
{
	struct page p = {.b = out};
	struct arena mem;
	struct json j;
	int err;

	arena_init(&mem, 0);
	err = json_scan_copy(&j, line, &mem);
	p.j = &j;
	p.mem = &mem;
	p.form = str_eqz(format, "html") ? FORM_HTML
		 : str_eqz(format, "md") ? FORM_MD
					 : FORM_TEXT;
	if (err == 0 && str_eqz(format, "json")) {
		buf_add(out, line);
		buf_addc(out, '\n');
	} else if (err == 0 && str_eqz(format, "stix")) {
		err = render_stix(&j, &mem, version, out);
	} else if (err == 0 && str_eqz(format, "ocsf")) {
		err = render_ocsf(&j, &mem, version, out);
	} else if (err == 0) {
		walk(&p);
	}
	json_free(&j);
	arena_free(&mem);
	return err ? err : buf_err(out);
}
