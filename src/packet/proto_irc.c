/* SPDX-License-Identifier: Apache-2.0 */
/* IRC: nick, user and channels; each JOIN is a record, as in Zeek's log. */
#include "packet/line.h"

struct irc {
	struct text nick, user;
};

static enum sniff_result irc_sniff(const struct sniff *s)
{
	static const char *const first[] = {"NICK ", "USER ", "CAP LS", "PASS "};
	struct str d = s->data, line, rest;
	bool nick = false, user = false, begins = false;
	size_t at = 0;

	if (s->dir == DIR_RESP)
		return SNIFF_NO;
	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		struct str f = str_sub(str_of(first[i]), 0, d.len);

		begins |= memcmp(d.p, f.p, f.len) == 0;
	}
	if (!begins)
		return SNIFF_NO;
	while (line_take(d, &at, &line)) {
		struct str word = line_word(line, &rest);

		nick |= str_eqz(word, "NICK");
		/* Four arguments tell it from FTP's and POP3's USER. */
		user |= str_eqz(word, "USER") && str_find(rest, STR(" :")) != SIZE_MAX;
	}
	return nick && user ? SNIFF_YES : d.len < 1024 ? SNIFF_MORE : SNIFF_NO;
}

static void put(struct conn *c, const struct irc *s, const char *command, struct str value,
		struct str addl)
{
	struct rec *r = conn_rec(c, "irc", c->ts);

	text_put(r, "nick", &s->nick);
	text_put(r, "user", &s->user);
	rec_z(r, "command", command);
	rec_str(r, "value", value);
	if (addl.len)
		rec_str(r, "addl", addl);
	rec_end(r);
}

static int64_t irc_stream(struct conn *c, enum dir d, struct str data)
{
	struct irc *s = c->state;
	struct str line, arg, word, rest;
	size_t at = 0;

	if (d == DIR_RESP)
		return (int64_t)data.len;
	while (line_take(data, &at, &line)) {
		word = line_word(line, &arg);
		if (str_ieqz(word, "NICK")) {
			put(c, s, "NICK", arg, str_n(NULL, 0));
			text_set(&s->nick, arg);
		} else if (str_ieqz(word, "USER")) {
			struct str name = line_word(arg, &rest);

			put(c, s, "USER", name, rest);
			text_set(&s->user, name);
		} else if (str_ieqz(word, "JOIN")) {
			put(c, s, "JOIN", line_word(arg, &rest), str_n(NULL, 0));
		}
	}
	return (int64_t)at;
}

static bool irc_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)c;
	(void)d;
	(void)n;
	return true;
}

const struct proto_ops proto_irc = {
	.name = "irc",
	.transports = PROTO_TCP,
	.ports = {6667, 6666, 6668, 6669},
	.state_size = sizeof(struct irc),
	.sniff = irc_sniff,
	.stream = irc_stream,
	.gap = irc_gap,
};
