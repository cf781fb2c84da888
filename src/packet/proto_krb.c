/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kerberos 5 (RFC 4120) to and from the key distribution centre: what was asked for whom, and
 * the answer, one record for both. What is encrypted stays so.
 */
#include "packet/ber.h"
#include "packet/proto.h"
#include <stdio.h>

#define MESSAGE_MAX (64 * KIB)
#define NAME_BYTES  256
#define CIPHERS	    16 /* of those offered, what is kept */
#define WAIT_MAX    16 /* requests without an answer, on a UDP port used for all */

enum {
	AS_REQ = 0x6a,
	AS_REP = 0x6b,
	TGS_REQ = 0x6c,
	TGS_REP = 0x6d,
	TICKET = 0x61,
	KRB_ERROR = 0x7e
};

enum { PA_TGS_REQ = 1, PA_ENC_TIMESTAMP = 2 };
enum { AP_REQ = 0x6e };

/* A field of a SEQUENCE: [n] in context. */
#define FIELD(n) (0xa0U + (n))

struct ask {
	bool used, tgs, forwardable, renewable;
	int64_t ts, from, till;
	uint32_t nonce;
	int32_t offered[CIPHERS];
	int32_t preauth, tgt; /* ciphers of the time stamp, of the ticket shown; 0 without */
	uint8_t n_offered;
	char client[NAME_BYTES], service[NAME_BYTES];
};

struct krb {
	struct ask ask[WAIT_MAX];
	unsigned next;
};

struct answer {
	bool ok, has_error;
	int32_t error;
	int32_t cipher;
	struct str client, realm, service, issuer; /* issuer: the realm of the ticket */
	char cname[NAME_BYTES], sname[NAME_BYTES];
};

/* RFC 3961 and later; below zero Windows' private ones (KERB_ETYPE_ in ntsecapi.h). */
static const char *cipher_text(int32_t n)
{
	static const struct {
		int32_t n;
		const char *text;
	} known[] = {
		{1, "des-cbc-crc"},
		{2, "des-cbc-md4"},
		{3, "des-cbc-md5"},
		{5, "des3-cbc-md5"},
		{7, "des3-cbc-sha1"},
		{16, "des3-cbc-sha1-kd"},
		{17, "aes128-cts-hmac-sha1-96"},
		{18, "aes256-cts-hmac-sha1-96"},
		{19, "aes128-cts-hmac-sha256-128"},
		{20, "aes256-cts-hmac-sha384-192"},
		{23, "rc4-hmac"},
		{24, "rc4-hmac-exp"},
		{25, "camellia128-cts-cmac"},
		{26, "camellia256-cts-cmac"},
		{-128, "rc4-md4"},
		{-129, "rc4-plain2"},
		{-130, "rc4-lm"},
		{-131, "rc4-sha"},
		{-132, "des-plain"},
		{-133, "rc4-hmac-old"},
		{-134, "rc4-plain-old"},
		{-135, "rc4-hmac-old-exp"},
		{-136, "rc4-plain-old-exp"},
		{-140, "rc4-plain"},
		{-141, "rc4-plain-exp"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].n == n)
			return known[i].text;
	return NULL;
}

