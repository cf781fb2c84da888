/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis: commands that change the server itself or run code in it, and log-ins; the rest is
 * counted by the connection. Values are not told.
 */
#include "packet/line.h"

#define ARGS_MAX 4

struct redis {
	bool auth; /* the next answer is to a log-in */
	struct text user;
};

/* The parts of one command, as many as are told; bytes of it, 0 not whole, -1 none. */
static int64_t command_of(struct str d, struct str arg[ARGS_MAX], unsigned *ret_n)
{
	size_t at = 0;
	struct str line;
	int64_t n, len;

	*ret_n = 0;
	if (!line_take(d, &at, &line))
		return d.len < 64 ? 0 : -1;
	if (!line.len || line.p[0] != '*' || !str_i64(str_sub(line, 1, line.len), &n) ||
	    n < 1 || n > 1024)
		return -1;
	for (int64_t i = 0; i < n; i++) {
		if (!line_take(d, &at, &line))
			return 0;
		if (!line.len || line.p[0] != '$' ||
		    !str_i64(str_sub(line, 1, line.len), &len) || len < 0 || len > (1 << 29))
			return -1;
		if ((size_t)len + 2 > d.len - at)
			return 0;
		if (i < ARGS_MAX)
			arg[(*ret_n)++] = str_n(d.p + at, (size_t)len);
		at += (size_t)len + 2;
	}
	return (int64_t)at;
}

static enum sniff_result redis_sniff(const struct sniff *s)
{
	struct str arg[ARGS_MAX];
	unsigned n;
	int64_t r;

	if (s->dir != DIR_ORIG || s->data.p[0] != '*')
		return SNIFF_NO;
	r = command_of(s->data, arg, &n);
	return r > 0 || (r == 0 && s->hinted && s->data.len > 8) ? SNIFF_YES
	       : r						 ? SNIFF_NO
								 : SNIFF_MORE;
}

static void command(struct conn *c, struct redis *s, const struct str *arg, unsigned n)
{
	static const char *const told[] = {"CONFIG", "SLAVEOF",	 "REPLICAOF", "MODULE",
					   "EVAL",   "FLUSHALL", "FLUSHDB",   "DEBUG",
					   "SCRIPT", "SHUTDOWN", "MIGRATE",   "ACL",
					   "SAVE",   "BGSAVE"};
	struct rec *r;

	if (str_ieqz(arg[0], "AUTH") && n >= 2) {
		s->auth = true;
		text_set(&s->user, n > 2 ? arg[1] : STR("default"));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		if (!str_ieqz(arg[0], told[i]))
			continue;
		r = conn_rec(c, "redis", c->ts);
		rec_z(r, "cmd.name", told[i]);
		if (n > 1)
			rec_str(r, "cmd.key", arg[1]);
		rec_end(r);
	}
}

static int64_t redis_stream(struct conn *c, enum dir d, struct str data)
{
	struct redis *s = c->state;
	size_t at = 0;

	if (d == DIR_RESP) {
		if (s->auth)
			login_put(c, "redis", "AUTH", text_str(&s->user),
				  data.p[0] == '+' ? LOGIN_OK : LOGIN_FAILED);
		s->auth = false;
		return (int64_t)data.len;
	}
	while (at < data.len) {
		struct str arg[ARGS_MAX] = {{0}};
		unsigned n;
		int64_t r = command_of(str_sub(data, at, data.len), arg, &n);

		if (r < 0)
			return STREAM_FAIL;
		if (!r)
			break;
		command(c, s, arg, n);
		at += (size_t)r;
	}
	return (int64_t)at;
}

const struct proto_ops proto_redis = {
	.name = "redis",
	.transports = PROTO_TCP,
	.ports = {6379},
	.state_size = sizeof(struct redis),
	.buffer_max = 64 * KIB,
	.sniff = redis_sniff,
	.stream = redis_stream,
};
