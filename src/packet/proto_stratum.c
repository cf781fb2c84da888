/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stratum: JSON-RPC in lines between a miner and its pool. "stratum" is written when the miner
 * has named itself, and at the end, with how many results it handed in. Zeek has no such log.
 */
#include "packet/body.h"
#include "packet/line.h"

struct stratum {
	struct text user, agent, method;
	uint32_t submits, jobs;
	int64_t ts;
	bool told;
};

static enum sniff_result stratum_sniff(const struct sniff *s)
{
	struct str line;
	size_t at = 0;

	if (s->data.p[0] != '{')
		return SNIFF_NO;
	if (!line_take(s->data, &at, &line)) {
		if (s->data.len < 2048)
			return body_mines(s->data) ? SNIFF_YES : SNIFF_MORE;
		return SNIFF_NO;
	}
	if (s->dir == DIR_RESP)
		return str_find(line, STR("\"mining.")) != SIZE_MAX ? SNIFF_YES : SNIFF_NO;
	return body_mines(line) ? SNIFF_YES : SNIFF_NO;
}

static void write_stratum(struct conn *c, struct stratum *s)
{
	struct rec *r = conn_rec(c, "stratum", s->ts);

	s->told = true;
	text_put(r, "method", &s->method);
	text_put(r, "user", &s->user);
	text_put(r, "agent", &s->agent);
	rec_u64(r, "submits", s->submits);
	rec_u64(r, "jobs", s->jobs);
	rec_end(r);
}

static void call(struct conn *c, struct stratum *s, struct str line)
{
	struct str method = body_string(line, "method"), v;

	if (!method.p)
		return;
	if (!s->ts) {
		s->ts = c->ts;
		text_set(&s->method, method);
	}
	if (str_eqz(method, "mining.subscribe")) {
		v = body_param(line, 0);
		if (v.p)
			text_set(&s->agent, v);
		return;
	}
	if (str_eqz(method, "submit") || str_eqz(method, "mining.submit") ||
	    str_eqz(method, "eth_submitWork"))
		s->submits++;
	if (s->told)
		return;
	v = str_eqz(method, "login") ? body_string(line, "login") : body_param(line, 0);
	if (v.p)
		text_set(&s->user, v);
	v = body_string(line, "agent");
	if (v.p)
		text_set(&s->agent, v);
	write_stratum(c, s);
}

static int64_t stratum_stream(struct conn *c, enum dir d, struct str data)
{
	struct stratum *s = c->state;
	size_t at = 0;
	struct str line;

	while (line_take(data, &at, &line)) {
		if (!line_text(line))
			return STREAM_FAIL;
		if (d == DIR_ORIG)
			call(c, s, line);
		else if (str_find(line, STR("\"mining.notify\"")) != SIZE_MAX ||
			 str_find(line, STR("\"job\"")) != SIZE_MAX)
			s->jobs++;
	}
	return (int64_t)at;
}

static bool stratum_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)c;
	(void)d;
	(void)n;
	return true;
}

static void stratum_close(struct conn *c)
{
	struct stratum *s = c->state;

	if (s->ts && (!s->told || s->submits || s->jobs))
		write_stratum(c, s);
}

const struct proto_ops proto_stratum = {
	.name = "stratum",
	.transports = PROTO_TCP,
	.ports = {3333, 4444, 5555, 14444},
	.state_size = sizeof(struct stratum),
	.sniff = stratum_sniff,
	.stream = stratum_stream,
	.gap = stratum_gap,
	.close = stratum_close,
};