/* RFC 4120, 7.5.9, and RFC 4556. */
static const char *error_text(int32_t n)
{
	static const char *const name[] = {
		"KDC_ERR_NONE",
		"KDC_ERR_NAME_EXP",
		"KDC_ERR_SERVICE_EXP",
		"KDC_ERR_BAD_PVNO",
		"KDC_ERR_C_OLD_MAST_KVNO",
		"KDC_ERR_S_OLD_MAST_KVNO",
		"KDC_ERR_C_PRINCIPAL_UNKNOWN",
		"KDC_ERR_S_PRINCIPAL_UNKNOWN",
		"KDC_ERR_PRINCIPAL_NOT_UNIQUE",
		"KDC_ERR_NULL_KEY",
		"KDC_ERR_CANNOT_POSTDATE",
		"KDC_ERR_NEVER_VALID",
		"KDC_ERR_POLICY",
		"KDC_ERR_BADOPTION",
		"KDC_ERR_ETYPE_NOSUPP",
		"KDC_ERR_SUMTYPE_NOSUPP",
		"KDC_ERR_PADATA_TYPE_NOSUPP",
		"KDC_ERR_TRTYPE_NOSUPP",
		"KDC_ERR_CLIENT_REVOKED",
		"KDC_ERR_SERVICE_REVOKED",
		"KDC_ERR_TGT_REVOKED",
		"KDC_ERR_CLIENT_NOTYET",
		"KDC_ERR_SERVICE_NOTYET",
		"KDC_ERR_KEY_EXPIRED",
		"KDC_ERR_PREAUTH_FAILED",
		"KDC_ERR_PREAUTH_REQUIRED",
		"KDC_ERR_SERVER_NOMATCH",
		"KDC_ERR_MUST_USE_USER2USER",
		"KDC_ERR_PATH_NOT_ACCEPTED",
		"KDC_ERR_SVC_UNAVAILABLE",
		NULL,
		"KRB_AP_ERR_BAD_INTEGRITY",
		"KRB_AP_ERR_TKT_EXPIRED",
		"KRB_AP_ERR_TKT_NYV",
		"KRB_AP_ERR_REPEAT",
		"KRB_AP_ERR_NOT_US",
		"KRB_AP_ERR_BADMATCH",
		"KRB_AP_ERR_SKEW",
		"KRB_AP_ERR_BADADDR",
		"KRB_AP_ERR_BADVERSION",
		"KRB_AP_ERR_MSG_TYPE",
		"KRB_AP_ERR_MODIFIED",
		"KRB_AP_ERR_BADORDER",
		NULL,
		"KRB_AP_ERR_BADKEYVER",
		"KRB_AP_ERR_NOKEY",
		"KRB_AP_ERR_MUT_FAIL",
		"KRB_AP_ERR_BADDIRECTION",
		"KRB_AP_ERR_METHOD",
		"KRB_AP_ERR_BADSEQ",
		"KRB_AP_ERR_INAPP_CKSUM",
		"KRB_AP_PATH_NOT_ACCEPTED",
		"KRB_ERR_RESPONSE_TOO_BIG",
		[60] = "KRB_ERR_GENERIC",
		[61] = "KRB_ERR_FIELD_TOOLONG",
		[62] = "KDC_ERROR_CLIENT_NOT_TRUSTED",
		[63] = "KDC_ERROR_KDC_NOT_TRUSTED",
		[64] = "KDC_ERROR_INVALID_SIG",
		[65] = "KDC_ERR_KEY_TOO_WEAK",
		[66] = "KDC_ERR_CERTIFICATE_MISMATCH",
		[67] = "KRB_AP_ERR_NO_TGT",
		[68] = "KDC_ERR_WRONG_REALM",
		[69] = "KRB_AP_ERR_USER_TO_USER_REQUIRED",
		[70] = "KDC_ERR_CANT_VERIFY_CERTIFICATE",
		[71] = "KDC_ERR_INVALID_CERTIFICATE",
		[72] = "KDC_ERR_REVOKED_CERTIFICATE",
		[73] = "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
		[74] = "KDC_ERR_REVOCATION_STATUS_UNAVAILABLE",
		[75] = "KDC_ERR_CLIENT_NAME_MISMATCH",
		[76] = "KDC_ERR_KDC_NAME_MISMATCH",
	};

	return n >= 0 && (size_t)n < ARRAY_LEN(name) ? name[n] : NULL;
}

/* Whether s is one whole message: its tag, a SEQUENCE, and nothing behind. */
static bool is_message(struct str s, size_t whole)
{
	uint8_t tag = s.len ? (uint8_t)s.p[0] : 0;
	size_t len;
	int head = ber_head(s, &len);

	if (tag != AS_REQ && tag != AS_REP && tag != TGS_REQ && tag != TGS_REP &&
	    tag != KRB_ERROR)
		return false;
	return head > 0 && (size_t)head + len == whole && s.len > (size_t)head &&
	       (uint8_t)s.p[head] == BER_SEQ;
}

