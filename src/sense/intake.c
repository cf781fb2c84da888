/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/intake.h"
#include "base/buf.h"
#include "base/json.h"
#include "sense/envelope.h"
#include "sense/socket.h"
#include "sense/tls.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 32
#define CONNS_MAX   512
#define FILE_BYTES  (16 * MIB)
#define BEHIND_MAX  ((uint64_t)4 << 30)
#define READ_BYTES  (64 * KIB)
#define PUSH_MAX    (64 * MIB)
#define WAIT_MS	    200

struct conn {
	int fd;
	struct tls *tls; /* NULL: none */
	size_t len;
	bool cut; /* the rest of a line that was too long */
	char buf[INTAKE_RECORD_MAX + 16];
};

struct intake {
	struct spool *syslog, *push, *in;
	int udp[SOCKETS_MAX], tcp[2 * SOCKETS_MAX], wake;
	size_t nudp, ntcp, nplain; /* of tcp: the first nplain are without TLS */
	struct tls_server *tls;
	uint32_t overflow[SOCKETS_MAX]; /* as the kernel counted last */
	bool stdin_open;
	struct conn *conn[CONNS_MAX];
	size_t nconn;
	struct buf out;
	uint64_t behind_max;
	atomic_uint_fast64_t behind, datagrams, lines, pushed, refused, cut, dropped, errors,
		turned_away, connections;
	atomic_bool stop, waiting;
	bool running;
	unsigned port_udp, port_tcp, port_tls;
	pthread_t thread;
};

/* A message as one line of the spool: what would end it early becomes a blank. */
static void put_message(struct intake *i, struct str s)
{
	if (s.len > INTAKE_RECORD_MAX) {
		s.len = INTAKE_RECORD_MAX;
		atomic_fetch_add(&i->cut, 1);
	}
	while (s.len && (s.p[s.len - 1] == '\n' || s.p[s.len - 1] == '\r' || !s.p[s.len - 1]))
		s.len--;
	if (!s.len)
		return;
	for (size_t at = 0; at < s.len;) {
		size_t n = at;

		while (n < s.len && s.p[n] != '\n' && s.p[n] != '\r' && s.p[n])
			n++;
		buf_add(&i->out, str_sub(s, at, n));
		if (n < s.len)
			buf_addc(&i->out, ' ');
		at = n + 1;
	}
	buf_addc(&i->out, '\n');
}

/* What was gathered goes to the spool. */
static void write_out(struct intake *i, atomic_uint_fast64_t *count, uint64_t n)
{
	int r = buf_err(&i->out);

	if (r == 0)
		r = spool_add(i->syslog, buf_str(&i->out));
	if (r < 0) {
		atomic_fetch_add(&i->errors, 1);
		atomic_fetch_add(&i->dropped, n);
	} else {
		atomic_fetch_add(count, n);
	}
	buf_clear(&i->out);
}

static void note_overflow(struct intake *i, size_t k, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		uint32_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&n, CMSG_DATA(c), sizeof(n));
		atomic_fetch_add(&i->dropped, (uint32_t)(n - i->overflow[k]));
		i->overflow[k] = n;
	}
}

static void read_udp(struct intake *i, size_t k)
{
	static __thread char buf[65536];
	uint64_t n = 0;

	for (int tries = 0; tries < 1024 && i->out.len < MIB; tries++) {
		char ctl[64];
		struct iovec v = {buf, sizeof(buf)};
		struct msghdr m = {.msg_iov = &v,
				   .msg_iovlen = 1,
				   .msg_control = ctl,
				   .msg_controllen = sizeof(ctl)};
		ssize_t r = recvmsg(i->udp[k], &m, MSG_DONTWAIT);

		if (r < 0)
			break;
		note_overflow(i, k, &m);
		put_message(i, str_n(buf, (size_t)r));
		n++;
	}
	if (n)
		write_out(i, &i->datagrams, n);
}

static void conn_free(struct conn *x)
{
	tls_free(x->tls);
	close(x->fd);
	free(x);
}

static void accept_all(struct intake *i, int fd, bool tls)
{
	int c;

	while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *x = i->nconn < CONNS_MAX ? malloc(sizeof(*x)) : NULL;

		if (!x) {
			atomic_fetch_add(&i->turned_away, 1);
			close(c);
			continue;
		}
		x->fd = c;
		x->tls = NULL;
		x->len = 0;
		x->cut = false;
		if (tls && tls_new(i->tls, c, &x->tls) < 0) {
			atomic_fetch_add(&i->turned_away, 1);
			conn_free(x);
			continue;
		}
		i->conn[i->nconn++] = x;
		atomic_store(&i->connections, i->nconn);
	}
}

