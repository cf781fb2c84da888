/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selections of a detection block: maps of fields, lists of them, keywords.
 */
#include "base/timeutil.h"
#include "event/encode.h"
#include "event/filter_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
#define X(c, name, text) BIT_##c,
#include "event/modifiers.def"
#undef X
	BIT_COUNT
};

#define M(c) (UINT64_C(1) << BIT_##c)

static const char *const mod_names[] = {
#define X(c, name, text) name,
#include "event/modifiers.def"
#undef X
};

#define MODS_PLACE   (M(CONTAINS) | M(STARTSWITH) | M(ENDSWITH))
#define MODS_COMPARE (M(LT) | M(LTE) | M(GT) | M(GTE))
#define MODS_WIDE    (M(WIDE) | M(UTF16LE) | M(UTF16BE) | M(UTF16))
#define MODS_ENCODE  (MODS_WIDE | M(BASE64) | M(BASE64OFFSET))
#define MODS_REGEX   (M(I) | M(M) | M(S))
#define MODS_DATE    (M(MINUTE) | M(HOUR) | M(DAY) | M(WEEK) | M(MONTH) | M(YEAR))
/* Each of these says by itself how values are read; no two go together. */
#define MODS_KIND (MODS_COMPARE | M(EXISTS) | M(CIDR) | M(LIST) | M(RE) | M(FIELDREF))

#define VALUE_MAX   (64 * KIB)
#define DASHED_MAX  2 /* dashes in encoded text, each of which multiplies the patterns */
#define OFFSETS_MAX 3 /* of Base64 */

/* One field of a selection while it is compiled. */
struct field {
	const struct yaml_node *n;
	struct item *it;
	uint64_t mods;
};

int filter_nomem(struct filter_build *b)
{
	return diag_set(b->d, -ENOMEM, "%s: out of memory", b->y->file);
}

struct node *filter_node(struct filter_build *b, enum node_kind kind)
{
	struct node *n = arena_zalloc(&b->f->mem, sizeof(*n));

	if (n)
		n->kind = (uint8_t)kind;
	else
		filter_nomem(b);
	return n;
}

static int read_modifiers(struct filter_build *b, const struct yaml_node *n, struct str rest,
			  uint64_t *ret_mods)
{
	uint64_t mods = 0;

	while (rest.p) {
		struct str name = str_cut(rest, '|', &rest);
		unsigned i = 0;

		while (i < BIT_COUNT && !str_eqz(name, mod_names[i]))
			i++;
		if (i == BIT_COUNT)
			return yaml_fail_key(b->y, n, b->d, "unknown modifier '%.*s'",
					     STR_ARG(name));
		mods |= UINT64_C(1) << i;
	}
	*ret_mods = mods;
	return 0;
}

static bool several(uint64_t bits)
{
	return (bits & (bits - 1)) != 0;
}

static int check_modifiers(struct filter_build *b, const struct yaml_node *n, uint64_t m)
{
	const char *why = NULL;

	if (several(m & MODS_PLACE))
		why = "contains, startswith and endswith exclude each other";
	else if (several(m & MODS_KIND) || several(m & MODS_WIDE) || several(m & MODS_DATE) ||
		 several(m & (M(BASE64) | M(BASE64OFFSET))))
		why = "these modifiers exclude each other";
	else if ((m & MODS_REGEX) && !(m & M(RE)))
		why = "modifiers i, m and s belong to 're'";
	else if ((m & MODS_KIND & ~M(FIELDREF)) &&
		 (m & (MODS_PLACE | MODS_ENCODE | M(WINDASH) | M(CASED))))
		why = "these modifiers do not go together";
	else if ((m & M(FIELDREF)) && (m & (MODS_ENCODE | M(WINDASH) | M(EXPAND))))
		why = "these modifiers do not go together";
	else if ((m & MODS_DATE) && (m & ~(MODS_DATE | MODS_COMPARE | M(NEQ) | M(EXPAND))))
		why = "a part of a date goes with lt, lte, gt, gte and neq alone";
	else if ((m & M(EXPAND)) && (m & (M(EXISTS) | M(LIST))))
		why = "these modifiers do not go together";
	return why ? yaml_fail_key(b->y, n, b->d, "%s", why) : 0;
}