static enum sniff_result krb_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	uint32_t n;

	if (s->transport == PROTO_UDP)
		return is_message(s->data, s->data.len) ? SNIFF_YES : SNIFF_NO;
	if (p[0])
		return SNIFF_NO;
	if (s->data.len < 12)
		return s->hinted || s->data.len < 4 ? SNIFF_MORE : SNIFF_NO;
	n = be32(p);
	return n < MESSAGE_MAX && is_message(str_sub(s->data, 4, s->data.len), n) ? SNIFF_YES
										  : SNIFF_NO;
}

/* A PrincipalName: its parts with "/" between. */
static struct str principal(struct str s, char out[NAME_BYTES])
{
	struct str seq, v, list;
	unsigned tag;
	size_t n = 0;

	if (!ber_want(&s, BER_SEQ, &seq))
		return str_n(NULL, 0);
	while (ber_next(&seq, &tag, &v)) {
		if (tag != FIELD(1) || !ber_want(&v, BER_SEQ, &list))
			continue;
		while (ber_next(&list, &tag, &v) && n + 1 < NAME_BYTES) {
			if (n)
				out[n++] = '/';
			v.len = MIN(v.len, NAME_BYTES - 1 - n);
			if (v.len)
				memcpy(out + n, v.p, v.len);
			n += v.len;
		}
	}
	return str_n(out, n);
}

static void put_name(char out[NAME_BYTES], struct str name, struct str realm)
{
	size_t n = MIN(name.len, (size_t)NAME_BYTES - 2),
	       k = MIN(realm.len, NAME_BYTES - 2 - n);

	if (n)
		memcpy(out, name.p, n);
	out[n++] = '/';
	if (k)
		memcpy(out + n, realm.p, k);
	out[n + k] = 0;
}

static void put_cipher(struct rec *r, const char *key, int32_t n)
{
	const char *text = cipher_text(n);
	char number[24];

	snprintf(number, sizeof(number), n ? "unknown-%d" : "null", n);
	rec_z(r, key, text ? text : number);
}

static void put_offer(struct rec *r, const struct ask *q)
{
	if (q->preauth)
		put_cipher(r, "preauth_cipher", q->preauth);
	if (q->tgt)
		put_cipher(r, "tgt_cipher", q->tgt);
	if (!q->n_offered)
		return;
	rec_list(r, "offered_ciphers");
	for (unsigned i = 0; i < q->n_offered; i++)
		put_cipher(r, NULL, q->offered[i]);
	rec_list_end(r);
}

static void write_krb(struct conn *c, const struct ask *q, const struct answer *a, bool tgs)
{
	struct rec *r = conn_rec(c, "kerberos", q ? q->ts : c->ts);
	char client[NAME_BYTES], number[24];
	const char *text;

	rec_z(r, "request_type", tgs ? "TGS" : "AS");
	if (q && q->client[0]) {
		rec_z(r, "client", q->client);
	} else if (a && (a->client.p || a->realm.p)) {
		put_name(client, a->client, a->realm);
		rec_z(r, "client", client);
	}
	if (a && a->service.len)
		rec_str(r, "service", a->service);
	else if (q && q->service[0])
		rec_z(r, "service", q->service);
	if (a)
		rec_bool(r, "success", a->ok);
	if (a && a->has_error) {
		text = error_text(a->error);
		snprintf(number, sizeof(number), "unknown-%d", a->error);
		rec_z(r, "error_msg", text ? text : number);
	}
	if (q && q->from)
		rec_secs(r, "from", q->from);
	if (q && q->till)
		rec_secs(r, "till", q->till);
	if (a && a->ok)
		put_cipher(r, "cipher", a->cipher);
	if (q) {
		rec_bool(r, "forwardable", q->forwardable);
		rec_bool(r, "renewable", q->renewable);
		put_offer(r, q);
	}
	rec_end(r);
}

static void body_field(struct ask *q, unsigned tag, struct str v, struct str *cname,
		       struct str *realm, char text[NAME_BYTES])
{
	struct str b, name;
	unsigned t;

