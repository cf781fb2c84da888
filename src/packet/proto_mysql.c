/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL and MariaDB: the log-in and its end, as Zeek's log has them, and TLS asked for within.
 * Queries are not told: they hold what the database holds.
 */
#include "packet/line.h"

#define CAP_SSL 0x800U
#define MESSAGE 4096

struct mysql {
	bool greeted, asked, through;
	struct text user;
	int64_t ts;
};

static enum sniff_result mysql_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	/* The server's greeting: length, number 0, version 10, its own version as text. */
	if (s->dir != DIR_RESP)
		return SNIFF_NO;
	if (s->data.len < 6)
		return SNIFF_MORE;
	return !p[2] && !p[3] && p[4] == 10 && p[5] >= '3' && p[5] <= '9' && le16(p) > 20 &&
			       le16(p) < 512
		       ? SNIFF_YES
		       : SNIFF_NO;
}

static void put(struct conn *c, const struct mysql *s, const char *command, struct str arg,
		bool ok, struct str response)
{
	struct rec *r = conn_rec(c, "mysql", s->ts);

	rec_z(r, "cmd", command);
	rec_str(r, "arg", arg);
	rec_bool(r, "success", ok);
	if (response.len)
		rec_str(r, "response", response);
	rec_end(r);
}

/* The log-in, or the wish for TLS: capabilities, sizes, 23 unused bytes, name. */
static void from_client(struct conn *c, struct mysql *s, struct str m)
{
	const uint8_t *p = (const uint8_t *)m.p;
	struct str rest;

	if (s->asked || m.len < 32)
		return;
	if (m.len == 32 && le32(p) & CAP_SSL) {
		s->through = true;
		conn_again(c);
		return;
	}
	s->asked = true;
	s->ts = c->ts;
	text_set(&s->user, str_cut(str_sub(m, 32, m.len), 0, &rest));
}

static void from_server(struct conn *c, struct mysql *s, struct str m)
{
	const uint8_t *p = (const uint8_t *)m.p;

	if (!s->greeted) {
		s->greeted = true;
		return;
	}
	if (!s->asked || !m.len || (p[0] && p[0] != 0xff))
		return;
	s->through = true;
	/* Of an error: code, '#' and a state of five letters, text. */
	put(c, s, "login", text_str(&s->user), !p[0],
	    p[0] ? str_sub(m, 9, m.len) : str_n(NULL, 0));
}

static int64_t mysql_stream(struct conn *c, enum dir d, struct str data)
{
	struct mysql *s = c->state;
	size_t at = 0;

	if (s->through)
		return (int64_t)data.len;
	while (!s->through && data.len - at >= 4) {
		const uint8_t *p = (const uint8_t *)data.p + at;
		size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16;

		if (len > MESSAGE)
			return STREAM_FAIL;
		if (data.len - at - 4 < len)
			break;
		if (d == DIR_ORIG)
			from_client(c, s, str_n((const char *)p + 4, len));
		else
			from_server(c, s, str_n((const char *)p + 4, len));
		at += 4 + len;
	}
	return (int64_t)at;
}

static bool mysql_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)d;
	(void)n;
	return ((struct mysql *)c->state)->through;
}

const struct proto_ops proto_mysql = {
	.name = "mysql",
	.transports = PROTO_TCP,
	.ports = {3306},
	.state_size = sizeof(struct mysql),
	.sniff = mysql_sniff,
	.stream = mysql_stream,
	.gap = mysql_gap,
};
