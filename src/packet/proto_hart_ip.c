/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HART-IP (HCF_SPEC-085) over TCP and UDP: one record (hart_ip) for each command to a field
 * device and its answer, with the names of ICSNPP's log, whether it comes as a token-passing
 * PDU or as one of several of a direct one. Sessions, too. What a device says of itself becomes
 * ot_asset.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define HEAD	    8
#define MESSAGE_MAX 4096
#define WAIT_MAX    16
#define WAIT_NS	    (30 * NS_PER_S)
#define COMMANDS    8  /* of a direct PDU */
#define EXTENDED    31 /* the number follows in two bytes */

enum { REQUEST, RESPONSE, PUBLISH, NAK = 15 };
enum { INITIATE, CLOSE, KEEP_ALIVE, TOKEN, DIRECT, AUDIT_LOG, IDS };

/* A command within a message. */
struct cmd {
	uint16_t no;
	struct str data;
	struct str device; /* its address, or empty: the one that is spoken with */
};

struct ask {
	int64_t ts;
	uint64_t key;
	uint16_t seq, no;
	uint8_t id, asker, place, ndevice;
	uint8_t device[5];
};

struct hart {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static const struct command {
	uint8_t no;
	const char *name, *access;
} commands[] = {
	{0, "Read Unique Identifier", "identify"},
	{1, "Read Primary Variable", "read"},
	{2, "Read Loop Current", "read"},
	{3, "Read Dynamic Variable", "read"},
	{6, "Write Polling Address", "write"},
	{7, "Read Loop Configuration", "read"},
	{8, "Read Dynamic Variable Classifications", "read"},
	{9, "Read Device Variable", "read"},
	{11, "Read Unique Identifier Tag", "identify"},
	{12, "Read Message", "read"},
	{13, "Read Tag", "identify"},
	{14, "Read Primary Variable Transducer Information", "read"},
	{15, "Read Device Information", "read"},
	{16, "Read Final Assembly Number", "read"},
	{17, "Write Message", "write"},
	{18, "Write Tag Descriptor Date", "write"},
	{19, "Write Final Assembly Number", "write"},
	{20, "Read Long Tag", "identify"},
	{21, "Read Unique Identifier Long Tag", "identify"},
	{22, "Write Long Tag", "write"},
	{33, "Read Device Variables", "read"},
	{34, "Write Primary Variable Damping Value", "write"},
	{35, "Write Primary Variable Range Values", "write"},
	{36, "Set Primary Variable Upper Range Value", "write"},
	{37, "Set Primary Variable Lower Range Value", "write"},
	{38, "Reset Configuration Changed Flag", "write"},
	{39, "EEPROM Control", "control"},
	{40, "Enter/Exit Fixed Current Mode", "control"},
	{41, "Perform Self-Test", "control"},
	{42, "Perform Device Reset", "control"},
	{43, "Set Primary Variable Zero", "write"},
	{44, "Write Primary Variable Units", "write"},
	{45, "Trim Loop Current Zero", "write"},
	{46, "Trim Loop Current Gain", "write"},
	{47, "Write Primary Variable Transfer Function", "write"},
	{48, "Read Additional Device Status", "read"},
	{49, "Write Primary Variable Transducer Serial Number", "write"},
	{50, "Read Dynamic Variable Assignments", "read"},
	{51, "Write Dynamic Variable Assignments", "write"},
	{52, "Set Device Variable Zero", "write"},
	{53, "Write Device Variable Units", "write"},
	{54, "Read Device Variable Information", "read"},
	{55, "Write Device Variable Damping Value", "write"},
	{56, "Write Device Variable Transducer Serial No.", "write"},
	{57, "Read Unit Tag, Descriptor, Date", "read"},
	{58, "Write Unit Tag, Descriptor, Date", "write"},
	{59, "Write Number of Response Preambles", "write"},
	{60, "Read Analog Channel and Percent of Range", "read"},
	{61, "Read Dynamic Variables and Primary Variable Analog Channel", "read"},
	{62, "Read Analog Channels", "read"},
	{63, "Read Analog Channel Information", "read"},
	{64, "Write Analog Channel Additional Damping Value", "write"},
	{65, "Write Analog Channel Range Values", "write"},
	{66, "Enter/Exit Fixed Analog Channel Mode", "control"},
	{67, "Trim Analog Channel Zero", "write"},
	{68, "Trim Analog Channel Gain", "write"},
	{69, "Write Analog Channel Transfer Function", "write"},
	{70, "Read Analog Channel Endpoint Values", "read"},
	{71, "Lock Device", "control"},
	{72, "Squawk", "identify"},
	{73, "Find Device", "identify"},
	{74, "Read I/O System Capabilities", "identify"},
	{75, "Poll Sub-Device", "identify"},
	{76, "Read Lock Device State", "read"},
	{77, "Send Command to Sub-Device", "other"},
	{78, "Read Aggregated Commands", "read"},
	{79, "Write Device Variable", "write"},
	{80, "Read Device Variable Trim Points", "read"},
	{81, "Read Device Variable Trim Guidelines", "read"},
	{82, "Write Device Variable Trim Point", "write"},
	{83, "Reset Device Variable Trim", "write"},
	{84, "Read Sub-Device Identity Summary", "identify"},
	{85, "Read I/O Channel Statistics", "read"},
	{86, "Read Sub-Device Statistics", "read"},
	{87, "Write I/O System Master Mode", "control"},
	{88, "Write I/O System Retry Count", "write"},
	{89, "Set Real-Time Clock", "control"},
	{90, "Read Real-Time Clock", "read"},
};

static const struct command *command_of(unsigned no)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].no == no)
			return &commands[i];
	return NULL;
}

