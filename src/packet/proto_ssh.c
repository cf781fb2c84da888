/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSH: versions, what the two agree on (RFC 4253), HASSH, the host key, and a guess whether the
 * log-in succeeded, which is made of the lengths of the server's encrypted messages: the answer
 * to "ssh-userauth" and "success" have known lengths once the cipher is known (RFC 4252), and a
 * refusal has always the same one.
 */
#include "base/digest.h"
#include "packet/proto.h"

#define LINE_BYTES 256
#define LINES_MAX  32 /* that a server may say before its version */
#define PACKET_MAX 35000
#define KEX_MAX	   8192
#define NAMES	   8 /* lists of names that are looked at in a KEXINIT */
#define OTHER_MAX  8
#define ALG_MAX	   64

enum { MSG_KEXINIT = 20, MSG_NEWKEYS = 21, MSG_REPLY = 31, MSG_GEX_REPLY = 33 };
enum { KEX, HOST_KEY, CIPHER_CS, CIPHER_SC, MAC_CS, MAC_SC, COMP_CS, COMP_SC };

struct half {
	char version[LINE_BYTES];
	uint16_t nversion;
	uint8_t lines;
	bool said, sealed;
	uint8_t *kex; /* what its KEXINIT lists */
	uint32_t nkex;
};

struct ssh {
	struct half side[2];
	int64_t ts;
	char cipher[ALG_MAX], mac[ALG_MAX], comp[ALG_MAX], kex[ALG_MAX], key[ALG_MAX];
	char hassh[2][33];
	char host_key[48];
	bool agreed, written, asked, accepted, success, compressed;
	uint32_t accept_size, success_size, failure_size;
	unsigned attempts, other;
};

static enum sniff_result ssh_sniff(const struct sniff *s)
{
	static const char magic[] = "SSH-";
	size_t n = MIN(s->data.len, sizeof(magic) - 1);
	struct str rest, line;

	if (memcmp(s->data.p, magic, n) == 0)
		return n == sizeof(magic) - 1 ? SNIFF_YES : SNIFF_MORE;
	if (!s->hinted || s->dir == DIR_ORIG)
		return SNIFF_NO;
	/* A server may greet before. */
	for (rest = s->data; rest.p;) {
		line = str_cut(rest, '\n', &rest);
		if (str_starts(line, STR("SSH-")))
			return SNIFF_YES;
		if (rest.p && line.len && line.p[line.len - 1] != '\r')
			return SNIFF_NO;
	}
	return s->data.len < 1024 ? SNIFF_MORE : SNIFF_NO;
}

/* The list of names number `at` of a KEXINIT, without type and cookie. */
static struct str names(const struct half *w, unsigned at)
{
	struct str s = str_n((const char *)w->kex, w->nkex);

	for (unsigned i = 0;; i++) {
		uint32_t n = s.len >= 4 ? be32((const uint8_t *)s.p) : UINT32_MAX;

		if (!s.p || n > s.len - MIN(s.len, (size_t)4))
			return str_n(NULL, 0);
		if (i == at)
			return str_n(s.p + 4, n);
		s = str_n(s.p + 4 + n, s.len - 4 - n);
	}
}

/* The client's first name that the server has, too. */
static void agree(struct str client, struct str server, char *out)
{
	struct str name, mine, rest;

	out[0] = 0;
	while (client.p) {
		name = str_cut(client, ',', &client);
		for (rest = server; rest.p;) {
			mine = str_cut(rest, ',', &rest);
			if (!name.len || !str_eq(name, mine))
				continue;
			name.len = MIN(name.len, (size_t)ALG_MAX - 1);
			memcpy(out, name.p, name.len);
			out[name.len] = 0;
			return;
		}
	}
}

/* https://github.com/salesforce/hassh */
static void hassh(const struct half *w, bool server, char out[33])
{
	static const uint8_t want[2][4] = {{KEX, CIPHER_CS, MAC_CS, COMP_CS},
					   {KEX, CIPHER_SC, MAC_SC, COMP_SC}};
	static const char hex[] = "0123456789abcdef";
	char text[KEX_MAX + 4];
	uint8_t sum[16];
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++) {
		struct str s = names(w, want[server][i]);

		if (i)
			text[n++] = ';';
		if (s.len)
			memcpy(text + n, s.p, s.len);
		n += s.len;
	}
	digest_md5(text, n, sum);
	for (unsigned i = 0; i < 16; i++) {
		out[2 * i] = hex[sum[i] >> 4];
		out[2 * i + 1] = hex[sum[i] & 15];
	}
	out[32] = 0;
}

