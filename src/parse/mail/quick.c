/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/mail/quick.h"
#include "base/timeutil.h"

#define FROM_LINE_MAX ((size_t)512)

/*
 * A sentence that starts with "From" must not cut a message: programs that write mbox put a
 * time of day on the line, people seldom do.
 */
bool mail_from_line(struct str line)
{
	if (!str_starts(line, STR("From ")) || line.len > FROM_LINE_MAX)
		return false;
	for (size_t i = 5; i + 5 <= line.len; i++)
		if (line.p[i + 2] == ':' && digit_c(line.p[i]) && digit_c(line.p[i + 1]) &&
		    digit_c(line.p[i + 3]) && digit_c(line.p[i + 4]))
			return true;
	return false;
}

struct str mail_strip_from(struct str rec)
{
	struct str line, rest;

	if (!str_starts(rec, STR("From ")))
		return rec;
	line = str_cut(rec, '\n', &rest);
	(void)line;
	return rest;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.len > 0;
}

bool mail_head_next(struct str msg, size_t *pos, struct str *ret_name, struct str *ret_value)
{
	size_t end = MIN(msg.len, MAIL_HEAD_MAX);

	while (*pos < end) {
		size_t start = *pos, nl, next, colon;
		struct str name;

		if (msg.p[start] == '\n' ||
		    (msg.p[start] == '\r' && start + 1 < end && msg.p[start + 1] == '\n'))
			return false;
		for (next = start;; next = nl + 1) {
			nl = str_chr(str_n(msg.p, end), '\n', next);
			if (nl == SIZE_MAX)
				nl = end;
			if (nl + 1 >= end || (msg.p[nl + 1] != ' ' && msg.p[nl + 1] != '\t'))
				break;
		}
		*pos = MIN(nl + 1, end);
		colon = str_chr(str_n(msg.p, nl), ':', start);
		if (colon == SIZE_MAX)
			continue;
		name = str_trim(str_sub(msg, start, colon));
		if (!is_name(name))
			continue;
		*ret_name = name;
		*ret_value = str_trim(str_sub(msg, colon + 1, nl));
		return true;
	}
	return false;
}

struct str mail_received_date(struct str value)
{
	for (size_t i = value.len; i-- > 0;)
		if (value.p[i] == ';')
			return str_trim(str_sub(value, i + 1, value.len));
	return (struct str){NULL, 0};
}

bool mail_date(struct str raw, int64_t *ret_ns)
{
	char tmp[128];
	size_t n = 0;

	for (size_t i = 0; i < raw.len && n < sizeof(tmp); i++) {
		char c = raw.p[i];

		tmp[n++] = c == '\t' || c == '\r' || c == '\n' ? ' ' : c;
	}
	return time_parse_mail(str_n(tmp, n), ret_ns);
}

/* Whether decoding leaves the text as it is. */
static bool plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c > '~')
			return false;
	}
	return s.len <= 128;
}

bool mail_quick_time(struct str rec, int64_t *ret_known)
{
	struct str msg = mail_strip_from(rec), name, value;
	bool have_date = false, have_received = false;
	size_t pos = 0;
	int64_t date = 0;

	while (mail_head_next(msg, &pos, &name, &value)) {
		if (!have_received && str_ieqz(name, "Received")) {
			value = mail_received_date(value);
			have_received = true;
			if (!plain(value))
				return false;
			if (mail_date(value, ret_known))
				return true;
		} else if (!have_date && str_ieqz(name, "Date")) {
			have_date = mail_date(value, &date);
			if (!have_date || !plain(value))
				return false;
		}
		if (have_date && have_received)
			break;
	}
	if (have_date)
		*ret_known = date;
	return have_date;
}
