/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMTP: a record a mail, written when the server has answered its end; one when the session
 * goes over to TLS, and one when it ends in the middle. Of a mail the head is read, and what
 * files its body holds (packet/attach). A log-in without encryption is told of as "login".
 */
#include "base/base64.h"
#include "packet/attach.h"

#define RCPT_MAX 24

enum field {
	DATE,
	FROM,
	TO,
	CC,
	REPLY_TO,
	MSG_ID,
	IN_REPLY_TO,
	SUBJECT,
	ORIGIN,
	AGENT,
	RECEIVED1,
	RECEIVED2,
	FIELDS,
	NONE = FIELDS
};

static const struct {
	const char *header, *key;
} names[FIELDS] = {
	[DATE] = {"date", "date"},
	[FROM] = {"from", "from"},
	[TO] = {"to", "to"},
	[CC] = {"cc", "cc"},
	[REPLY_TO] = {"reply-to", "reply_to"},
	[MSG_ID] = {"message-id", "msg_id"},
	[IN_REPLY_TO] = {"in-reply-to", "in_reply_to"},
	[SUBJECT] = {"subject", "subject"},
	[ORIGIN] = {"x-originating-ip", "x_originating_ip"},
	[AGENT] = {"user-agent", "user_agent"},
	[RECEIVED1] = {"received", "first_received"},
	[RECEIVED2] = {NULL, "second_received"},
};

enum part { COMMAND, AUTH_NAME, AUTH_SECRET, HEAD, BODY };

struct smtp {
	enum part part;
	bool tls, open, auth_plain;
	bool middle;	/* of a line of a body */
	bool part_head; /* of the body: fields of a part */
	unsigned depth, nrcpt;
	/* Lines that want a reply are numbered from 1; the greeting is the reply to none. */
	unsigned asked, answered;
	unsigned tls_no, data_no, mail_no, auth_no; /* 0: nothing waits for that reply */
	uint8_t field;	/* of the head, to which a folded line belongs */
	uint64_t chunk; /* of BDAT */
	int64_t ts;
	struct text helo, from, reply, user, f[FIELDS];
	struct text rcpt[RCPT_MAX];
	const char *method;
	struct attach files;
};

static bool is_greeting(struct str line)
{
	static const char *const says[] = {"SMTP",    "smtp", "ESMTP",
					   "Postfix", "Exim", "sendmail"};

	for (size_t i = 0; i < ARRAY_LEN(says); i++)
		if (str_find(line, str_of(says[i])) != SIZE_MAX)
			return true;
	return false;
}

static enum sniff_result smtp_sniff(const struct sniff *s)
{
	struct str d = s->data, head = str_sub(d, 0, 5), line;
	size_t at = 0;

	if (s->dir == DIR_RESP) {
		if (memcmp(d.p, "220 ", MIN(d.len, 3)) != 0)
			return SNIFF_NO;
		if (!line_take(d, &at, &line))
			return d.len < 512 ? SNIFF_MORE : SNIFF_NO;
		return s->hinted || is_greeting(line) ? SNIFF_YES : SNIFF_NO;
	}
	if (head.len < 5)
		return str_ieq(head, str_sub(STR("EHLO "), 0, head.len)) ||
				       str_ieq(head, str_sub(STR("HELO "), 0, head.len))
			       ? SNIFF_MORE
			       : SNIFF_NO;
	return str_ieqz(head, "EHLO ") || str_ieqz(head, "HELO ") ? SNIFF_YES : SNIFF_NO;
}

/* The address in <...> of MAIL FROM and RCPT TO, or the word. */
static struct str address(struct str arg)
{
	size_t lt = str_chr(arg, '<', 0), gt = str_chr(arg, '>', 0), colon;
	struct str rest;

