/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MQTT 3.1, 3.1.1 and 5: sessions, subscriptions and what is published, with the names of
 * Zeek's mqtt_* logs. A topic is told once in ten minutes for each direction; contents never
 * are.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define TOPIC_MAX  256
#define CLIENT_MAX 64
#define TOPICS_MAX 16

enum { CONNECT = 1, CONNACK = 2, PUBLISH = 3, SUBSCRIBE = 8, UNSUBSCRIBE = 10 };

struct mqtt {
	int64_t ts; /* of the connect */
	struct ot_seen seen;
	uint8_t level;
	bool connected, told, will, has_user;
	uint8_t nclient, nuser;
	char client[CLIENT_MAX], user[CLIENT_MAX];
	uint16_t nwill;
	char topic[TOPIC_MAX]; /* of the will */
};

struct in {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static unsigned u8(struct in *i)
{
	if (i->bad || !i->n) {
		i->bad = true;
		return 0;
	}
	i->n--;
	return *i->p++;
}

static unsigned u16(struct in *i)
{
	unsigned hi = u8(i);

	return hi << 8 | u8(i);
}

static struct str text(struct in *i)
{
	unsigned n = u16(i);
	struct str s = {0};

	if (i->bad || n > i->n) {
		i->bad = true;
		return s;
	}
	s = str_n((const char *)i->p, n);
	i->p += n;
	i->n -= n;
	return s;
}

/* A length in seven bits a byte. *ret_used bytes; false: not whole, or broken (used 0). */
static bool varint(const uint8_t *p, size_t n, uint32_t *ret_v, size_t *ret_used)
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4 && i < n; i++) {
		v |= (uint32_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] & 0x80)
			continue;
		*ret_v = v;
		*ret_used = i + 1;
		return true;
	}
	*ret_used = n >= 4 ? 0 : 1;
	return false;
}

static void properties(const struct mqtt *m, struct in *i)
{
	uint32_t n;
	size_t used;

	if (m->level < 5 || i->bad)
		return;
	if (!varint(i->p, i->n, &n, &used) || n > i->n - used) {
		i->bad = true;
		return;
	}
	i->p += used + n;
	i->n -= used + n;
}

static enum sniff_result mqtt_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	uint32_t len;
	size_t used;
	struct str name;

	if (p[0] != CONNECT << 4)
		return s->hinted && s->dir == DIR_RESP && p[0] == CONNACK << 4 ? SNIFF_YES
									       : SNIFF_NO;
	if (s->data.len < 2 || !varint(p + 1, s->data.len - 1, &len, &used))
		return s->data.len < 5 ? SNIFF_MORE : SNIFF_NO;
	if (s->data.len < 1 + used + 9)
		return SNIFF_MORE;
	name = str_sub(s->data, 1 + used, 1 + used + 8);
	return str_starts(name, STR("\0\4MQTT")) || str_starts(name, STR("\0\6MQIsdp"))
		       ? SNIFF_YES
		       : SNIFF_NO;
}

static uint8_t keep(char *out, size_t max, struct str s)
{
	size_t n = MIN(s.len, max);

	if (n)
		memcpy(out, s.p, n);
	return (uint8_t)n;
}

static const char *level_text(uint8_t level)
{
	return level == 3 ? "3.1" : level == 4 ? "3.1.1" : level == 5 ? "5" : "unknown";
}

static void tell_connect(struct conn *c, struct mqtt *m, int code)
{
	static const char *const status[] = {
		"Connection Accepted",
		"Refused: unacceptable protocol version",
		"Refused: identifier rejected",
		"Refused: server unavailable",
		"Refused: bad user name or password",
		"Refused: not authorized",
	};
	struct rec *r;
	char tmp[24];

	if (m->told)
		return;
	m->told = true;
	r = conn_rec(c, "mqtt_connect", m->ts);
	rec_z(r, "proto_name", m->level == 3 ? "MQIsdp" : "MQTT");
	rec_z(r, "proto_version", level_text(m->level));
	rec_str(r, "client_id", str_n(m->client, m->nclient));
	if (code >= 0) {
		snprintf(tmp, sizeof(tmp), "Refused: 0x%02x", (unsigned)code);
		rec_z(r, "connect_status",
		      (size_t)code < ARRAY_LEN(status) ? status[code] : tmp);
	}
	if (m->will)
		rec_str(r, "will_topic", str_n(m->topic, m->nwill));
	if (m->has_user)
		rec_str(r, "username", str_n(m->user, m->nuser));
	rec_z(r, "access", "session");
	rec_end(r);
}

