/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates (RFC 5280) as far as records tell of them. */
#include "base/digest.h"
#include "packet/ber.h"
#include "packet/tls.h"

struct oid_name {
	const char *der;
	size_t len;
	const char *text;
};

#define O(der, text)                           \
	{                                      \
		(der), sizeof(der) - 1, (text) \
	}

static const struct oid_name oids[] = {
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "rsaEncryption"),
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", "md5WithRSAEncryption"),
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "sha1WithRSAEncryption"),
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "rsassaPss"),
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", "sha256WithRSAEncryption"),
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", "sha384WithRSAEncryption"),
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", "sha512WithRSAEncryption"),
	O("\x2a\x86\x48\xce\x3d\x02\x01", "id-ecPublicKey"),
	O("\x2a\x86\x48\xce\x3d\x04\x01", "ecdsa-with-SHA1"),
	O("\x2a\x86\x48\xce\x3d\x04\x03\x02", "ecdsa-with-SHA256"),
	O("\x2a\x86\x48\xce\x3d\x04\x03\x03", "ecdsa-with-SHA384"),
	O("\x2a\x86\x48\xce\x3d\x04\x03\x04", "ecdsa-with-SHA512"),
	O("\x2b\x65\x70", "ED25519"),
	O("\x2a\x86\x48\xce\x38\x04\x01", "dsaEncryption"),
};

static const struct oid_name curves[] = {
	O("\x2a\x86\x48\xce\x3d\x03\x01\x07", "256"),
	O("\x2b\x81\x04\x00\x22", "384"),
	O("\x2b\x81\x04\x00\x23", "521"),
	O("\x2b\x81\x04\x00\x0a", "256"),
};

static const struct oid_name parts[] = {
	O("\x55\x04\x03", "CN"),
	O("\x55\x04\x04", "SN"),
	O("\x55\x04\x05", "serialNumber"),
	O("\x55\x04\x06", "C"),
	O("\x55\x04\x07", "L"),
	O("\x55\x04\x08", "ST"),
	O("\x55\x04\x09", "street"),
	O("\x55\x04\x0a", "O"),
	O("\x55\x04\x0b", "OU"),
	O("\x55\x04\x0c", "title"),
	O("\x55\x04\x11", "postalCode"),
	O("\x55\x04\x2a", "GN"),
	O("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"),
	O("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
	O("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"),
};

static const char *oid_in(const struct oid_name *o, size_t n, struct str oid)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(oid, str_n(o[i].der, o[i].len)))
			return o[i].text;
	return NULL;
}

const char *cert_oid_text(struct str oid)
{
	return oid_in(oids, ARRAY_LEN(oids), oid);
}

/* Puts text before what out holds, as RFC 2253 turns the order round. */
static void prepend(char *out, size_t max, size_t *n, const char *p, size_t len)
{
	if (*n + len > max)
		return;
	memmove(out + len, out, *n);
	memcpy(out, p, len);
	*n += len;
}

/* One attribute as text: "CN=x", special characters escaped, 16-bit text narrowed. */
static size_t attribute(struct str oid, unsigned tag, struct str v, char *out, size_t max)
{
	const char *name = oid_in(parts, ARRAY_LEN(parts), oid);
	size_t n = 0, step = tag == 30 ? 2 : 1; /* BMPString */

	for (const char *q = name ? name : "?"; *q && n < max; q++)
		out[n++] = *q;
	if (n < max)
		out[n++] = '=';
	for (size_t i = step - 1; i < v.len && n + 2 < max; i += step) {
		char c = v.p[i];

		if (step == 2 && v.p[i - 1])
			c = '?';
		if (memchr(",+\"\\<>;", c, 7))
			out[n++] = '\\';
		out[n++] = c;
	}
	return n;
}

/* A Name to text; CN is kept apart when wanted. */
static bool name_text(struct str s, char *out, size_t max, size_t *ret_n, struct str *ret_cn)
{
	struct str set;

	*ret_n = 0;
	while (s.len) {
		struct str seq, oid, v;
		char text[300];
		unsigned tag;
		size_t n;

		if (!ber_want(&s, BER_SET, &set) || !ber_want(&set, BER_SEQ, &seq) ||
		    !ber_want(&seq, BER_OID, &oid) || !ber_next(&seq, &tag, &v))
			return false;
		if (ret_cn && str_eq(oid, STR("\x55\x04\x03")))
			*ret_cn = v;
		n = attribute(oid, tag, v, text, sizeof(text));
		if (*ret_n)
			prepend(out, max, ret_n, ",", 1);
		prepend(out, max, ret_n, text, n);
	}
	return true;
}

static bool validity(struct str s, struct cert *c)
{
	struct str v;
	unsigned tag;

	if (!ber_next(&s, &tag, &v))
		return false;
	c->from = ber_moment(tag, v);
	if (!ber_next(&s, &tag, &v))
		return false;
	c->to = ber_moment(tag, v);
	return true;
}

