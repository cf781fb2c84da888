/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IEC 60870-5-104: one record for each command and its confirmation, and for what stations
 * report (once in ten minutes for each type, cause and station). Zeek has no such log of its
 * own; the words are those of the standard (IEC 60870-5-101, 7.2).
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <math.h>
#include <stdio.h>

#define WAIT_MAX 16
#define WAIT_NS	 (60 * NS_PER_S)
#define APCI	 6
#define ASDU	 6 /* type, number, cause, originator, common address */

enum { ACTIVATION = 6, ACTCON = 7, DEACTIVATION = 8, DEACTCON = 9, ACTTERM = 10 };

struct ask {
	int64_t ts;
	double value;
	uint32_t ioa;
	uint16_t station;
	uint8_t type, cause, asker;
	bool has_value, select;
};

struct iec104 {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static const struct ot_name types[] = {
	{1, "M_SP_NA_1"},   {3, "M_DP_NA_1"},	{5, "M_ST_NA_1"},   {7, "M_BO_NA_1"},
	{9, "M_ME_NA_1"},   {11, "M_ME_NB_1"},	{13, "M_ME_NC_1"},  {15, "M_IT_NA_1"},
	{20, "M_PS_NA_1"},  {21, "M_ME_ND_1"},	{30, "M_SP_TB_1"},  {31, "M_DP_TB_1"},
	{32, "M_ST_TB_1"},  {33, "M_BO_TB_1"},	{34, "M_ME_TD_1"},  {35, "M_ME_TE_1"},
	{36, "M_ME_TF_1"},  {37, "M_IT_TB_1"},	{38, "M_EP_TD_1"},  {39, "M_EP_TE_1"},
	{40, "M_EP_TF_1"},  {45, "C_SC_NA_1"},	{46, "C_DC_NA_1"},  {47, "C_RC_NA_1"},
	{48, "C_SE_NA_1"},  {49, "C_SE_NB_1"},	{50, "C_SE_NC_1"},  {51, "C_BO_NA_1"},
	{58, "C_SC_TA_1"},  {59, "C_DC_TA_1"},	{60, "C_RC_TA_1"},  {61, "C_SE_TA_1"},
	{62, "C_SE_TB_1"},  {63, "C_SE_TC_1"},	{64, "C_BO_TA_1"},  {70, "M_EI_NA_1"},
	{100, "C_IC_NA_1"}, {101, "C_CI_NA_1"}, {102, "C_RD_NA_1"}, {103, "C_CS_NA_1"},
	{104, "C_TS_NA_1"}, {105, "C_RP_NA_1"}, {106, "C_CD_NA_1"}, {107, "C_TS_TA_1"},
	{110, "P_ME_NA_1"}, {111, "P_ME_NB_1"}, {112, "P_ME_NC_1"}, {113, "P_AC_NA_1"},
	{120, "F_FR_NA_1"}, {121, "F_SR_NA_1"}, {122, "F_SC_NA_1"}, {123, "F_LS_NA_1"},
	{124, "F_AF_NA_1"}, {125, "F_SG_NA_1"}, {126, "F_DR_TA_1"}, {127, "F_SC_NB_1"},
};

static const struct ot_name causes[] = {
	{1, "periodic"},
	{2, "background scan"},
	{3, "spontaneous"},
	{4, "initialised"},
	{5, "request"},
	{6, "activation"},
	{7, "activation confirmation"},
	{8, "deactivation"},
	{9, "deactivation confirmation"},
	{10, "activation termination"},
	{11, "return information remote"},
	{12, "return information local"},
	{13, "file transfer"},
	{20, "interrogated by station"},
	{37, "counters requested"},
	{44, "unknown type identification"},
	{45, "unknown cause of transmission"},
	{46, "unknown common address"},
	{47, "unknown information object address"},
};

static bool apci_ok(const uint8_t *p, size_t n)
{
	if (p[0] != 0x68 || p[1] < 4 || p[1] > 253)
		return false;
	if (n < APCI)
		return true;
	if ((p[2] & 3) == 3) /* U: one of six functions, nothing else */
		return p[1] == 4 && !p[3] && !p[4] && !p[5] && __builtin_popcount(p[2]) == 3;
	if ((p[2] & 3) == 1) /* S */
		return p[1] == 4 && p[2] == 1 && !p[3] && !(p[4] & 1);
	return !(p[4] & 1) && p[1] >= 4 + ASDU;
}

static enum sniff_result iec104_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len, len;

	if (p[0] != 0x68)
		return SNIFF_NO;
	if (n < APCI)
		return n > 1 && (p[1] < 4 || p[1] > 253) ? SNIFF_NO : SNIFF_MORE;
	if (!apci_ok(p, n))
		return SNIFF_NO;
	if (s->hinted)
		return SNIFF_YES;
	/* Elsewhere what stands behind must fit as well. */
	len = 2U + p[1];
	if (n < len || (n > len + 1 && !apci_ok(p + len, n - len)))
		return SNIFF_NO;
	if ((p[2] & 3) != 0)
		return (p[2] & 3) == 3 ? SNIFF_YES : SNIFF_NO;
	return OT_NAME(types, p[6]) && OT_NAME(causes, p[8] & 0x3f) && (p[7] & 0x7f) ? SNIFF_YES
										     : SNIFF_NO;
}

static const char *access_of(uint8_t type)
{
	if ((type >= 45 && type <= 64) || (type >= 110 && type <= 113)) /* and parameters */
		return "write";
	switch (type) {
	case 100:
	case 101:
	case 102:
		return "read";
	case 103: /* sets the clock */
	case 105: /* resets the process */
		return "control";
	case 104:
	case 106:
	case 107:
		return "session";
	default:
		return type >= 120 ? "upload" : "notify";
	}
}