	switch (tag) {
	case FIELD(0):
		if (ber_want(&v, BER_BITS, &b) && b.len >= 3) {
			q->forwardable = b.p[1] & 0x40;
			q->renewable = b.p[2] & 0x80;
		}
		break;
	case FIELD(1):
		*cname = principal(v, text);
		break;
	case FIELD(2):
		if (ber_next(&v, &t, &b))
			*realm = b;
		break;
	case FIELD(3):
		name = principal(v, q->service);
		q->service[name.len] = 0;
		break;
	case FIELD(4):
		if (ber_next(&v, &t, &b))
			q->from = ber_moment(t, b);
		break;
	case FIELD(5):
		if (ber_next(&v, &t, &b))
			q->till = ber_moment(t, b);
		break;
	case FIELD(7):
		if (ber_want(&v, BER_INT, &b))
			q->nonce = ber_u32(b);
		break;
	case FIELD(8):
		if (!ber_want(&v, BER_SEQ, &b))
			break;
		while (q->n_offered < CIPHERS && ber_want(&b, BER_INT, &name))
			q->offered[q->n_offered++] = ber_i32(name);
		break;
	default:
		break;
	}
}

static void ticket(struct str s, struct answer *a)
{
	struct str seq, v, enc, n;
	unsigned tag, t;

	if (!ber_want(&s, TICKET, &v) || !ber_want(&v, BER_SEQ, &seq))
		return;
	while (ber_next(&seq, &tag, &v)) {
		if (tag == FIELD(1) && ber_next(&v, &t, &n))
			a->issuer = n;
		if (tag == FIELD(2))
			a->service = principal(v, a->sname);
		if (tag != FIELD(3) || !ber_want(&v, BER_SEQ, &enc))
			continue;
		while (ber_next(&enc, &tag, &v))
			if (tag == FIELD(0) && ber_want(&v, BER_INT, &n))
				a->cipher = ber_i32(n);
	}
}

/* Under which key the ticket is that a client shows to get others; 0 when another realm gave
 * it. */
static int32_t shown(struct str ap_req)
{
	struct answer a = {0};
	struct str seq, v;
	unsigned tag;

	if (!ber_want(&ap_req, AP_REQ, &v) || !ber_want(&v, BER_SEQ, &seq))
		return 0;
	while (ber_next(&seq, &tag, &v))
		if (tag == FIELD(3))
			ticket(v, &a);
	return str_ieqz(str_sub(a.service, 0, 7), "krbtgt/") &&
			       str_ieq(str_sub(a.service, 7, a.service.len), a.issuer)
		       ? a.cipher
		       : 0;
}

/* What came with a request; of interest is under which keys the client shows who it is. */
static void padata(struct ask *q, struct str v)
{
	struct str list, one, seq, b, body;
	unsigned tag;

	if (!ber_want(&v, BER_SEQ, &list))
		return;
	while (ber_want(&list, BER_SEQ, &one)) {
		int32_t kind = 0;

		while (ber_next(&one, &tag, &b)) {
			if (tag == FIELD(1) && ber_want(&b, BER_INT, &body))
				kind = ber_i32(body);
			if (tag == FIELD(2) && kind == PA_TGS_REQ) {
				struct str octets = b;

				if (ber_want(&octets, BER_OCTETS, &body))
					q->tgt = shown(body);
			}
			if (tag == FIELD(2) && kind == PA_ENC_TIMESTAMP &&
			    ber_want(&b, BER_OCTETS, &body) && ber_want(&body, BER_SEQ, &seq) &&
			    ber_want(&seq, FIELD(0), &b) && ber_want(&b, BER_INT, &body))
				q->preauth = ber_i32(body);
		}
	}
}

static void request(struct conn *c, struct krb *k, struct str seq, bool tgs)
{
	struct ask q = {.used = true, .tgs = tgs, .ts = c->ts};
	struct str v, body, cname = {0}, realm = {0};
	char text[NAME_BYTES];
	unsigned tag;
	bool found = false;

	while (ber_next(&seq, &tag, &v)) {
		if (tag == FIELD(3))
			padata(&q, v);
		if (tag != FIELD(4) || !ber_want(&v, BER_SEQ, &body))
			continue;
		found = true;
		while (ber_next(&body, &tag, &v))
			body_field(&q, tag, v, &cname, &realm, text);
	}
	if (!found)
		return;
	if (!tgs)
		put_name(q.client, cname, realm);
	for (unsigned i = 0; i < WAIT_MAX; i++) /* sent again */
		if (k->ask[i].used && k->ask[i].nonce == q.nonce && k->ask[i].tgs == tgs &&
		    strcmp(k->ask[i].service, q.service) == 0)
			return;
	if (k->ask[k->next].used)
		write_krb(c, &k->ask[k->next], NULL, k->ask[k->next].tgs);
	k->ask[k->next] = q;
	k->next = (k->next + 1) % WAIT_MAX;
}

