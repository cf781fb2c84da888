/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/line.h"
#include "base/base64.h"

bool line_take(struct str data, size_t *at, struct str *ret_line)
{
	size_t nl = *at < data.len ? str_chr(data, '\n', *at) : SIZE_MAX, end = nl;

	if (nl == SIZE_MAX)
		return false;
	if (end > *at && data.p[end - 1] == '\r')
		end--;
	*ret_line = str_n(data.p + *at, end - *at);
	*at = nl + 1;
	return true;
}

struct str line_word(struct str line, struct str *rest)
{
	struct str word = str_cut(line, ' ', rest);

	*rest = rest->p ? str_trim(*rest) : str_sub(line, line.len, line.len);
	return word;
}

bool line_text(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 && c != '\t' && c != '\r' && c != '\n')
			return false;
	}
	return true;
}

void line_plain_user(struct str b64, struct text *ret_user)
{
	char plain[256];
	struct str all = str_n(plain, base64_decode(b64, plain, sizeof(plain))), rest;

	str_cut(all, 0, &rest);
	text_set(ret_user, str_cut(rest, 0, &rest));
}

void login_put(struct conn *c, const char *service, const char *method, struct str user,
	       enum login_end end)
{
	struct rec *r = conn_rec(c, "login", c->ts);

	rec_z(r, "service", service);
	rec_z(r, "method", method);
	if (user.len)
		rec_str(r, "user", user);
	if (end != LOGIN_UNKNOWN)
		rec_bool(r, "success", end == LOGIN_OK);
	rec_end(r);
}
