/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EtherCAT (ETG.1000) on Ethernet, with the names of ICSNPP's logs: what a master writes to
 * registers of its slaves (ecat_registers), objects it sets by CoE (ecat_coe_info) and files it
 * sends by FoE (ecat_foe_info). A frame passes thousands of times a second, so what changes no
 * state is told once a day of each master; changes of state, EEPROMs written, objects set and
 * files are always told. Only frames on their way out are read: their counters are still zero.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define HEAD	  10 /* of a datagram; two bytes of counter stand behind it */
#define GRAMS_MAX 64
#define MAILBOX	  0x1000 /* where memory begins; below are registers */
#define MAIL_HEAD 6

enum { APWR = 2, APRW, FPWR = 5, FPRW, BWR = 8, BRW, LRD, LWR, LRW, COMMANDS = 15 };
enum { RESET = 0x0040, AL_CONTROL = 0x0120, EEPROM = 0x0502 };
enum { COE = 3, FOE = 4 };

static const char *const commands[COMMANDS] = {
	"NOP",
	"Auto Increment Physical Read",
	"Auto Increment Physical Write",
	"Auto Increment Physical ReadWrite",
	"Configured Addr Physical Read",
	"Configured Addr Physical Write",
	"Configured Addr Physical ReadWrite",
	"Broadcast Read",
	"Broadcast Write",
	"Broadcast ReadWrite",
	"Logical Read",
	"Logical Write",
	"Logical ReadWrite",
	"Auto Increment Physical Read Mult Write",
	"Configured Addr Physical Read Mult Write",
};

static const struct ot_name registers[] = {
	{0x0000, "Type"},
	{0x0010, "CSAddr"},
	{0x0012, "CSAlias"},
	{0x0040, "ESC_Rst_Ecat"},
	{0x0041, "ESC_Rst_Pdi"},
	{0x0100, "ESC_DL_Ctl"},
	{0x0110, "ESC_DL_Stat"},
	{0x0120, "AL_Ctl"},
	{0x0130, "AL_Stat"},
	{0x0134, "AL_Stat_Code"},
	{0x0140, "PDI_Ctl"},
	{0x0200, "ECAT_Ev_Msk"},
	{0x0300, "RX_Err_Cnt"},
	{0x0400, "WTD_Div"},
	{0x0420, "WTD_Time_Proc_Data"},
	{0x0500, "SII_EEPROM_Intr"},
	{0x0502, "SII_EEPROM_Intr"},
};

/* One datagram of a frame. */
struct gram {
	uint8_t cmd;
	uint16_t slave, reg;
	const uint8_t *p;
	size_t n;
};

static bool writes(const struct gram *g)
{
	return g->cmd == APWR || g->cmd == APRW || g->cmd == FPWR || g->cmd == FPRW ||
	       g->cmd == BWR || g->cmd == BRW;
}

/* The first time of a day that this master does this. */
static bool first(struct conn *c, const struct gram *g, uint64_t what)
{
	return conn_first_today(c, hash_bytes(c->pkt->mac + 6, 6, hash_2(what, g->cmd)));
}

static const char *reg_name(uint16_t reg, char tmp[24])
{
	const char *name = OT_NAME(registers, reg);

	if (name)
		return name;
	if (reg >= 0x0600 && reg < 0x0700)
		return "FMMU";
	if (reg >= 0x0800 && reg < 0x0900)
		return "SyncManager";
	if (reg >= 0x0900 && reg < 0x0a00)
		return "Dist_Clk";
	snprintf(tmp, 24, "Reg-0x%04x", reg);
	return tmp;
}

static struct rec *gram_rec(struct conn *c, const struct gram *g, const char *path,
			    const char *access)
{
	struct rec *r = ot_frame_rec(c, path);
	char tmp[16];

	rec_z(r, "Command", commands[g->cmd]);
	snprintf(tmp, sizeof(tmp), "0x%04x", g->slave);
	rec_z(r, "Slave_Addr", tmp);
	rec_z(r, "access", access);
	return r;
}

static const char *state_text(uint8_t v)
{
	static const char *const states[] = {NULL, "INIT", "PREOP", "BOOT", "SAFEOP",
					     NULL, NULL,   NULL,    "OP"};

	v &= 15;
	return v < ARRAY_LEN(states) && states[v] ? states[v] : "unknown";
}

