/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/rpc.h"
#include <stdio.h>

#define HEAD	 16
#define CALL	 24   /* bytes of a request or answer that are looked at */
#define OPEN_RID 48   /* in SamrOpenGroup: behind head, handle and wanted access */
#define WHOLE	 8192 /* longest fragment that is looked at as a whole */
#define UUID_LEN 37

enum {
	REQUEST = 0,
	RESPONSE = 2,
	FAULT = 3,
	BIND = 11,
	BIND_ACK = 12,
	BIND_NAK = 13,
	ALTER = 14,
	ALTER_ACK = 15,
	AUTH3 = 16,
	TYPES = 20
};
enum { FIRST = 1 };

struct rpc_iface {
	const char *name, *uuid, *ops;
};

static const struct rpc_iface ifaces[] = {
#define X(name, uuid, ops) {name, uuid, ops},
#include "packet/rpc_names.def"
#undef X
};

/* A fragment, and its byte order. */
struct pdu {
	const uint8_t *p;
	uint32_t len; /* bytes at hand */
	uint32_t size;
	bool big;
	uint8_t type, flags;
	uint16_t auth;
	uint32_t call;
};

static uint16_t u16(const struct pdu *d, size_t at)
{
	return d->big ? be16(d->p + at) : le16(d->p + at);
}

static uint32_t u32(const struct pdu *d, size_t at)
{
	return d->big ? be32(d->p + at) : le32(d->p + at);
}

/* The head of a fragment; false: it is none. */
static bool head(const uint8_t *p, struct pdu *d)
{
	*d = (struct pdu){.p = p, .big = !(p[4] & 0x10), .type = p[2], .flags = p[3]};
	if (p[0] != 5 || p[1] > 1 || d->type >= TYPES || (p[4] & 0x0f) > 1)
		return false;
	d->size = u16(d, 8);
	d->auth = u16(d, 10);
	d->call = u32(d, 12);
	return d->size >= HEAD && d->auth <= d->size - HEAD;
}

enum sniff_result rpc_sniff(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	struct pdu d;

	if (p[0] != 5 || (s.len > 1 && p[1] > 1))
		return SNIFF_NO;
	if (s.len < HEAD)
		return SNIFF_MORE;
	if (!head(p, &d) || p[5] > 3 || p[6] || p[7])
		return SNIFF_NO;
	/* What may come first; a capture may begin later. */
	return d.type == BIND || d.type == BIND_ACK || d.type == ALTER || d.type == REQUEST ||
			       d.type == RESPONSE
		       ? SNIFF_YES
		       : SNIFF_NO;
}

static void uuid_text(const uint8_t *u, bool big, char out[UUID_LEN])
{
	snprintf(out, UUID_LEN, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 big ? be32(u) : le32(u), big ? be16(u + 4) : le16(u + 4),
		 big ? be16(u + 6) : le16(u + 6), u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		 u[15]);
}

static void add_context(struct rpc *r, const struct pdu *d, uint16_t id, const uint8_t *uuid)
{
	struct rpc_context *x = NULL;
	char text[UUID_LEN];

	for (size_t i = 0; i < RPC_CONTEXTS; i++)
		if (r->context[i].used && r->context[i].id == id)
			x = &r->context[i];
	if (!x)
		x = &r->context[r->next_context++ % RPC_CONTEXTS];
	*x = (struct rpc_context){.used = true, .id = id};
	uuid_text(uuid, d->big, text);
	/* Kept as text is written, whatever the byte order. */
	for (size_t i = 0; i < 16; i++) {
		static const uint8_t order[16] = {3, 2, 1,  0,	5,  4,	7,  6,
						  8, 9, 10, 11, 12, 13, 14, 15};

		x->uuid[i] = d->big ? uuid[i] : uuid[order[i]];
	}
	for (size_t i = 0; i < ARRAY_LEN(ifaces); i++)
		if (strcmp(ifaces[i].uuid, text) == 0)
			x->iface = &ifaces[i];
}

static const struct rpc_context *context_of(const struct rpc *r, uint16_t id)
{
	for (size_t i = 0; i < RPC_CONTEXTS; i++)
		if (r->context[i].used && r->context[i].id == id)
			return &r->context[i];
	return NULL;
}

/* The word of a list that stands at a place; empty: there is none, or a dash. */
static struct str word(const char *list, unsigned at)
{
	struct str rest = str_of(list), s = {0};

	for (unsigned i = 0; i <= at; i++)
		s = rest.p ? str_cut(rest, ' ', &rest) : str_n(NULL, 0);
	return str_eqz(s, "-") ? str_n(NULL, 0) : s;
}

