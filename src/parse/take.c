/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "parse/plan.h"
#include <errno.h>

static const struct {
	const char *name;
	enum take_what what;
	bool arg;
} takes[] = {
	{"ip", TAKE_IP, false},
	{"port", TAKE_PORT, false},
	{"basename", TAKE_BASENAME, false},
	{"dirname", TAKE_DIRNAME, false},
	{"lower", TAKE_LOWER, false},
	{"before", TAKE_BEFORE, true},
	{"after", TAKE_AFTER, true},
	{"last", TAKE_LAST, true},
	{"number", TAKE_NUMBER, false},
	{"hex", TAKE_HEX, false},
	{"unquote", TAKE_UNQUOTE, false},
	{"name_value", TAKE_NAME_VALUE, true},
	{"scale", TAKE_SCALE, true},
	{"join", TAKE_JOIN, false},
};

int take_parse(struct str text, struct str *ret_arg)
{
	struct str rest, word = str_cut(text, ' ', &rest);
	double factor;

	for (size_t i = 0; i < ARRAY_LEN(takes); i++) {
		if (!str_eqz(word, takes[i].name) || takes[i].arg != (rest.len > 0))
			continue;
		if (takes[i].what == TAKE_SCALE && !str_f64(rest, &factor))
			return -1;
		*ret_arg = rest;
		return (int)takes[i].what;
	}
	return -1;
}

static const struct val none = {.kind = VAL_NONE};

/*
 * Splits "1.2.3.4:5", "[::1]:5", "::1", "1.2.3.4". Several colons without brackets are an
 * IPv6 address as a whole.
 */
static struct val take_endpoint(struct str s, bool port)
{
	struct str host = s, num = {NULL, 0};
	size_t end;
	int64_t n;

	if (s.len && s.p[0] == '[') {
		end = str_chr(s, ']', 0);
		if (end == SIZE_MAX)
			return none;
		host = str_sub(s, 1, end);
		if (end + 1 < s.len && s.p[end + 1] == ':')
			num = str_sub(s, end + 2, s.len);
	} else {
		end = str_chr(s, ':', 0);
		if (end != SIZE_MAX && str_chr(s, ':', end + 1) == SIZE_MAX) {
			host = str_sub(s, 0, end);
			num = str_sub(s, end + 1, s.len);
		}
	}
	if (!port)
		return host.len ? val_s(host) : none;
	return str_i64(num, &n) && n >= 0 && n <= 65535 ? val_i(n) : none;
}

static struct val take_split(enum take_what take, struct str s, struct str sep)
{
	size_t at = str_find(s, sep), next;

	if (!sep.len || at == SIZE_MAX)
		return take == TAKE_AFTER ? none : val_s(s);
	if (take == TAKE_BEFORE)
		return val_s(str_sub(s, 0, at));
	while (take == TAKE_LAST &&
	       (next = str_find(str_sub(s, at + sep.len, s.len), sep)) != SIZE_MAX)
		at += sep.len + next;
	return val_s(str_sub(s, at + sep.len, s.len));
}

/* Both kinds of slash: the log of a Windows machine may be read anywhere. */
static struct val take_dir(struct str s, bool base)
{
	size_t at = s.len;

	while (at && s.p[at - 1] != '/' && s.p[at - 1] != '\\')
		at--;
	if (base)
		return val_s(str_sub(s, at, s.len));
	return at ? val_s(str_sub(s, 0, at > 1 ? at - 1 : 1)) : none;
}

static struct val take_lower(struct str s, struct arena *mem)
{
	char *out;
	size_t i = 0;

	while (i < s.len && lower_c(s.p[i]) == s.p[i])
		i++;
	if (i == s.len)
		return val_s(s);
	out = arena_alloc(mem, s.len);
	for (i = 0; out && i < s.len; i++)
		out[i] = lower_c(s.p[i]);
	return out ? val_s(str_n(out, s.len)) : none;
}

/* Text that is no hexadecimal stays as it is: the kernel encodes only where it must. */
static struct val take_hex(struct str s, struct arena *mem)
{
	char *out;

	if (s.len < 2 || s.len % 2)
		return val_s(s);
	for (size_t i = 0; i < s.len; i++)
		if (hex_digit(s.p[i]) < 0)
			return val_s(s);
	out = arena_alloc(mem, s.len / 2);
	for (size_t i = 0; out && i < s.len / 2; i++)
		out[i] = (char)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
	return out ? val_s(str_n(out, s.len / 2)) : none;
}

