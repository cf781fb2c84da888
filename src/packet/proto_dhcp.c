/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP: the messages of one transaction become one record, though client and server often speak
 * on different connections (broadcast there, unicast here). Written when the server has given
 * its word, when room is needed, or when the connection that began it ends.
 */
#include "packet/proto.h"

#define FIXED	 240 /* up to and with the magic cookie */
#define MSGS_MAX 16
#define TEXT_MAX 128

#define OPEN_MAX 64
#define UID_LEN	 18

enum { ACK = 5, NAK = 6, RELEASE = 7 };

struct dhcp {
	bool open;
	uint32_t xid;
	char uid[2][20]; /* of the connections it was seen on */
	uint8_t nuid;
	int64_t first, last;
	uint8_t msg[MSGS_MAX], nmsg;
	uint8_t mac[6];
	struct ip client, requested, assigned, server;
	bool has_client, has_requested, has_assigned, has_server;
	uint32_t lease;
	bool has_lease;
	char host[TEXT_MAX], fqdn[TEXT_MAX], domain[TEXT_MAX], vendor[TEXT_MAX],
		message[TEXT_MAX];
	uint8_t nhost, nfqdn, ndomain, nvendor, nmessage;
};

/* Of the whole sensor. */
struct shared {
	struct dhcp open[OPEN_MAX];
	unsigned next; /* whose place is taken when all are open */
};

static enum sniff_result dhcp_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	return s->data.len > FIXED && (p[0] == 1 || p[0] == 2) && p[1] == 1 && p[2] == 6 &&
			       be32(p + 236) == 0x63825363
		       ? SNIFF_YES
		       : SNIFF_NO;
}

static bool addr(const uint8_t *p, struct ip *out)
{
	if (!be32(p))
		return false;
	*out = (struct ip){
		{[10] = 0xff, [11] = 0xff, [12] = p[0], [13] = p[1], [14] = p[2], [15] = p[3]}};
	return true;
}

static void text(char *out, uint8_t *n, const uint8_t *p, size_t len)
{
	while (len && !p[len - 1]) /* some end it with a NUL */
		len--;
	*n = (uint8_t)MIN(len, (size_t)TEXT_MAX - 1);
	memcpy(out, p, *n);
}

static void put_text(struct rec *r, const char *key, const char *p, size_t n)
{
	if (n)
		rec_str(r, key, str_n(p, n));
}

static void write_dhcp(struct conn *c, struct dhcp *s)
{
	static const char *const names[] = {"",	   "DISCOVER", "OFFER",	  "REQUEST", "DECLINE",
					    "ACK", "NAK",      "RELEASE", "INFORM"};
	struct rec *r = c->rec;

	if (!s->open)
		return;
	s->open = false;
	rec_begin(r, "dhcp", c->known, s->first);
	rec_list(r, "uids");
	for (unsigned i = 0; i < s->nuid; i++)
		rec_str(r, NULL, str_n(s->uid[i], UID_LEN));
	rec_list_end(r);
	if (s->has_client)
		rec_ip(r, "client_addr", &s->client);
	if (s->has_server)
		rec_ip(r, "server_addr", &s->server);
	rec_mac(r, "mac", s->mac);
	put_text(r, "host_name", s->host, s->nhost);
	put_text(r, "client_fqdn", s->fqdn, s->nfqdn);
	put_text(r, "domain", s->domain, s->ndomain);
	put_text(r, "vendor_class", s->vendor, s->nvendor);
	if (s->has_requested)
		rec_ip(r, "requested_addr", &s->requested);
	if (s->has_assigned)
		rec_ip(r, "assigned_addr", &s->assigned);
	if (s->has_lease)
		rec_u64(r, "lease_time", s->lease);
	put_text(r, "server_message", s->message, s->nmessage);
	rec_list(r, "msg_types");
	for (unsigned i = 0; i < s->nmsg; i++)
		rec_z(r, NULL, names[s->msg[i]]);
	rec_list_end(r);
	rec_secs(r, "duration", s->last - s->first);
	rec_end(r);
}

