/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL: who opens which database, by what way, and whether he got in, as Zeek's log has
 * it; a password in the clear is told of as "login". Queries are not told.
 */
#include "packet/line.h"

#define SSL_REQUEST 80877103U
#define GSS_REQUEST 80877104U
#define VERSION_3   0x00030000U
#define MESSAGE	    8192

struct postgresql {
	bool started, tls, clear, through;
	struct text user, database, app;
	int64_t ts;
};

static enum sniff_result postgresql_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	uint32_t code;

	if (s->dir != DIR_ORIG || p[0])
		return SNIFF_NO;
	if (s->data.len < 8)
		return SNIFF_MORE;
	code = be32(p + 4);
	if (be32(p) == 8)
		return code == SSL_REQUEST || code == GSS_REQUEST ? SNIFF_YES : SNIFF_NO;
	return be32(p) > 8 && be32(p) < MESSAGE && code == VERSION_3 ? SNIFF_YES : SNIFF_NO;
}

static void startup(struct conn *c, struct postgresql *s, struct str m)
{
	s->started = true;
	s->ts = c->ts;
	while (m.len && m.p[0]) {
		struct str name = str_cut(m, 0, &m), value = m.p ? str_cut(m, 0, &m) : m;

		if (str_eqz(name, "user"))
			text_set(&s->user, value);
		else if (str_eqz(name, "database"))
			text_set(&s->database, value);
		else if (str_eqz(name, "application_name"))
			text_set(&s->app, value);
	}
}

static int64_t client(struct conn *c, struct postgresql *s, struct str d)
{
	const uint8_t *p = (const uint8_t *)d.p;
	uint32_t len, code;

	if (s->started)
		return (int64_t)d.len; /* passwords and queries */
	if (d.len < 8)
		return 0;
	len = be32(p);
	code = be32(p + 4);
	if (len < 8 || len > MESSAGE)
		return STREAM_FAIL;
	if (d.len < len)
		return 0;
	if (code == VERSION_3)
		startup(c, s, str_n(d.p + 8, len - 8));
	else if (code == SSL_REQUEST)
		s->tls = true;
	else if (code != GSS_REQUEST)
		return STREAM_FAIL;
	return len;
}

static void ended(struct conn *c, struct postgresql *s, bool ok, struct str error)
{
	struct rec *r = conn_rec(c, "postgresql", s->ts);

	text_put(r, "user", &s->user);
	text_put(r, "database", &s->database);
	text_put(r, "application_name", &s->app);
	rec_z(r, "frontend", "startup");
	rec_bool(r, "success", ok);
	if (error.len)
		rec_str(r, "backend_arg", error);
	rec_end(r);
	s->through = true;
	if (s->clear)
		login_put(c, "postgresql", "password", text_str(&s->user),
			  ok ? LOGIN_OK : LOGIN_FAILED);
}

/* The text of an error: fields of a letter and a text, 'M' is for people. */
static struct str error_text(struct str m)
{
	while (m.len && m.p[0]) {
		struct str field = str_cut(m, 0, &m);

		if (field.p[0] == 'M')
			return str_sub(field, 1, field.len);
	}
	return str_n(NULL, 0);
}

static int64_t server(struct conn *c, struct postgresql *s, struct str d)
{
	size_t at = 0;

	if (!s->started) { /* one letter: whether there will be TLS */
		if (d.p[0] == 'S' && s->tls)
			conn_again(c);
		return 1;
	}
	while (!s->through && d.len - at >= 5) {
		const uint8_t *p = (const uint8_t *)d.p + at;
		uint32_t len = be32(p + 1);

		if (len < 4 || len > MESSAGE)
			return STREAM_FAIL;
		if (d.len - at - 1 < len)
			break;
		if (p[0] == 'R' && len >= 8 && be32(p + 5) == 3)
			s->clear = true;
		else if (p[0] == 'R' && len >= 8 && be32(p + 5) == 0)
			ended(c, s, true, str_n(NULL, 0));
		else if (p[0] == 'E')
			ended(c, s, false, error_text(str_n((const char *)p + 5, len - 4)));
		at += 1 + len;
	}
	return s->through ? (int64_t)d.len : (int64_t)at;
}

static int64_t postgresql_stream(struct conn *c, enum dir d, struct str data)
{
	struct postgresql *s = c->state;

	if (s->through)
		return (int64_t)data.len;
	return d == DIR_ORIG ? client(c, s, data) : server(c, s, data);
}

static bool postgresql_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct postgresql *s = c->state;

	(void)n;
	return s->through || (d == DIR_ORIG && s->started);
}

const struct proto_ops proto_postgresql = {
	.name = "postgresql",
	.transports = PROTO_TCP,
	.ports = {5432},
	.state_size = sizeof(struct postgresql),
	.sniff = postgresql_sniff,
	.stream = postgresql_stream,
	.gap = postgresql_gap,
};