static bool key(struct str s, struct cert *c)
{
	struct str alg, bits, oid, mod;
	const char *curve;
	unsigned tag;

	if (!ber_want(&s, BER_SEQ, &alg) || !ber_want(&s, BER_BITS, &bits) ||
	    !ber_want(&alg, BER_OID, &c->key_oid))
		return false;
	c->ec = str_eq(c->key_oid, STR("\x2a\x86\x48\xce\x3d\x02\x01"));
	if (c->ec && ber_next(&alg, &tag, &oid) && tag == BER_OID) {
		curve = oid_in(curves, ARRAY_LEN(curves), oid);
		for (; curve && *curve; curve++)
			c->key_bits = c->key_bits * 10 + (unsigned)(*curve - '0');
	}
	bits = str_sub(bits, 1, bits.len);
	if (!c->ec && ber_want(&bits, BER_SEQ, &mod) && ber_want(&mod, BER_INT, &bits)) {
		while (bits.len && !bits.p[0])
			bits = str_sub(bits, 1, bits.len);
		c->key_bits = (unsigned)MIN(bits.len, (size_t)65536) * 8;
	}
	return true;
}

static void alt_names(struct str v, struct cert *c)
{
	struct str seq, name;
	unsigned tag;

	if (!ber_want(&v, BER_SEQ, &seq))
		return;
	while (c->nnames < CERT_NAMES_MAX && ber_next(&seq, &tag, &name))
		if (tag == 0x82)
			c->name[c->nnames++] = name;
}

static void constraints(struct str v, struct cert *c)
{
	struct str seq, b;
	unsigned tag;

	if (!ber_want(&v, BER_SEQ, &seq))
		return;
	c->has_constraints = true;
	c->ca = ber_next(&seq, &tag, &b) && tag == 1 && b.len == 1 && b.p[0];
}

static void extensions(struct str s, struct cert *c)
{
	struct str list, ext, oid, v;
	unsigned tag;

	if (!ber_want(&s, BER_SEQ, &list))
		return;
	while (ber_want(&list, BER_SEQ, &ext)) {
		if (!ber_want(&ext, BER_OID, &oid) || !ber_next(&ext, &tag, &v))
			return;
		if (tag == 1 && !ber_next(&ext, &tag, &v)) /* critical */
			return;
		if (str_eq(oid, STR("\x55\x1d\x11")))
			alt_names(v, c);
		else if (str_eq(oid, STR("\x55\x1d\x13")))
			constraints(v, c);
	}
}

bool cert_read(struct str der, struct cert *ret_c)
{
	struct str s = der, cert, tbs, v, issuer, subject, cn = {0};
	unsigned tag;

	memset(ret_c, 0, sizeof(*ret_c));
	ret_c->version = 1;
	if (!ber_want(&s, BER_SEQ, &cert) || !ber_want(&cert, BER_SEQ, &tbs) ||
	    !ber_next(&tbs, &tag, &v))
		return false;
	if (tag == 0xa0) {
		struct str n;

		if (ber_want(&v, BER_INT, &n) && n.len == 1)
			ret_c->version = (uint8_t)n.p[0] + 1U;
		if (!ber_next(&tbs, &tag, &v))
			return false;
	}
	if (tag != BER_INT)
		return false;
	ret_c->serial = v;
	if (!ber_want(&tbs, BER_SEQ, &v) || !ber_want(&v, BER_OID, &ret_c->sig_oid) ||
	    !ber_want(&tbs, BER_SEQ, &issuer) || !ber_want(&tbs, BER_SEQ, &v) ||
	    !validity(v, ret_c) || !ber_want(&tbs, BER_SEQ, &subject) ||
	    !ber_want(&tbs, BER_SEQ, &v) || !key(v, ret_c))
		return false;
	while (ber_next(&tbs, &tag, &v))
		if (tag == 0xa3)
			extensions(v, ret_c);
	if (!name_text(issuer, ret_c->issuer, sizeof(ret_c->issuer), &ret_c->nissuer, NULL) ||
	    !name_text(subject, ret_c->subject, sizeof(ret_c->subject), &ret_c->nsubject, &cn))
		return false;
	ret_c->self_signed = str_eq(issuer, subject);
	ret_c->ncommon = MIN(cn.len, sizeof(ret_c->common));
	if (ret_c->ncommon)
		memcpy(ret_c->common, cn.p, ret_c->ncommon);
	digest_sha256(der.p, der.len, ret_c->fingerprint);
	return true;
}

static bool matches(struct str pattern, struct str host)
{
	size_t dot;

	if (!str_starts(pattern, STR("*.")))
		return str_ieq(pattern, host);
	dot = str_chr(host, '.', 0);
	return dot != SIZE_MAX &&
	       str_ieq(str_sub(pattern, 1, pattern.len), str_sub(host, dot, host.len));
}

bool cert_is_for(const struct cert *c, struct str host)
{
	for (size_t i = 0; i < c->nnames; i++)
		if (matches(c->name[i], host))
			return true;
	return !c->nnames && c->ncommon && matches(str_n(c->common, c->ncommon), host);
}