/* Digits and a blank before '<': RFC 6587, 3.4.1. 1 counted, 0 not, -1 cannot tell yet. */
static int counted(const struct conn *c, size_t at, size_t *ret_from, size_t *ret_len)
{
	size_t n = 0, i = at;

	while (i < c->len && i - at < 6 && c->buf[i] >= '0' && c->buf[i] <= '9')
		n = n * 10 + (size_t)(c->buf[i++] - '0');
	if (i == at || c->buf[at] == '0')
		return at == c->len ? -1 : 0;
	if (i == c->len)
		return i - at < 6 ? -1 : 0;
	if (c->buf[i] != ' ' || n == 0)
		return 0;
	if (i + 1 == c->len)
		return -1;
	if (c->buf[i + 1] != '<')
		return 0;
	*ret_from = i + 1;
	*ret_len = n;
	return 1;
}

/* The next message of a connection at *at; false: more bytes are needed. */
static bool next_message(struct intake *i, struct conn *c, size_t *at, bool end)
{
	size_t from, len;
	int how = c->cut ? 0 : counted(c, *at, &from, &len);
	const char *nl;

	if (how < 0 && !end)
		return false;
	if (how > 0) {
		if (c->len - from < len && len <= INTAKE_RECORD_MAX && !end)
			return false;
		if (len > INTAKE_RECORD_MAX || c->len - from < len) {
			/* Too long, or torn: what there is; the rest up to the next line. */
			c->cut = len > INTAKE_RECORD_MAX;
			len = c->len - from;
			atomic_fetch_add(&i->cut, 1);
		}
		put_message(i, str_n(c->buf + from, len));
		*at = from + len;
		return true;
	}
	if (*at == c->len)
		return false;
	nl = memchr(c->buf + *at, '\n', c->len - *at);
	if (!nl && !end && c->len - *at < INTAKE_RECORD_MAX)
		return false;
	len = nl ? (size_t)(nl - c->buf) - *at : c->len - *at;
	if (!c->cut) {
		put_message(i, str_n(c->buf + *at, len));
		if (!nl && !end)
			atomic_fetch_add(&i->cut, 1);
	}
	c->cut = !nl && !end;
	*at += len + (nl != NULL);
	return true;
}

static ssize_t read_some(struct conn *c)
{
	char *to = c->buf + c->len;
	size_t room = sizeof(c->buf) - c->len;
	ssize_t r;

	if (c->tls)
		return tls_read(c->tls, to, room);
	r = read(c->fd, to, room);
	return r < 0 ? -errno : r;
}

/*
 * false: the connection has ended. What TLS holds unpacked already would wake nobody, so it is
 * read to the end; a sender who never stops waits after a MiB for the others' turn.
 */
static bool read_conn(struct intake *i, struct conn *c)
{
	size_t total = 0;
	bool end, more;

	do {
		ssize_t r = read_some(c);
		uint64_t n = 0;
		size_t at = 0;

		more = r > 0;
		end = r == 0 || (r < 0 && r != -EAGAIN && r != -EINTR);
		if (r < 0 && !end)
			break;
		c->len += r > 0 ? (size_t)r : 0;
		total += r > 0 ? (size_t)r : 0;
		while (next_message(i, c, &at, end))
			n++;
		memmove(c->buf, c->buf + at, c->len - at);
		c->len -= at;
		if (i->out.len)
			write_out(i, &i->lines, n);
	} while (c->tls && more && (total < MIB || tls_holds(c->tls)));
	return !end;
}

static void read_stdin(struct intake *i)
{
	char buf[READ_BYTES];
	ssize_t r = read(STDIN_FILENO, buf, sizeof(buf));

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r <= 0)
		i->stdin_open = false;
	else if (spool_raw(i->in, str_n(buf, (size_t)r)) < 0)
		atomic_fetch_add(&i->errors, 1);
}

static short wants(const struct conn *c)
{
	return c->tls && tls_writes(c->tls) ? POLLOUT : POLLIN;
}