static int add_attr(struct filter_build *b, const struct yaml_node *n, struct str name,
		    attr_t *ret_a)
{
	struct filter *f = b->f;
	attr_t a, *more;

	if (b->how.name)
		name = b->how.name(name, b->how.arg);
	a = schema_attr(b->schema, name);
	if (a == ATTR_NONE)
		return yaml_fail_key(b->y, n, b->d, "'%.*s' cannot be a field", STR_ARG(name));
	*ret_a = a;
	for (size_t i = 0; i < f->nattrs; i++)
		if (f->attrs[i] == a)
			return 0;
	/* Grown by doubling inside the arena: sizes are powers of two. */
	if ((f->nattrs & (f->nattrs - 1)) == 0) {
		more = arena_alloc(&f->mem, (f->nattrs ? f->nattrs * 2 : 1) * sizeof(*more));
		if (!more)
			return filter_nomem(b);
		if (f->nattrs)
			memcpy(more, f->attrs, f->nattrs * sizeof(*more));
		f->attrs = more;
	}
	f->attrs[f->nattrs++] = a;
	return 0;
}

/*
 * Resolves '\*', '\?' and '\\'; bare wildcards become PAT_STAR and PAT_ONE. Any other
 * backslash stands for itself.
 */
static int unescape(struct filter_build *b, const struct yaml_node *n, bool literal, char *out,
		    size_t *ret_len)
{
	struct str s = n->text;
	size_t len = 0;

	if (s.len > VALUE_MAX)
		return yaml_fail(b->y, n, b->d, "value too long");
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.len && strchr("\\*?", s.p[i + 1]))
			c = s.p[++i];
		else if ((c == '*' || c == '?') && literal)
			return yaml_fail(b->y, n, b->d, "no wildcards in encoded text");
		else if (c == '*')
			c = PAT_STAR;
		else if (c == '?')
			c = PAT_ONE;
		else if (c == PAT_STAR || c == PAT_ONE || c == PAT_DASH)
			return yaml_fail(b->y, n, b->d, "control byte in a value");
		out[len++] = c;
	}
	*ret_len = len;
	return 0;
}

static void place(struct pattern *p, struct str text, uint64_t mods, bool cased)
{
	p->text = text;
	p->cased = cased;
	p->kind = mods & M(CONTAINS)	 ? PAT_CONTAINS
		  : mods & M(STARTSWITH) ? PAT_STARTS
		  : mods & M(ENDSWITH)	 ? PAT_ENDS
					 : PAT_EQUAL;
}

/* Encoded text: literal bytes, to the letter where Base64. */
static int add_encoded(struct filter_build *b, struct field *fl, struct str s)
{
	struct arena *mem = &b->f->mem;
	unsigned offsets = fl->mods & M(BASE64OFFSET) ? 3 : 1;
	bool b64 = (fl->mods & (M(BASE64) | M(BASE64OFFSET))) != 0;

	if (fl->mods & MODS_WIDE)
		s = encode_utf16(mem, s, (fl->mods & M(UTF16BE)) != 0,
				 (fl->mods & M(UTF16)) != 0);
	for (unsigned i = 0; s.p && i < offsets; i++) {
		struct str t = b64 ? encode_base64(mem, s, i, offsets == 1) : s;
		char *p = (char *)t.p;

		if (!p)
			break;
		for (size_t k = 0; !b64 && !(fl->mods & M(CASED)) && k < t.len; k++)
			p[k] = lower_c(p[k]);
		place(&fl->it->pats[fl->it->npats++], t, fl->mods,
		      b64 || (fl->mods & M(CASED)));
	}
	return s.p ? 0 : filter_nomem(b);
}

/* Text with its wildcards in place; the modifier's own stars are added at the ends. */
static int add_wild(struct filter_build *b, struct field *fl, struct str s)
{
	bool head = (fl->mods & (M(CONTAINS) | M(ENDSWITH))) != 0;
	bool tail = (fl->mods & (M(CONTAINS) | M(STARTSWITH))) != 0;
	bool cased = (fl->mods & M(CASED)) != 0;
	char *p = arena_alloc(&b->f->mem, s.len + 2);
	size_t n = 0;

	if (!p)
		return filter_nomem(b);
	if (head && !(s.len && s.p[0] == PAT_STAR))
		p[n++] = PAT_STAR;
	for (size_t i = 0; i < s.len; i++)
		p[n++] = cased ? s.p[i] : lower_c(s.p[i]);
	if (tail && !(n && p[n - 1] == PAT_STAR && s.len))
		p[n++] = PAT_STAR;
	pattern_wild(&fl->it->pats[fl->it->npats++], str_n(p, n), cased);
	return 0;
}

