/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/tls.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct tls_server {
	gnutls_certificate_credentials_t cred;
	gnutls_priority_t priorities;
	bool clients; /* have to show a certificate */
};

struct tls {
	gnutls_session_t session;
	bool clients, shaken;
};

static int failed(struct diag *d, const char *what, int g)
{
	return diag_set(d, -EIO, "syslog over TLS: %s: %s", what, gnutls_strerror(g));
}

int tls_server_new(const char *cert, const char *key, const char *clients,
		   struct tls_server **ret_s, struct diag *d)
{
	gnutls_datum_t c = {(unsigned char *)(uintptr_t)cert, (unsigned)strlen(cert)};
	gnutls_datum_t k = {(unsigned char *)(uintptr_t)key, (unsigned)strlen(key)};
	struct tls_server *s = calloc(1, sizeof(*s));
	const char *what = "certificate";
	int g;

	if (!s)
		return -ENOMEM;
	g = gnutls_certificate_allocate_credentials(&s->cred);
	if (g == 0)
		g = gnutls_certificate_set_x509_key_mem(s->cred, &c, &k, GNUTLS_X509_FMT_PEM);
	if (g == 0)
		g = gnutls_priority_init(&s->priorities, PRIORITIES, NULL);
	if (g >= 0 && clients) {
		what = clients;
		g = gnutls_certificate_set_x509_trust_file(s->cred, clients,
							   GNUTLS_X509_FMT_PEM);
		if (g == 0) /* not one authority in it: nobody could send */
			g = GNUTLS_E_NO_CERTIFICATE_FOUND;
		s->clients = true;
	}
	if (g < 0) {
		tls_server_free(s);
		return failed(d, what, g);
	}
	*ret_s = s;
	return 0;
}

struct tls_server *tls_server_free(struct tls_server *s)
{
	if (!s)
		return NULL;
	if (s->priorities)
		gnutls_priority_deinit(s->priorities);
	if (s->cred)
		gnutls_certificate_free_credentials(s->cred);
	free(s);
	return NULL;
}

int tls_new(struct tls_server *s, int fd, struct tls **ret_t)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (gnutls_init(&t->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0 ||
	    gnutls_priority_set(t->session, s->priorities) < 0 ||
	    gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, s->cred) < 0) {
		tls_free(t);
		return -ENOMEM;
	}
	t->clients = s->clients;
	gnutls_certificate_server_set_request(t->session, s->clients ? GNUTLS_CERT_REQUIRE
								     : GNUTLS_CERT_IGNORE);
	if (s->clients)
		gnutls_session_set_verify_cert(t->session, NULL, 0);
	gnutls_transport_set_int(t->session, fd);
	*ret_t = t;
	return 0;
}

struct tls *tls_free(struct tls *t)
{
	if (!t)
		return NULL;
	if (t->session)
		gnutls_deinit(t->session);
	free(t);
	return NULL;
}

static bool later(int g)
{
	return g == GNUTLS_E_AGAIN || g == GNUTLS_E_INTERRUPTED;
}

static int shake(struct tls *t)
{
	int g = gnutls_handshake(t->session);

	/* A warning may come any number of times; bytes that come wake us again. */
	if (g < 0 && (later(g) || !gnutls_error_is_fatal(g)))
		return -EAGAIN;
	if (g < 0)
		return -EPROTO;
	t->shaken = true;
	return 0;
}

ssize_t tls_read(struct tls *t, void *to, size_t n)
{
	int r = t->shaken ? 0 : shake(t);
	ssize_t g;

	if (r < 0)
		return r;
	g = gnutls_record_recv(t->session, to, n);
	if (g >= 0)
		return g;
	return later((int)g) || !gnutls_error_is_fatal((int)g) ? -EAGAIN : -EPROTO;
}

bool tls_writes(const struct tls *t)
{
	return !t->shaken && gnutls_record_get_direction(t->session) == 1;
}

bool tls_holds(const struct tls *t)
{
	return t->shaken && gnutls_record_check_pending(t->session) > 0;
}
