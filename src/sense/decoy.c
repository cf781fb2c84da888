/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/decoy.h"
#include "base/buf.h"
#include "base/timeutil.h"
#include "sense/socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MS	   250
#define ANSWER_MAX 4096

struct end {
	char ip[INET6_ADDRSTRLEN];
	unsigned port;
};

struct visit {
	int fd;
	uint64_t number;
	struct end from, to;
	int64_t since; /* time_wall */
	uint64_t bytes;
	struct decoy_talk talk;
};

struct listener {
	int fd;
	const struct decoy_service *service;
};

struct decoy {
	struct decoy_conf conf;
	struct listener at[DECOY_PORTS_MAX];
	size_t n;
	struct visit *visit[DECOY_VISITS_MAX];
	size_t nvisits;
	uint64_t number;
	struct buf out;
	atomic_uint_fast64_t visits, turned_away, lost;
	atomic_bool stop;
	bool running;
	int wake;
	pthread_t thread;
};

static void end_of(const struct sockaddr_storage *ss, struct end *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;
	bool six = ss->ss_family == AF_INET6;

	*ret = (struct end){.port = ntohs(six ? v6->sin6_port : v4->sin_port)};
	if (!inet_ntop(ss->ss_family, six ? (const void *)&v6->sin6_addr : &v4->sin_addr,
		       ret->ip, sizeof(ret->ip)))
		ret->ip[0] = 0;
}

static void put_end(struct buf *b, const char *which, const struct end *e)
{
	buf_fmt(b, ",\"%s_ip\":", which);
	buf_json(b, str_of(e->ip));
	buf_fmt(b, ",\"%s_port\":%u", which, e->port);
}

static void put_text(struct buf *b, const char *key, struct str s)
{
	if (!s.len)
		return;
	buf_fmt(b, ",\"%s\":", key);
	buf_json(b, s);
}

static void tell(struct decoy *d, const struct visit *v, const char *event)
{
	int64_t now = d->conf.now();
	const struct decoy_talk *t = &v->talk;
	char at[TIME_TEXT];
	int r;

	buf_clear(&d->out);
	buf_fmt(&d->out, "{\"decoy\":\"%s:%u\",\"visit\":\"%llx.%llu.%s\",\"event\":\"%s\"",
		v->to.ip, v->to.port, (unsigned long long)now, (unsigned long long)v->number,
		event, event);
	buf_fmt(&d->out, ",\"time\":\"%s\"", time_rfc3339(now, at));
	put_end(&d->out, "src", &v->from);
	put_end(&d->out, "dst", &v->to);
	put_text(&d->out, "service", decoy_service_name(t->service));
	buf_fmt(&d->out, ",\"bytes\":%llu", (unsigned long long)v->bytes);
	put_text(&d->out, "user", str_n(t->user, t->nuser));
	put_text(&d->out, "text", str_n(t->text, t->ntext));
	if (t->password)
		buf_addz(&d->out, ",\"password\":true");
	buf_addz(&d->out, "}");
	r = buf_err(&d->out);
	if (r == 0)
		r = d->conf.tell(buf_str(&d->out), d->conf.arg);
	if (r < 0)
		atomic_fetch_add(&d->lost, 1);
}

static void part(struct decoy *d, size_t k)
{
	struct visit *v = d->visit[k];

	if (v->bytes)
		tell(d, v, "tried");
	close(v->fd);
	free(v);
	d->visit[k] = d->visit[--d->nvisits];
}

static size_t visits_of(const struct decoy *d, const char *ip)
{
	size_t n = 0;

	for (size_t k = 0; k < d->nvisits; k++)
		n += strcmp(d->visit[k]->from.ip, ip) == 0;
	return n;
}

