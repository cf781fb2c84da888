/* SPDX-License-Identifier: Apache-2.0 */
/* POP3: log-ins in the clear, and STLS. Once signed in or refused, mails are passed over. */
#include "packet/line.h"

struct pop3 {
	struct text user;
	const char *method; /* of the log-in that waits for its answer */
	unsigned asked, answered, login_no, tls_no;
	bool mail; /* what the server says need not be lines of replies any more */
};

static enum sniff_result pop3_sniff(const struct sniff *s)
{
	struct str d = s->data, line;
	size_t at = 0;

	if (s->dir != DIR_RESP || memcmp(d.p, "+OK", MIN(d.len, 3)) != 0)
		return SNIFF_NO;
	if (!line_take(d, &at, &line))
		return d.len < 512 ? SNIFF_MORE : SNIFF_NO;
	/* Redis answers +OK too, but never first. */
	return line.len == 3 || line.p[3] == ' ' ? SNIFF_YES : SNIFF_NO;
}

static void command(struct pop3 *s, struct str line)
{
	struct str arg, verb = line_word(line, &arg);

	s->asked++;
	if (str_ieqz(verb, "USER")) {
		text_set(&s->user, arg);
	} else if (str_ieqz(verb, "PASS")) {
		s->method = "PASS";
		s->login_no = s->asked;
	} else if (str_ieqz(verb, "AUTH")) {
		struct str b64, method = line_word(arg, &b64);

		if (!str_ieqz(method, "PLAIN") || !b64.len)
			return;
		line_plain_user(b64, &s->user);
		s->method = "PLAIN";
		s->login_no = s->asked;
	} else if (str_ieqz(verb, "STLS")) {
		s->tls_no = s->asked;
	}
}

static void reply(struct conn *c, struct pop3 *s, bool ok)
{
	unsigned no = s->answered++;

	if (s->tls_no && no >= s->tls_no) {
		s->tls_no = 0;
		if (ok)
			conn_again(c);
	} else if (s->login_no && no >= s->login_no) {
		login_put(c, "pop3", s->method, text_str(&s->user),
			  ok ? LOGIN_OK : LOGIN_FAILED);
		s->login_no = 0;
		s->mail = ok;
	}
}

static int64_t pop3_stream(struct conn *c, enum dir d, struct str data)
{
	struct pop3 *s = c->state;
	size_t at = 0;
	struct str line;

	if (s->mail)
		return (int64_t)data.len;
	while (!c->again && !s->mail && line_take(data, &at, &line)) {
		if (!line_text(line))
			return STREAM_FAIL;
		if (d == DIR_ORIG)
			command(s, line);
		else if (str_starts(line, STR("+OK")) || str_starts(line, STR("-ERR")))
			reply(c, s, line.p[0] == '+');
		else if (str_starts(line, STR("+ ")))
			s->answered++; /* and the client's next line is one more */
	}
	return (int64_t)at;
}

static bool pop3_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)d;
	(void)n;
	return ((struct pop3 *)c->state)->mail;
}

static void pop3_close(struct conn *c)
{
	struct pop3 *s = c->state;

	if (s->login_no)
		login_put(c, "pop3", s->method, text_str(&s->user), LOGIN_UNKNOWN);
}

const struct proto_ops proto_pop3 = {
	.name = "pop3",
	.transports = PROTO_TCP,
	.ports = {110},
	.state_size = sizeof(struct pop3),
	.sniff = pop3_sniff,
	.stream = pop3_stream,
	.gap = pop3_gap,
	.close = pop3_close,
};