static bool has(const char *alg, const char *part)
{
	return strstr(alg, part) != NULL;
}

/* Bytes on the wire of a message of n bytes under what was agreed; 0: not known. */
static uint32_t sealed_size(const struct ssh *s, uint32_t n)
{
	bool chacha = has(s->cipher, "chacha20"), gcm = has(s->cipher, "gcm");
	bool etm = has(s->mac, "-etm");
	uint32_t block = has(s->cipher, "aes") || gcm ? 16 : 8, mac = 0, head = 4, body;

	if (chacha || gcm)
		mac = 16;
	else if (has(s->mac, "sha2-512"))
		mac = 64;
	else if (has(s->mac, "sha2-256"))
		mac = 32;
	else if (has(s->mac, "sha1-96") || has(s->mac, "md5-96"))
		mac = 12;
	else if (has(s->mac, "sha1"))
		mac = 20;
	else if (has(s->mac, "md5") || has(s->mac, "umac-128"))
		mac = 16;
	else if (has(s->mac, "umac-64"))
		mac = 8;
	else
		return 0;
	if (chacha || gcm || etm)
		head = 0; /* the length is not part of what is padded */
	body = head + 1 + n + 4;
	body = (body + block - 1) / block * block;
	return body + (head ? 0 : 4) + mac;
}

static void agreed(struct ssh *s)
{
	const struct half *c = &s->side[DIR_ORIG], *v = &s->side[DIR_RESP];

	s->agreed = true;
	agree(names(c, KEX), names(v, KEX), s->kex);
	agree(names(c, HOST_KEY), names(v, HOST_KEY), s->key);
	agree(names(c, CIPHER_SC), names(v, CIPHER_SC), s->cipher);
	agree(names(c, MAC_SC), names(v, MAC_SC), s->mac);
	agree(names(c, COMP_SC), names(v, COMP_SC), s->comp);
	s->compressed = strcmp(s->comp, "zlib") == 0;
	s->accept_size = sealed_size(s, 17);
	s->success_size = sealed_size(s, 1);
}

static void write_ssh(struct conn *c, struct ssh *s)
{
	bool lo = ip_private(conn_ip(c, DIR_ORIG)), lr = ip_private(conn_ip(c, DIR_RESP));
	const struct half *a = &s->side[DIR_ORIG], *b = &s->side[DIR_RESP];
	struct rec *r;

	if (s->written)
		return;
	s->written = true;
	r = conn_rec(c, "ssh", s->ts);
	rec_u64(r, "version",
		(a->said && a->version[4] == '1' &&
		 !str_starts(str_of(a->version), STR("SSH-1.99"))) ||
				(b->said && b->version[4] == '1' &&
				 !str_starts(str_of(b->version), STR("SSH-1.99")))
			? 1
			: 2);
	/* Nothing is said where neither success nor a second refusal is sure. */
	if (s->success || (s->attempts && s->other < OTHER_MAX))
		rec_bool(r, "auth_success", s->success);
	rec_u64(r, "auth_attempts", s->attempts);
	if (lo != lr)
		rec_z(r, "direction", lo ? "OUTBOUND" : "INBOUND");
	if (a->said)
		rec_str(r, "client", str_n(a->version, a->nversion));
	if (b->said)
		rec_str(r, "server", str_n(b->version, b->nversion));
	if (s->agreed) {
		rec_z(r, "cipher_alg", s->cipher);
		rec_z(r, "mac_alg", s->mac);
		rec_z(r, "compression_alg", s->comp);
		rec_z(r, "kex_alg", s->kex);
		rec_z(r, "host_key_alg", s->key);
	}
	if (s->host_key[0])
		rec_z(r, "host_key", s->host_key);
	if (s->hassh[0][0])
		rec_z(r, "hassh", s->hassh[0]);
	if (s->hassh[1][0])
		rec_z(r, "hasshServer", s->hassh[1]);
	rec_end(r);
}

static int64_t version(struct conn *c, struct ssh *s, struct half *w, struct str in)
{
	size_t nl = str_chr(in, '\n', 0);
	struct str line;

	if (nl == SIZE_MAX)
		return in.len > LINE_BYTES ? STREAM_FAIL : 0;
	line = str_trim(str_sub(in, 0, nl));
	if (!str_starts(line, STR("SSH-")))
		return ++w->lines > LINES_MAX ? STREAM_FAIL : (int64_t)nl + 1;
	w->said = true;
	w->nversion = (uint16_t)MIN(line.len, (size_t)LINE_BYTES - 1);
	memcpy(w->version, line.p, w->nversion);
	w->version[w->nversion] = 0;
	if (!s->ts)
		s->ts = c->ts;
	return (int64_t)nl + 1;
}

