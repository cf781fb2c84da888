/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cert.h"
#include "base/digest.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX   (256 * KIB)
#define VALID_DAYS 397 /* the longest that browsers take from anybody */
#define RENEW_DAYS 30
#define PATH_MAX_  4096

static int failed(struct diag *d, const char *what, int g)
{
	return diag_set(d, -EIO, "TLS: %s: %s", what, gnutls_strerror(g));
}

static int read_file(const char *path, struct arena *mem, char **ret_text, struct diag *d)
{
	char *p = arena_alloc(mem, FILE_MAX + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (!p || fd < 0) {
		int e = !p ? -ENOMEM : -errno;

		if (fd >= 0)
			close(fd);
		return diag_set(d, e, "%s: %s", path, err_text(e));
	}
	while (len < FILE_MAX && (n = read(fd, p + len, FILE_MAX - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (n < 0 || len == FILE_MAX)
		return diag_set(d, -EIO, "%s: %s", path, n < 0 ? err_text(-EIO) : "too long");
	p[len] = 0;
	*ret_text = p;
	return 0;
}

static gnutls_datum_t datum(const char *z)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)z, (unsigned)strlen(z)};
}

/* The fingerprint, and whether the certificate is good for another while and for all names. */
static int look(const struct cert_conf *conf, struct cert *c, bool *ret_good, struct diag *d)
{
	gnutls_datum_t pem = datum(c->cert), der = {NULL, 0};
	gnutls_x509_crt_t crt = NULL;
	unsigned char hash[32];
	int64_t days;
	int g = gnutls_x509_crt_init(&crt);

	if (g == 0)
		g = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
	if (g == 0)
		g = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
	if (g == 0) {
		digest_sha256(der.data, der.size, hash);
		for (size_t i = 0; i < sizeof(hash); i++)
			snprintf(c->print + 3 * i, 4, "%02X%s", hash[i],
				 i + 1 < sizeof(hash) ? ":" : "");
		days = (gnutls_x509_crt_get_expiration_time(crt) - conf->now / NS_PER_S) /
		       S_PER_D;
		*ret_good = days >= RENEW_DAYS;
		for (size_t i = 0; i < conf->nnames; i++)
			*ret_good &= gnutls_x509_crt_check_hostname(crt, conf->names[i]) != 0;
	}
	gnutls_free(der.data);
	gnutls_x509_crt_deinit(crt);
	return g == 0 ? 0 : failed(d, "the certificate cannot be read", g);
}

/* Names and addresses into the certificate. */
static int add_names(const struct cert_conf *conf, gnutls_x509_crt_t crt)
{
	int g = 0;

	for (size_t i = 0; g == 0 && i < conf->nnames; i++) {
		const char *name = conf->names[i];
		unsigned char ip[16];
		unsigned type = GNUTLS_SAN_DNSNAME, len = (unsigned)strlen(name);
		const void *data = name;

		if (inet_pton(AF_INET, name, ip) == 1)
			len = 4;
		else if (inet_pton(AF_INET6, name, ip) == 1)
			len = 16;
		if (data == name && len != strlen(name)) {
			type = GNUTLS_SAN_IPADDRESS;
			data = ip;
		}
		g = gnutls_x509_crt_set_subject_alt_name(crt, type, data, len,
							 GNUTLS_FSAN_APPEND);
	}
	return g;
}

static int fill(const struct cert_conf *conf, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	static const char cn[] = "thymus";
	unsigned char serial[16];
	time_t now = (time_t)(conf->now / NS_PER_S);
	int g = gnutls_x509_crt_set_version(crt, 3);

	if (g == 0)
		g = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] &= 0x7f; /* a positive number */
	if (g == 0)
		g = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (g == 0)
		g = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
						  sizeof(cn) - 1);
	if (g == 0)
		g = gnutls_x509_crt_set_activation_time(crt, now - S_PER_H);
	if (g == 0)
		g = gnutls_x509_crt_set_expiration_time(crt, now + VALID_DAYS * S_PER_D);
	if (g == 0)
		g = gnutls_x509_crt_set_key(crt, key);
	if (g == 0)
		g = add_names(conf, crt);
	if (g == 0)
		g = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (g == 0)
		g = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (g == 0)
		g = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (g == 0)
		g = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	return g;
}

