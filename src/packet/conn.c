/* SPDX-License-Identifier: Apache-2.0 */
/* What records say of a connection: the id of each, and conn itself. */
#include "packet/conn.h"
#include "base/digest.h"
#include "base/hash.h"

#define UID_LEN 18

const struct ip *conn_ip(const struct conn *c, enum dir d)
{
	return &c->flow->ip[d];
}

uint16_t conn_port(const struct conn *c, enum dir d)
{
	return c->flow->port[d];
}

uint8_t conn_proto(const struct conn *c)
{
	return c->flow->proto;
}

static void base62(char *out, size_t n, uint64_t v)
{
	static const char digit[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < n; i++, v /= 62)
		out[i] = digit[v % 62];
}

struct str flow_uid(const struct flow *f, char out[20])
{
	struct {
		struct ip ip[2];
		int64_t start;
		uint16_t port[2];
		uint32_t proto;
	} k = {{f->ip[0], f->ip[1]}, f->start, {f->port[0], f->port[1]}, f->proto};

	out[0] = 'C';
	base62(out + 1, 10, hash_bytes(&k, sizeof(k), 1));
	base62(out + 11, 7, hash_bytes(&k, sizeof(k), 2));
	return str_n(out, UID_LEN);
}

struct str conn_uid(const struct conn *c, char out[20])
{
	return flow_uid(c->flow, out);
}

static void flow_id(struct rec *r, const struct flow *f)
{
	char uid[20];

	rec_str(r, "uid", flow_uid(f, uid));
	rec_ip(r, "id.orig_h", &f->ip[0]);
	rec_u64(r, "id.orig_p", f->port[0]);
	rec_ip(r, "id.resp_h", &f->ip[1]);
	rec_u64(r, "id.resp_p", f->port[1]);
}

struct rec *conn_rec(struct conn *c, const char *path, int64_t ts)
{
	rec_begin(c->rec, path, c->known, ts);
	flow_id(c->rec, c->flow);
	return c->rec;
}

const char *proto_text(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_N_TCP:
		return "tcp";
	case IPPROTO_N_UDP:
		return "udp";
	case IPPROTO_N_ICMP:
	case IPPROTO_N_ICMP6:
		return "icmp";
	case IPPROTO_N_SCTP:
		return "sctp";
	default:
		return "unknown_transport";
	}
}

/* Names in order of the registry, with commas between. */
static void services(struct rec *r, uint64_t bits)
{
	char text[256];
	size_t n = 0;

	for (size_t i = 0; protos[i]; i++) {
		size_t len = strlen(protos[i]->name);

		if (!(bits >> i & 1) || n + len + 1 > sizeof(text))
			continue;
		if (n)
			text[n++] = ',';
		memcpy(text + n, protos[i]->name, len);
		n += len;
	}
	if (n)
		rec_str(r, "service", str_n(text, n));
}

/* https://github.com/corelight/community-id-spec, seed 0. */
static void community(struct rec *r, const struct flow *f)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t in[2 + 32 + 6], sum[21] = {0};
	size_t n = 2, len = ip_is_v4(&f->ip[0]) ? 4 : 16, off = 16 - len;
	int c = memcmp(f->ip[0].b, f->ip[1].b, 16);
	unsigned a = c > 0 || (c == 0 && f->port[0] > f->port[1]);
	bool ports = f->proto == IPPROTO_N_TCP || f->proto == IPPROTO_N_UDP ||
		     f->proto == IPPROTO_N_SCTP || f->proto == IPPROTO_N_ICMP ||
		     f->proto == IPPROTO_N_ICMP6;
	char out[2 + 28] = "1:";

	in[0] = in[1] = 0;
	for (unsigned i = 0; i < 2; i++, n += len)
		memcpy(in + n, f->ip[a ^ i].b + off, len);
	in[n++] = f->proto;
	in[n++] = 0;
	for (unsigned i = 0; i < 2 && ports; i++) {
		in[n++] = (uint8_t)(f->port[a ^ i] >> 8);
		in[n++] = (uint8_t)f->port[a ^ i];
	}
	digest_sha1(in, n, sum);
	for (size_t i = 0; i < 7; i++) {
		uint32_t v = be24(sum + 3 * i);

		for (unsigned k = 0; k < 4; k++)
			out[2 + 4 * i + k] = digit[v >> (18 - 6 * k) & 63];
	}
	out[29] = '=';
	rec_str(r, "community_id", str_n(out, 30));
}

void conn_write(struct rec *r, const struct flow *f, int64_t known, bool open)
{
	const struct side *o = &f->side[DIR_ORIG], *p = &f->side[DIR_RESP];
	bool both = o->pkts && p->pkts;
	char hist[HISTORY_MAX];

	rec_begin(r, open ? "open_conn" : "conn", known, f->start);
	flow_id(r, f);
	rec_z(r, "proto", proto_text(f->proto));
	services(r, f->services);
	if (f->last > f->start || both)
		rec_secs(r, "duration", f->last - f->start);
	if (!open && (f->last > f->start || both || o->bytes)) {
		rec_u64(r, "orig_bytes", o->bytes);
		rec_u64(r, "resp_bytes", p->bytes);
	}
	rec_z(r, "conn_state", flow_state(f));
	rec_bool(r, "local_orig", ip_private(&f->ip[0]));
	rec_bool(r, "local_resp", ip_private(&f->ip[1]));
	if (!open)
		rec_u64(r, "missed_bytes",
			f->proto == IPPROTO_N_TCP ? (uint64_t)f->missed[0] + f->missed[1] : 0);
	if (f->noted)
		rec_str(r, "history", flow_history(f, hist));
	if (!open) {
		rec_u64(r, "orig_pkts", o->pkts);
		rec_u64(r, "orig_ip_bytes", o->ip_bytes);
		rec_u64(r, "resp_pkts", p->pkts);
		rec_u64(r, "resp_ip_bytes", p->ip_bytes);
		if ((f->proto == IPPROTO_N_ICMP || f->proto == IPPROTO_N_ICMP6) && p->acked)
			rec_u64(r, "echoes_altered", p->acked);
	}
	community(r, f);
	rec_end(r);
}