static int add_text(struct filter_build *b, struct field *fl, const struct yaml_node *n)
{
	bool encoded = (fl->mods & MODS_ENCODE) != 0;
	char *p = arena_alloc(&b->f->mem, n->text.len + 1);
	size_t len = 0, ndash;
	unsigned ways = 1;
	int r;

	if (!p)
		return filter_nomem(b);
	r = unescape(b, n, encoded, p, &len);
	if (r < 0)
		return r;
	ndash = fl->mods & M(WINDASH) ? encode_dashes(str_n(p, len)) : 0;
	if (ndash > 1 && !encoded) {
		struct str s = encode_dash_mark(&b->f->mem, str_n(p, len), PAT_DASH);

		return s.p ? add_wild(b, fl, s) : filter_nomem(b);
	}
	if (ndash > DASHED_MAX)
		return yaml_fail(b->y, n, b->d, "no more than %d dashes in encoded text",
				 DASHED_MAX);
	/* One dash alone: five texts, each of which can be looked for as a word. */
	for (size_t i = 0; i < ndash; i++)
		ways *= DASHES;
	for (unsigned i = 0; r == 0 && i < ways; i++) {
		struct str s = str_n(p, len);

		if (ndash)
			s = encode_dash(&b->f->mem, s, i);
		if (!s.p)
			return filter_nomem(b);
		r = encoded ? add_encoded(b, fl, s) : add_wild(b, fl, s);
	}
	return r;
}

/* A value that the part of a date cannot have is a slip. */
static int date_part(struct filter_build *b, struct field *fl, const struct yaml_node *n,
		     struct pattern *p)
{
	static const struct {
		uint64_t mod;
		uint8_t part;
		int min, max;
	} parts[] = {{M(MINUTE), TIME_MINUTE, 0, 59}, {M(HOUR), TIME_HOUR, 0, 23},
		     {M(DAY), TIME_DAY, 1, 31},	      {M(WEEK), TIME_WEEK, 1, 53},
		     {M(MONTH), TIME_MONTH, 1, 12},   {M(YEAR), TIME_YEAR, 1970, 9999}};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!(fl->mods & parts[i].mod))
			continue;
		p->part = parts[i].part;
		if (!(p->num >= parts[i].min && p->num <= parts[i].max))
			return yaml_fail(b->y, n, b->d, "a number from %d to %d is needed here",
					 parts[i].min, parts[i].max);
	}
	return 0;
}

static int add_number(struct filter_build *b, struct field *fl, const struct yaml_node *n)
{
	struct pattern *p = &fl->it->pats[fl->it->npats];
	int r;

	if (!str_f64(n->text, &p->num))
		return yaml_fail(b->y, n, b->d, "a number is needed here");
	r = date_part(b, fl, n, p);
	if (r < 0)
		return r;
	p->kind = fl->mods & M(LT)    ? PAT_LT
		  : fl->mods & M(LTE) ? PAT_LTE
		  : fl->mods & M(GT)  ? PAT_GT
		  : fl->mods & M(GTE) ? PAT_GTE
				      : PAT_NUMBER;
	fl->it->npats++;
	return 0;
}

/* Values that are not text. Returns 1 when n is one and was taken. */
static int add_plain(struct filter_build *b, struct field *fl, const struct yaml_node *n)
{
	struct pattern *p = &fl->it->pats[fl->it->npats];
	bool truth = str_ieqz(n->text, "true");

	if (fl->mods & ~(M(NEQ) | M(ALL)) || fl->it->attr == ATTR_NONE)
		return n->null ? yaml_fail(b->y, n, b->d, "null does not go here") : 0;
	if (n->null) {
		p->kind = PAT_NULL;
	} else if (n->text.len == 0) {
		p->kind = PAT_EMPTY;
	} else if (!n->quoted && (truth || str_ieqz(n->text, "false"))) {
		p->kind = PAT_BOOL;
		p->num = truth;
	} else if (!n->quoted && n->text.len <= 15 && str_f64(n->text, &p->num)) {
		p->kind = PAT_NUMBER; /* longer ones would lose digits: text */
	} else {
		return 0;
	}
	fl->it->npats++;
	return 1;
}