/* The scanner reads beyond the end, so the text is copied where room follows. */
static bool scan_copy(struct str s, struct arena *mem, struct json *j)
{
	char *p = arena_alloc(mem, s.len + JSON_PAD);

	json_init(j);
	if (!p)
		return false;
	memcpy(p, s.p, s.len);
	memset(p + s.len, 0, JSON_PAD);
	return json_scan(j, str_n(p, s.len), NULL) == 0;
}

static struct val take_unquote(struct str s, struct arena *mem)
{
	struct regs r = {.mem = mem};
	struct val v = val_s(s);
	struct json j;

	if (s.len && s.p[0] == '"' && scan_copy(s, mem, &j)) {
		r.j = &j;
		v = tok_val(&r, 0, 0);
		json_free(&j);
	}
	return v;
}

struct val take_apply(enum take_what take, struct str arg, struct val v, struct arena *mem)
{
	char tmp[40];
	struct str s;
	double f, factor;
	int64_t i;

	if (v.kind <= VAL_NULL || v.kind == VAL_LIST)
		return none;
	s = val_text(&v, tmp);
	if ((v.kind == VAL_INT || v.kind == VAL_FLOAT) && !(s = arena_str(mem, s)).p)
		return none;
	switch (take) {
	case TAKE_NONE:
		return v;
	case TAKE_IP:
	case TAKE_PORT:
		return take_endpoint(s, take == TAKE_PORT);
	case TAKE_BASENAME:
	case TAKE_DIRNAME:
		return take_dir(s, take == TAKE_BASENAME);
	case TAKE_LOWER:
		return take_lower(s, mem);
	case TAKE_BEFORE:
	case TAKE_AFTER:
	case TAKE_LAST:
		return take_split(take, s, arg);
	case TAKE_NUMBER:
		s = str_trim(s);
		if (str_i64(s, &i))
			return val_i(i);
		return str_f64(s, &f) ? val_f(f) : none;
	case TAKE_HEX:
		return take_hex(s, mem);
	case TAKE_UNQUOTE:
		return take_unquote(s, mem);
	case TAKE_SCALE:
		return val_num(&v, &f) && str_f64(arg, &factor) ? val_f(f * factor) : none;
	case TAKE_NAME_VALUE: /* these read registers, not a value */
	case TAKE_JOIN:
		break;
	}
	return none;
}

static uint32_t member(const struct json *j, uint32_t obj, const char *a, const char *b)
{
	uint32_t t = json_get(j, obj, str_of(a));

	return t ? t : json_get(j, obj, str_of(b));
}

/* The value of the item called name in a list of {Name, Value}. */
static struct val name_value(struct regs *r, const struct hit *h, struct str name)
{
	uint32_t arr = h->tok;

	if (h->v || r->j->tok[arr].kind != JSON_ARRAY)
		return none;
	JSON_EACH_ITEM(r->j, arr, i)
	{
		uint32_t k, v;

		if (r->j->tok[i].kind != JSON_OBJECT)
			continue;
		k = member(r->j, i, "Name", "name");
		if (!k)
			k = member(r->j, i, "key", "Key");
		v = member(r->j, i, "Value", "value");
		if (k && v && str_ieq(json_raw(r->j, k), name))
			return tok_val(r, v, 0);
	}
	return none;
}

static struct val reg_take(struct regs *r, const struct expr *e, uint16_t reg)
{
	struct val v, *list;

	if (e->take == TAKE_NAME_VALUE) {
		v = none;
		for (uint32_t i = r->head[reg]; i && !val_set(&v); i = r->hit[i - 1].next)
			v = name_value(r, &r->hit[i - 1], e->arg);
		return v;
	}
	v = regs_val(r, reg);
	if (!e->take || v.kind <= VAL_NULL)
		return v;
	if (v.kind != VAL_LIST)
		return take_apply((enum take_what)e->take, e->arg, v, r->mem);
	list = arena_alloc(r->mem, (v.len + (size_t)1) * sizeof(*list));
	if (!list) {
		r->err = -ENOMEM;
		return none;
	}
	for (uint32_t i = 0; i < v.len; i++)
		list[i] = take_apply((enum take_what)e->take, e->arg, v.list[i], r->mem);
	return (struct val){.kind = VAL_LIST, .len = v.len, .list = list};
}

