/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output syslog: RFC 5424 over UDP (RFC 5426), TCP with octet counting (RFC 6587) or TLS (RFC
 * 5425). TCP does not say what the receiver has read: what was on its way when the connection
 * broke is lost without a trace, in any syslog over it.
 */
#include "base/timeutil.h"
#include "output/impl.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FACILITY 16   /* local0 */
#define UDP_MAX	 8192 /* bytes; what is longer is cut: no datagram carries it safely */
#define SEND_S	 10
#define SD_ID	 "thymus@32473" /* RFC 5612: a number for what has none of its own */

struct syslog {
	const struct output_conf *conf;
	bool udp, tls;
	int fd;
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	char host[256], port[8], self[256];
	struct buf text, frame;
};

static void hang_up(struct syslog *s)
{
	if (s->session) {
		gnutls_bye(s->session, GNUTLS_SHUT_WR);
		gnutls_deinit(s->session);
	}
	s->session = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void syslog_close(void *state)
{
	struct syslog *s = state;

	hang_up(s);
	if (s->cred)
		gnutls_certificate_free_credentials(s->cred);
	buf_free(&s->text);
	buf_free(&s->frame);
	free(s);
}

/* "tls://host:6514" or "udp://[::1]:514". */
static int parse(struct syslog *s, struct diag *d)
{
	struct str url = str_of(s->conf->url), rest = url, port;
	size_t at, end;

	s->udp = str_starts(url, STR("udp://"));
	s->tls = str_starts(url, STR("tls://"));
	rest = str_sub(url, 6, url.len);
	if (rest.len && rest.p[rest.len - 1] == '/')
		rest.len--;
	end = rest.len && rest.p[0] == '[' ? str_chr(rest, ']', 0) : 0;
	at = str_chr(rest, ':', end == SIZE_MAX ? 0 : end);
	port = at == SIZE_MAX ? str_of(s->tls ? "6514" : "514")
			      : str_sub(rest, at + 1, rest.len);
	rest = end && end != SIZE_MAX ? str_sub(rest, 1, end)
				      : str_sub(rest, 0, MIN(at, rest.len));
	if (!rest.len || rest.len >= sizeof(s->host) || !port.len ||
	    port.len >= sizeof(s->port))
		return diag_set(d, -EINVAL, "%s: no host and port", s->conf->url);
	snprintf(s->host, sizeof(s->host), "%.*s", STR_ARG(rest));
	snprintf(s->port, sizeof(s->port), "%.*s", STR_ARG(port));
	return 0;
}

static int syslog_open(const struct output_conf *c, void **ret_state, struct diag *d)
{
	struct syslog *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return diag_set(d, -ENOMEM, "out of memory");
	s->conf = c;
	s->fd = -1;
	buf_init(&s->text, 64 * MIB);
	buf_init(&s->frame, 65 * MIB);
	if (gethostname(s->self, sizeof(s->self) - 1) < 0 || !s->self[0])
		snprintf(s->self, sizeof(s->self), "-");
	r = parse(s, d);
	if (r == 0 && s->tls) {
		int g = gnutls_certificate_allocate_credentials(&s->cred);

		if (g >= 0)
			g = c->ca ? gnutls_certificate_set_x509_trust_file(s->cred, c->ca,
									   GNUTLS_X509_FMT_PEM)
				  : gnutls_certificate_set_x509_system_trust(s->cred);
		if (g < 0)
			r = diag_set(d, -EAGAIN, "TLS: %s", gnutls_strerror(g));
	}
	if (r < 0) {
		syslog_close(s);
		return r;
	}
	*ret_state = s;
	return 0;
}

static int shake_hands(struct syslog *s, struct diag *d)
{
	int g = gnutls_init(&s->session, GNUTLS_CLIENT);

	if (g == 0)
		g = gnutls_set_default_priority(s->session);
	if (g == 0)
		g = gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->cred);
	if (g < 0)
		return diag_set(d, -EAGAIN, "TLS: %s", gnutls_strerror(g));
	gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, s->host, strlen(s->host));
	gnutls_session_set_verify_cert(s->session, s->host, 0);
	gnutls_transport_set_int(s->session, s->fd);
	gnutls_handshake_set_timeout(s->session, SEND_S * 1000);
	do
		g = gnutls_handshake(s->session);
	while (g < 0 && gnutls_error_is_fatal(g) == 0);
	return g < 0 ? diag_set(d, -EAGAIN, "TLS: %s", gnutls_strerror(g)) : 0;
}