	if (lt != SIZE_MAX && gt != SIZE_MAX && gt > lt)
		return str_sub(arg, lt + 1, gt);
	colon = str_chr(arg, ':', 0);
	return line_word(str_trim(str_sub(arg, colon == SIZE_MAX ? 0 : colon + 1, arg.len)),
			 &rest);
}

static void put_list(struct rec *r, const char *key, const struct text *t)
{
	struct str rest = text_str(t);

	if (!t->n)
		return;
	rec_list(r, key);
	while (rest.p) {
		struct str one = str_trim(str_cut(rest, ',', &rest));

		if (one.len)
			rec_str(r, NULL, one);
	}
	rec_list_end(r);
}

/* The path a mail took: this connection's two ends; what the head claims stays in its fields.
 */
static void put_path(struct conn *c, struct rec *r)
{
	rec_list(r, "path");
	rec_ip(r, NULL, conn_ip(c, DIR_RESP));
	rec_ip(r, NULL, conn_ip(c, DIR_ORIG));
	rec_list_end(r);
}

static void write_smtp(struct conn *c, struct smtp *s)
{
	struct rec *r = conn_rec(c, "smtp", s->ts ? s->ts : c->ts);

	s->open = false;
	rec_u64(r, "trans_depth", ++s->depth);
	text_put(r, "helo", &s->helo);
	text_put(r, "mailfrom", &s->from);
	if (s->nrcpt) {
		rec_list(r, "rcptto");
		for (unsigned i = 0; i < s->nrcpt; i++)
			rec_str(r, NULL, text_str(&s->rcpt[i]));
		rec_list_end(r);
	}
	for (unsigned i = 0; i < FIELDS; i++)
		if (i == TO || i == CC)
			put_list(r, names[i].key, &s->f[i]);
		else
			text_put(r, names[i].key, &s->f[i]);
	text_put(r, "last_reply", &s->reply);
	put_path(c, r);
	rec_bool(r, "tls", s->tls);
	if (s->files.nfiles) {
		rec_list(r, "fuids");
		for (unsigned i = 0; i < s->files.nfiles; i++)
			rec_z(r, NULL, s->files.ids[i]);
		rec_list_end(r);
	}
	rec_end(r);
	s->files.nfiles = 0;
	s->from.n = 0;
	s->nrcpt = 0;
	s->ts = 0;
	for (unsigned i = 0; i < FIELDS; i++)
		s->f[i].n = 0;
}

/* The name, as the client's method sends it; LOGIN sends the password in a line of its own. */
static void auth_name(struct smtp *s, struct str b64)
{
	char name[256];

	if (s->auth_plain)
		line_plain_user(b64, &s->user);
	else
		text_set(&s->user, str_n(name, base64_decode(b64, name, sizeof(name))));
	s->part = s->auth_plain ? COMMAND : AUTH_SECRET;
}

static void auth(struct smtp *s, struct str arg)
{
	struct str initial, method = line_word(arg, &initial);

	s->auth_no = s->asked;
	s->user.n = 0;
	s->method = str_ieqz(method, "PLAIN")	? "PLAIN"
		    : str_ieqz(method, "LOGIN") ? "LOGIN"
						: NULL;
	if (!s->method)
		return; /* a challenge or a token: nothing in the clear */
	s->auth_plain = s->method[0] == 'P';
	if (initial.len)
		auth_name(s, initial);
	else
		s->part = AUTH_NAME;
}

static void auth_line(struct smtp *s, struct str line)
{
	s->asked++;
	if (s->part == AUTH_SECRET || str_eqz(line, "*"))
		s->part = COMMAND;
	else
		auth_name(s, line);
}