/* What is as a rule spoken on a pipe, where the binding was not seen. */
static const struct rpc_iface *usual(const struct rpc *r)
{
	struct str name = str_n(r->pipe, r->npipe), rest;

	for (rest = name; rest.p;)
		name = str_cut(rest, '\\', &rest);
	for (size_t i = 0; i < ARRAY_LEN(ifaces); i++)
		if (str_ieqz(name, ifaces[i].name))
			return &ifaces[i];
	return NULL;
}

/* Whether the third word of a SAMR call is the id of a group or alias that is opened. */
static bool opens_group(const struct rpc_iface *i, uint16_t op)
{
	return i && strcmp(i->name, "samr") == 0 && (op == 19 || op == 27);
}

/*
 * The course of calls in which a directory is asked for its secrets by name, which is how a
 * capture that begins later knows it (MS-DRSR): the controller's particulars, the name made an
 * account, then the changes of just this. Controllers among themselves ask for changes and
 * nothing else. true: such a course was gone through, so that the interface is known.
 */
static bool by_course(struct rpc *r, const struct rpc_call *k)
{
	enum { BIND_OR_UNBIND = 1, CHANGES = 3, CRACK_NAMES = 12, CONTROLLER = 16 };
	static const uint16_t course[] = {CONTROLLER, CRACK_NAMES, CHANGES};

	if (r->npipe || !k->sealed)
		return false;
	if (r->course == ARRAY_LEN(course))
		return true;
	if (k->op == course[r->course])
		r->course++;
	else if (k->op > BIND_OR_UNBIND)
		r->course = 0;
	if (k->op == CRACK_NAMES) {
		r->cracked = *k;
		r->cracked.used = true;
	}
	return r->course == ARRAY_LEN(course);
}

static const struct rpc_iface *iface_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ifaces); i++)
		if (strcmp(ifaces[i].name, name) == 0)
			return &ifaces[i];
	return NULL;
}

static void write_as(struct conn *c, const struct rpc *r, const struct rpc_context *x,
		     const struct rpc_call *k, bool answered)
{
	char text[UUID_LEN + 8], op[24];
	struct rec *w = conn_rec(c, "dce_rpc", k->ts);
	struct str s;

	if (answered)
		rec_secs(w, "rtt", c->ts - k->ts);
	if (r->npipe)
		rec_str(w, "named_pipe", str_n(r->pipe, r->npipe));
	if (x->iface) {
		rec_z(w, "endpoint", x->iface->name);
	} else {
		memcpy(text, "unknown-", 8);
		uuid_text(x->uuid, true, text + 8);
		rec_z(w, "endpoint", text);
	}
	s = x->iface ? word(x->iface->ops, k->op) : str_n(NULL, 0);
	snprintf(op, sizeof(op), "unknown-%u", k->op);
	rec_str(w, "operation", s.len ? s : str_of(op));
	if (k->has_rid && opens_group(x->iface, k->op))
		rec_u64(w, "rid", k->rid);
	rec_end(w);
}

static void write_call(struct conn *c, struct rpc *r, struct rpc_call *k, bool answered)
{
	const struct rpc_context *x = context_of(r, k->context);
	struct rpc_context guess = {0};

	k->used = false;
	if (!x) { /* its binding was not seen */
		guess.iface = usual(r);
		if (!guess.iface && by_course(r, k)) {
			guess.iface = iface_named("drsuapi");
			if (r->cracked.used)
				write_as(c, r, &guess, &r->cracked, false);
			r->cracked.used = false;
		}
		if (!guess.iface)
			return;
		x = &guess;
	}
	write_as(c, r, x, k, answered);
}

static void request(struct conn *c, struct rpc *r, const struct pdu *d)
{
	struct rpc_call *k;

	if (!(d->flags & FIRST) || d->len < CALL)
		return;
	k = &r->call[r->next_call++ % RPC_CALLS];
	if (k->used)
		write_call(c, r, k, false);
	*k = (struct rpc_call){.used = true,
			       .id = d->call,
			       .context = u16(d, 20),
			       .op = u16(d, 22),
			       .sealed = d->auth > 0,
			       .ts = c->ts};
	if (!d->auth && d->len >= OPEN_RID + 4) {
		k->rid = u32(d, OPEN_RID);
		k->has_rid = true;
	}
}

static void answer(struct conn *c, struct rpc *r, const struct pdu *d)
{
	if (d->type == RESPONSE)
		ntlm_write(c, &r->ntlm, NTLM_SUCCESS);
	else if (d->type == FAULT && d->len >= 28 && u32(d, 24) == 5) /* access denied */
		ntlm_write(c, &r->ntlm, NTLM_FAILURE);
	for (size_t i = 0; i < RPC_CALLS; i++)
		if (r->call[i].used && r->call[i].id == d->call)
			write_call(c, r, &r->call[i], true);
}