static int add_value(struct filter_build *b, struct field *fl, const struct yaml_node *n)
{
	struct str text;
	struct pattern *p = &fl->it->pats[fl->it->npats];
	uint64_t m = fl->mods;
	char why[128];
	int r;

	if (n->kind != YAML_SCALAR)
		return yaml_fail(b->y, n, b->d, "a value is needed here");
	if (m & M(EXISTS)) {
		if (!str_ieqz(n->text, "true") && !str_ieqz(n->text, "false"))
			return yaml_fail(b->y, n, b->d, "'exists' needs true or false");
		p->kind = PAT_EXISTS;
		p->num = str_ieqz(n->text, "true");
		fl->it->npats++;
		return 0;
	}
	r = add_plain(b, fl, n);
	if (r != 0)
		return r < 0 ? r : 0;
	if (m & (MODS_COMPARE | MODS_DATE))
		return add_number(b, fl, n);
	if (m & M(CIDR)) {
		if (!cidr_parse(n->text, &p->net))
			return yaml_fail(b->y, n, b->d, "not a network block");
		p->kind = PAT_CIDR;
		fl->it->npats++;
		return 0;
	}
	if (!(m & M(RE)))
		return add_text(b, fl, n);
	fl->it->npats++; /* first, so that what PCRE2 gave is freed even when this fails */
	/* Kept for filter_anchors, longer than the file. */
	text = arena_str(&b->f->mem, n->text);
	if (!text.p)
		return filter_nomem(b);
	r = pattern_regex(p, text, m & M(I), m & M(M), m & M(S), why);
	if (r == E_SYNTAX)
		return yaml_fail(b->y, n, b->d, "regular expression: %s", why);
	p->words = regex_anchors(text, &b->f->mem);
	return r < 0 || !p->words ? filter_nomem(b) : 0;
}

static int item_new(struct filter_build *b, struct field *fl, attr_t attr)
{
	struct item *it = arena_zalloc(&b->f->mem, sizeof(*it));

	if (!it)
		return filter_nomem(b);
	it->attr = attr;
	it->ref = ATTR_NONE;
	it->all = (fl->mods & M(ALL)) != 0;
	it->neq = (fl->mods & M(NEQ)) != 0;
	it->cased = (fl->mods & M(CASED)) != 0;
	it->next = b->f->items;
	b->f->items = it;
	fl->it = it;
	return 0;
}

static int add_list(struct filter_build *b, struct field *fl, const struct yaml_node *n)
{
	struct str name = n->kind == YAML_SCALAR ? n->text : str_n(NULL, 0);
	char path[4096];

	if (str_starts(name, STR("lists/")))
		name = str_sub(name, 6, name.len);
	if (!filter_list_path(b->y->file, name, path))
		return yaml_fail(b->y, n, b->d, "no list file '%.*s' in a folder lists/",
				 STR_ARG(name));
	return list_load(path, &fl->it->list, b->d);
}

static int add_ref(struct filter_build *b, struct field *fl, const struct yaml_node *n)
{
	struct pattern p = {0};

	if (n->kind != YAML_SCALAR)
		return yaml_fail(b->y, n, b->d, "a field name is needed here");
	place(&p, n->text, fl->mods, false);
	fl->it->ref_kind = p.kind;
	return add_attr(b, n, n->text, &fl->it->ref);
}

/* What is known of all its patterns, so that most values need not be held against each. */
static void look_over(struct item *it)
{
	uint64_t lens = 0;

	it->texts = it->npats > 0;
	for (size_t i = 0; i < it->npats; i++) {
		const struct pattern *p = &it->pats[i];

		it->texts &= p->kind <= PAT_CIDR;
		lens |= p->kind == PAT_EQUAL	? UINT64_C(1) << MIN(p->text.len, (size_t)63)
			: p->kind == PAT_STARTS ? UINT64_MAX << MIN(p->text.len, (size_t)63)
						: UINT64_MAX;
	}
	it->lens = it->all ? 0 : lens;
}

/* Patterns that one value makes at most. */
static size_t variants(uint64_t mods)
{
	size_t n = mods & M(BASE64OFFSET) ? OFFSETS_MAX : 1;

	if (mods & M(WINDASH))
		n *= DASHES;
	for (int i = 1; (mods & M(WINDASH)) && (mods & MODS_ENCODE) && i < DASHED_MAX; i++)
		n *= DASHES;
	return n;
}

/* One item of the values [n, ...): all of a sequence, or one where items cannot hold more. */
static int build_item(struct filter_build *b, struct field *fl, attr_t attr,
		      const struct yaml_node *first, size_t count, struct node *ret_node)
{
	int r = item_new(b, fl, attr);

	if (r < 0)
		return r;
	ret_node->kind = NODE_ITEM;
	ret_node->item = fl->it;
	if (fl->mods & M(LIST))
		return add_list(b, fl, first);
	if (fl->mods & M(FIELDREF))
		return add_ref(b, fl, first);
	fl->it->pats =
		arena_zalloc(&b->f->mem, count * variants(fl->mods) * sizeof(*fl->it->pats));
	if (!fl->it->pats)
		return filter_nomem(b);
	for (; count > 0 && r == 0; count--, first = first->next)
		r = add_value(b, fl, first);
	look_over(fl->it);
	return r;
}

