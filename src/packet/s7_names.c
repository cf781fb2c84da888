/* SPDX-License-Identifier: Apache-2.0 */
/* Words of S7comm as ICSNPP's s7comm.log has them. */
#include "packet/s7_names.h"

static const struct ot_name functions[] = {
	{0x00, "CPU Services"},	    {0x04, "Read Variable"},  {0x05, "Write Variable"},
	{0x1a, "Request Download"}, {0x1b, "Download Block"}, {0x1c, "Download Ended"},
	{0x1d, "Start Upload"},	    {0x1e, "Upload"},	      {0x1f, "End Upload"},
	{0x28, "PLC Control"},	    {0x29, "PLC Stop"},	      {0xf0, "Setup Communication"},
};

static const struct ot_name groups[] = {
	{0x0, "Mode-Transition"}, {0x1, "Programmer Controls"}, {0x2, "Cyclic Services"},
	{0x3, "Block Functions"}, {0x4, "CPU Functions"},	{0x5, "Security"},
	{0x6, "PBC BSEND-BRECV"}, {0x7, "Time Functions"},	{0xf, "NC Programming"},
};

/* Group and number. */
static const struct ot_name subs[] = {
	{0x000, "Stop"},
	{0x001, "Warm Restart"},
	{0x002, "Run"},
	{0x003, "Hot Restart"},
	{0x004, "Hold"},
	{0x006, "Cold Restart"},
	{0x009, "Run_R"},
	{0x00b, "Link-Up"},
	{0x00c, "Update"},
	{0x101, "Block Status"},
	{0x102, "Variable Status"},
	{0x103, "Output ISTACK"},
	{0x104, "Output BSTACK"},
	{0x105, "Output LSTACK"},
	{0x106, "Time Measurement"},
	{0x107, "Force Selection"},
	{0x108, "Modify Variable"},
	{0x109, "Force"},
	{0x10a, "Breakpoint"},
	{0x10b, "Exit HOLD"},
	{0x10c, "Memory Reset"},
	{0x10d, "Disable Job"},
	{0x10e, "Enable Job"},
	{0x10f, "Delete Job"},
	{0x110, "Read Job List"},
	{0x111, "Read Job"},
	{0x112, "Replace Job"},
	{0x113, "Block Status v2"},
	{0x116, "Flash LED"},
	{0x201, "Cyclic Transfer"},
	{0x204, "Unsubscribe"},
	{0x205, "Change Driven Transfer"},
	{0x207, "Change Driven Transfer Modify"},
	{0x208, "RDREC"},
	{0x301, "List Blocks"},
	{0x302, "List Blocks of Type"},
	{0x303, "Get Block Info"},
	{0x401, "Read SZL"},
	{0x402, "Message Service"},
	{0x403, "Diagnostic Message"},
	{0x404, "ALARM_8 Indication"},
	{0x405, "NOTIFY Indication"},
	{0x406, "ALARM_8 Lock"},
	{0x407, "ALARM_8 Unlock"},
	{0x408, "SCAN Indication"},
	{0x40b, "ALARM_S Indication"},
	{0x40c, "ALARM_SQ Indication"},
	{0x40d, "ALARM Query"},
	{0x40e, "ALARM ACK"},
	{0x411, "ALARM ACK Indication"},
	{0x412, "ALARM Lock Indication"},
	{0x413, "ALARM Unlock Indication"},
	{0x416, "NOTIFY_8 Indication"},
	{0x501, "PLC Password"},
	{0x701, "Read Clock"},
	{0x702, "Set Clock"},
	{0x703, "Read Clock (Following)"},
	{0x704, "Set Clock (2)"},
};

static const struct ot_name errors[] = {
	{0x00, "No error"},
	{0x81, "Application relationship error"},
	{0x82, "Object definition error"},
	{0x83, "No ressources available error"}, /* as ICSNPP spells it */
	{0x84, "Error on service processing"},
	{0x85, "Error on supplies"},
	{0x87, "Access error"},
};

static const struct ot_name returns[] = {
	{0x01, "Hardware error"},	  {0x03, "Accessing the object not allowed"},
	{0x05, "Invalid address"},	  {0x06, "Data type not supported"},
	{0x07, "Data type inconsistent"}, {0x0a, "Object does not exist"},
};

static const struct ot_name plus[] = {
	{0x04bb, "Explore"},
	{0x04ca, "Create Object"},
	{0x04d4, "Delete Object"},
	{0x04f2, "Set Variable"},
	{0x0524, "Get Link"},
	{0x0542, "Set Multi Variables"},
	{0x054c, "Get Multi Variables"},
	{0x0556, "Begin Sequence"},
	{0x0560, "End Sequence"},
	{0x056b, "Invoke"},
	{0x0586, "Get Variable Sub Streamed"},
};

static const struct {
	const char *pi, *name;
} services[] = {
	{"P_PROGRAM", "PLC Start / Stop"},
	{"_INSE", "Activates a PLC module"},
	{"_INS2", "Activates a PLC module"},
	{"_DELE", "Removes module from the PLC's passive file system"},
	{"_MODU", "PLC Copy Ram to Rom"},
	{"_GARB", "Compress PLC memory"},
	{"_N_LOGIN_", "Login"},
	{"_N_LOGOUT", "Logout"},
};

const char *s7_function(uint8_t f)
{
	return OT_NAME(functions, f);
}

const char *s7_group(uint8_t g)
{
	return OT_NAME(groups, g);
}

const char *s7_sub(uint8_t group, uint8_t sub)
{
	return OT_NAME(subs, (unsigned)group << 8 | sub);
}

const char *s7_error(uint8_t class)
{
	return OT_NAME(errors, class);
}

const char *s7_return(uint8_t code)
{
	return OT_NAME(returns, code);
}

const char *s7_plus_function(uint16_t f)
{
	return OT_NAME(plus, f);
}

const char *s7_service(struct str pi)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (str_eqz(pi, services[i].pi))
			return services[i].name;
	return NULL;
}