static struct val expr_map(const struct expr *e, struct val v)
{
	bool set = val_set(&v);
	struct str s;
	char tmp[40];

	if (v.kind == VAL_LIST)
		v = v.len ? v.list[0] : none;
	s = val_text(&v, tmp);
	for (size_t i = 0; i < e->nmap; i++) {
		struct str from = e->map[2 * i];

		if (set ? from.len > 0 && ((from.len == s.len && str_ieq(from, s)) ||
					   str_eqz(from, "*"))
			: from.len == 0)
			return val_s(e->map[2 * i + 1]);
	}
	return v;
}

/* All that is set, items of lists too, with a blank between. */
static struct val expr_join(struct regs *r, const struct expr *e)
{
	struct val one[PATHS_MAX];
	const struct val *item;
	size_t n, len = 0;
	char tmp[40], *out;

	for (size_t i = 0; i < e->n; i++) {
		one[i] = regs_val(r, e->reg[i]);
		n = val_items(&one[i], &item);
		for (size_t k = 0; k < n; k++)
			len += val_text(&item[k], tmp).len + 1;
	}
	out = len ? arena_alloc(r->mem, len) : NULL;
	if (len && !out)
		r->err = -ENOMEM;
	if (!out)
		return none;
	len = 0;
	for (size_t i = 0; i < e->n; i++) {
		n = val_items(&one[i], &item);
		for (size_t k = 0; k < n; k++) {
			struct str s = val_text(&item[k], tmp);

			if (!s.len)
				continue;
			memcpy(out + len, s.p, s.len);
			len += s.len;
			out[len++] = ' ';
		}
	}
	return len ? val_s(str_n(out, len - 1)) : none;
}

struct val expr_eval(struct regs *r, const struct expr *e)
{
	struct val v = none;

	if (e->constant.p)
		return val_s(e->constant);
	if (e->take == TAKE_JOIN)
		v = expr_join(r, e);
	for (size_t i = 0; i < e->n && e->take != TAKE_JOIN; i++) {
		struct val x;

		if (!r->head[e->reg[i]])
			continue;
		x = reg_take(r, e, e->reg[i]);
		if (val_set(&x)) {
			v = x;
			break;
		}
		if (v.kind == VAL_NONE)
			v = x;
	}
	if (e->nmap)
		v = expr_map(e, v);
	return v.kind <= VAL_NULL && e->fallback.p ? val_s(e->fallback) : v;
}

static bool text_time(struct str s, int64_t *ret_ns)
{
	s = str_trim(s);
	return time_parse(s, ret_ns) || time_parse_epoch(s, ret_ns) ||
	       time_parse_log(s, ret_ns) || time_parse_mail(s, ret_ns);
}

/* Numbers are read from their text: no double holds nanoseconds exactly. */
static bool reg_time(struct regs *r, const struct expr *e, uint16_t reg, int64_t *ret_ns)
{
	const struct hit *h;
	struct val v;
	char tmp[40];

	if (!r->head[reg])
		return false;
	h = &r->hit[r->head[reg] - 1];
	if (!e->take && !h->v && r->j->tok[h->tok].kind == JSON_NUMBER)
		return time_parse_epoch(json_raw(r->j, h->tok), ret_ns);
	v = reg_take(r, e, reg);
	if (v.kind == VAL_FLOAT)
		return time_from_f64(v.f, ret_ns);
	return v.kind > VAL_BOOL && text_time(val_text(&v, tmp), ret_ns);
}

bool expr_time(struct regs *r, const struct expr *e, int64_t *ret_ns)
{
	int64_t ns = 0, add;
	struct val v;
	double d;

	if (e->take == TAKE_JOIN) {
		v = expr_join(r, e);
		if (val_set(&v) && text_time(val_str(&v), ret_ns))
			return true;
	}
	for (size_t i = 0; i < e->n && e->take != TAKE_JOIN; i++) {
		if (!reg_time(r, e, e->reg[i], &ns))
			continue;
		v = e->plus_unit ? regs_val(r, e->plus_reg) : none;
		if (val_num(&v, &d) && d > 0 && d < 1e10 &&
		    time_from_f64(d * (double)e->plus_unit / (double)NS_PER_S, &add) &&
		    !__builtin_add_overflow(ns, add, &add))
			ns = add;
		*ret_ns = ns;
		return true;
	}
	return e->or_else && expr_time(r, e->or_else, ret_ns);
}