static void command(struct conn *c, struct smtp *s, struct str line)
{
	struct str arg, verb = line_word(line, &arg);
	int64_t n;

	s->asked++;
	if (str_ieqz(verb, "EHLO") || str_ieqz(verb, "HELO")) {
		text_set(&s->helo, arg);
	} else if (str_ieqz(verb, "MAIL")) {
		if (s->open)
			write_smtp(c, s);
		s->open = true;
		s->ts = c->ts;
		text_set(&s->from, address(arg));
	} else if (str_ieqz(verb, "RCPT")) {
		if (s->nrcpt < RCPT_MAX)
			text_set(&s->rcpt[s->nrcpt++], address(arg));
	} else if (str_ieqz(verb, "DATA")) {
		s->data_no = s->asked;
		s->part = HEAD;
		s->field = NONE;
		attach_end(c, &s->files, false);
		attach_begin(&s->files);
	} else if (str_ieqz(verb, "BDAT")) {
		struct str rest, size = line_word(arg, &rest);

		if (str_i64(size, &n) && n > 0)
			s->chunk = (uint64_t)n;
		if (str_ieqz(rest, "LAST"))
			s->mail_no = s->asked;
	} else if (str_ieqz(verb, "AUTH")) {
		auth(s, arg);
	} else if (str_ieqz(verb, "STARTTLS")) {
		s->tls_no = s->asked;
	} else if (str_ieqz(verb, "RSET") && s->open) {
		write_smtp(c, s);
	}
}

static uint8_t field_of(struct smtp *s, struct str name)
{
	if (str_ieqz(name, "x-mailer"))
		return AGENT;
	if (str_ieqz(name, "received"))
		return !s->f[RECEIVED1].n ? RECEIVED1 : !s->f[RECEIVED2].n ? RECEIVED2 : NONE;
	for (uint8_t i = 0; i < RECEIVED1; i++)
		if (str_ieqz(name, names[i].header))
			return s->f[i].n ? NONE : i;
	return NONE;
}

static void head_line(struct smtp *s, struct str line)
{
	struct str value, name;

	if (!line.len) {
		s->part = BODY;
		s->part_head = attach_body(&s->files);
		return;
	}
	attach_head(&s->files, line);
	if (line.p[0] == ' ' || line.p[0] == '\t') {
		if (s->field != NONE) {
			text_add(&s->f[s->field], STR(" "));
			text_add(&s->f[s->field], str_trim(line));
		}
		return;
	}
	name = str_trim(str_cut(line, ':', &value));
	s->field = value.p ? field_of(s, name) : NONE;
	if (s->field != NONE)
		text_set(&s->f[s->field], str_trim(value));
}

static void mail_ended(struct conn *c, struct smtp *s)
{
	s->part = COMMAND;
	s->mail_no = ++s->asked;
	s->part_head = false;
	attach_end(c, &s->files, true);
}

/* Whether a line that is not whole yet has to be waited for. */
static bool wait_line(const struct smtp *s, struct str line)
{
	if (s->middle)
		return false;
	/* It may be the end, a boundary, or a field of a part. */
	return line.len < 3 || (line.len < ATTACH_LINE &&
				(s->part_head || (line.p[0] == '-' && line.p[1] == '-')));
}

static void body_line(struct conn *c, struct smtp *s, struct str line, bool ends)
{
	struct str text = line;

	if (text.len && ends && text.p[text.len - 1] == '\r')
		text.len--;
	if (s->part_head && ends && !s->middle) {
		if (text.len)
			attach_head(&s->files, text);
		else
			s->part_head = attach_body(&s->files);
	} else if (!s->part_head) {
		s->part_head = attach_bytes(c, &s->files, line, !s->middle, ends);
	}
}

/* Bytes of a body, which need not be whole lines, up to its end; returns where it stopped. */
static size_t body(struct conn *c, struct smtp *s, struct str d, size_t at)
{
	while (at < d.len && s->part == BODY) {
		size_t nl = str_chr(d, '\n', at);
		struct str line = str_sub(d, at, nl == SIZE_MAX ? d.len : nl);

		if (nl == SIZE_MAX) {
			if (wait_line(s, line))
				return at;
			body_line(c, s, line, false);
			s->middle = true;
			return d.len;
		}
		if (!s->middle && (str_eqz(line, ".\r") || str_eqz(line, ".")))
			mail_ended(c, s);
		else
			body_line(c, s, line, true);
		s->middle = false;
		at = nl + 1;
	}
	return at;
}