static int dial(struct syslog *s, struct diag *d)
{
	struct addrinfo hints = {.ai_socktype = s->udp ? SOCK_DGRAM : SOCK_STREAM};
	struct timeval wait = {SEND_S, 0};
	struct addrinfo *all = NULL;
	int e = getaddrinfo(s->host, s->port, &hints, &all);

	if (e)
		return diag_set(d, -EAGAIN, "%s: %s", s->host, gai_strerror(e));
	for (struct addrinfo *a = all; a && s->fd < 0; a = a->ai_next) {
		s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (s->fd < 0)
			continue;
		/* On Linux it bounds connect too. */
		setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (connect(s->fd, a->ai_addr, a->ai_addrlen) < 0) {
			e = errno;
			close(s->fd);
			s->fd = -1;
		}
	}
	freeaddrinfo(all);
	if (s->fd < 0)
		return diag_set(d, -EAGAIN, "%s port %s: %s", s->host, s->port, strerror(e));
	return s->tls ? shake_hands(s, d) : 0;
}

/* Syslog is never answered: if there is something to read, it is the end. */
static bool ended(const struct syslog *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN | POLLRDHUP};
	char c;

	if (s->udp || poll(&p, 1, 0) <= 0)
		return false;
	if (s->tls && !(p.revents & (POLLRDHUP | POLLHUP | POLLERR)))
		return false; /* TLS 1.3 sends tickets */
	return recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 || (p.revents & POLLRDHUP);
}

static int write_all(struct syslog *s, struct str b, struct diag *d)
{
	while (b.len) {
		ssize_t n = s->tls ? gnutls_record_send(s->session, b.p, b.len)
				   : send(s->fd, b.p, b.len, MSG_NOSIGNAL);

		if (s->tls && n < 0 && gnutls_error_is_fatal((int)n) == 0)
			continue;
		if (n < 0)
			return diag_set(d, -EAGAIN, "%s port %s: %s", s->host, s->port,
					s->tls ? gnutls_strerror((int)n) : strerror(errno));
		b = s->udp ? str_n(NULL, 0) : str_sub(b, (size_t)n, b.len);
	}
	return 0;
}

/* A value of structured data: '"', '\' and ']' are escaped. */
static void sd_value(struct buf *b, const char *key, struct str v)
{
	buf_fmt(b, " %s=\"", key);
	for (size_t i = 0; i < v.len; i++) {
		if (strchr("\"\\]", v.p[i]) && v.p[i])
			buf_addc(b, '\\');
		buf_addc(b, (unsigned char)v.p[i] < 0x20 ? ' ' : v.p[i]);
	}
	buf_addc(b, '"');
}

static void write_message(struct syslog *s, const struct message *m)
{
	static const int severity[] = {6, 5, 4, 3, 2}; /* informational .. critical */
	struct buf *b = &s->text;
	struct str body = str_trim(m->body);
	char when[TIME_TEXT];

	buf_clear(b);
	buf_fmt(b, "<%d>1 %s %s thymus - %s [" SD_ID, FACILITY * 8 + severity[m->level],
		time_rfc3339(m->time / NS_PER_US * NS_PER_US, when), s->self,
		str_starts(m->id, STR("a")) ? "alert" : "incident");
	sd_value(b, "id", m->id);
	sd_value(b, "severity", m->severity);
	buf_addz(b, "] ");
	for (size_t i = 0; i < body.len; i++)
		buf_addc(b, body.p[i] == '\n' || body.p[i] == '\r' ? ' ' : body.p[i]);
}

static int syslog_send(void *state, const struct message *m, const atomic_bool *stop,
		       struct diag *d)
{
	struct syslog *s = state;
	struct str text;
	int r = 0;

	(void)stop;
	write_message(s, m);
	if (buf_err(&s->text))
		return diag_set(d, buf_err(&s->text), "the message is too long");
	if (s->fd >= 0 && ended(s))
		hang_up(s);
	if (s->fd < 0)
		r = dial(s, d);
	if (r == 0 && s->udp) {
		text = str_sub(buf_str(&s->text), 0, UDP_MAX);
		while (text.len < s->text.len && text.len &&
		       ((unsigned char)s->text.p[text.len] & 0xc0) == 0x80)
			text.len--;
		r = write_all(s, text, d);
	} else if (r == 0) {
		buf_clear(&s->frame);
		buf_fmt(&s->frame, "%zu ", s->text.len);
		buf_add(&s->frame, buf_str(&s->text));
		r = buf_err(&s->frame) ? -EINVAL : write_all(s, buf_str(&s->frame), d);
	}
	if (r < 0)
		hang_up(s);
	return r;
}

static const char *const schemes[] = {"tls://", "tcp://", "udp://", NULL};

const struct output_ops output_syslog = {
	.name = "syslog",
	.format = "cef",
	.wants_url = true,
	.schemes = schemes,
	.open = syslog_open,
	.send = syslog_send,
	.close = syslog_close,
};
