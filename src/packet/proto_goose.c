/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GOOSE (IEC 61850-8-1): a publisher repeats its state all the time, faster when it has
 * changed. A record is written of a publisher that is new, of each change of state, and where
 * the numbers do not go on as they must: a state that goes back, or a control block that two
 * hosts speak for.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include "packet/ot_ber.h"

#define BLOCKS 1024
#define AGE_NS (NS_PER_H) /* a publisher that was silent for so long may begin anew */

struct block {
	uint64_t key; /* of the control block */
	uint8_t mac[6];
	uint32_t state;
	int64_t at;
};

struct goose {
	struct block block[BLOCKS];
};

struct msg {
	struct str ref, set, id;
	uint32_t state, sequence, revision, entries;
	bool test, has_state;
};

static bool msg_read(struct str s, struct msg *m)
{
	const uint8_t *p = (const uint8_t *)s.p;
	struct str in;
	struct ot_ber b;

	*m = (struct msg){0};
	if (s.len < 10 || be16(p + 2) < 10)
		return false;
	in = str_sub(s, 8, MIN((size_t)be16(p + 2), s.len));
	if (!ot_ber_next(&in, &b) || b.first != 0x61)
		return false;
	in = b.value;
	while (ot_ber_next(&in, &b)) {
		switch (b.first) {
		case 0x80:
			m->ref = b.value;
			break;
		case 0x82:
			m->set = b.value;
			break;
		case 0x83:
			m->id = b.value;
			break;
		case 0x85:
			m->state = (uint32_t)ot_ber_uint(b.value);
			m->has_state = true;
			break;
		case 0x86:
			m->sequence = (uint32_t)ot_ber_uint(b.value);
			break;
		case 0x87:
			m->test = ot_ber_uint(b.value);
			break;
		case 0x88:
			m->revision = (uint32_t)ot_ber_uint(b.value);
			break;
		case 0x8a:
			m->entries = (uint32_t)ot_ber_uint(b.value);
			break;
		default:
			break;
		}
	}
	return m->ref.len && m->has_state;
}

/* What of the message is worth a record; NULL: nothing. */
static const char *judge(struct block *b, uint64_t key, const uint8_t mac[6], uint32_t state,
			 int64_t now)
{
	const char *what = NULL;

	if (b->key != key || now - b->at > AGE_NS) {
		*b = (struct block){.key = key, .state = state, .at = now};
		memcpy(b->mac, mac, 6);
		return "publisher";
	}
	if (memcmp(b->mac, mac, 6) != 0)
		what = "second source";
	else if (state < b->state)
		what = "state went back";
	else if (state > b->state)
		what = "state changed";
	memcpy(b->mac, mac, 6);
	b->state = state;
	b->at = now;
	return what;
}

static void goose_frame(struct conn *c, struct str data)
{
	struct goose *g = c->shared;
	const uint8_t *mac = c->pkt->mac ? c->pkt->mac + 6 : NULL;
	const char *what;
	struct rec *r;
	struct msg m;
	uint64_t key;

	if (!mac || !msg_read(data, &m))
		return;
	key = hash_str(m.ref, be16((const uint8_t *)data.p)) | 1;
	what = judge(&g->block[key >> 1 & (BLOCKS - 1)], key, mac, m.state, c->known);
	if (!what)
		return;
	r = ot_frame_rec(c, "goose");
	rec_z(r, "event", what);
	rec_z(r, "access", "notify");
	rec_u64(r, "appid", be16((const uint8_t *)data.p));
	rec_str(r, "gocb_ref", m.ref);
	if (m.set.len)
		rec_str(r, "dat_set", m.set);
	if (m.id.len)
		rec_str(r, "go_id", m.id);
	rec_u64(r, "st_num", m.state);
	rec_u64(r, "sq_num", m.sequence);
	rec_u64(r, "conf_rev", m.revision);
	rec_u64(r, "entries", m.entries);
	rec_bool(r, "simulation", m.test);
	if (c->pkt->vlan)
		rec_u64(r, "vlan", c->pkt->vlan);
	rec_end(r);
}

const struct proto_ops proto_goose = {
	.name = "goose",
	.transports = PROTO_ETHER,
	.ethertype = 0x88b8,
	.shared_size = sizeof(struct goose),
	.frame = goose_frame,
};
