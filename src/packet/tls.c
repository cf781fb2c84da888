/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/tls.h"
#include "base/digest.h"
#include "packet/pkt.h"
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 4096

/* A reader that stays failed once something did not fit. */
struct rd {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static struct rd rd_of(struct str s)
{
	return (struct rd){(const uint8_t *)s.p, s.len, false};
}

static struct str take(struct rd *r, size_t n)
{
	struct str s = str_n((const char *)r->p, n);

	if (r->bad || n > r->n) {
		r->bad = true;
		return str_n(NULL, 0);
	}
	r->p += n;
	r->n -= n;
	return s;
}

static unsigned num(struct rd *r, size_t bytes)
{
	struct str s = take(r, bytes);
	unsigned v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | (uint8_t)s.p[i];
	return v;
}

/* A vector with a length of so many bytes before it. */
static struct str vec(struct rd *r, size_t bytes)
{
	unsigned n = num(r, bytes);

	return take(r, n);
}

static bool grease(unsigned v)
{
	return (v & 0x0f0f) == 0x0a0a && (v >> 8) == (v & 0xff);
}

struct list {
	uint16_t v[TLS_LIST_MAX];
	size_t n;
};

static void add(struct list *l, unsigned v)
{
	if (!grease(v) && l->n < TLS_LIST_MAX)
		l->v[l->n++] = (uint16_t)v;
}

static void read_list(struct str s, struct list *l)
{
	struct rd r = rd_of(s);

	while (r.n >= 2)
		add(l, num(&r, 2));
}

struct text {
	char p[TEXT_MAX];
	size_t n;
};

static void put(struct text *t, const char *fmt, unsigned v)
{
	int n = snprintf(t->p + t->n, sizeof(t->p) - t->n, fmt, v);

	if (n > 0 && (size_t)n < sizeof(t->p) - t->n)
		t->n += (size_t)n;
}

static void put_list(struct text *t, const struct list *l, const char *first, const char *fmt)
{
	for (size_t i = 0; i < l->n; i++)
		put(t, i ? fmt : first, l->v[i]);
}

static void hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void md5_text(const struct text *t, char out[33])
{
	uint8_t sum[16];

	digest_md5(t->p, t->n, sum);
	hex(sum, 16, out);
}

static void sha_text(const struct text *t, char out[13])
{
	uint8_t sum[32];

	if (!t->n) {
		memcpy(out, "000000000000", 13);
		return;
	}
	digest_sha256(t->p, t->n, sum);
	hex(sum, 6, out);
}

static int by_value(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* What the fingerprints are made of. */
struct hello {
	unsigned legacy;
	struct list ciphers, exts, curves, points, sigs;
	bool has_sni;
};

static void ja3(const struct hello *h, char out[33])
{
	struct text t = {.n = 0};

	put(&t, "%u,", h->legacy);
	put_list(&t, &h->ciphers, "%u", "-%u");
	put_list(&t, &h->exts, ",%u", "-%u");
	put(&t, h->exts.n ? "," : ",,", 0);
	put_list(&t, &h->curves, "%u", "-%u");
	put(&t, ",", 0);
	put_list(&t, &h->points, "%u", "-%u");
	md5_text(&t, out);
}

static const char *ja4_version(unsigned v)
{
	switch (v) {
	case 0x0304:
		return "13";
	case 0x0303:
		return "12";
	case 0x0302:
		return "11";
	case 0x0301:
		return "10";
	case 0x0300:
		return "s3";
	case 0xfeff:
		return "d1";
	case 0xfefd:
		return "d2";
	case 0xfefc:
		return "d3";
	default:
		return "00";
	}
}

static bool alnum(char c)
{
	return (c >= '0' && c <= '9') || (lower_c(c) >= 'a' && lower_c(c) <= 'z');
}

static void ja4_alpn(struct str a, char out[3])
{
	char h[2 * 2 + 1];

	memcpy(out, "00", 3);
	if (!a.len)
		return;
	if (alnum(a.p[0]) && alnum(a.p[a.len - 1])) {
		out[0] = a.p[0];
		out[1] = a.p[a.len - 1];
		return;
	}
	hex((const uint8_t *)a.p, 1, h);
	hex((const uint8_t *)a.p + a.len - 1, 1, h + 2);
	out[0] = h[0];
	out[1] = h[3];
}

static void ja4(const struct hello *h, const struct tls_client *c, char transport, char out[40])
{
	struct list sorted = h->ciphers, exts = {.n = 0};
	struct text t = {.n = 0}, u = {.n = 0};
	char alpn[3], a[13], b[13];

	qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_value);
	put_list(&t, &sorted, "%04x", ",%04x");
	sha_text(&t, a);
	for (size_t i = 0; i < h->exts.n; i++)
		if (h->exts.v[i] != 0 && h->exts.v[i] != 16)
			exts.v[exts.n++] = h->exts.v[i];
	qsort(exts.v, exts.n, sizeof(*exts.v), by_value);
	put_list(&u, &exts, "%04x", ",%04x");
	put_list(&u, &h->sigs, "_%04x", ",%04x");
	sha_text(&u, b);
	ja4_alpn(c->alpn, alpn);
	snprintf(out, 40, "%c%s%c%02u%02u%s_%s_%s", transport, ja4_version(c->version),
		 h->has_sni ? 'd' : 'i', (unsigned)MIN(h->ciphers.n, 99U),
		 (unsigned)MIN(h->exts.n, 99U), alpn, a, b);
}

static struct str first_alpn(struct str body)
{
	struct rd r = rd_of(body), l;

