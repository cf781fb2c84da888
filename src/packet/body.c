/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/body.h"

static size_t blanks(struct str s, size_t at)
{
	while (at < s.len &&
	       (s.p[at] == ' ' || s.p[at] == '\t' || s.p[at] == '\n' || s.p[at] == '\r'))
		at++;
	return at;
}

/* Where the value of "name": begins, or SIZE_MAX. */
static size_t value_at(struct str s, const char *name)
{
	struct str key = str_of(name), part = s;
	size_t off = 0;

	for (;;) {
		size_t at = str_find(part, key), end;

		if (at == SIZE_MAX)
			return SIZE_MAX;
		off += at;
		end = off + key.len;
		if (off && s.p[off - 1] == '"' && end < s.len && s.p[end] == '"') {
			size_t colon = blanks(s, end + 1);

			if (colon < s.len && s.p[colon] == ':')
				return blanks(s, colon + 1);
		}
		off = end;
		part = str_sub(s, off, s.len);
	}
}

/* The string that begins at `at`, *ret_end behind it. */
static struct str string_at(struct str s, size_t at, size_t *ret_end)
{
	size_t end = at + 1;

	if (at >= s.len || s.p[at] != '"')
		return str_n(NULL, 0);
	while (end < s.len && s.p[end] != '"')
		end += s.p[end] == '\\' ? 2 : 1;
	if (end >= s.len)
		return str_n(NULL, 0);
	*ret_end = end + 1;
	return str_sub(s, at + 1, end);
}

struct str body_string(struct str text, const char *name)
{
	size_t at = value_at(text, name), end;

	return at == SIZE_MAX ? str_n(NULL, 0) : string_at(text, at, &end);
}

struct str body_param(struct str text, unsigned n)
{
	size_t at = value_at(text, "params");
	struct str v = {NULL, 0};

	if (at == SIZE_MAX || at >= text.len || text.p[at] != '[')
		return v;
	for (unsigned i = 0; i <= n; i++) {
		at = blanks(text, at + 1);
		v = string_at(text, at, &at);
		if (!v.p)
			return v;
		at = blanks(text, at);
		if (i < n && (at >= text.len || text.p[at] != ','))
			return str_n(NULL, 0);
	}
	return v;
}

/* The local name of the first element in <...:Body>. */
static struct str soap_method(struct str s)
{
	size_t at = str_find(s, STR("Envelope")), body, from, end;

	if (at == SIZE_MAX || !s.len || s.p[0] != '<')
		return str_n(NULL, 0);
	body = str_find(s, STR(":Body"));
	from = body == SIZE_MAX ? SIZE_MAX : str_chr(s, '<', body);
	if (from == SIZE_MAX)
		return str_n(NULL, 0);
	for (end = ++from; end < s.len && s.p[end] > ' ' && s.p[end] != '>' && s.p[end] != '/';
	     end++)
		if (s.p[end] == ':')
			from = end + 1;
	return str_sub(s, from, end);
}

struct str body_method(struct str text)
{
	size_t at = blanks(text, 0);

	if (at < text.len && text.p[at] == '<')
		return soap_method(str_sub(text, at, text.len));
	if (at < text.len && (text.p[at] == '{' || text.p[at] == '['))
		return body_string(text, "method");
	return str_n(NULL, 0);
}

struct str body_element(struct str s, const char *name)
{
	struct str key = str_of(name);
	size_t at = 0, end;

	for (;;) {
		size_t found = str_find(str_sub(s, at, s.len), key);

		if (found == SIZE_MAX)
			return str_n(NULL, 0);
		at += found;
		end = at + key.len;
		if (at && (s.p[at - 1] == '<' || s.p[at - 1] == ':') && end < s.len &&
		    (s.p[end] == '>' || s.p[end] == ' '))
			break;
		at = end;
	}
	end = str_chr(s, '>', end);
	if (end == SIZE_MAX)
		return str_n(NULL, 0);
	s = str_sub(s, end + 1, s.len);
	return str_trim(str_sub(s, 0, str_chr(s, '<', 0)));
}

bool body_mines(struct str text)
{
	static const char *const names[] = {
		"mining.subscribe", "mining.authorize",
		"mining.submit",    "mining.extranonce.subscribe",
		"mining.configure", "eth_submitLogin",
		"eth_submitWork",   "eth_submitHashrate",
		"eth_getWork",	    "getblocktemplate",
		"getwork",
	};
	struct str method = body_string(text, "method");

	for (size_t i = 0; method.p && i < ARRAY_LEN(names); i++)
		if (str_eqz(method, names[i]))
			return true;
	/* Monero's: log-in with a wallet, then submit of a job. */
	if (method.p && str_eqz(method, "login"))
		return body_string(text, "login").p && body_string(text, "pass").p;
	return method.p && str_eqz(method, "submit") && body_string(text, "job_id").p &&
	       body_string(text, "nonce").p;
}