/* Nobody is waited for: what does not fit into the socket's own buffer is not said. */
static void send_text(int fd, struct str s)
{
	if (s.len && send(fd, s.p, s.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* it is gone, or does not read: the visit ends by itself */
	}
}

static void receive(struct decoy *d, const struct listener *l)
{
	struct sockaddr_storage from = {0}, to = {0};
	socklen_t nfrom = sizeof(from), nto = sizeof(to);
	int fd = accept4(l->fd, (struct sockaddr *)&from, &nfrom, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct visit *v = fd >= 0 ? calloc(1, sizeof(*v)) : NULL;

	if (!v) {
		if (fd >= 0)
			close(fd);
		return;
	}
	v->fd = fd;
	v->number = ++d->number;
	v->since = time_wall();
	v->talk.service = l->service;
	end_of(&from, &v->from);
	if (getsockname(fd, (struct sockaddr *)&to, &nto) == 0)
		end_of(&to, &v->to);
	atomic_fetch_add(&d->visits, 1);
	tell(d, v, "connect");
	if (d->nvisits == DECOY_VISITS_MAX || visits_of(d, v->from.ip) >= DECOY_SOURCE_MAX) {
		atomic_fetch_add(&d->turned_away, 1);
		close(fd);
		free(v);
		return;
	}
	send_text(fd, decoy_greeting(&v->talk));
	d->visit[d->nvisits++] = v;
}

/* false: the visit is over. */
static bool hear(struct visit *v)
{
	char bytes[2048], answer[ANSWER_MAX];
	ssize_t r = recv(v->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (r < 0)
		return errno == EAGAIN || errno == EINTR;
	if (r == 0)
		return false;
	v->bytes += (uint64_t)r;
	send_text(v->fd, str_n(answer, decoy_hear(&v->talk, str_n(bytes, (size_t)r), answer,
						  sizeof(answer))));
	return !v->talk.over && v->bytes < DECOY_BYTES_MAX;
}

static void turn(struct decoy *d)
{
	struct pollfd p[1 + DECOY_PORTS_MAX + DECOY_VISITS_MAX];
	size_t n = 0, visits = d->nvisits;
	int64_t now;

	p[n++] = (struct pollfd){.fd = d->wake, .events = POLLIN};
	for (size_t k = 0; k < d->n; k++)
		p[n++] = (struct pollfd){.fd = d->at[k].fd, .events = POLLIN};
	for (size_t k = 0; k < visits; k++)
		p[n++] = (struct pollfd){.fd = d->visit[k]->fd, .events = POLLIN};
	if (poll(p, n, WAIT_MS) < 0)
		return;
	now = time_wall();
	/* From the last: one that ended gives its place to the last. */
	for (size_t k = visits; k-- > 0;) {
		bool late = now - d->visit[k]->since > DECOY_SECONDS_MAX * NS_PER_S;

		if (late || (p[1 + d->n + k].revents && !hear(d->visit[k])))
			part(d, k);
	}
	for (size_t k = 0; k < d->n; k++)
		if (p[1 + k].revents)
			receive(d, &d->at[k]);
}

static void *thread_run(void *arg)
{
	struct decoy *d = arg;

	while (!atomic_load(&d->stop))
		turn(d);
	return NULL;
}

/* "10.0.0.9:22/ssh" */
static int open_one(struct decoy *d, const char *where, struct diag *diag)
{
	struct str name = {NULL, 0}, addr = str_cut(str_of(where), '/', &name);
	struct listener *l = &d->at[d->n];
	char z[128];
	int r;

	if (addr.len >= sizeof(z))
		return diag_set(diag, -EINVAL, "'%s' is no ADDRESS:PORT", where);
	memcpy(z, addr.p, addr.len);
	z[addr.len] = 0;
	if (name.len && !str_ieq(decoy_service_name(decoy_service(name, 0)), name))
		return diag_set(diag, -EINVAL, "'%s': there is no decoy for %.*s", where,
				STR_ARG(name));
	r = socket_listen(z, SOCK_STREAM, &l->fd, diag);
	if (r < 0)
		return r;
	l->service = decoy_service(name, socket_port(l->fd));
	d->n++;
	return 0;
}

int decoy_start(const struct decoy_conf *conf, struct decoy **ret_d, struct diag *diag)
{
	struct decoy *d = calloc(1, sizeof(*d));
	int r = 0;

	if (!d)
		return diag_set(diag, -ENOMEM, "out of memory");
	d->conf = *conf;
	d->wake = -1;
	buf_init(&d->out, 64 * KIB);
	if (conf->n > DECOY_PORTS_MAX)
		r = diag_set(diag, -EINVAL, "at most %d decoys", DECOY_PORTS_MAX);
	for (size_t k = 0; r == 0 && k < conf->n; k++)
		r = open_one(d, conf->where[k], diag);
	if (r == 0 && (d->wake = eventfd(0, EFD_CLOEXEC)) < 0)
		r = diag_set(diag, -errno, "%s", strerror(errno));
	if (r == 0) {
		r = -pthread_create(&d->thread, NULL, thread_run, d);
		d->running = r == 0;
	}
	if (r < 0) {
		decoy_stop(d);
		return r;
	}
	*ret_d = d;
	return 0;
}

struct decoy *decoy_stop(struct decoy *d)
{
	const uint64_t one = 1;

	if (!d)
		return NULL;
	if (d->running) {
		atomic_store(&d->stop, true);
		if (write(d->wake, &one, sizeof(one)) < 0) {
			/* it looks by itself, a little later */
		}
		pthread_join(d->thread, NULL);
	}
	while (d->nvisits)
		part(d, d->nvisits - 1);
	for (size_t k = 0; k < d->n; k++)
		close(d->at[k].fd);
	if (d->wake >= 0)
		close(d->wake);
	buf_free(&d->out);
	free(d);
	return NULL;
}

unsigned decoy_port(const struct decoy *d, size_t k)
{
	return k < d->n ? socket_port(d->at[k].fd) : 0;
}

void decoy_stats(struct decoy *d, struct decoy_stats *ret_s)
{
	*ret_s = (struct decoy_stats){.visits = atomic_load(&d->visits),
				      .turned_away = atomic_load(&d->turned_away),
				      .lost = atomic_load(&d->lost)};
}