static void kexinit(struct conn *c, struct ssh *s, enum dir d, struct str body)
{
	struct half *w = &s->side[d];

	if (w->kex || body.len < 17 + 4 || body.len - 17 > KEX_MAX)
		return;
	w->kex = conn_alloc(c, body.len - 17);
	if (!w->kex)
		return;
	w->nkex = (uint32_t)body.len - 17;
	memcpy(w->kex, body.p + 17, w->nkex);
	if (!names(w, NAMES - 1).p)
		return;
	hassh(w, d == DIR_RESP, s->hassh[d]);
	if (s->hassh[!d][0])
		agreed(s);
}

/* The host's key stands first in the server's answer; its fingerprint as Zeek has it. */
static void reply(struct ssh *s, struct str body)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t n = body.len >= 5 ? be32((const uint8_t *)body.p + 1) : 0;
	uint8_t sum[16];

	if (n < 8 || n > body.len - 5 || s->host_key[0])
		return;
	digest_md5(body.p + 5, n, sum);
	for (unsigned i = 0; i < 16; i++) {
		s->host_key[3 * i] = hex[sum[i] >> 4];
		s->host_key[3 * i + 1] = hex[sum[i] & 15];
		s->host_key[3 * i + 2] = i < 15 ? ':' : 0;
	}
}

static int64_t packet(struct conn *c, struct ssh *s, enum dir d, struct str in)
{
	const uint8_t *p = (const uint8_t *)in.p;
	struct str body;
	uint32_t n;

	if (in.len < 6)
		return 0;
	n = be32(p);
	if (n < 2 || n > PACKET_MAX || p[4] >= n)
		return STREAM_FAIL;
	if (in.len - 4 < n)
		return 0;
	body = str_n(in.p + 5, n - 1 - p[4]);
	if (!body.len)
		return STREAM_FAIL;
	if (p[5] == MSG_KEXINIT)
		kexinit(c, s, d, body);
	else if (p[5] == MSG_NEWKEYS)
		s->side[d].sealed = true;
	else if (d == DIR_RESP && (p[5] == MSG_REPLY || p[5] == MSG_GEX_REPLY))
		reply(s, body);
	return 4 + (int64_t)n;
}

/* A segment of the server once all is encrypted. */
static void sealed(struct conn *c, struct ssh *s, uint32_t n)
{
	if (!s->asked || s->success || s->compressed || !s->success_size)
		return;
	if (!s->accepted) {
		s->accepted = n == s->accept_size;
		return;
	}
	if (n == s->success_size) {
		s->attempts++;
		s->success = true;
		write_ssh(c, s);
		conn_skip(c, DIR_ORIG, UINT64_MAX / 2);
		conn_skip(c, DIR_RESP, UINT64_MAX / 2);
		return;
	}
	if (!s->failure_size)
		s->failure_size = n;
	if (n == s->failure_size)
		s->attempts++;
	else if (s->other < OTHER_MAX)
		s->other++;
}

static int64_t ssh_stream(struct conn *c, enum dir d, struct str in)
{
	struct ssh *s = c->state;
	struct half *w = &s->side[d];

	if (!w->said)
		return version(c, s, w, in);
	if (w->version[4] == '1' && w->version[6] != '9')
		return (int64_t)in.len; /* SSH 1: versions alone */
	if (!w->sealed)
		return packet(c, s, d, in);
	if (d == DIR_RESP)
		sealed(c, s, (uint32_t)in.len);
	else
		s->asked = true;
	return (int64_t)in.len;
}

static bool ssh_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct ssh *s = c->state;

	(void)n;
	s->other = OTHER_MAX; /* lengths say nothing any more */
	return s->side[d].sealed;
}

static void ssh_close(struct conn *c)
{
	struct ssh *s = c->state;

	if (s->side[0].said || s->side[1].said)
		write_ssh(c, s);
	for (unsigned d = 0; d < 2; d++)
		conn_free(c, s->side[d].kex, s->side[d].nkex);
}

const struct proto_ops proto_ssh = {
	.name = "ssh",
	.transports = PROTO_TCP,
	.ports = {22, 2222, 830},
	.state_size = sizeof(struct ssh),
	.buffer_max = PACKET_MAX + 4,
	.sniff = ssh_sniff,
	.stream = ssh_stream,
	.gap = ssh_gap,
	.close = ssh_close,
};