/*
 * Values that make several patterns, or are none by themselves, get a node each, so that `all`
 * asks for every value and not for every way to write it.
 */
static int build_each(struct filter_build *b, struct field *fl, attr_t attr,
		      const struct yaml_node *first, size_t count, struct node *ret_node)
{
	struct field one = *fl;
	struct node *group = ret_node;
	int r = 0;

	if (fl->mods & M(NEQ)) {
		ret_node->kind = NODE_NOT;
		ret_node->child = group = filter_node(b, NODE_OR);
		if (!group)
			return -ENOMEM;
	}
	group->kind = fl->mods & M(ALL) ? NODE_AND : NODE_OR;
	one.mods &= ~(M(ALL) | M(NEQ) | M(EXPAND));
	for (; count > 0 && r == 0; count--, first = first->next) {
		struct node *c = filter_node(b, NODE_ITEM);
		const struct yaml_node *values = first;
		size_t nvalues = 1;

		if (!c)
			return -ENOMEM;
		c->next = group->child;
		group->child = c;
		if (fl->mods & M(EXPAND))
			r = filter_expand(b, first, &values, &nvalues);
		if (r == 0)
			r = build_item(b, &one, attr, values, nvalues, c);
	}
	return r;
}

static int build_field(struct filter_build *b, const struct yaml_node *n, struct str name,
		       uint64_t mods, struct node *ret_node)
{
	struct field fl = {.n = n, .mods = mods};
	const struct yaml_node *first = n->kind == YAML_SEQ ? n->child : n;
	size_t count = n->kind == YAML_SEQ ? n->nchildren : 1;
	attr_t attr = ATTR_NONE;
	int r = check_modifiers(b, n, mods);

	if (r < 0)
		return r;
	if (n->kind == YAML_MAP || count == 0)
		return yaml_fail(b->y, n, b->d, "a value or a list of values is needed here");
	if (name.len) {
		r = add_attr(b, n, name, &attr);
		if (r < 0)
			return r;
	} else {
		if (mods & ~(M(ALL) | M(RE) | M(CASED) | MODS_REGEX | MODS_ENCODE |
			     M(CONTAINS) | M(WINDASH) | M(EXPAND)))
			return yaml_fail_key(b->y, n, b->d, "keywords take no such modifier");
		if (!(mods & M(RE)))
			fl.mods |= M(CONTAINS);
	}
	if ((mods & (M(LIST) | M(FIELDREF) | M(EXPAND))) ||
	    ((mods & M(ALL)) && (mods & (M(WINDASH) | M(BASE64OFFSET)))))
		return build_each(b, &fl, attr, first, count, ret_node);
	return build_item(b, &fl, attr, first, count, ret_node);
}

static int build_map(struct filter_build *b, const struct yaml_node *n, struct node *ret_node)
{
	struct node **tail = &ret_node->child;
	int r = 0;

	ret_node->kind = NODE_AND;
	if (!n->child)
		return yaml_fail(b->y, n, b->d, "an empty selection");
	YAML_EACH(c, n)
	{
		struct str rest, name = str_cut(c->key, '|', &rest);
		uint64_t mods = 0;

		*tail = filter_node(b, NODE_ITEM);
		if (!*tail)
			return -ENOMEM;
		r = read_modifiers(b, c, rest, &mods);
		if (r == 0)
			r = build_field(b, c, name, mods, *tail);
		if (r < 0)
			return r;
		tail = &(*tail)->next;
	}
	return 0;
}

int filter_selection(struct filter_build *b, const struct yaml_node *n, struct node *ret_node)
{
	struct node **tail = &ret_node->child;

	if (n->kind == YAML_MAP)
		return build_map(b, n, ret_node);
	if (n->kind == YAML_SCALAR || !n->child)
		return build_field(b, n, str_n(NULL, 0), 0, ret_node);
	ret_node->kind = NODE_OR;
	YAML_EACH(c, n)
	{
		int r;

		*tail = filter_node(b, NODE_ITEM);
		if (!*tail)
			return -ENOMEM;
		r = c->kind == YAML_MAP ? build_map(b, c, *tail)
					: build_field(b, c, str_n(NULL, 0), 0, *tail);
		if (r < 0)
			return r;
		tail = &(*tail)->next;
	}
	return 0;
}
