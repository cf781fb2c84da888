/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links and visible text of HTML. gumbo builds a tree as browsers do; it copies attributes in
 * quadratic time and frees the tree by recursion, so HTML made to abuse that is not given to
 * it and only searched for links as plain text.
 */
#include <gumbo.h>

#include "base/buf.h"
#include "parse/mail/mail.h"

#define NEST_MAX       400
#define TAG_NAMES      64
#define TAG_SPLITS_MAX 1000
#define LABEL_MAX      256
#define SHOWN_MAX      (64 * KIB)

/* Elements that are often left open and close each other. */
static bool shallow(struct str name)
{
	static const char *const t[] = {"br",	 "img",	  "p",	   "li",      "td",    "tr",
					"th",	 "hr",	  "meta",  "link",    "input", "area",
					"base",	 "col",	  "wbr",   "dd",      "dt",    "option",
					"tbody", "thead", "tfoot", "!doctype"};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (str_ieqz(name, t[i]))
			return true;
	return name.len == 0 || name.p[0] == '!' || name.p[0] == '?';
}

struct open_count {
	struct str name[TAG_NAMES];
	int n[TAG_NAMES];
	size_t used;
	int open; /* sum of n: no less than the depth of the tree */
};

/* false when the tree would be too deep, or there are too many kinds of element to tell. */
static bool count_tag(struct open_count *c, struct str name, bool closing)
{
	size_t i = 0;

	if (shallow(name))
		return true;
	while (i < c->used && !str_ieq(c->name[i], name))
		i++;
	if (i == c->used) {
		if (closing)
			return true;
		if (i == TAG_NAMES)
			return false;
		c->name[c->used++] = name;
		c->n[i] = 0;
	}
	if (!closing) {
		c->n[i]++;
		c->open++;
	} else if (c->n[i] > 0) {
		c->n[i]--;
		c->open--;
	}
	return c->open <= NEST_MAX;
}

/* Past the tag that starts at i; false when it has more attributes than anybody writes. */
static bool skip_tag(struct str h, size_t *pos)
{
	size_t i = *pos, splits = 0;

	for (; i < h.len && h.p[i] != '>'; i++) {
		char c = h.p[i];

		if ((c == '"' || c == '\'') && h.p[i - 1] == '=') {
			const char *q = memchr(h.p + i + 1, c, h.len - i - 1);

			i = q ? (size_t)(q - h.p) : i;
			splits++;
		} else if ((unsigned char)c <= ' ' || c == '/' || c == '"' || c == '\'') {
			splits++;
		}
		if (splits > TAG_SPLITS_MAX)
			return false;
	}
	*pos = i;
	return true;
}

static bool tame(struct str h)
{
	struct open_count c = {.used = 0, .open = 0};
	size_t i = 0;

	while (i < h.len) {
		const char *lt = memchr(h.p + i, '<', h.len - i);
		size_t from;
		bool closing;

		if (!lt)
			break;
		i = (size_t)(lt - h.p) + 1;
		closing = i < h.len && h.p[i] == '/';
		from = i += closing;
		while (i < h.len && (unsigned char)h.p[i] > ' ' && !strchr("/><", h.p[i]))
			i++;
		if (from < h.len && ((unsigned char)(h.p[from] | 0x20) < 'a' ||
				     (unsigned char)(h.p[from] | 0x20) > 'z'))
			continue;
		if (!count_tag(&c, str_sub(h, from, i), closing) || !skip_tag(h, &i))
			return false;
	}
	return true;
}

static struct str attr(const GumboNode *n, const char *name)
{
	GumboAttribute *a = gumbo_get_attribute(&n->v.element.attributes, name);

	return a ? str_of(a->value) : (struct str){NULL, 0};
}

/* The node after n in document order, not leaving root. deep: n's children come first. */
static const GumboNode *next_node(const GumboNode *n, const GumboNode *root, bool deep)
{
	if (deep && (n->type == GUMBO_NODE_ELEMENT || n->type == GUMBO_NODE_TEMPLATE) &&
	    n->v.element.children.length)
		return n->v.element.children.data[0];
	while (n != root) {
		const GumboNode *up = n->parent;
		size_t i = n->index_within_parent + 1;

		if (!up || up->type == GUMBO_NODE_DOCUMENT)
			return NULL;
		if (i < up->v.element.children.length)
			return up->v.element.children.data[i];
		n = up;
	}
	return NULL;
}

/* The host that a link's text shows, or empty when the text is no address of the web. */
static struct str shown_host(struct str s, char tmp[LABEL_MAX + 8])
{
	static const char *const files[] = {".pdf",  ".doc", ".docx", ".xls", ".xlsx", ".ppt",
					    ".pptx", ".zip", ".html", ".htm", ".txt",  ".jpg",
					    ".png",  ".csv", ".eml",  ".ics"};
	bool scheme = str_find(s, STR("://")) != SIZE_MAX;
	struct str h;
	size_t dot;