static int64_t client(struct conn *c, struct smtp *s, struct str d)
{
	size_t at = 0;
	struct str line;

	for (;;) {
		if (s->chunk) {
			size_t n = (size_t)MIN(s->chunk, d.len - at);

			at += n;
			s->chunk -= n;
			if (s->chunk)
				break;
		}
		if (s->part == BODY) {
			at = body(c, s, d, at);
			if (s->part == BODY)
				break;
		}
		if (!line_take(d, &at, &line))
			break;
		if (s->part == HEAD && str_eqz(line, "."))
			mail_ended(c, s);
		else if (s->part == HEAD)
			head_line(s, line);
		else if (s->part == COMMAND)
			command(c, s, line);
		else
			auth_line(s, line);
	}
	return (int64_t)at;
}

static void tls_answered(struct conn *c, struct smtp *s, bool ok)
{
	s->tls_no = 0;
	if (!ok)
		return;
	s->tls = true;
	write_smtp(c, s);
	s->helo.n = 0;
	conn_again(c);
}

static void auth_answered(struct conn *c, struct smtp *s, bool ok)
{
	s->auth_no = 0;
	if (s->part == AUTH_NAME || s->part == AUTH_SECRET)
		s->part = COMMAND;
	if (s->method)
		login_put(c, "smtp", s->method, text_str(&s->user),
			  ok ? LOGIN_OK : LOGIN_FAILED);
}

static void reply(struct conn *c, struct smtp *s, struct str line)
{
	char first = line.p[0];
	unsigned no;

	text_set(&s->reply, line);
	if (line.len > 3 && line.p[3] == '-')
		return;
	if (!s->answered && s->asked && !str_starts(line, STR("220")))
		s->answered = 1; /* the greeting was missed */
	no = s->answered++;
	if (s->tls_no && no >= s->tls_no) {
		tls_answered(c, s, first == '2');
	} else if (s->auth_no && no >= s->auth_no && first != '3') {
		auth_answered(c, s, first == '2');
	} else if (s->data_no && no >= s->data_no) {
		s->data_no = 0;
		if (first != '3' && s->part == HEAD)
			s->part = COMMAND; /* refused: there will be no mail */
	} else if (s->mail_no && no >= s->mail_no) {
		s->mail_no = 0;
		if (s->open)
			write_smtp(c, s);
	}
}

static int64_t smtp_stream(struct conn *c, enum dir d, struct str data)
{
	struct smtp *s = c->state;
	size_t at = 0;
	struct str line;

	if (d == DIR_ORIG)
		return client(c, s, data);
	while (!c->again && line_take(data, &at, &line)) {
		if (line.len < 3 || line.p[0] < '1' || line.p[0] > '5')
			return STREAM_FAIL;
		reply(c, s, line);
	}
	return (int64_t)at;
}

/* A hole in a mail's body is none to us; elsewhere the next whole line is waited for. */
static bool smtp_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct smtp *s = c->state;

	if (d == DIR_ORIG) {
		s->chunk -= MIN(s->chunk, n);
		s->part_head = false;
		attach_lost(&s->files, n);
	}
	return true;
}

static void smtp_close(struct conn *c)
{
	struct smtp *s = c->state;

	attach_end(c, &s->files, false);
	if (s->open || (!s->depth && s->helo.n))
		write_smtp(c, s);
}

const struct proto_ops proto_smtp = {
	.name = "smtp",
	.transports = PROTO_TCP,
	.ports = {25, 587, 2525},
	.state_size = sizeof(struct smtp),
	.sniff = smtp_sniff,
	.stream = smtp_stream,
	.gap = smtp_gap,
	.close = smtp_close,
};