static void turn(struct intake *i)
{
	struct pollfd p[3 * SOCKETS_MAX + CONNS_MAX + 2];
	bool wait = atomic_load(&i->behind) > i->behind_max;
	size_t n = 0, conns = i->nconn, at;

	atomic_store(&i->waiting, wait);
	p[n++] = (struct pollfd){.fd = i->wake, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = i->stdin_open && !wait ? STDIN_FILENO : -1,
				 .events = POLLIN};
	for (size_t k = 0; k < i->nudp; k++)
		p[n++] = (struct pollfd){.fd = wait ? -1 : i->udp[k], .events = POLLIN};
	for (size_t k = 0; k < i->ntcp; k++)
		p[n++] = (struct pollfd){.fd = wait ? -1 : i->tcp[k], .events = POLLIN};
	for (size_t k = 0; k < conns; k++)
		p[n++] = (struct pollfd){.fd = wait ? -1 : i->conn[k]->fd,
					 .events = wants(i->conn[k])};
	if (poll(p, n, WAIT_MS) <= 0)
		return;
	if (p[1].revents)
		read_stdin(i);
	at = 2;
	for (size_t k = 0; k < i->nudp; k++, at++)
		if (p[at].revents)
			read_udp(i, k);
	for (size_t k = 0; k < i->ntcp; k++, at++)
		if (p[at].revents)
			accept_all(i, i->tcp[k], k >= i->nplain);
	/* From the last: one that ended gives its place to the last. */
	for (size_t k = conns; k-- > 0;) {
		if (!p[at + k].revents || read_conn(i, i->conn[k]))
			continue;
		conn_free(i->conn[k]);
		i->conn[k] = i->conn[--i->nconn];
		atomic_store(&i->connections, i->nconn);
	}
}

static void *thread_run(void *arg)
{
	struct intake *i = arg;

	while (!atomic_load(&i->stop))
		turn(i);
	return NULL;
}

static int open_spool(const char *dir, const char *name, uint64_t bytes, struct spool **ret_s,
		      struct diag *d)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return diag_set(d, -ENAMETOOLONG, "%s: the name is too long", dir);
	return spool_open(path, bytes, ret_s, d);
}

static int open_all(struct intake *i, const struct intake_conf *cf, struct diag *d)
{
	int r = open_spool(cf->dir, "syslog", FILE_BYTES, &i->syslog, d);

	if (r == 0)
		r = open_spool(cf->dir, "push", FILE_BYTES, &i->push, d);
	if (r == 0)
		r = open_spool(cf->dir, "stdin", 0, &i->in, d);
	for (size_t k = 0; r == 0 && k < MIN(cf->nudp, (size_t)SOCKETS_MAX); k++) {
		r = socket_listen(cf->udp[k], SOCK_DGRAM, &i->udp[k], d);
		i->nudp += r == 0;
	}
	for (size_t k = 0; r == 0 && k < MIN(cf->ntcp, (size_t)SOCKETS_MAX); k++) {
		r = socket_listen(cf->tcp[k], SOCK_STREAM, &i->tcp[k], d);
		i->ntcp += r == 0;
	}
	i->nplain = i->ntcp;
	if (r == 0 && cf->ntls)
		r = tls_server_new(cf->cert, cf->key, cf->clients, &i->tls, d);
	for (size_t k = 0; r == 0 && k < MIN(cf->ntls, (size_t)SOCKETS_MAX); k++) {
		r = socket_listen(cf->tls[k], SOCK_STREAM, &i->tcp[i->ntcp], d);
		i->ntcp += r == 0;
	}
	if (r == 0 && (i->wake = eventfd(0, EFD_CLOEXEC)) < 0)
		r = diag_set(d, -errno, "%s", strerror(errno));
	i->port_udp = i->nudp ? socket_port(i->udp[0]) : 0;
	i->port_tcp = i->nplain ? socket_port(i->tcp[0]) : 0;
	i->port_tls = i->ntcp > i->nplain ? socket_port(i->tcp[i->nplain]) : 0;
	return r;
}

int intake_start(const struct intake_conf *conf, struct intake **ret_i, struct diag *d)
{
	struct intake *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return diag_set(d, -ENOMEM, "out of memory");
	i->wake = -1;
	i->behind_max = conf->behind_max ? conf->behind_max : BEHIND_MAX;
	i->stdin_open = conf->stdin_too;
	buf_init(&i->out, 64 * MIB);
	r = open_all(i, conf, d);
	if (r == 0) {
		r = -pthread_create(&i->thread, NULL, thread_run, i);
		i->running = r == 0;
	}
	if (r < 0) {
		intake_stop(i);
		return r;
	}
	*ret_i = i;
	return 0;
}

struct intake *intake_stop(struct intake *i)
{
	const uint64_t one = 1;