static bool is_head(const uint8_t *p)
{
	unsigned type = p[1] & 15;

	return (p[0] == 1 || p[0] == 2) && !(p[1] & 0x70) && (type <= PUBLISH || type == NAK) &&
	       p[2] < IDS && be16(p + 6) >= HEAD && be16(p + 6) <= MESSAGE_MAX;
}

static enum sniff_result sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len;

	if (p[0] != 1 && p[0] != 2)
		return SNIFF_NO;
	if (n < HEAD)
		return s->transport == PROTO_TCP ? SNIFF_MORE : SNIFF_NO;
	if (!is_head(p) || (s->transport == PROTO_UDP && n != be16(p + 6)))
		return SNIFF_NO;
	if (s->hinted)
		return SNIFF_YES;
	/* Elsewhere a session that begins: who opens it, and for how long. */
	return p[2] == INITIATE && !p[3] && be16(p + 6) == HEAD + 5 && n == HEAD + 5 &&
			       p[HEAD] <= 1
		       ? SNIFF_YES
		       : SNIFF_NO;
}

/* id: of the message; code < 0: nobody answered. */
static void tell(struct conn *c, struct hart *s, const struct ask *a, int code)
{
	static const char *const ids[] = {"Session Initiate", "Session Close",
					  "Keep Alive",	      "Token Passing PDU",
					  "Direct PDU",	      "Read Audit Log"};
	const struct command *k = command_of(a->no);
	bool has = a->id == TOKEN || a->id == DIRECT;
	const char *access = !has ? a->id == AUDIT_LOG ? "read" : "session"
			     : k  ? k->access
				  : "other";
	bool refused = code > 0 && code < 64 && code != 8; /* 8 and such are warnings */
	uint32_t repeats = 0;
	struct rec *r;
	char tmp[24];

	if (code >= 0 && !refused && ot_is_read(access) &&
	    !ot_due(c, &s->seen, a->key, &repeats))
		return;
	r = ot_rec(c, "hart_ip", a->ts, (enum dir)a->asker);
	rec_z(r, "message_id", ids[a->id]);
	if (has) {
		snprintf(tmp, sizeof(tmp), "unknown-0x%x", a->no);
		rec_z(r, "command", k ? k->name : tmp);
	}
	rec_z(r, "access", access);
	rec_u64(r, "sequence_number", a->seq);
	if (a->ndevice)
		rec_hex(r, "device", a->device, a->ndevice);
	if (refused) {
		snprintf(tmp, sizeof(tmp), "response code %d", code);
		rec_z(r, "error", tmp);
	}
	if (code < 0)
		rec_bool(r, "answered", false);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct hart *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct hart *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], -1);
		forget(s, 0);
	}
}

/* The frame of a field bus: delimiter, address, command, length, data, sum. */
static unsigned token(struct str b, struct cmd *k)
{
	const uint8_t *p = (const uint8_t *)b.p;
	size_t at = 1, len;

	if (b.len < 5)
		return 0;
	len = p[0] & 0x80 ? 5 : 1;
	k->device = str_sub(b, at, at + len);
	at += len + (p[0] >> 5 & 3); /* expansion bytes */
	if (at + 2 > b.len || p[at + 1] > b.len - at - 2)
		return 0;
	k->no = p[at];
	k->data = str_sub(b, at + 2, at + 2 + (size_t)p[at + 1]);
	return 1;
}

/* Two bytes of status, then commands of number, length and data. */
static unsigned direct(struct str b, struct cmd k[COMMANDS])
{
	const uint8_t *p = (const uint8_t *)b.p;
	unsigned n = 0;

	for (size_t at = 2; at + 3 <= b.len && n < COMMANDS && p[at + 2] <= b.len - at - 3;
	     at += 3 + (size_t)p[at + 2])
		k[n++] = (struct cmd){.no = be16(p + at),
				      .data = str_sub(b, at + 3, at + 3 + (size_t)p[at + 2])};
	return n;
}