static void connect(struct conn *c, struct mqtt *m, struct in *i)
{
	unsigned flags;
	struct str s;

	(void)text(i);
	m->level = (uint8_t)u8(i);
	flags = u8(i);
	(void)u16(i);
	properties(m, i);
	m->nclient = keep(m->client, CLIENT_MAX, text(i));
	if (flags & 4) {
		properties(m, i);
		s = text(i);
		m->nwill = (uint16_t)MIN(s.len, (size_t)TOPIC_MAX);
		if (m->nwill)
			memcpy(m->topic, s.p, m->nwill);
		m->will = !i->bad;
		(void)text(i);
	}
	if (flags & 0x80) {
		m->nuser = keep(m->user, CLIENT_MAX, text(i));
		m->has_user = !i->bad;
	}
	m->ts = c->ts;
	m->connected = true;
}

static void publish(struct conn *c, struct mqtt *m, enum dir d, unsigned flags, struct in *i)
{
	static const char *const qos[] = {"at most once", "at least once", "exactly once", "?"};
	struct str topic = text(i);
	uint32_t repeats;
	struct rec *r;

	if (i->bad || !topic.len)
		return;
	if (flags & 6)
		(void)u16(i);
	properties(m, i);
	if (!ot_due(c, &m->seen, hash_str(topic, (uint64_t)d + PUBLISH), &repeats))
		return;
	r = conn_rec(c, "mqtt_publish", c->ts);
	rec_bool(r, "from_client", d == DIR_ORIG);
	rec_bool(r, "retain", flags & 1);
	rec_z(r, "qos", qos[flags >> 1 & 3]);
	rec_z(r, "status", "ok");
	rec_str(r, "topic", str_sub(topic, 0, TOPIC_MAX));
	rec_u64(r, "payload_len", i->n);
	rec_z(r, "access", d == DIR_ORIG ? "write" : "notify");
	ot_repeats(r, repeats);
	rec_end(r);
}

static void subscribe(struct conn *c, struct mqtt *m, bool on, struct in *i)
{
	struct rec *r;

	(void)u16(i);
	properties(m, i);
	if (i->bad)
		return;
	r = conn_rec(c, "mqtt_subscribe", c->ts);
	rec_z(r, "action", on ? "MQTT::SUBSCRIBE" : "MQTT::UNSUBSCRIBE");
	rec_list(r, "topics");
	for (unsigned k = 0; k < TOPICS_MAX && i->n && !i->bad; k++) {
		struct str topic = text(i);

		if (on)
			(void)u8(i);
		if (!i->bad)
			rec_str(r, NULL, str_sub(topic, 0, TOPIC_MAX));
	}
	rec_list_end(r);
	rec_z(r, "access", "read");
	rec_end(r);
}

/* Of what is published only the head is needed; it is passed over when longer than this. */
#define WHOLE_MAX 2048U

static int64_t mqtt_stream(struct conn *c, enum dir d, struct str data)
{
	struct mqtt *m = c->state;
	const uint8_t *p = (const uint8_t *)data.p;
	unsigned type = data.len ? p[0] >> 4 : 0;
	uint32_t len;
	size_t used, head;
	struct in i;

	if (data.len < 2)
		return 0;
	if (!type)
		return STREAM_FAIL;
	if (!varint(p + 1, data.len - 1, &len, &used))
		return used ? 0 : STREAM_FAIL;
	head = 1 + used;
	i = (struct in){.p = p + head, .n = MIN((size_t)len, data.len - head)};
	if (i.n < MIN(len, WHOLE_MAX))
		return 0;
	if (type == CONNECT && d == DIR_ORIG && !m->connected)
		connect(c, m, &i);
	else if (type == CONNACK && d == DIR_RESP)
		tell_connect(c, m, i.n > 1 ? i.p[1] : 0);
	else if (type == PUBLISH) {
		/* The length is that of the message, whatever of it is here. */
		size_t here = i.n;

		i.n = len;
		if (here >= 2 && 2U + be16(i.p) + 8 <= here)
			publish(c, m, d, p[0] & 15, &i);
		else if (here == len)
			publish(c, m, d, p[0] & 15, &i);
		i.n = here;
	} else if ((type == SUBSCRIBE || type == UNSUBSCRIBE) && d == DIR_ORIG)
		subscribe(c, m, type == SUBSCRIBE, &i);
	if (data.len - head < len) {
		conn_skip(c, d, len - (data.len - head));
		return (int64_t)data.len;
	}
	return (int64_t)(head + len);
}

static void mqtt_close(struct conn *c)
{
	struct mqtt *m = c->state;

	if (m->connected)
		tell_connect(c, m, -1);
	ot_close(c, &m->seen, "mqtt");
}

const struct proto_ops proto_mqtt = {
	.name = "mqtt",
	.transports = PROTO_TCP,
	.ports = {1883},
	.state_size = sizeof(struct mqtt),
	.buffer_max = 4096,
	.sniff = mqtt_sniff,
	.stream = mqtt_stream,
	.gap = ot_gap,
	.close = mqtt_close,
};