	l = rd_of(vec(&r, 2));
	return vec(&l, 1);
}

static struct str first_name(struct str body)
{
	struct rd r = rd_of(body), l;
	unsigned kind;

	l = rd_of(vec(&r, 2));
	kind = num(&l, 1);
	return kind == 0 ? vec(&l, 2) : str_n(NULL, 0);
}

static void client_ext(unsigned type, struct str body, struct hello *h, struct tls_client *c)
{
	struct rd r = rd_of(body);
	struct list l = {.n = 0};
	struct str s;

	add(&h->exts, type);
	switch (type) {
	case 0:
		h->has_sni = true;
		c->sni = first_name(body);
		break;
	case 10:
		read_list(vec(&r, 2), &h->curves);
		break;
	case 11:
		s = vec(&r, 1);
		for (size_t i = 0; i < s.len && h->points.n < TLS_LIST_MAX; i++)
			h->points.v[h->points.n++] = (uint8_t)s.p[i];
		break;
	case 13:
		read_list(vec(&r, 2), &h->sigs);
		break;
	case 16:
		c->alpn = first_alpn(body);
		break;
	case 35:
		c->resumes |= body.len > 0;
		break;
	case 41:
		c->resumes = true;
		break;
	case 43:
		read_list(vec(&r, 1), &l);
		for (size_t i = 0; i < l.n; i++) /* those of DTLS count downwards */
			c->version = l.v[i] >= 0xfe00 && c->version ? MIN(c->version, l.v[i])
								    : MAX(c->version, l.v[i]);
		break;
	default:
		break;
	}
}

bool tls_client_hello(struct str body, char transport, struct tls_client *ret_c)
{
	struct rd r = rd_of(body), e;
	struct hello h = {0};

	*ret_c = (struct tls_client){0};
	h.legacy = num(&r, 2);
	take(&r, 32);
	ret_c->session = vec(&r, 1);
	if (transport == 'd')
		vec(&r, 1); /* cookie */
	read_list(vec(&r, 2), &h.ciphers);
	vec(&r, 1);
	if (r.bad)
		return false;
	if (r.n) {
		e = rd_of(vec(&r, 2));
		while (e.n >= 4 && !e.bad) {
			unsigned type = num(&e, 2);
			struct str s = vec(&e, 2);

			if (!e.bad)
				client_ext(type, s, &h, ret_c);
		}
	}
	if (!ret_c->version)
		ret_c->version = (uint16_t)h.legacy;
	ja3(&h, ret_c->ja3);
	ja4(&h, ret_c, transport, ret_c->ja4);
	return true;
}

bool tls_server_hello(struct str body, struct tls_server *ret_s)
{
	static const uint8_t retry[8] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11};
	struct rd r = rd_of(body), e;
	struct list exts = {.n = 0};
	struct text t = {.n = 0};
	struct str random;
	unsigned legacy;

	*ret_s = (struct tls_server){0};
	legacy = num(&r, 2);
	random = take(&r, 32);
	ret_s->session = vec(&r, 1);
	ret_s->cipher = (uint16_t)num(&r, 2);
	num(&r, 1);
	if (r.bad)
		return false;
	ret_s->version = (uint16_t)legacy;
	ret_s->retry = memcmp(random.p, retry, sizeof(retry)) == 0;
	if (r.n) {
		e = rd_of(vec(&r, 2));
		while (e.n >= 4 && !e.bad) {
			unsigned type = num(&e, 2);
			struct str s = vec(&e, 2);
			struct rd b = rd_of(s);

			add(&exts, type);
			if (type == 43 && s.len == 2)
				ret_s->version = (uint16_t)num(&b, 2);
			else if (type == 51 && s.len >= 2)
				ret_s->curve = (uint16_t)num(&b, 2);
			else if (type == 16)
				ret_s->alpn = first_alpn(s);
		}
	}
	put(&t, "%u,", legacy);
	put(&t, "%u,", ret_s->cipher);
	put_list(&t, &exts, "%u", "-%u");
	md5_text(&t, ret_s->ja3s);
	return true;
}
