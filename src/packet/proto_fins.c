/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Omron FINS over UDP and TCP (reference manual W342): a command and its response are one
 * record (fins). Reads that repeat are told of as packet/ot says.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define WAIT_MAX  16
#define WAIT_NS	  (20 * NS_PER_S)
#define HEAD	  10 /* before the command's code */
#define TCP_HEAD  16
#define FRAME_MAX 4096
#define RESPONSE  0x40 /* in the first byte */
#define NO_ANSWER 0x01
#define DATA_READ 0x0501

struct ask {
	int64_t ts;
	uint64_t key;  /* of all that is asked for */
	uint32_t from; /* nodes and number of the command */
	uint16_t code;
	uint8_t asker;
	bool silent; /* no response is wanted */
	bool has_area;
	uint8_t area;
	uint16_t at, count;
};

struct fins {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static const struct command {
	uint16_t code;
	const char *name, *access;
} commands[] = {
	{0x0101, "Memory Area Read", "read"},
	{0x0102, "Memory Area Write", "write"},
	{0x0103, "Memory Area Fill", "write"},
	{0x0104, "Multiple Memory Area Read", "read"},
	{0x0105, "Memory Area Transfer", "write"},
	{0x0201, "Parameter Area Read", "read"},
	{0x0202, "Parameter Area Write", "program"},
	{0x0203, "Parameter Area Clear", "program"},
	{0x0220, "Data Link Table Read", "read"},
	{0x0221, "Data Link Table Write", "program"},
	{0x0304, "Program Area Protect", "control"},
	{0x0305, "Program Area Protect Clear", "control"},
	{0x0306, "Program Area Read", "upload"},
	{0x0307, "Program Area Write", "program"},
	{0x0308, "Program Area Clear", "program"},
	{0x0401, "Run", "control"},
	{0x0402, "Stop", "control"},
	{0x0403, "Reset", "control"},
	{DATA_READ, "Controller Data Read", "identify"},
	{0x0502, "Connection Data Read", "identify"},
	{0x0601, "Controller Status Read", "read"},
	{0x0602, "Network Status Read", "read"},
	{0x0603, "Data Link Status Read", "read"},
	{0x0620, "Cycle Time Read", "read"},
	{0x0701, "Clock Read", "read"},
	{0x0702, "Clock Write", "control"},
	{0x0801, "Internode Echo Test", "other"},
	{0x0802, "Broadcast Test Results Read", "other"},
	{0x0803, "Broadcast Test Data Send", "other"},
	{0x0920, "Message Read or Clear", "read"},
	{0x0c01, "Access Right Acquire", "session"},
	{0x0c02, "Access Right Forced Acquire", "control"},
	{0x0c03, "Access Right Release", "session"},
	{0x2101, "Error Clear", "control"},
	{0x2102, "Error Log Read", "read"},
	{0x2103, "Error Log Clear", "control"},
	{0x2201, "File Name Read", "read"},
	{0x2202, "Single File Read", "upload"},
	{0x2203, "Single File Write", "program"},
	{0x2204, "Memory Card Format", "program"},
	{0x2205, "File Delete", "program"},
	{0x2206, "Volume Label Change", "program"},
	{0x2207, "File Copy", "program"},
	{0x2208, "File Name Change", "program"},
	{0x2209, "File Data Check", "read"},
	{0x220a, "Memory Area File Transfer", "program"},
	{0x220b, "Parameter Area File Transfer", "program"},
	{0x220c, "Program Area File Transfer", "program"},
	{0x220f, "File Memory Index Read", "read"},
	{0x2210, "File Memory Read", "upload"},
	{0x2211, "File Memory Write", "program"},
	{0x2301, "Forced Set or Reset", "write"},
	{0x2302, "Forced Set or Reset Cancel", "write"},
	{0x230a, "Forced Status Read", "read"},
	{0x2601, "Name Set", "program"},
	{0x2602, "Name Delete", "program"},
	{0x2603, "Name Read", "identify"},
};

static const struct command *command_of(unsigned code)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

/* Whether a frame looks like one, on whatever port. */
static bool is_frame(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return s.len >= HEAD + 2 && (p[0] & 0xbe) == 0x80 && !p[1] && p[2] <= 7 &&
	       p[3] <= 127 && p[6] <= 127 && command_of(be16(p + HEAD));
}

static enum sniff_result fins_sniff(const struct sniff *s)
{
	if (s->transport == PROTO_UDP)
		return is_frame(s->data) && (s->hinted || (uint8_t)s->data.p[2] == 2)
			       ? SNIFF_YES
			       : SNIFF_NO;
	if (memcmp(s->data.p, "FINS\0\0", MIN(s->data.len, (size_t)6)) != 0)
		return SNIFF_NO;
	return s->data.len < 6 ? SNIFF_MORE : SNIFF_YES;
}

static const char *area_name(uint8_t area, char tmp[24])
{
	static const struct ot_name areas[] = {
		{0x30, "CIO bit"}, {0x31, "W bit"}, {0x32, "H bit"}, {0x33, "A bit"},
		{0x02, "DM bit"},  {0xb0, "CIO"},   {0xb1, "W"},     {0xb2, "H"},
		{0xb3, "A"},	   {0x82, "DM"},    {0x98, "EM"},    {0x89, "TC"},
	};
	const char *name = OT_NAME(areas, area);

	if (name)
		return name;
	snprintf(tmp, 24, "area %02x", area);
	return tmp;
}

/* end: of the response, or -1 when none came. */
static void tell(struct conn *c, struct fins *s, const struct ask *a, int end)
{
	const struct command *k = command_of(a->code);
	bool good = !(end & 0x7f3f); /* bits for relays and batteries are no refusals */
	char tmp[24], text[64];
	uint32_t n = 0;
	struct rec *r;

	if (k && ot_is_read(k->access) && good && end >= 0 &&
	    !ot_due(c, &s->seen, hash_2(a->key, a->asker), &n))
		return;
	r = ot_rec(c, "fins", a->ts, (enum dir)a->asker);
	snprintf(tmp, sizeof(tmp), "unknown-%04x", a->code);
	rec_z(r, "command", k ? k->name : tmp);
	rec_z(r, "access", k ? k->access : "other");
	rec_u64(r, "node", a->from >> 8 & 255);
	if (a->has_area) {
		snprintf(text, sizeof(text), "%s %u, %u", area_name(a->area, tmp), a->at,
			 a->count);
		rec_z(r, "object", text);
	}
	if (end >= 0 && !good) {
		snprintf(text, sizeof(text), "%04x", (unsigned)end & 0x7f3f);
		rec_z(r, "error", text);
	}
	if (end < 0 && !a->silent) { /* as far as can be seen it did nothing */
		rec_z(r, "error", "no answer");
		rec_bool(r, "answered", false);
	}
	ot_repeats(r, n);
	rec_end(r);
}

static void forget(struct fins *s, unsigned i)
{
	memmove(s->wait + i, s->wait + i + 1, (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct fins *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], -1);
		forget(s, 0);
	}
}

