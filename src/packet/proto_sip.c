/* SPDX-License-Identifier: Apache-2.0 */
/* SIP over UDP and TCP: a record for every request with the response that ends it, as Zeek's.
 */
#include "packet/line.h"

#define WAIT_MAX 4

struct ask {
	bool used;
	int64_t ts;
	struct text method, uri, from, to, call_id, seq, agent;
};

struct sip {
	struct ask ask[WAIT_MAX];
	unsigned next, depth;
};

static bool is_method(struct str s)
{
	static const char *const names[] = {"REGISTER ",  "INVITE ",  "OPTIONS ", "ACK ",
					    "BYE ",	  "CANCEL ",  "NOTIFY ",  "MESSAGE ",
					    "SUBSCRIBE ", "PUBLISH ", "INFO ",	  "PRACK ",
					    "REFER ",	  "UPDATE "};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_starts(s, str_of(names[i])))
			return true;
	return false;
}

static enum sniff_result sip_sniff(const struct sniff *s)
{
	struct str line;
	size_t at = 0;

	if (!str_starts(s->data, str_sub(STR("SIP/2.0 "), 0, s->data.len)) &&
	    !is_method(s->data))
		return SNIFF_NO;
	if (!line_take(s->data, &at, &line))
		return s->transport == PROTO_TCP && s->data.len < 1024 ? SNIFF_MORE : SNIFF_NO;
	return str_starts(line, STR("SIP/2.0 ")) || str_ends(line, STR(" SIP/2.0")) ? SNIFF_YES
										    : SNIFF_NO;
}

struct head {
	struct str from, to, call_id, seq, agent;
};

static void head_of(struct str rest, struct head *h)
{
	static const struct {
		const char *name, *brief;
		size_t off;
	} want[] = {{"from", "f", offsetof(struct head, from)},
		    {"to", "t", offsetof(struct head, to)},
		    {"call-id", "i", offsetof(struct head, call_id)},
		    {"cseq", "", offsetof(struct head, seq)},
		    {"user-agent", "", offsetof(struct head, agent)}};
	size_t at = 0;
	struct str line;

	*h = (struct head){0};
	while (line_take(rest, &at, &line) && line.len) {
		struct str value, name = str_trim(str_cut(line, ':', &value));

		for (size_t i = 0; value.p && i < ARRAY_LEN(want); i++)
			if (str_ieqz(name, want[i].name) || str_ieqz(name, want[i].brief))
				*(struct str *)((char *)h + want[i].off) = str_trim(value);
	}
}

static void write_sip(struct conn *c, struct sip *s, struct ask *a, struct str status,
		      struct str agent)
{
	struct rec *r = conn_rec(c, "sip", a->ts);
	struct str message, code = line_word(status, &message);
	int64_t n;

	rec_u64(r, "trans_depth", s->depth++);
	text_put(r, "method", &a->method);
	text_put(r, "uri", &a->uri);
	text_put(r, "request_from", &a->from);
	text_put(r, "request_to", &a->to);
	text_put(r, "call_id", &a->call_id);
	rec_str(r, "seq", text_str(&a->seq));
	text_put(r, "user_agent", &a->agent);
	if (str_i64(code, &n)) {
		rec_i64(r, "status_code", n);
		rec_str(r, "status_msg", message);
	}
	if (agent.len)
		rec_str(r, "server_agent", agent);
	rec_end(r);
	a->used = false;
}

static void request(struct conn *c, struct sip *s, struct str line, const struct head *h)
{
	struct ask *a = &s->ask[s->next++ % WAIT_MAX];
	struct str uri, method = line_word(line, &uri), rest;

	if (a->used)
		write_sip(c, s, a, str_n(NULL, 0), str_n(NULL, 0));
	*a = (struct ask){.used = true, .ts = c->ts};
	text_set(&a->method, method);
	text_set(&a->uri, line_word(uri, &rest));
	text_set(&a->from, h->from);
	text_set(&a->to, h->to);
	text_set(&a->call_id, h->call_id);
	text_set(&a->seq, h->seq);
	text_set(&a->agent, h->agent);
	if (str_eqz(method, "ACK")) /* has no answer */
		write_sip(c, s, a, str_n(NULL, 0), str_n(NULL, 0));
}

static void response(struct conn *c, struct sip *s, struct str status, const struct head *h)
{
	if (status.len && status.p[0] == '1') /* more will come */
		return;
	for (unsigned i = 0; i < WAIT_MAX; i++) {
		struct ask *a = &s->ask[i];

		if (a->used && str_eq(text_str(&a->call_id), h->call_id) &&
		    str_eq(text_str(&a->seq), h->seq)) {
			write_sip(c, s, a, status, h->agent);
			return;
		}
	}
}

/* One message; its bytes, 0 when it is not all there. */
static size_t message(struct conn *c, struct sip *s, struct str d, bool whole)
{
	size_t at = 0, end = str_find(d, STR("\r\n\r\n"));
	struct str line;
	struct head h;

	if (end == SIZE_MAX) {
		if (!whole)
			return 0;
		end = d.len;
	} else {
		end += 4;
	}
	if (!line_take(str_sub(d, 0, end), &at, &line))
		return end;
	head_of(str_sub(d, at, end), &h);
	if (str_starts(line, STR("SIP/2.0 ")))
		response(c, s, str_sub(line, 8, line.len), &h);
	else if (is_method(line))
		request(c, s, line, &h);
	return end;
}

static int64_t sip_stream(struct conn *c, enum dir d, struct str data)
{
	size_t skip = 0, n;

	(void)d;
	while (skip < data.len && (data.p[skip] == '\r' || data.p[skip] == '\n'))
		skip++; /* keep-alive, and what stands between messages */
	if (skip)
		return (int64_t)skip;
	if (!is_method(data) && !str_starts(data, str_sub(STR("SIP/2.0 "), 0, data.len))) {
		n = str_chr(data, '\n', 0); /* of a body */
		return n == SIZE_MAX ? (int64_t)data.len : (int64_t)n + 1;
	}
	return (int64_t)message(c, c->state, data, false);
}

static int sip_datagram(struct conn *c, enum dir d, struct str data)
{
	(void)d;
	(void)message(c, c->state, data, true);
	return 0;
}

static void sip_close(struct conn *c)
{
	struct sip *s = c->state;

	for (unsigned i = 0; i < WAIT_MAX; i++)
		if (s->ask[i].used)
			write_sip(c, s, &s->ask[i], str_n(NULL, 0), str_n(NULL, 0));
}

const struct proto_ops proto_sip = {
	.name = "sip",
	.transports = PROTO_UDP | PROTO_TCP,
	.ports = {5060},
	.state_size = sizeof(struct sip),
	.sniff = sip_sniff,
	.stream = sip_stream,
	.datagram = sip_datagram,
	.close = sip_close,
};
