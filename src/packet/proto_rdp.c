/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remote desktop (MS-RDPBCGR) up to where it is encrypted: whom the client names, what the two
 * agree on, and, without TLS, what the client says of itself.
 */
#include "packet/proto.h"
#include "packet/text.h"
#include <stdio.h>

#define TPKT_MAX 16384U
#define CHANNELS 16

enum { REQUEST = 0xe0, CONFIRM = 0xd0, DATA = 0xf0 };
enum { NEG_REQUEST = 1, NEG_RESPONSE = 2, NEG_FAILURE = 3 };
enum { CS_CORE = 0xc001, CS_NET = 0xc003, SC_SECURITY = 0x0c02 };

struct rdp {
	int64_t ts;
	bool asked, answered, written, has_core;
	const char *result, *security;
	char cookie[64], name[64], product[80], build[24];
	uint8_t ncookie, nname, nproduct;
	uint32_t keyboard, width, height;
	uint32_t method, level;
	bool has_security;
	char channel[CHANNELS][9];
	uint8_t nchannel;
};

static enum sniff_result rdp_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len;

	if (p[0] != 3 || (n > 1 && p[1] != 0))
		return SNIFF_NO;
	if (n < 11)
		return SNIFF_MORE;
	if (be16(p + 2) < 11 || be16(p + 2) > 512 || p[4] + 5U > be16(p + 2))
		return SNIFF_NO;
	if ((p[5] & 0xf0) != REQUEST && (p[5] & 0xf0) != CONFIRM)
		return SNIFF_NO;
	if (s->hinted)
		return SNIFF_YES;
	/* S7 and MMS begin alike: elsewhere what only remote desktops say. */
	if (n < be16(p + 2))
		return SNIFF_MORE;
	if (str_find(s->data, STR("Cookie: mstshash=")) != SIZE_MAX)
		return SNIFF_YES;
	return be16(p + 2) == 19 && p[11] >= NEG_REQUEST && p[11] <= NEG_FAILURE &&
			       le16(p + 13) == 8
		       ? SNIFF_YES
		       : SNIFF_NO;
}

static const char *security_text(uint32_t n)
{
	return n == 0	? "RDP"
	       : n == 1 ? "SSL"
	       : n == 2 ? "HYBRID"
	       : n == 4 ? "RDSTLS"
	       : n == 8 ? "HYBRID_EX"
			: "unknown";
}

static const char *failure_text(uint32_t n)
{
	static const char *const text[] = {
		NULL,
		"SSL_REQUIRED_BY_SERVER",
		"SSL_NOT_ALLOWED_BY_SERVER",
		"SSL_CERT_NOT_ON_SERVER",
		"INCONSISTENT_FLAGS",
		"HYBRID_REQUIRED_BY_SERVER",
		"SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
	};

	return n < ARRAY_LEN(text) && text[n] ? text[n] : "unknown";
}

static const char *build_text(uint32_t n, char out[24])
{
	static const struct {
		uint32_t n;
		const char *text;
	} known[] = {{419, "RDP 4.0"},	{2195, "RDP 5.0"}, {2221, "RDP 5.0"},
		     {2600, "RDP 5.1"}, {3790, "RDP 5.2"}, {6000, "RDP 6.0"},
		     {6001, "RDP 6.1"}, {6002, "RDP 6.2"}, {7600, "RDP 7.0"},
		     {7601, "RDP 7.1"}, {9200, "RDP 8.0"}, {9600, "RDP 8.1"}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].n == n)
			return known[i].text;
	snprintf(out, 24, "client_build-%u", n);
	return out;
}

static void put_security(struct rec *r, const struct rdp *s)
{
	static const char *const level[] = {"None", "Low", "Client compatible", "High", "FIPS"};
	const char *method = s->method == 0	 ? "None"
			     : s->method == 1	 ? "40bit"
			     : s->method == 2	 ? "128bit"
			     : s->method == 8	 ? "56bit"
			     : s->method == 0x10 ? "FIPS"
						 : "unknown";

	rec_z(r, "encryption_level", s->level < ARRAY_LEN(level) ? level[s->level] : "unknown");
	rec_z(r, "encryption_method", method);
}

static void write_rdp(struct conn *c, struct rdp *s)
{
	char tmp[24];
	struct rec *r;

	if (s->written)
		return;
	s->written = true;
	r = conn_rec(c, "rdp", s->ts);
	if (s->ncookie)
		rec_str(r, "cookie", str_n(s->cookie, s->ncookie));
	rec_z(r, "result", s->result);
	rec_z(r, "security_protocol", s->security);
	if (s->nchannel) {
		rec_list(r, "client_channels");
		for (unsigned i = 0; i < s->nchannel; i++)
			rec_z(r, NULL, s->channel[i]);
		rec_list_end(r);
	}
	if (s->has_core) {
		snprintf(tmp, sizeof(tmp), "keyboard-%u", s->keyboard);
		rec_z(r, "keyboard_layout", tmp);
		rec_z(r, "client_build", s->build);
		rec_str(r, "client_name", str_n(s->name, s->nname));
		if (s->nproduct)
			rec_str(r, "client_dig_product_id", str_n(s->product, s->nproduct));
		rec_u64(r, "desktop_width", s->width);
		rec_u64(r, "desktop_height", s->height);
	}
	if (s->has_security)
		put_security(r, s);
	rec_end(r);
}

