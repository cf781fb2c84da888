/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FTP's control connection: a record for every command that touches a file, with the reply, and
 * "login" for a log-in in the clear. Data connections are announced here (PORT, PASV, EPRT,
 * EPSV) and recognised thereby.
 */
#include "packet/line.h"

#define WAIT_MAX 16

struct ask {
	struct text verb, arg;
	int64_t ts;
};

struct ftp {
	struct ask ask[WAIT_MAX]; /* commands without a reply, oldest first */
	unsigned nask;
	struct text user, cwd;
	bool passive, multi, tls;
	char code[3]; /* of a reply over several lines */
	struct ip data_ip;
	uint16_t data_port;
};

static const char *const told[] = {"APPE", "DELE", "RETR", "STOR", "STOU", "RNFR", "RNTO",
				   "MKD",  "RMD",  "SITE", "LIST", "NLST", "MLSD"};

static enum sniff_result ftp_sniff(const struct sniff *s)
{
	static const char *const first[] = {"USER ", "AUTH ", "FEAT\r", "SYST\r"};
	struct str d = s->data, line;
	size_t at = 0;

	if (s->dir == DIR_RESP) {
		if (memcmp(d.p, "220", MIN(d.len, 3)) != 0)
			return SNIFF_NO;
		if (!line_take(d, &at, &line))
			return d.len < 512 ? SNIFF_MORE : SNIFF_NO;
		return s->hinted || str_find(line, STR("FTP")) != SIZE_MAX ? SNIFF_YES
									   : SNIFF_NO;
	}
	if (!s->hinted)
		return SNIFF_NO;
	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		if (str_ieq(str_sub(d, 0, 5), str_sub(str_of(first[i]), 0, MIN(d.len, 5))))
			return d.len < 5 ? SNIFF_MORE : SNIFF_YES;
	return SNIFF_NO;
}

/* "h1,h2,h3,h4,p1,p2" */
static bool address_of(struct str s, struct ip *ret_ip, uint16_t *ret_port)
{
	unsigned v[6];

	for (unsigned i = 0; i < 6; i++) {
		struct str one = str_cut(s, ',', &s);
		int64_t n;

		if (!str_i64(str_trim(one), &n) || n < 0 || n > 255 || (i < 5 && !s.p))
			return false;
		v[i] = (unsigned)n;
	}
	*ret_ip = (struct ip){{[10] = 0xff,
			       [11] = 0xff,
			       [12] = (uint8_t)v[0],
			       [13] = (uint8_t)v[1],
			       [14] = (uint8_t)v[2],
			       [15] = (uint8_t)v[3]}};
	*ret_port = (uint16_t)(v[4] << 8 | v[5]);
	return true;
}

/* The port of "|2|address|port|" or "|||port|"; the address is the connection's own. */
static bool port_of(struct str s, uint16_t *ret_port)
{
	size_t end = s.len, from;
	int64_t n;

	while (end && (s.p[end - 1] < '0' || s.p[end - 1] > '9'))
		end--;
	from = end;
	while (from && s.p[from - 1] >= '0' && s.p[from - 1] <= '9')
		from--;
	if (!str_i64(str_sub(s, from, end), &n) || n < 1 || n > 65535)
		return false;
	*ret_port = (uint16_t)n;
	return true;
}

/*
 * Where data will go: who listens is told by the command, or by the reply. Two that talk of
 * others, or of a port of a known service, must not make us blind for what is said there: such
 * a connection is looked at as any other.
 */
static void data_at(struct conn *c, struct ftp *s, enum dir who, struct str arg, bool extended)
{
	s->data_ip = *conn_ip(c, who);
	if (extended ? !port_of(arg, &s->data_port)
		     : !address_of(arg, &s->data_ip, &s->data_port))
		return;
	s->passive = who == DIR_RESP;
	if (memcmp(&s->data_ip, conn_ip(c, who), sizeof(s->data_ip)) == 0)
		conn_expect(c, "ftp-data", &s->data_ip, s->data_port);
}

static void write_ftp(struct conn *c, struct ftp *s, const struct ask *a, struct str reply)
{
	struct rec *r = conn_rec(c, "ftp", a->ts);
	struct str text = str_trim(str_sub(reply, 3, reply.len));
	int64_t code;

	rec_str(r, "user", s->user.n ? text_str(&s->user) : STR("<unknown>"));
	rec_str(r, "command", text_str(&a->verb));
	text_put(r, "arg", &a->arg);
	text_put(r, "cwd", &s->cwd);
	if (str_i64(str_sub(reply, 0, 3), &code))
		rec_i64(r, "reply_code", code);
	if (text.len)
		rec_str(r, "reply_msg", text);
	if (s->data_port) {
		rec_bool(r, "data_channel.passive", s->passive);
		rec_ip(r, "data_channel.resp_h", &s->data_ip);
		rec_u64(r, "data_channel.resp_p", s->data_port);
		s->data_port = 0;
	}
	rec_end(r);
}