	if (!i)
		return NULL;
	if (i->running) {
		atomic_store(&i->stop, true);
		if (write(i->wake, &one, sizeof(one)) < 0) {
			/* it looks by itself, a little later */
		}
		pthread_join(i->thread, NULL);
	}
	for (size_t k = 0; k < i->nconn; k++)
		conn_free(i->conn[k]);
	tls_server_free(i->tls);
	for (size_t k = 0; k < i->nudp; k++)
		close(i->udp[k]);
	for (size_t k = 0; k < i->ntcp; k++)
		close(i->tcp[k]);
	if (i->wake >= 0)
		close(i->wake);
	spool_close(i->syslog);
	spool_close(i->push);
	spool_close(i->in);
	buf_free(&i->out);
	free(i);
	return NULL;
}

void intake_behind(struct intake *i, uint64_t bytes)
{
	atomic_store(&i->behind, bytes);
}

/* An object on a line of its own: JSON has no line ends inside texts. */
static void put_object(struct buf *out, struct str raw)
{
	for (size_t at = 0; at < raw.len;) {
		size_t n = at;

		while (n < raw.len && raw.p[n] != '\n' && raw.p[n] != '\r')
			n++;
		buf_add(out, str_sub(raw, at, n));
		if (n < raw.len)
			buf_addc(out, ' ');
		at = n + 1;
	}
	buf_addc(out, '\n');
}

/* A body that was pushed, on its way. */
struct pushing {
	struct json j;
	struct buf out;
	struct arena mem; /* of what stood in envelopes */
	size_t kept, refused;
};

static void put_record(struct pushing *p, uint32_t t)
{
	struct str within = envelope_within(&p->j, t, &p->mem);

	put_object(&p->out, within.len ? within : json_raw(&p->j, t));
	p->kept++;
}

/* One value at the beginning of s, an object or an array of them; false: none. */
static bool take_value(struct pushing *p, struct str s)
{
	const struct json *j = &p->j;
	size_t off = 0;

	if (json_scan(&p->j, s, &off) < 0 || !j->ntok)
		return false;
	if (j->tok[0].kind == JSON_OBJECT) {
		put_record(p, 0);
	} else if (j->tok[0].kind == JSON_ARRAY) {
		JSON_EACH_ITEM(j, 0, t)
		{
			if (j->tok[t].kind == JSON_OBJECT)
				put_record(p, t);
			else
				p->refused++;
		}
	} else {
		p->refused++;
	}
	return true;
}

static void take_lines(struct pushing *p, char *copy, size_t len)
{
	struct str rest = str_n(copy, len);

	while (rest.len) {
		struct str line = str_trim(str_cut(rest, '\n', &rest));

		if (line.len && !take_value(p, line))
			p->refused++;
	}
}

int intake_push(struct intake *i, struct str body, size_t *ret_kept, size_t *ret_refused)
{
	struct pushing p = {.kept = 0};
	char *copy;
	int r;

	if (atomic_load(&i->behind) > i->behind_max)
		return -EAGAIN;
	copy = malloc(body.len + JSON_PAD);
	if (!copy)
		return -ENOMEM;
	if (body.len)
		memcpy(copy, body.p, body.len);
	memset(copy + body.len, 0, JSON_PAD);
	json_init(&p.j);
	buf_init(&p.out, PUSH_MAX);
	arena_init(&p.mem, PUSH_MAX);
	/* One document, or else one a line. */
	if (!take_value(&p, str_n(copy, body.len)))
		take_lines(&p, copy, body.len);
	r = buf_err(&p.out);
	if (r == 0)
		r = spool_add(i->push, buf_str(&p.out));
	if (r == 0)
		r = spool_sync(i->push);
	json_free(&p.j);
	buf_free(&p.out);
	arena_free(&p.mem);
	free(copy);
	if (r < 0) {
		atomic_fetch_add(&i->errors, 1);
		return r == -ENOSPC || r == -EDQUOT ? -EAGAIN : r;
	}
	atomic_fetch_add(&i->pushed, p.kept);
	atomic_fetch_add(&i->refused, p.refused);
	*ret_kept = p.kept;
	*ret_refused = p.refused;
	return 0;
}

void intake_stats(struct intake *i, struct intake_stats *ret_s)
{
	*ret_s = (struct intake_stats){.datagrams = atomic_load(&i->datagrams),
				       .lines = atomic_load(&i->lines),
				       .pushed = atomic_load(&i->pushed),
				       .refused = atomic_load(&i->refused),
				       .cut = atomic_load(&i->cut),
				       .dropped = atomic_load(&i->dropped),
				       .connections = atomic_load(&i->connections),
				       .turned_away = atomic_load(&i->turned_away),
				       .errors = atomic_load(&i->errors),
				       .port_udp = i->port_udp,
				       .port_tcp = i->port_tcp,
				       .port_tls = i->port_tls,
				       .waiting = atomic_load(&i->waiting)};
}
