/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOCKS 4 and 5: who is to be called on whose behalf, and whether it was granted; then the
 * protocol within is looked for. A name is told, a password is not.
 */
#include "packet/line.h"

struct socks {
	uint8_t version;
	bool asked;
	struct text user, host;
	struct ip ip;
	uint16_t port;
	int64_t ts;
};

static enum sniff_result socks_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len;

	if (s->dir != DIR_ORIG)
		return SNIFF_NO;
	if (n < 3)
		return p[0] == 4 || p[0] == 5 ? SNIFF_MORE : SNIFF_NO;
	if (p[0] == 5)
		return p[1] && p[1] < 10 && n == (size_t)p[1] + 2 && (s->hinted || p[2] < 3)
			       ? SNIFF_YES
			       : SNIFF_NO;
	return p[0] == 4 && p[1] == 1 && n >= 9 && s->hinted && !p[n - 1] ? SNIFF_YES
									  : SNIFF_NO;
}

static struct ip ip_of(const uint8_t *p)
{
	return (struct ip){
		{[10] = 0xff, [11] = 0xff, [12] = p[0], [13] = p[1], [14] = p[2], [15] = p[3]}};
}

static void write_socks(struct conn *c, struct socks *s, const char *status)
{
	struct rec *r = conn_rec(c, "socks", s->ts);

	rec_u64(r, "version", s->version);
	text_put(r, "user", &s->user);
	rec_z(r, "status", status);
	if (s->host.n)
		text_put(r, "request.name", &s->host);
	else
		rec_ip(r, "request.host", &s->ip);
	rec_u64(r, "request_p", s->port);
	rec_end(r);
}

/* Bytes of a request of version 5, 0 when not all is there. */
static int64_t request_5(struct socks *s, const uint8_t *p, size_t n)
{
	size_t len;

	if (n < 7)
		return 0;
	len = p[3] == 1 ? 4 : p[3] == 4 ? 16 : p[3] == 3 ? (size_t)p[4] + 1 : 0;
	if (!len || p[1] != 1)
		return STREAM_FAIL;
	if (n < 6 + len)
		return 0;
	if (p[3] == 1)
		s->ip = ip_of(p + 4);
	else if (p[3] == 4)
		memcpy(&s->ip, p + 4, 16);
	else
		text_set(&s->host, str_n((const char *)p + 5, p[4]));
	s->port = be16(p + 4 + len);
	s->asked = true;
	return (int64_t)(6 + len);
}

static int64_t request_4(struct socks *s, struct str d)
{
	const uint8_t *p = (const uint8_t *)d.p;
	struct str rest, host, user;
	size_t end = d.len > 8 ? str_chr(d, 0, 8) : SIZE_MAX;

	if (end == SIZE_MAX)
		return d.len < 300 ? 0 : STREAM_FAIL;
	user = str_cut(str_sub(d, 8, d.len), 0, &rest);
	text_set(&s->user, user);
	s->port = be16(p + 2);
	s->ip = ip_of(p + 4);
	s->asked = true;
	if (p[4] || p[5] || p[6] || !p[7])
		return (int64_t)end + 1;
	host = str_cut(rest, 0, &rest); /* 4a: a name follows */
	text_set(&s->host, host);
	return (int64_t)(end + 1 + host.len + 1);
}

static int64_t client(struct conn *c, struct socks *s, struct str d)
{
	const uint8_t *p = (const uint8_t *)d.p;
	int64_t n;

	if (!s->version) {
		s->version = p[0];
		s->ts = c->ts;
		if (p[0] == 4) {
			n = request_4(s, d);
			if (!n)
				s->version = 0;
			return n;
		}
		return d.len < 2 || d.len < (size_t)p[1] + 2 ? (s->version = 0, 0) : p[1] + 2;
	}
	if (s->asked)
		return 0; /* it does not wait for the answer */
	if (p[0] == 1) {  /* name and password (RFC 1929) */
		size_t name = d.len > 1 ? (size_t)p[1] + 2 : SIZE_MAX;

		if (d.len <= name || d.len < name + 1 + p[name])
			return d.len < 600 ? 0 : STREAM_FAIL;
		text_set(&s->user, str_n((const char *)p + 2, p[1]));
		return (int64_t)(name + 1 + p[name]);
	}
	return p[0] == 5 ? request_5(s, p, d.len) : STREAM_FAIL;
}

static int64_t server(struct conn *c, struct socks *s, struct str d)
{
	const uint8_t *p = (const uint8_t *)d.p;
	size_t len;

	if (s->version == 4) {
		if (d.len < 8)
			return 0;
		write_socks(c, s, p[1] == 90 ? "succeeded" : "refused");
		conn_again(c);
		return 8;
	}
	if (!s->asked)
		return d.len < 2 ? 0 : 2; /* the method; whether name and password are right */
	if (d.len < 7)
		return 0;
	len = p[3] == 1 ? 4 : p[3] == 4 ? 16 : p[3] == 3 ? (size_t)p[4] + 1 : 0;
	if (p[0] != 5 || !len)
		return STREAM_FAIL;
	if (d.len < 6 + len)
		return 0;
	write_socks(c, s, p[1] ? "refused" : "succeeded");
	conn_again(c);
	return (int64_t)(6 + len);
}

static int64_t socks_stream(struct conn *c, enum dir d, struct str data)
{
	return d == DIR_ORIG ? client(c, c->state, data) : server(c, c->state, data);
}

const struct proto_ops proto_socks = {
	.name = "socks",
	.transports = PROTO_TCP,
	.ports = {1080, 9050, 9150},
	.state_size = sizeof(struct socks),
	.sniff = socks_sniff,
	.stream = socks_stream,
};