/* What a command sets, from the bytes behind its object's address. */
static void value_of(struct ask *a, const uint8_t *p, size_t n)
{
	uint32_t bits;
	float f;

	switch (a->type) {
	case 45:
	case 46:
	case 47:
	case 58:
	case 59:
	case 60:
		if (n < 1)
			return;
		a->value = p[0] & (a->type == 45 || a->type == 58 ? 1 : 3);
		a->select = p[0] & 0x80;
		break;
	case 48:
	case 49:
	case 61:
	case 62:
		if (n < 3)
			return;
		a->value = (int16_t)le16(p);
		a->select = p[2] & 0x80;
		break;
	case 50:
	case 63:
		if (n < 5)
			return;
		bits = le32(p);
		memcpy(&f, &bits, 4);
		if (!isfinite(f))
			return;
		a->value = (double)f;
		a->select = p[4] & 0x80;
		break;
	default:
		return;
	}
	a->has_value = true;
}

/* cause: of the answer; 0 none. */
static void tell(struct conn *c, const struct ask *a, uint8_t cause, bool negative,
		 uint32_t repeats)
{
	struct rec *r = ot_rec(c, "iec104", a->ts, a->asker);
	char tmp[40];

	rec_z(r, "asdu_type", OT_NAME_OR(types, a->type, tmp));
	rec_z(r, "cause", OT_NAME_OR(causes, a->cause, tmp));
	rec_z(r, "access", access_of(a->type));
	rec_u64(r, "common_address", a->station);
	rec_u64(r, "ioa", a->ioa);
	if (a->has_value) {
		snprintf(tmp, sizeof(tmp), "%.6g", a->value);
		rec_z(r, "value", tmp);
		rec_bool(r, "select", a->select);
	}
	if (cause)
		rec_z(r, "reply", OT_NAME_OR(causes, cause, tmp));
	if (negative)
		rec_z(r, "error",
		      cause >= 44 && cause <= 47 ? OT_NAME(causes, cause) : "negative");
	if (!cause && (a->cause == ACTIVATION || a->cause == DEACTIVATION))
		rec_bool(r, "answered", false);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct iec104 *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct iec104 *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, &s->wait[0], 0, false, 0);
		forget(s, 0);
	}
}

static uint64_t key_of(const struct ask *a)
{
	return hash_2((uint64_t)a->type << 32 | (uint64_t)a->cause << 16 | a->station,
		      a->asker);
}

static void answered(struct conn *c, struct iec104 *s, const struct ask *a, bool negative)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct ask q = s->wait[i];
		uint32_t repeats = 0;

		/* 65535 asks all stations. */
		if (q.type != a->type || (q.station != a->station && q.station != 0xffff) ||
		    q.ioa != a->ioa || q.asker == a->asker)
			continue;
		forget(s, i);
		if (!negative && strcmp(access_of(q.type), "read") == 0 &&
		    !ot_due(c, &s->seen, key_of(&q), &repeats))
			return;
		tell(c, &q, a->cause, negative, repeats);
		return;
	}
}

static void asdu(struct conn *c, struct iec104 *s, enum dir d, const uint8_t *p, size_t n)
{
	struct ask a = {.ts = c->ts,
			.type = p[0],
			.cause = p[2] & 0x3f,
			.station = le16(p + 4),
			.asker = (uint8_t)d};
	bool negative = p[2] & 0x40;
	uint32_t repeats;

	if (n >= ASDU + 3)
		a.ioa = le16(p + ASDU) | (uint32_t)p[ASDU + 2] << 16;
	if (a.cause >= 44 && a.cause <= 47)
		negative = true;
	if (a.type >= 45 && a.type < 120 && a.type != 70) {
		if (n > ASDU + 3)
			value_of(&a, p + ASDU + 3, n - ASDU - 3);
		if (a.cause == ACTIVATION || a.cause == DEACTIVATION || a.cause == 5) {
			unanswered(c, s, c->known - WAIT_NS);
			if (s->n == WAIT_MAX)
				unanswered(c, s, s->wait[0].ts);
			s->wait[s->n++] = a;
		} else if (a.cause != ACTTERM) {
			answered(c, s, &a, negative);
		}
		return;
	}
	if (a.cause == 5) /* what a read asked for */
		answered(c, s,
			 &(struct ask){.type = 102,
				       .station = a.station,
				       .ioa = a.ioa,
				       .cause = 5,
				       .asker = (uint8_t)d},
			 negative);
	if (ot_due(c, &s->seen, key_of(&a), &repeats))
		tell(c, &a, 0, negative, repeats);
}

static int64_t iec104_stream(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t n;

	if (data.len < 2)
		return data.len && p[0] != 0x68 ? STREAM_FAIL : 0;
	if (!apci_ok(p, data.len))
		return STREAM_FAIL;
	n = 2U + p[1];
	if (data.len < n)
		return 0;
	if (!(p[2] & 1) && n >= APCI + ASDU)
		asdu(c, c->state, d, p + APCI, n - APCI);
	return (int64_t)n;
}

static void iec104_close(struct conn *c)
{
	struct iec104 *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "iec104");
}

const struct proto_ops proto_iec104 = {
	.name = "iec104",
	.transports = PROTO_TCP,
	.ports = {2404},
	.state_size = sizeof(struct iec104),
	.buffer_max = 1024,
	.sniff = iec104_sniff,
	.stream = iec104_stream,
	.gap = ot_gap,
	.close = iec104_close,
};
