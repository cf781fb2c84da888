/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/ot.h"
#include "base/hash.h"
#include <stdio.h>

#define SLICE	 (600 * NS_PER_S)
#define SEEN_MIN 16U
#define SEEN_MAX OT_SEEN_MAX

static struct ot_entry *place(struct ot_entry *e, uint32_t cap, uint64_t key)
{
	uint32_t i = (uint32_t)hash_mix(key) & (cap - 1);

	while (e[i].key && e[i].key != key)
		i = (i + 1) & (cap - 1);
	return &e[i];
}

static bool grow(struct conn *c, struct ot_seen *s)
{
	uint32_t cap = s->cap ? s->cap * 4 : SEEN_MIN;
	struct ot_entry *e;

	if (s->cap == SEEN_MAX) { /* too many different reads: all are told anew */
		memset(s->e, 0, s->cap * sizeof(*s->e));
		s->used = 0;
		return true;
	}
	e = conn_alloc(c, cap * sizeof(*e));
	if (!e)
		return false;
	memset(e, 0, cap * sizeof(*e));
	for (uint32_t i = 0; i < s->cap; i++)
		if (s->e[i].key)
			*place(e, cap, s->e[i].key) = s->e[i];
	conn_free(c, s->e, s->cap * sizeof(*e));
	s->e = e;
	s->cap = cap;
	return true;
}

/* Whether it is among the first `most` of its slice. */
static bool due(struct conn *c, struct ot_seen *s, uint64_t key, uint32_t most, uint32_t *ret_n)
{
	uint32_t slice = (uint32_t)(c->known / SLICE) + 1;
	struct ot_entry *e;

	key |= 1;
	*ret_n = 0;
	if (s->used * 4 >= s->cap * 3 && !grow(c, s))
		return true;
	e = place(s->e, s->cap, key);
	if (e->slice == slice && e->told == most) {
		e->n++;
		s->untold++;
		return false;
	}
	s->used += !e->key;
	*ret_n = e->n;
	s->untold -= MIN(s->untold, (uint64_t)e->n);
	*e = (struct ot_entry){
		.key = key, .slice = slice, .told = e->slice == slice ? e->told + 1 : 1};
	return true;
}

bool ot_is_read(const char *access)
{
	return strcmp(access, "read") == 0 || strcmp(access, "identify") == 0;
}

bool ot_due(struct conn *c, struct ot_seen *s, uint64_t key, uint32_t *ret_n)
{
	return due(c, s, key, 1, ret_n);
}

bool ot_write_due(struct conn *c, struct ot_seen *s, uint64_t key, uint32_t *ret_n)
{
	return due(c, s, hash_2(key, OT_WRITES), OT_WRITES, ret_n);
}

struct rec *ot_rec(struct conn *c, const char *path, int64_t ts, enum dir asker)
{
	char uid[20];

	rec_begin(c->rec, path, c->known, ts);
	rec_str(c->rec, "uid", conn_uid(c, uid));
	rec_ip(c->rec, "id.orig_h", conn_ip(c, asker));
	rec_u64(c->rec, "id.orig_p", conn_port(c, asker));
	rec_ip(c->rec, "id.resp_h", conn_ip(c, !asker));
	rec_u64(c->rec, "id.resp_p", conn_port(c, !asker));
	return c->rec;
}

void ot_repeats(struct rec *r, uint32_t n)
{
	if (n)
		rec_u64(r, "repeats", n);
}

void ot_close(struct conn *c, struct ot_seen *s, const char *protocol)
{
	struct rec *r;

	if (s->untold) {
		r = c->flow ? conn_rec(c, "ot_repeats", c->ts) : ot_frame_rec(c, "ot_repeats");
		rec_z(r, "protocol", protocol);
		rec_u64(r, "repeats", s->untold);
		rec_end(r);
	}
	if (c->flow)
		conn_free(c, s->e, s->cap * sizeof(*s->e));
	*s = (struct ot_seen){0};
}

bool ot_gap(struct conn *c, enum dir d, uint64_t n)
{
	(void)c;
	(void)d;
	(void)n;
	return true;
}

struct rec *ot_mac_rec(struct conn *c, const char *path, int64_t ts, const uint8_t mac[12])
{
	rec_begin(c->rec, path, c->known, ts);
	if (mac) {
		rec_mac(c->rec, "src_mac", mac + 6);
		rec_mac(c->rec, "dst_mac", mac);
	}
	return c->rec;
}

struct rec *ot_frame_rec(struct conn *c, const char *path)
{
	return ot_mac_rec(c, path, c->ts, c->pkt ? c->pkt->mac : NULL);
}

void ot_asset(struct conn *c, const struct ot_asset *a)
{
	const struct {
		const char *key;
		struct str s;
	} part[] = {{"vendor", a->vendor},    {"product", a->product},
		    {"device_type", a->type}, {"firmware", a->firmware},
		    {"serial", a->serial},    {"name", a->name}};
	uint64_t h = c->flow ? hash_bytes(conn_ip(c, a->who), sizeof(struct ip), 3)
			     : hash_bytes(c->pkt->mac ? c->pkt->mac + 6 : NULL,
					  c->pkt->mac ? 6 : 0, 4);
	struct rec *r;
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		h = hash_str(part[i].s, h);
		any |= part[i].s.len > 0;
	}
	if (!any || !conn_first_today(c, h))
		return;
	if (c->flow) {
		r = conn_rec(c, a->office ? "asset" : "ot_asset", c->ts);
		rec_ip(r, "host", conn_ip(c, a->who));
	} else {
		r = ot_frame_rec(c, "ot_asset");
		if (a->host)
			rec_ip(r, "host", a->host);
	}
	rec_z(r, "protocol", a->protocol);
	for (size_t i = 0; i < ARRAY_LEN(part); i++)
		if (part[i].s.len)
			rec_str(r, part[i].key, part[i].s);
	rec_end(r);
}

const char *ot_name(const struct ot_name *t, size_t n, unsigned no)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].no == no)
			return t[i].name;
	return NULL;
}

const char *ot_name_or(const struct ot_name *t, size_t n, unsigned no, char tmp[24])
{
	const char *name = ot_name(t, n, no);

	if (name)
		return name;
	snprintf(tmp, 24, "unknown-%u", no);
	return tmp;
}