static void answered(struct conn *c, struct ftp *s, const struct ask *a, struct str reply)
{
	struct str verb = text_str(&a->verb), rest;
	bool ok = reply.p[0] == '2';

	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		if (str_eqz(verb, told[i]))
			write_ftp(c, s, a, reply);
	if (str_eqz(verb, "PASS") && !str_ieqz(text_str(&s->user), "anonymous") &&
	    (ok || reply.p[0] == '5'))
		login_put(c, "ftp", "PASS", text_str(&s->user), ok ? LOGIN_OK : LOGIN_FAILED);
	if (ok && str_eqz(verb, "CWD"))
		text_set(&s->cwd, text_str(&a->arg));
	if (str_eqz(verb, "PASV") && ok) {
		str_cut(reply, '(', &rest);
		data_at(c, s, DIR_RESP, str_cut(rest, ')', &rest), false);
	} else if (str_eqz(verb, "EPSV") && ok) {
		str_cut(reply, '(', &rest);
		data_at(c, s, DIR_RESP, str_cut(rest, ')', &rest), true);
	} else if (str_eqz(verb, "AUTH") && ok) {
		s->tls = true;
		conn_again(c);
	}
}

/* Whether what goes through the data connection is a file. */
static bool moves_file(struct str verb)
{
	static const char *const moves[] = {"RETR", "STOR", "APPE", "STOU"};

	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		if (str_eqz(verb, moves[i]))
			return true;
	return false;
}

static void command(struct conn *c, struct ftp *s, struct str line)
{
	struct str arg, verb = line_word(line, &arg);
	struct ask *a;

	if (s->nask == WAIT_MAX) { /* replies are missing: the oldest will have none */
		memmove(s->ask, s->ask + 1, sizeof(s->ask) - sizeof(s->ask[0]));
		s->nask--;
	}
	a = &s->ask[s->nask++];
	a->ts = c->ts;
	a->arg.n = 0;
	text_set(&a->verb, verb);
	for (unsigned i = 0; i < a->verb.n; i++)
		if (a->verb.p[i] >= 'a' && a->verb.p[i] <= 'z')
			a->verb.p[i] = (char)(a->verb.p[i] & ~0x20);
	verb = text_str(&a->verb);
	if (str_eqz(verb, "PASS") || str_eqz(verb, "ACCT"))
		return;
	text_set(&a->arg, arg);
	if (str_eqz(verb, "USER"))
		text_set(&s->user, arg);
	else if (str_eqz(verb, "PORT") || str_eqz(verb, "EPRT"))
		data_at(c, s, DIR_ORIG, arg, verb.p[0] == 'E');
	else if (s->data_port && moves_file(verb))
		conn_expect_name(c, &s->data_ip, s->data_port, arg.len ? arg : verb);
}

static void reply(struct conn *c, struct ftp *s, struct str line)
{
	struct ask a;

	if (s->multi) {
		s->multi =
			memcmp(line.p, s->code, 3) != 0 || (line.len > 3 && line.p[3] != ' ');
		if (s->multi)
			return;
	} else if (line.len > 3 && line.p[3] == '-') {
		s->multi = true;
		memcpy(s->code, line.p, 3);
		return;
	}
	if (line.p[0] == '1' || !s->nask) /* more will come; or the greeting */
		return;
	a = s->ask[0];
	s->nask--;
	memmove(s->ask, s->ask + 1, s->nask * sizeof(s->ask[0]));
	answered(c, s, &a, line);
}

static int64_t ftp_stream(struct conn *c, enum dir d, struct str data)
{
	struct ftp *s = c->state;
	size_t at = 0;
	struct str line;

	while (!c->again && line_take(data, &at, &line)) {
		if (!line_text(line))
			return STREAM_FAIL;
		if (d == DIR_ORIG)
			command(c, s, line);
		else if (line.len >= 3)
			reply(c, s, line);
	}
	return (int64_t)at;
}

static bool ftp_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct ftp *s = c->state;

	(void)n;
	if (d == DIR_RESP)
		s->nask = 0; /* whose replies these were cannot be told */
	return true;
}

static void ftp_close(struct conn *c)
{
	struct ftp *s = c->state;

	for (unsigned i = 0; i < s->nask && !s->tls; i++)
		if (str_eqz(text_str(&s->ask[i].verb), "PASS"))
			login_put(c, "ftp", "PASS", text_str(&s->user), LOGIN_UNKNOWN);
}

const struct proto_ops proto_ftp = {
	.name = "ftp",
	.transports = PROTO_TCP,
	.ports = {21, 2121},
	.state_size = sizeof(struct ftp),
	.sniff = ftp_sniff,
	.stream = ftp_stream,
	.gap = ftp_gap,
	.close = ftp_close,
};