static void bind(struct rpc *r, const struct pdu *d)
{
	size_t at = 28;
	unsigned n = d->len > 24 ? d->p[24] : 0;

	for (unsigned i = 0; i < n && at + 24 <= d->len; i++) {
		add_context(r, d, u16(d, at), d->p + at + 4);
		at += 24 + 20U * d->p[at + 2];
	}
}

/* The second address: the pipe, or the port. */
static void bind_ack(struct rpc *r, const struct pdu *d)
{
	size_t n = d->len >= 26 ? u16(d, 24) : 0;
	struct str s;

	if (n < 2 || n > d->len - 26)
		return;
	s = str_n((const char *)d->p + 26, n - 1); /* with a NUL */
	r->npipe = (uint8_t)MIN(s.len, (size_t)RPC_PIPE);
	memcpy(r->pipe, s.p, r->npipe);
}

static void fragment(struct conn *c, struct rpc *r, const struct pdu *d)
{
	if (d->auth && d->len == d->size && d->type >= BIND)
		ntlm_token(c, &r->ntlm, str_n((const char *)d->p + d->size - d->auth, d->auth));
	switch (d->type) {
	case REQUEST:
		request(c, r, d);
		break;
	case RESPONSE:
	case FAULT:
		answer(c, r, d);
		break;
	case BIND:
	case ALTER:
		bind(r, d);
		break;
	case BIND_ACK:
		bind_ack(r, d);
		break;
	case BIND_NAK:
		ntlm_write(c, &r->ntlm, NTLM_FAILURE);
		break;
	default:
		break;
	}
}

/* Bytes of a fragment that must be at hand before it is looked at. */
static uint32_t needed(const struct pdu *d)
{
	if (d->type == REQUEST && !d->auth)
		return MIN(d->size, (uint32_t)OPEN_RID + 4);
	if (d->type == REQUEST || d->type == RESPONSE || d->size > WHOLE)
		return MIN(d->size, (uint32_t)CALL);
	return d->size;
}

static bool keep(struct conn *c, struct rpc_way *w, uint32_t want, struct str *s)
{
	uint32_t n = (uint32_t)MIN(s->len, (size_t)(want - w->len));

	if (want > w->cap) {
		uint8_t *p = conn_alloc(c, want);

		if (!p)
			return false;
		if (w->len)
			memcpy(p, w->p, w->len);
		conn_free(c, w->p, w->cap);
		w->p = p;
		w->cap = want;
	}
	memcpy(w->p + w->len, s->p, n);
	w->len += n;
	*s = str_sub(*s, n, s->len);
	return true;
}

static bool feed(struct conn *c, struct rpc *r, enum dir dir, struct str s)
{
	struct rpc_way *w = &r->way[dir];

	while (s.len) {
		uint32_t want = HEAD;
		struct pdu d;

		if (w->skip) {
			uint32_t n = (uint32_t)MIN((size_t)w->skip, s.len);

			w->skip -= n;
			s = str_sub(s, n, s.len);
			continue;
		}
		if (w->len >= HEAD) {
			if (!head(w->p, &d))
				return false;
			want = needed(&d);
		}
		if (w->len < want) {
			if (!keep(c, w, want, &s))
				return false;
			if (w->len < want)
				return true;
		}
		if (!head(w->p, &d))
			return false;
		if (w->len < needed(&d))
			continue;
		d.len = w->len;
		w->skip = d.size - w->len;
		w->len = 0;
		fragment(c, r, &d);
	}
	return true;
}

bool rpc_feed(struct conn *c, struct rpc *r, enum dir d, struct str s)
{
	if (r->way[d].dead)
		return false;
	r->way[d].dead = !feed(c, r, d, s);
	return !r->way[d].dead;
}

void rpc_gap(struct rpc *r, enum dir d, uint64_t n)
{
	struct rpc_way *w = &r->way[d];

	if (w->len || n > w->skip)
		w->dead = true;
	else
		w->skip -= (uint32_t)n;
}

void rpc_end(struct conn *c, struct rpc *r)
{
	for (unsigned i = 0; i < RPC_CALLS; i++) {
		struct rpc_call *k = &r->call[(r->next_call + i) % RPC_CALLS];

		if (k->used)
			write_call(c, r, k, false);
	}
	ntlm_write(c, &r->ntlm, NTLM_UNKNOWN);
	for (unsigned d = 0; d < 2; d++) {
		conn_free(c, r->way[d].p, r->way[d].cap);
		r->way[d] = (struct rpc_way){.dead = true};
	}
}
