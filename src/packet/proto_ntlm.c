/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NTLM. No protocol of its own on the wire: it has a place in the registry so that conn records
 * can name it as a service.
 */
#include "packet/ntlm.h"
#include "packet/text.h"

enum { NEGOTIATE = 1, CHALLENGE = 2, AUTHENTICATE = 3 };
enum { TARGET_INFO = 0x800000 };
enum { AV_NB_SERVER = 1, AV_DNS_SERVER = 3, AV_DNS_TREE = 5 };

/* The bytes that a message's field (length, room, offset) points to. */
static struct str field(struct str m, size_t at)
{
	const uint8_t *p = (const uint8_t *)m.p + at;
	size_t len, off;

	if (at + 8 > m.len)
		return str_n(NULL, 0);
	len = le16(p);
	off = le32(p + 4);
	if (off > m.len || len > m.len - off)
		return str_n(NULL, 0);
	return str_n(m.p + off, len);
}

static void name(struct str s, bool wide, char out[NTLM_NAME], uint8_t *n)
{
	if (wide) {
		*n = (uint8_t)text_utf16(s, out, NTLM_NAME);
		return;
	}
	*n = (uint8_t)MIN(s.len, (size_t)NTLM_NAME);
	if (*n)
		memcpy(out, s.p, *n);
}

/*
 * What a client asks for in its first message (MS-NLMP, 2.2.2.5). Windows and Samba send their
 * version with it and leave "target info" to the server's answer; Impacket asks for the latter,
 * without a version, with or without signing. Flags of impacket.ntlm.getNTLMSSPType1.
 */
static const char *software(uint32_t flags)
{
	static const uint32_t impacket[] = {0xa0880205, 0xe0888235};

	for (size_t i = 0; i < ARRAY_LEN(impacket); i++)
		if (flags == impacket[i])
			return "impacket";
	return NULL;
}

/* What the server says of itself, as pairs of a kind and a name. */
static void challenge(struct ntlm *n, struct str m)
{
	struct str info = field(m, 40);
	const uint8_t *p = (const uint8_t *)info.p;

	n->nnb = n->ndns = n->ntree = 0;
	n->challenge = true;
	for (size_t at = 0; at + 4 <= info.len;) {
		unsigned kind = le16(p + at), len = le16(p + at + 2);
		struct str v;

		if (!kind || len > info.len - at - 4)
			break;
		v = str_n(info.p + at + 4, len);
		if (kind == AV_NB_SERVER)
			name(v, true, n->nb, &n->nnb);
		else if (kind == AV_DNS_SERVER)
			name(v, true, n->dns, &n->ndns);
		else if (kind == AV_DNS_TREE)
			name(v, true, n->tree, &n->ntree);
		at += 4 + len;
	}
}

static void authenticate(struct conn *c, struct ntlm *n, struct str m)
{
	bool wide = m.len < 64 || le32((const uint8_t *)m.p + 60) & 1;

	if (m.len < 52)
		return;
	if (n->auth)
		ntlm_write(c, n, NTLM_UNKNOWN);
	n->auth = true;
	n->ts = c->ts;
	name(field(m, 28), wide, n->domain, &n->ndomain);
	name(field(m, 36), wide, n->user, &n->nuser);
	name(field(m, 44), wide, n->host, &n->nhost);
	/* RubySMB, the library of Metasploit: the name it gives itself, as no computer has it.
	 */
	if (str_eqz(str_n(n->host, n->nhost), "WORKSTATION") && n->target_info)
		n->software = "ruby_smb";
	conn_service(c, "ntlm");
}

void ntlm_token(struct conn *c, struct ntlm *n, struct str token)
{
	size_t at = str_find(token, str_n("NTLMSSP", 8));
	uint32_t flags;
	struct str m;

	if (at == SIZE_MAX || token.len - at < 12)
		return;
	m = str_sub(token, at, token.len);
	switch (le32((const uint8_t *)m.p + 8)) {
	case NEGOTIATE:
		if (m.len < 16)
			break;
		flags = le32((const uint8_t *)m.p + 12);
		n->target_info = flags & TARGET_INFO;
		if (!n->software)
			n->software = software(flags);
		break;
	case CHALLENGE:
		challenge(n, m);
		break;
	case AUTHENTICATE:
		authenticate(c, n, m);
		break;
	default:
		break;
	}
}

void ntlm_write(struct conn *c, struct ntlm *n, enum ntlm_result result)
{
	struct rec *r;

	if (!n->auth)
		return;
	r = conn_rec(c, "ntlm", n->ts);
	if (n->nuser)
		rec_str(r, "username", str_n(n->user, n->nuser));
	if (n->nhost)
		rec_str(r, "hostname", str_n(n->host, n->nhost));
	rec_str(r, "domainname", str_n(n->domain, n->ndomain));
	if (n->nnb)
		rec_str(r, "server_nb_computer_name", str_n(n->nb, n->nnb));
	if (n->ndns)
		rec_str(r, "server_dns_computer_name", str_n(n->dns, n->ndns));
	if (n->ntree)
		rec_str(r, "server_tree_name", str_n(n->tree, n->ntree));
	rec_z(r, "client_software", n->software);
	if (result != NTLM_UNKNOWN)
		rec_bool(r, "success", result == NTLM_SUCCESS);
	rec_end(r);
	n->auth = n->challenge = false;
}

const struct proto_ops proto_ntlm = {.name = "ntlm"};