/* A connection request: a cookie or routing token, and which protections the client knows. */
static void request(struct rdp *s, struct str body)
{
	static const struct str key = {"Cookie: mstshash=", 17};
	size_t at = str_find(body, key);
	struct str v, rest;

	s->asked = true;
	if (at == SIZE_MAX)
		return;
	v = str_cut(str_sub(body, at + key.len, body.len), '\r', &rest);
	s->ncookie = (uint8_t)MIN(v.len, sizeof(s->cookie));
	if (s->ncookie)
		memcpy(s->cookie, v.p, s->ncookie);
}

static void confirm(struct conn *c, struct rdp *s, struct str body)
{
	const uint8_t *p = (const uint8_t *)body.p;
	uint32_t v = body.len >= 8 ? le32(p + 4) : 0;

	s->answered = true;
	s->security = "RDP";
	if (body.len < 8 || le16(p + 2) != 8)
		return;
	if (p[0] == NEG_FAILURE) {
		s->security = NULL;
		s->result = failure_text(v);
		write_rdp(c, s);
		return;
	}
	if (p[0] != NEG_RESPONSE)
		return;
	s->security = security_text(v);
	if (!v)
		return;
	s->result = "encrypted";
	write_rdp(c, s);
	conn_again(c); /* TLS */
}

static void core(struct rdp *s, struct str b)
{
	const uint8_t *p = (const uint8_t *)b.p;
	char tmp[24];

	if (b.len < 56)
		return;
	s->has_core = true;
	s->width = le16(p + 4);
	s->height = le16(p + 6);
	s->keyboard = le32(p + 12);
	snprintf(s->build, sizeof(s->build), "%s", build_text(le32(p + 16), tmp));
	s->nname = (uint8_t)text_utf16(str_n(b.p + 20, 32), s->name, sizeof(s->name));
	if (b.len >= 206)
		s->nproduct = (uint8_t)text_utf16(str_n(b.p + 142, 64), s->product,
						  sizeof(s->product));
}

static void channels(struct rdp *s, struct str b)
{
	for (size_t at = 4; at + 12 <= b.len && s->nchannel < CHANNELS; at += 12) {
		char *out = s->channel[s->nchannel];

		memcpy(out, b.p + at, 8);
		out[8] = 0;
		if (out[0])
			s->nchannel++;
	}
}

/* Blocks of a conference's creation (T.124), which follow one of two words. */
static void conference(struct conn *c, struct rdp *s, enum dir d, struct str m)
{
	size_t at = str_find(m, d == DIR_ORIG ? STR("Duca") : STR("McDn"));
	const uint8_t *p;

	if (at == SIZE_MAX || at + 5 > m.len)
		return;
	p = (const uint8_t *)m.p + at + 4;
	m = str_sub(m, at + 4 + (p[0] & 0x80 ? 2 : 1), m.len);
	while (m.len >= 4) {
		size_t len = le16((const uint8_t *)m.p + 2);
		struct str b = str_sub(m, 4, len);

		if (len < 4 || len > m.len)
			break;
		switch (le16((const uint8_t *)m.p)) {
		case CS_CORE:
			core(s, b);
			break;
		case CS_NET:
			channels(s, b);
			break;
		case SC_SECURITY:
			s->has_security = b.len >= 8;
			if (!s->has_security)
				break;
			s->method = le32((const uint8_t *)b.p);
			s->level = le32((const uint8_t *)b.p + 4);
			break;
		default:
			break;
		}
		m = str_sub(m, len, m.len);
	}
	if (d == DIR_ORIG)
		return;
	s->result = "Success";
	write_rdp(c, s);
	conn_skip(c, DIR_ORIG, UINT64_MAX / 2);
	conn_skip(c, DIR_RESP, UINT64_MAX / 2);
}

static int64_t rdp_stream(struct conn *c, enum dir d, struct str in)
{
	struct rdp *s = c->state;
	const uint8_t *p = (const uint8_t *)in.p;
	struct str m;
	size_t len;

	if (s->written)
		return (int64_t)in.len;
	if (in.len < 7)
		return p[0] == 3 ? 0 : STREAM_FAIL;
	len = be16(p + 2);
	if (p[0] != 3 || len < 7 || len > TPKT_MAX)
		return STREAM_FAIL;
	if (in.len < len)
		return 0;
	if (!s->ts)
		s->ts = c->ts;
	m = str_sub(in, 4, len);
	switch (p[5] & 0xf0) {
	case REQUEST:
		request(s, str_sub(m, 7, m.len));
		break;
	case CONFIRM:
		confirm(c, s, str_sub(m, 7, m.len));
		break;
	case DATA:
		conference(c, s, d, str_sub(m, 3, m.len));
		break;
	default:
		break;
	}
	return (int64_t)len;
}

static void rdp_close(struct conn *c)
{
	struct rdp *s = c->state;

	if (s->asked || s->answered)
		write_rdp(c, s);
}

const struct proto_ops proto_rdp = {
	.name = "rdp",
	.transports = PROTO_TCP,
	.ports = {3389},
	.state_size = sizeof(struct rdp),
	.buffer_max = TPKT_MAX,
	.sniff = rdp_sniff,
	.stream = rdp_stream,
	.close = rdp_close,
};