	s = str_trim(s);
	if (s.len == 0 || s.len > LABEL_MAX)
		return (struct str){NULL, 0};
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '@' || (s.p[i] & 0x80))
			return (struct str){NULL, 0};
	memcpy(tmp, "//", 2);
	memcpy(tmp + 2, s.p, s.len);
	h = scheme ? mail_link_host(s) : mail_link_host(str_n(tmp, s.len + 2));
	for (dot = h.len; dot > 0 && h.p[dot - 1] != '.'; dot--)
		;
	if (dot < 2 || h.len - dot < 2)
		return (struct str){NULL, 0};
	for (size_t i = dot; i < h.len; i++)
		if (lower_c(h.p[i]) < 'a' || lower_c(h.p[i]) > 'z')
			return (struct str){NULL, 0};
	for (size_t i = 0; !scheme && i < ARRAY_LEN(files); i++)
		if (str_ieqz(str_sub(h, dot - 1, h.len), files[i]))
			return (struct str){NULL, 0};
	return h;
}

static struct str bare(struct str h)
{
	return str_ieq(str_sub(h, 0, 4), STR("www.")) ? str_sub(h, 4, h.len) : h;
}

/* Whether a is b or below b. */
static bool below(struct str a, struct str b)
{
	return a.len >= b.len && str_ieq(str_sub(a, a.len - b.len, a.len), b) &&
	       (a.len == b.len || a.p[a.len - b.len - 1] == '.');
}

static void anchor(struct mail *m, const GumboNode *a, struct str href)
{
	char label[LABEL_MAX], tmp[LABEL_MAX + 8];
	struct str shown, real;
	size_t n = 0;

	for (const GumboNode *k = a; (k = next_node(k, a, true));) {
		struct str t;

		if (k->type != GUMBO_NODE_TEXT)
			continue;
		t = str_of(k->v.text.text);
		if (n + t.len > sizeof(label))
			return; /* longer than a host */
		memcpy(label + n, t.p, t.len);
		n += t.len;
	}
	shown = bare(shown_host(str_n(label, n), tmp));
	real = bare(mail_link_host(href));
	if (shown.len && real.len && !below(real, shown))
		m->url_mismatch = true;
}

/* "5; url='https://x.example/'" of <meta http-equiv=refresh>. */
static void refresh(struct mail *m, const GumboNode *n)
{
	struct str c = attr(n, "content");

	if (!str_ieqz(attr(n, "http-equiv"), "refresh"))
		return;
	for (size_t i = 0; i + 4 <= c.len; i++)
		if (str_ieq(str_sub(c, i, i + 3), STR("url"))) {
			size_t eq = str_chr(c, '=', i);

			if (eq == SIZE_MAX)
				return;
			c = str_trim(str_sub(c, eq + 1, c.len));
			while (c.len && (c.p[0] == '\'' || c.p[0] == '"'))
				c = str_sub(c, 1, c.len);
			while (c.len && (c.p[c.len - 1] == '\'' || c.p[c.len - 1] == '"'))
				c.len--;
			mail_link(m, c);
			return;
		}
}

static void element(struct mail *m, const GumboNode *n)
{
	switch (n->v.element.tag) {
	case GUMBO_TAG_A:
		if (mail_link(m, attr(n, "href")))
			anchor(m, n, attr(n, "href"));
		break;
	case GUMBO_TAG_AREA:
		mail_link(m, attr(n, "href"));
		break;
	case GUMBO_TAG_FORM:
		mail_link(m, attr(n, "action"));
		break;
	case GUMBO_TAG_IFRAME:
	case GUMBO_TAG_FRAME:
	case GUMBO_TAG_EMBED:
		mail_link(m, attr(n, "src"));
		break;
	case GUMBO_TAG_META:
		refresh(m, n);
		break;
	default:
		break;
	}
}

static void walk(struct mail *m, const GumboNode *root)
{
	struct buf shown;
	bool deep = true;

	buf_init(&shown, SHOWN_MAX);
	for (const GumboNode *n = root; n && !m->oom; n = next_node(n, root, deep)) {
		deep = true;
		if (n->type == GUMBO_NODE_TEXT) {
			buf_addz(&shown, n->v.text.text);
			buf_addc(&shown, ' ');
		} else if (n->type == GUMBO_NODE_ELEMENT) {
			element(m, n);
			deep = n->v.element.tag != GUMBO_TAG_SCRIPT &&
			       n->v.element.tag != GUMBO_TAG_STYLE;
		}
	}
	m->text_len = MAX(m->text_len, shown.len);
	mail_words(m, buf_str(&shown));
	mail_link_text(m, buf_str(&shown));
	buf_free(&shown);
}

void mail_html(struct mail *m, struct str html, bool attached)
{
	GumboOptions opt = kGumboDefaultOptions;

	opt.max_errors = 0;
	m->has_html |= !attached;
	if (tame(html)) {
		GumboOutput *out = gumbo_parse_with_options(&opt, html.p, html.len);

		if (out) {
			walk(m, out->root);
			gumbo_destroy_output(&opt, out);
		}
		if (!attached)
			return;
	} else {
		mail_words(m, html);
	}
	mail_link_text(m, html);
}