static void option(struct dhcp *s, unsigned code, const uint8_t *p, size_t n, bool reply)
{
	switch (code) {
	case 12:
		if (!reply)
			text(s->host, &s->nhost, p, n);
		break;
	case 15:
		text(s->domain, &s->ndomain, p, n);
		break;
	case 50:
		s->has_requested |= n == 4 && addr(p, &s->requested);
		break;
	case 51:
		if (n == 4 && reply) {
			s->lease = be32(p);
			s->has_lease = true;
		}
		break;
	case 54:
		s->has_server |= n == 4 && addr(p, &s->server);
		break;
	case 56:
		text(s->message, &s->nmessage, p, n);
		break;
	case 60:
		text(s->vendor, &s->nvendor, p, n);
		break;
	case 81: /* flags, two old results, the name */
		if (n > 3 && !reply && !(p[0] & 4))
			text(s->fqdn, &s->nfqdn, p + 3, n - 3);
		break;
	default:
		break;
	}
}

static unsigned message_type(const uint8_t *p, size_t n)
{
	for (size_t i = FIXED; i + 2 <= n && p[i] != 255;) {
		if (!p[i]) {
			i++;
			continue;
		}
		if (p[i] == 53 && p[i + 1] == 1 && i + 3 <= n)
			return p[i + 2] <= 8 ? p[i + 2] : 0;
		i += 2U + p[i + 1];
	}
	return 0;
}

/* The transaction of a message; a new one in a free place, or in that of another. */
static struct dhcp *find(struct conn *c, struct shared *all, const uint8_t *p)
{
	struct dhcp *s = NULL;

	for (unsigned i = 0; i < OPEN_MAX; i++) {
		struct dhcp *o = &all->open[i];

		if (o->open && o->xid == be32(p + 4) && memcmp(o->mac, p + 28, 6) == 0)
			return o;
		if (!o->open && !s)
			s = o;
	}
	if (!s) {
		s = &all->open[all->next++ % OPEN_MAX];
		write_dhcp(c, s);
	}
	*s = (struct dhcp){.open = true, .xid = be32(p + 4), .first = c->ts};
	memcpy(s->mac, p + 28, 6);
	return s;
}

static void note_uid(struct conn *c, struct dhcp *s)
{
	char uid[20];

	conn_uid(c, uid);
	for (unsigned i = 0; i < s->nuid; i++)
		if (memcmp(s->uid[i], uid, UID_LEN) == 0)
			return;
	if (s->nuid < ARRAY_LEN(s->uid))
		memcpy(s->uid[s->nuid++], uid, UID_LEN);
}

static void options(struct dhcp *s, const uint8_t *p, size_t n, bool reply)
{
	for (size_t i = FIXED; i + 2 <= n && p[i] != 255;) {
		if (!p[i]) {
			i++;
			continue;
		}
		if (p[i + 1] > n - i - 2)
			break;
		option(s, p[i], p + i + 2, p[i + 1], reply);
		i += 2U + p[i + 1];
	}
}

static int dhcp_datagram(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	struct sniff check = {.data = data, .dir = d};
	struct dhcp *s;
	bool reply;
	unsigned type;

	if (dhcp_sniff(&check) != SNIFF_YES)
		return 0;
	type = message_type(p, data.len);
	if (!type)
		return 0;
	reply = p[0] == 2;
	s = find(c, c->shared, p);
	note_uid(c, s);
	s->last = MAX(s->last, c->ts);
	if (s->nmsg < MSGS_MAX)
		s->msg[s->nmsg++] = (uint8_t)type;
	s->has_client |= addr(p + 12, &s->client);
	if (reply && type == ACK) /* an offer is not yet a lease */
		s->has_assigned |= addr(p + 16, &s->assigned);
	options(s, p, data.len, reply);
	if (type == ACK || type == NAK || type == RELEASE)
		write_dhcp(c, s);
	return 0;
}

/* Those that began on this connection are not waited for any longer. */
static void dhcp_close(struct conn *c)
{
	struct shared *all = c->shared;
	char uid[20];

	conn_uid(c, uid);
	for (unsigned i = 0; i < OPEN_MAX; i++)
		if (all->open[i].open && memcmp(all->open[i].uid[0], uid, UID_LEN) == 0)
			write_dhcp(c, &all->open[i]);
}

const struct proto_ops proto_dhcp = {
	.name = "dhcp",
	.transports = PROTO_UDP,
	.ports = {67, 68},
	.shared_size = sizeof(struct shared),
	.sniff = dhcp_sniff,
	.datagram = dhcp_datagram,
	.close = dhcp_close,
};