static void written(struct conn *c, const struct gram *g)
{
	const char *access = "write", *data = NULL;
	char tmp[24];
	struct rec *r;

	if (g->reg == AL_CONTROL && g->n) {
		access = "control";
		data = state_text(g->p[0]);
	} else if (g->reg == RESET) {
		access = "control";
	} else if (g->reg == EEPROM && g->n >= 2 && (g->p[1] & 7) == 2) {
		access = "program";
	} else if (!first(c, g, g->reg)) {
		return;
	}
	r = gram_rec(c, g, "ecat_registers", access);
	rec_z(r, "Register_Type", reg_name(g->reg, tmp));
	rec_z(r, "data", data);
	rec_end(r);
}

/* CoE: an object is set (command 1) or read (2) by a service data object. */
static void object(struct conn *c, const struct gram *g, const uint8_t *p, size_t n)
{
	bool sets = n >= 6 && p[2] >> 5 == 1;
	char tmp[24];
	struct rec *r;

	if (n < 6 || p[1] >> 4 != 2 || (!sets && p[2] >> 5 != 2))
		return;
	if (!sets && !first(c, g, hash_2(le16(p + 3), COE)))
		return;
	r = gram_rec(c, g, "ecat_coe_info", sets ? "write" : "read");
	rec_z(r, "req_resp", sets ? "SDO Download Request" : "SDO Upload Request");
	snprintf(tmp, sizeof(tmp), "0x%04x", le16(p + 3));
	rec_z(r, "index", tmp);
	snprintf(tmp, sizeof(tmp), "0x%02x", p[5]);
	rec_z(r, "subindex", tmp);
	rec_end(r);
}

/* FoE: a file is asked for (1) or announced (2), by name. */
static void file(struct conn *c, const struct gram *g, const uint8_t *p, size_t n)
{
	struct str rest, name = str_sub(str_n((const char *)p, n), 6, n);
	struct rec *r;

	if (n < 6 || p[0] < 1 || p[0] > 2)
		return;
	r = gram_rec(c, g, "ecat_foe_info", p[0] == 1 ? "upload" : "program");
	rec_z(r, "opCode", p[0] == 1 ? "Read Request" : "Write Request");
	rec_str(r, "filename", str_cut(name, 0, &rest));
	rec_end(r);
}

/* A letter for a slave's mailbox: length, station, priority, kind with a number. */
static void mail(struct conn *c, const struct gram *g)
{
	size_t n = g->n >= MAIL_HEAD ? le16(g->p) : 0;

	if (!n || n > g->n - MAIL_HEAD || (g->p[4] & 0x3f))
		return;
	if ((g->p[5] & 15) == COE)
		object(c, g, g->p + MAIL_HEAD, n);
	else if ((g->p[5] & 15) == FOE)
		file(c, g, g->p + MAIL_HEAD, n);
}

/* Process data, which are exchanged all the time. */
static void cyclic(struct conn *c, const struct gram *g)
{
	if (first(c, g, LRW))
		rec_end(gram_rec(c, g, "ecat_registers", "notify"));
}

static void ethercat_frame(struct conn *c, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t at = 2;
	bool more = true;

	if (data.len < 2 || p[1] >> 4 != 1 || !c->pkt->mac)
		return;
	for (unsigned i = 0; i < GRAMS_MAX && more && at + HEAD + 2 <= data.len; i++) {
		const uint8_t *q = p + at;
		struct gram g = {.cmd = q[0],
				 .slave = le16(q + 2),
				 .reg = le16(q + 4),
				 .p = q + HEAD,
				 .n = le16(q + 6) & 0x7ff};

		if (g.cmd >= COMMANDS || g.n > data.len - at - HEAD - 2)
			return;
		more = q[7] & 0x80;
		at += HEAD + g.n + 2;
		if (le16(g.p + g.n)) /* a slave has seen it */
			continue;
		if (g.cmd >= LRD && g.cmd <= LRW)
			cyclic(c, &g);
		else if (writes(&g) && g.reg < MAILBOX)
			written(c, &g);
		else if (writes(&g))
			mail(c, &g);
	}
}

const struct proto_ops proto_ethercat = {
	.name = "ethercat",
	.transports = PROTO_ETHER,
	.ethertype = 0x88a4,
	.frame = ethercat_frame,
};
