/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP: log-ins in the clear, and STARTTLS. Once signed in, mails are passed over. */
#include "packet/line.h"

struct imap {
	struct text user, tag; /* of the log-in that waits for its answer */
	struct text tls_tag;
	const char *method;
	bool plain; /* the client's next line is its PLAIN */
	bool mail;
};

static enum sniff_result imap_sniff(const struct sniff *s)
{
	struct str d = s->data, head = str_sub(STR("* OK "), 0, d.len), line;
	size_t at = 0;

	if (s->dir != DIR_RESP || memcmp(d.p, head.p, head.len) != 0)
		return SNIFF_NO;
	if (!line_take(d, &at, &line))
		return d.len < 1024 ? SNIFF_MORE : SNIFF_NO;
	return s->hinted || str_find(line, STR("IMAP")) != SIZE_MAX ? SNIFF_YES : SNIFF_NO;
}

/* The name of LOGIN, quoted or not. */
static struct str login_name(struct str arg)
{
	struct str rest;

	if (arg.len && arg.p[0] == '"')
		return str_cut(str_sub(arg, 1, arg.len), '"', &rest);
	return line_word(arg, &rest);
}

static void command(struct imap *s, struct str line)
{
	struct str arg, tag = line_word(line, &arg), verb;

	if (s->plain) {
		line_plain_user(line, &s->user);
		s->plain = false;
		return;
	}
	verb = line_word(arg, &arg);
	if (str_ieqz(verb, "LOGIN")) {
		text_set(&s->tag, tag);
		text_set(&s->user, login_name(arg));
		s->method = "LOGIN";
	} else if (str_ieqz(verb, "AUTHENTICATE")) {
		struct str b64, method = line_word(arg, &b64);

		if (!str_ieqz(method, "PLAIN"))
			return;
		text_set(&s->tag, tag);
		s->method = "PLAIN";
		s->plain = !b64.len;
		if (b64.len)
			line_plain_user(b64, &s->user);
	} else if (str_ieqz(verb, "STARTTLS")) {
		text_set(&s->tls_tag, tag);
	}
}

static void reply(struct conn *c, struct imap *s, struct str line)
{
	struct str word, tag = line_word(line, &word);
	bool ok = word.len >= 2 && str_ieqz(str_sub(word, 0, 2), "OK");

	if (s->tls_tag.n && str_eq(tag, text_str(&s->tls_tag))) {
		s->tls_tag.n = 0;
		if (ok)
			conn_again(c);
	} else if (s->tag.n && str_eq(tag, text_str(&s->tag))) {
		s->tag.n = 0;
		s->plain = false;
		login_put(c, "imap", s->method, text_str(&s->user),
			  ok ? LOGIN_OK : LOGIN_FAILED);
		s->mail = ok;
	}
}

static int64_t imap_stream(struct conn *c, enum dir d, struct str data)
{
	struct imap *s = c->state;
	size_t at = 0;
	struct str line;

	if (s->mail)
		return (int64_t)data.len;
	while (!c->again && !s->mail && line_take(data, &at, &line)) {
		if (!line_text(line))
			return STREAM_FAIL;
		if (d == DIR_ORIG)
			command(s, line);
		else
			reply(c, s, line);
	}
	return (int64_t)at;
}

static bool imap_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)d;
	(void)n;
	return ((struct imap *)c->state)->mail;
}

static void imap_close(struct conn *c)
{
	struct imap *s = c->state;

	if (s->tag.n)
		login_put(c, "imap", s->method, text_str(&s->user), LOGIN_UNKNOWN);
}

const struct proto_ops proto_imap = {
	.name = "imap",
	.transports = PROTO_TCP,
	.ports = {143},
	.state_size = sizeof(struct imap),
	.sniff = imap_sniff,
	.stream = imap_stream,
	.gap = imap_gap,
	.close = imap_close,
};