static unsigned commands_of(uint8_t id, struct str body, bool reply, struct cmd k[COMMANDS])
{
	unsigned n = id == TOKEN ? token(body, k) : id == DIRECT ? direct(body, k) : 0;
	size_t at = reply ? 2 : 0; /* behind response code and status */

	if (n && id == TOKEN && k->no == EXTENDED && k->data.len >= at + 2)
		k->no = be16((const uint8_t *)k->data.p + at);
	return n;
}

static void request(struct conn *c, struct hart *s, struct ask a, struct str body)
{
	struct cmd k[COMMANDS] = {{0}};
	unsigned n = commands_of(a.id, body, false, k);

	if (a.id == KEEP_ALIVE)
		return;
	unanswered(c, s, c->known - WAIT_NS);
	for (unsigned i = 0; i < MAX(n, 1U); i++) {
		a.no = k[i].no;
		a.place = (uint8_t)i;
		a.ndevice = (uint8_t)MIN(k[i].device.len, sizeof(a.device));
		if (a.ndevice)
			memcpy(a.device, k[i].device.p, a.ndevice);
		a.key = hash_bytes(a.device, a.ndevice, hash_2((uint64_t)a.id << 16 | a.no, 1));
		a.key = hash_str(k[i].data, a.key);
		if (s->n == WAIT_MAX)
			unanswered(c, s, s->wait[0].ts);
		s->wait[s->n++] = a;
	}
}

/* Command 0: device type, revisions, number of the device (HCF_SPEC-127). */
static void identity(struct conn *c, enum dir d, const struct cmd *k)
{
	static const struct ot_name makers[] = {
		{17, "Endress+Hauser"}, {38, "Rosemount"}, {42, "Siemens"}, {55, "Yokogawa"}};
	struct ot_asset a = {.protocol = "hart-ip", .who = d};
	const uint8_t *p = (const uint8_t *)k->data.p + 2;
	char type[32], firmware[8], serial[16];
	const char *maker;

	if (k->data.len < 14 || p[0] != 254)
		return;
	snprintf(type, sizeof(type), "HART type 0x%04x", be16(p + 1));
	snprintf(firmware, sizeof(firmware), "%u", p[6]);
	snprintf(serial, sizeof(serial), "%u", be24(p + 9));
	/* Until HART 6 the maker is the type's first byte. */
	maker = OT_NAME(makers, k->data.len >= 21 ? be16(p + 17) : p[1]);
	a.vendor = maker ? str_of(maker) : str_n(NULL, 0);
	a.type = str_of(type);
	a.firmware = str_of(firmware);
	a.serial = str_of(serial);
	ot_asset(c, &a);
}

static void answer(struct conn *c, struct hart *s, enum dir d, const struct ask *m,
		   uint8_t status, struct str body)
{
	struct cmd k[COMMANDS] = {{0}};
	unsigned n = commands_of(m->id, body, true, k);

	for (unsigned i = 0; i < s->n;) {
		struct ask a = s->wait[i];
		const struct cmd *one = a.place < n ? &k[a.place] : NULL;
		/* Of a command its own code; else that of the message. */
		int code = one && one->data.len ? (uint8_t)one->data.p[0] : status;

		if (a.seq != m->seq || a.id != m->id || a.asker == d) {
			i++;
			continue;
		}
		forget(s, i);
		tell(c, s, &a, code & 0x80 ? 64 : code); /* of the line: it has come */
		if (one && one->no == 0 && !code)
			identity(c, d, one);
	}
}

static void message(struct conn *c, enum dir d, const uint8_t *p, size_t n)
{
	struct hart *s = c->state;
	struct str body = str_n((const char *)p + HEAD, n - HEAD);
	struct ask a = {.ts = c->ts, .id = p[2], .seq = be16(p + 4), .asker = (uint8_t)d};

	switch (p[1] & 15) {
	case REQUEST:
		request(c, s, a, body);
		break;
	case RESPONSE:
	case NAK:
		answer(c, s, d, &a, p[3], body);
		break;
	default:
		break;
	}
}

static int64_t stream(struct conn *c, enum dir d, struct str in)
{
	const uint8_t *p = (const uint8_t *)in.p;

	if (in.len < HEAD)
		return 0;
	if (!is_head(p))
		return STREAM_FAIL;
	if (in.len < be16(p + 6))
		return 0;
	message(c, d, p, be16(p + 6));
	return be16(p + 6);
}

static int datagram(struct conn *c, enum dir d, struct str in)
{
	return stream(c, d, in) == (int64_t)in.len ? 0 : STREAM_FAIL;
}

static void hart_close(struct conn *c)
{
	struct hart *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "hart-ip");
}

const struct proto_ops proto_hart_ip = {
	.name = "hart-ip",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {5094},
	.state_size = sizeof(struct hart),
	.sniff = sniff,
	.stream = stream,
	.datagram = datagram,
	.gap = ot_gap,
	.close = hart_close,
};
