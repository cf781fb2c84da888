/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#define WORDS_AHEAD 3

void words_size(struct buf *b, double v)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
	size_t i = 0;

	while (v >= 999.5 && i + 1 < ARRAY_LEN(units)) {
		v /= 1000;
		i++;
	}
	buf_fmt(b, i && v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[i]);
}

void words_span(struct buf *b, double s)
{
	if (s < 9.5)
		buf_fmt(b, "%.3g s", s);
	else if (s < 119.5)
		buf_fmt(b, "%.0f s", s);
	else if (s < 119.5 * 60)
		buf_fmt(b, "%.0f min", s / 60);
	else if (s < 47.5 * 3600)
		buf_fmt(b, "%.0f h", s / 3600);
	else
		buf_fmt(b, "%.0f days", s / 86400);
}

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || c == '-';
}

static bool is_plural(struct str w)
{
	static const char *const not_so[] = {"as",   "has", "was",  "is",     "its",
					     "this", "yes", "less", "always", "across"};

	for (size_t i = 0; i < ARRAY_LEN(not_so); i++)
		if (str_eqz(w, not_so[i]))
			return false;
	return str_eqz(w, "people") || (w.len > 2 && w.p[w.len - 1] == 's');
}

static void put_singular(struct buf *b, struct str w)
{
	static const char *const hissing[] = {"sses", "shes", "ches", "xes"};

	if (str_eqz(w, "people")) {
		buf_addz(b, "person");
		return;
	}
	if (str_ends(w, STR("ies"))) {
		buf_add(b, str_sub(w, 0, w.len - 3));
		buf_addc(b, 'y');
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(hissing); i++)
		if (str_ends(w, str_of(hissing[i]))) {
			buf_add(b, str_sub(w, 0, w.len - 2));
			return;
		}
	buf_add(b, str_sub(w, 0, w.len - 1));
}

size_t words_count(struct buf *b, struct str number, struct str rest)
{
	size_t at = 0;

	if (str_eqz(number, "1") && str_starts(rest, STR(" times")) &&
	    (rest.len == 6 || !is_lower(rest.p[6]))) {
		buf_addz(b, "once");
		return 6;
	}
	buf_add(b, number);
	if (!str_eqz(number, "1"))
		return 0;
	for (int n = 0; n < WORDS_AHEAD && at < rest.len && rest.p[at] == ' '; n++) {
		size_t end = at + 1;

		while (end < rest.len && is_lower(rest.p[end]))
			end++;
		if (end == at + 1 || str_eqz(str_sub(rest, at + 1, end), "of"))
			return 0;
		if (is_plural(str_sub(rest, at + 1, end))) {
			buf_add(b, str_sub(rest, 0, at + 1));
			put_singular(b, str_sub(rest, at + 1, end));
			return end;
		}
		at = end;
	}
	return 0;
}