/* The oldest request that an answer can belong to. kind: 0 AS, 1 TGS, 2 either. */
static struct ask *waiting(struct krb *k, unsigned kind, struct str service)
{
	struct ask *best = NULL;

	for (unsigned i = 0; i < WAIT_MAX; i++) {
		struct ask *q = &k->ask[(k->next + i) % WAIT_MAX];

		if (!q->used || (kind < 2 && q->tgs != (kind == 1)))
			continue;
		if (service.len && str_ieq(service, str_of(q->service)))
			return q;
		if (!best)
			best = q;
	}
	return best;
}

static void reply(struct conn *c, struct krb *k, struct str seq, bool tgs)
{
	struct answer a = {.ok = true};
	struct str v, b;
	struct ask *q;
	unsigned tag, t;

	while (ber_next(&seq, &tag, &v)) {
		if (tag == FIELD(3) && ber_next(&v, &t, &b))
			a.realm = b;
		else if (tag == FIELD(4))
			a.client = principal(v, a.cname);
		else if (tag == FIELD(5))
			ticket(v, &a);
	}
	q = waiting(k, tgs, a.service);
	write_krb(c, q, &a, tgs);
	if (q)
		q->used = false;
}

static void error(struct conn *c, struct krb *k, struct str seq)
{
	struct answer a = {.has_error = true};
	struct str v, b;
	struct ask *q;
	unsigned tag, t;

	while (ber_next(&seq, &tag, &v)) {
		if (tag == FIELD(6) && ber_want(&v, BER_INT, &b))
			a.error = ber_i32(b);
		else if (tag == FIELD(7) && ber_next(&v, &t, &b))
			a.realm = b;
		else if (tag == FIELD(8))
			a.client = principal(v, a.cname);
		else if (tag == FIELD(10))
			a.service = principal(v, a.sname);
	}
	q = waiting(k, 2, a.service);
	write_krb(c, q, &a, q && q->tgs);
	if (q)
		q->used = false;
}

static bool message(struct conn *c, struct str s)
{
	struct krb *k = c->state;
	struct str body, seq;
	unsigned tag;

	if (!ber_next(&s, &tag, &body) || !ber_want(&body, BER_SEQ, &seq))
		return false;
	switch (tag) {
	case AS_REQ:
	case TGS_REQ:
		request(c, k, seq, tag == TGS_REQ);
		return true;
	case AS_REP:
	case TGS_REP:
		reply(c, k, seq, tag == TGS_REP);
		return true;
	case KRB_ERROR:
		error(c, k, seq);
		return true;
	default:
		return false;
	}
}

static int krb_datagram(struct conn *c, enum dir d, struct str data)
{
	(void)d;
	return message(c, data) ? 0 : STREAM_FAIL;
}

static int64_t krb_stream(struct conn *c, enum dir d, struct str data)
{
	uint32_t n;

	(void)d;
	if (data.len < 4)
		return 0;
	n = be32((const uint8_t *)data.p);
	if (n > MESSAGE_MAX)
		return STREAM_FAIL;
	if (data.len - 4 < n)
		return 0;
	return message(c, str_n(data.p + 4, n)) ? 4 + (int64_t)n : STREAM_FAIL;
}

static void krb_close(struct conn *c)
{
	struct krb *k = c->state;

	for (unsigned i = 0; i < WAIT_MAX; i++) {
		struct ask *q = &k->ask[(k->next + i) % WAIT_MAX];

		if (q->used)
			write_krb(c, q, NULL, q->tgs);
		q->used = false;
	}
}

const struct proto_ops proto_krb = {
	.name = "krb",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {88},
	.state_size = sizeof(struct krb),
	.buffer_max = MESSAGE_MAX + 4,
	.sniff = krb_sniff,
	.stream = krb_stream,
	.datagram = krb_datagram,
	.close = krb_close,
};