static void request(struct conn *c, struct fins *s, enum dir d, struct str f)
{
	const uint8_t *p = (const uint8_t *)f.p;
	struct ask a = {.ts = c->ts,
			.code = be16(p + HEAD),
			.asker = (uint8_t)d,
			.silent = p[0] & NO_ANSWER,
			.from = (uint32_t)p[7] << 16 | (uint32_t)p[4] << 8 | p[9]};

	a.key = hash_bytes(p + HEAD, MIN(f.len - HEAD, (size_t)64), p[4]);
	if (a.code >= 0x0101 && a.code <= 0x0103 && f.len >= HEAD + 8) {
		a.has_area = true;
		a.area = p[12];
		a.at = be16(p + 13);
		a.count = be16(p + 16);
	}
	unanswered(c, s, c->known - WAIT_NS);
	if (a.silent) {
		tell(c, s, &a, -1);
		return;
	}
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = a;
}

/* Model and version of the controller, each twenty characters. */
static void identity(struct conn *c, enum dir who, struct str f)
{
	struct ot_asset x = {.protocol = "fins", .who = who, .vendor = STR("Omron")};
	struct str rest, body = str_sub(f, HEAD + 4, f.len);

	if (body.len < 40)
		return;
	x.product = str_trim(str_cut(str_sub(body, 0, 20), 0, &rest));
	x.firmware = str_trim(str_cut(str_sub(body, 20, 40), 0, &rest));
	ot_asset(c, &x);
}

static void response(struct conn *c, struct fins *s, enum dir d, struct str f)
{
	const uint8_t *p = (const uint8_t *)f.p;
	uint32_t to = (uint32_t)p[4] << 16 | (uint32_t)p[7] << 8 | p[9];
	int end;

	if (f.len < HEAD + 4)
		return;
	end = be16(p + HEAD + 2);
	for (unsigned i = 0; i < s->n; i++) {
		struct ask a = s->wait[i];

		if (a.from != to || a.code != be16(p + HEAD) || a.asker == d)
			continue;
		forget(s, i);
		tell(c, s, &a, end);
		if (a.code == DATA_READ && !(end & 0x7f3f))
			identity(c, d, f);
		return;
	}
}

static bool frame(struct conn *c, struct fins *s, enum dir d, struct str f)
{
	if (f.len < HEAD + 2 || !((uint8_t)f.p[0] & 0x80))
		return false;
	if ((uint8_t)f.p[0] & RESPONSE)
		response(c, s, d, f);
	else
		request(c, s, d, f);
	return true;
}

static int fins_datagram(struct conn *c, enum dir d, struct str data)
{
	return frame(c, c->state, d, data) ? 0 : STREAM_FAIL;
}

static int64_t fins_stream(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	uint32_t len;

	if (data.len < TCP_HEAD)
		return 0;
	len = be32(p + 4);
	if (memcmp(p, "FINS", 4) != 0 || len < 8 || len > FRAME_MAX)
		return STREAM_FAIL;
	if (data.len < len + 8U)
		return 0;
	/* 2 carries a frame; 0 and 1 agree on addresses, 3 and 6 are of the connection. */
	if (be32(p + 8) == 2 && !frame(c, c->state, d, str_sub(data, TCP_HEAD, len + 8U)))
		return STREAM_FAIL;
	return (int64_t)len + 8;
}

static void fins_close(struct conn *c)
{
	struct fins *s = c->state;

	while (s->n) {
		tell(c, s, &s->wait[0], -1);
		forget(s, 0);
	}
	ot_close(c, &s->seen, "fins");
}

const struct proto_ops proto_fins = {
	.name = "fins",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {9600},
	.state_size = sizeof(struct fins),
	.sniff = fins_sniff,
	.stream = fins_stream,
	.datagram = fins_datagram,
	.gap = ot_gap,
	.close = fins_close,
};