static int write_file(const char *path, gnutls_datum_t text, struct diag *d)
{
	char part[PATH_MAX_ + 8];
	int fd, r = 0;

	snprintf(part, sizeof(part), "%s.new", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return diag_set(d, -errno, "%s: %s", part, strerror(errno));
	if (write(fd, text.data, text.size) != (ssize_t)text.size || fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 || (r == 0 && rename(part, path) < 0))
		r = -errno;
	return r < 0 ? diag_set(d, r, "%s: %s", path, err_text(r)) : 0;
}

static int make(const struct cert_conf *conf, const char *cert, const char *key, struct diag *d)
{
	gnutls_x509_privkey_t k = NULL;
	gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t kpem = {NULL, 0}, cpem = {NULL, 0};
	int r = 0, g = gnutls_x509_privkey_init(&k);

	if (g == 0)
		g = gnutls_x509_privkey_generate(
			k, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
			0);
	if (g == 0)
		g = gnutls_x509_crt_init(&crt);
	if (g == 0)
		g = fill(conf, crt, k);
	if (g == 0)
		g = gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &kpem);
	if (g == 0)
		g = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &cpem);
	if (g < 0)
		r = failed(d, "no certificate can be made", g);
	if (r == 0)
		r = write_file(key, kpem, d);
	if (r == 0)
		r = write_file(cert, cpem, d);
	gnutls_free(kpem.data);
	gnutls_free(cpem.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(k);
	return r;
}

/* Does the key belong to the certificate? */
static int pair(const struct cert *c, struct diag *d)
{
	gnutls_certificate_credentials_t cred = NULL;
	gnutls_datum_t cert = datum(c->cert), key = datum(c->key);
	int g = gnutls_certificate_allocate_credentials(&cred);

	if (g == 0)
		g = gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (cred)
		gnutls_certificate_free_credentials(cred);
	return g < 0 ? failed(d, "certificate and key do not fit", g) : 0;
}

static int read_both(const char *cert, const char *key, const struct cert_conf *conf,
		     struct arena *mem, struct cert *c, bool *ret_good, struct diag *d)
{
	int r = read_file(cert, mem, &c->cert, d);

	if (r == 0)
		r = read_file(key, mem, &c->key, d);
	if (r == 0)
		r = look(conf, c, ret_good, d);
	return r == 0 ? pair(c, d) : r;
}

int cert_open(const struct cert_conf *conf, struct arena *mem, struct cert *ret_c,
	      struct diag *d)
{
	char cert[PATH_MAX_], key[PATH_MAX_];
	struct cert c = {.own = !conf->cert};
	bool good = false;
	int r;

	if (!conf->cert != !conf->key)
		return diag_set(d, -EINVAL, "tls_certificate and tls_key belong together");
	if (conf->cert) {
		r = read_both(conf->cert, conf->key, conf, mem, &c, &good, d);
	} else {
		if (snprintf(cert, sizeof(cert), "%s/tls.pem", conf->dir) >= (int)sizeof(cert))
			return diag_set(d, -ENAMETOOLONG, "%s: the name is too long",
					conf->dir);
		snprintf(key, sizeof(key), "%s/tls.key", conf->dir);
		r = read_both(cert, key, conf, mem, &c, &good, NULL);
		if (r < 0 || !good) {
			r = make(conf, cert, key, d);
			if (r == 0)
				r = read_both(cert, key, conf, mem, &c, &good, d);
		}
	}
	if (r == 0)
		*ret_c = c;
	return r;
}
