/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/cip.h"
#include <stdio.h>

enum {
	GET_ALL = 1,
	SET_ALL = 2,
	GET_LIST = 3,
	SET_LIST = 4,
	RESET = 5,
	START = 6,
	STOP = 7,
	CREATE = 8,
	DELETE = 9,
	MULTIPLE = 0x0a,
	GET_ONE = 0x0e,
	SET_ONE = 0x10,
	RESTORE = 0x15,
	SAVE = 0x16,
	PCCC = 0x4b,
	READ_TAG = 0x4c,
	WRITE_TAG = 0x4d,
	MODIFY_TAG = 0x4e,
	LOGIC_READ = 0x4f, /* of a program or routine of Rockwell's */
	LOGIC_WRITE = 0x50,
	UNCONNECTED = 0x52, /* of the connection manager; elsewhere: */
	READ_FRAGMENT = 0x52,
	WRITE_FRAGMENT = 0x53,
	GET_INSTANCES = 0x55,
};

enum {
	IDENTITY = 0x01,
	MANAGER = 0x06,
	FILE_OBJECT = 0x37,
	PROGRAM_NAME = 0x64,
	PCCC_CLASS = 0x67,
	PROGRAM = 0x68,
	MAP = 0x69,
	ROUTINE = 0x6a,
	SYMBOL = 0x6b,
	TEMPLATE = 0x6c,
	TASK = 0x70,
	CLOCK = 0x8b,
	CONTROLLER = 0x8e,
	STORAGE = 0xa1,
};

static const struct ot_name services[] = {
	{0x01, "Get Attributes All"},
	{0x02, "Set Attributes All"},
	{0x03, "Get Attribute List"},
	{0x04, "Set Attribute List"},
	{0x05, "Reset"},
	{0x06, "Start"},
	{0x07, "Stop"},
	{0x08, "Create"},
	{0x09, "Delete"},
	{0x0a, "Multiple Service Packet"},
	{0x0d, "Apply Attributes"},
	{0x0e, "Get Attributes Single"},
	{0x10, "Set Attributes Single"},
	{0x11, "Find Next Object Instance"},
	{0x15, "Restore"},
	{0x16, "Save"},
	{0x17, "No Forward Open"},
	{0x18, "Get Member"},
	{0x19, "Set Member"},
	{0x1a, "Insert Member"},
	{0x1b, "Remove Member"},
	{0x1c, "Group Sync"},
	{0x1d, "Get Connection Point Member List"},
	{0x4b, "Execute PCCC Service"},
	{0x4c, "Read Data"},
	{0x4d, "Write Data"},
	{0x4e, "Read Write Modify Data"},
	{0x52, "Read Data Fragmented"},
	{0x53, "Write Data Fragmented"},
	{0x54, "Forward Open"},
};

/* Of the connection manager, which has numbers of its own. */
static const struct ot_name manager[] = {
	{0x4e, "Forward Close"},
	{0x52, "Unconnected Send"},
	{0x54, "Forward Open"},
	{0x5b, "Large Forward Open"},
};

static const struct ot_name classes[] = {
	{0x01, "Identity"},
	{0x02, "Message Router"},
	{0x03, "DeviceNet"},
	{0x04, "Assembly"},
	{0x05, "Connection"},
	{0x06, "Connection Manager"},
	{0x0f, "Parameter"},
	{0x29, "Control Supervisor"},
	{0x2a, "AC/DC Drive"},
	{0x37, "File"},
	{0x39, "Safety Supervisor"},
	{0x3a, "Safety Validator"},
	{0x43, "Time Sync"},
	{0x44, "Modbus"},
	{0x47, "Device Level Ring (DLR)"},
	{0x48, "QoS"},
	{0x5d, "CIP Security"},
	{0x5e, "EtherNet/IP Security"},
	{0x64, "Program Name"},
	{0x67, "PCCC Class"},
	{0x68, "Program"},
	{0x69, "Map"},
	{0x6a, "Routine"},
	{0x6b, "Symbol"},
	{0x6c, "Template"},
	{0x70, "Task"},
	{0x72, "Data Table"},
	{0x8b, "Wall Clock Time"},
	{0x8e, "Controller"},
	{0xa1, "Nonvolatile Storage"},
	{0xac, "Controller Changes"},
	{0xf3, "Connection Configuration"},
	{0xf4, "Port"},
	{0xf5, "TCP/IP Interface"},
	{0xf6, "Ethernet Link"},
};

static const struct ot_name statuses[] = {
	{0x00, "Success"},
	{0x01, "Connection Failure"},
	{0x02, "Resource Unavailable"},
	{0x03, "Invalid Parameter Value"},
	{0x04, "Path Segment Error"},
	{0x05, "Path Destination Unknown"},
	{0x06, "Partial Transfer"},
	{0x07, "Connection Lost"},
	{0x08, "Service Not Supported"},
	{0x09, "Invalid Attribute Value"},
	{0x0a, "Attribute List Error"},
	{0x0b, "Already In Requested Mode/State"},
	{0x0c, "Object State Conflict"},
	{0x0d, "Object Already Exists"},
	{0x0e, "Attribute Not Settable"},
	{0x0f, "Privilege Violation"},
	{0x10, "Device State Conflict"},
	{0x11, "Reply Data Too Large"},
	{0x13, "Not Enough Data"},
	{0x14, "Attribute Not Supported"},
	{0x15, "Too Much Data"},
	{0x16, "Object Does Not Exist"},
	{0x1c, "Missing Attribute List Entry Data"},
	{0x1e, "Embedded Service Error"},
	{0x1f, "Vendor Specific Error"},
	{0x20, "Invalid Parameter"},
	{0x25, "Key Failure In Path"},
	{0x26, "Path Size Invalid"},
	{0xff, "Still Processing"},
};

/* ODVA's vendor numbers, the makers met most. */
static const struct ot_name vendors[] = {
	{1, "Rockwell Automation/Allen-Bradley"},
	{5, "Rockwell Automation/Reliance Elec."},
	{26, "Festo Corporation"},
	{40, "Wago Corporation"},
	{46, "ABB Industrial Systems"},
	{47, "Omron Corporation"},
	{48, "Turck Inc."},
	{68, "Eaton Electrical"},
	{95, "Square D Company"},
	{97, "Danfoss"},
	{90, "HMS Industrial Networks AB"},
	{108, "Beckhoff Automation GmbH"},
	{161, "Mitsubishi Electric Corporation"},
	{243, "Schneider Automation Inc."},
	{250, "Yokogawa Electric Corporation"},
	{255, "Bosch Rexroth"},
	{283, "Hilscher GmbH"},
	{356, "Fanuc Robotics America"},
	{562, "Phoenix Contact"},
	{678, "Cognex Corporation"},
	{808, "SICK AG"},
	{1251, "Siemens Industrial Automation"},
};

static const struct ot_name device_types[] = {
	{0x00, "Generic Device"},
	{0x02, "AC Drive"},
	{0x03, "Motor Overload"},
	{0x06, "Inductive Proximity Switch"},
	{0x07, "General Purpose Discrete I/O"},
	{0x0c, "Communications Adapter"},
	{0x0e, "Programmable Logic Controller"},
	{0x10, "Position Controller"},
	{0x13, "DC Drive"},
	{0x15, "Motor Starter"},
	{0x18, "Human-Machine Interface"},
	{0x1b, "Pneumatic Valve"},
	{0x22, "Encoder"},
	{0x23, "Safety Discrete I/O Device"},
	{0x25, "CIP Motion Drive"},
	{0x2b, "Generic Device (keyable)"},
	{0x2c, "Managed Ethernet Switch"},
};

/* Segments of a path: Volume 1 of the CIP specification, appendix C. */
static void path_read(struct str s, struct cip_path *out)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t at = 0;

	*out = (struct cip_path){0};
	while (at + 2 <= s.len) {
		uint8_t seg = p[at];
		uint32_t v;
		size_t n;

		if (seg == 0x91) { /* a symbol */
			n = p[at + 1];
			if (n > s.len - at - 2)
				return;
			if (!out->symbol.len)
				out->symbol = str_n(s.p + at + 2, n);
			at += 2 + n + (n & 1);
			continue;
		}
		if (seg == 0x34) { /* electronic key */
			at += 10;
			continue;
		}
		if (seg >> 5 == 0) { /* a port and its link address */
			at += 2;
			continue;
		}
		if (seg >> 5 != 1)
			return;
		n = (seg & 3) == 0 ? 2 : (seg & 3) == 1 ? 4 : 6;
		if (n > s.len - at || (seg & 3) == 3)
			return;
		v = n == 2 ? p[at + 1] : n == 4 ? le16(p + at + 2) : le32(p + at + 2);
		if ((seg & 0x1c) == 0x00 && !out->has_class) {
			out->class = v;
			out->has_class = true;
		} else if ((seg & 0x1c) == 0x04 && !out->has_instance) {
			out->instance = v;
			out->has_instance = true;
		} else if ((seg & 0x1c) == 0x10 && !out->has_attribute) {
			out->attribute = v;
			out->has_attribute = true;
		}
		at += n;
	}
}

bool cip_read(struct str s, struct cip *m)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t n;

	*m = (struct cip){0};
	if (s.len < 2)
		return false;
	m->service = p[0] & 0x7f;
	m->reply = p[0] & 0x80;
	if (m->reply) {
		if (s.len < 4)
			return false;
		m->status = p[2];
		n = 4 + 2 * (size_t)p[3];
		if (n > s.len)
			return false;
		m->extended = p[3] ? le16(p + 4) : 0;
		m->data = str_sub(s, n, s.len);
		return true;
	}
	n = 2 + 2 * (size_t)p[1];
	if (n > s.len)
		return false;
	path_read(str_sub(s, 2, n), &m->path);
	m->data = str_sub(s, n, s.len);
	return true;
}

static bool of_manager(const struct cip *m)
{
	return m->path.has_class && m->path.class == MANAGER;
}

unsigned cip_inner(const struct cip *m, struct str *ret_part, unsigned max)
{
	const uint8_t *p = (const uint8_t *)m->data.p;
	unsigned count, n = 0;

	if (!m->reply && m->service == UNCONNECTED && of_manager(m)) {
		if (m->data.len < 4 || le16(p + 2) > m->data.len - 4)
			return 0;
		ret_part[0] = str_sub(m->data, 4, 4 + (size_t)le16(p + 2));
		return 1;
	}
	if (m->service != MULTIPLE || m->data.len < 2)
		return 0;
	count = le16(p);
	if (count > (m->data.len - 2) / 2)
		return 0;
	for (unsigned i = 0; i < count && n < max; i++) {
		size_t from = le16(p + 2 + 2 * (size_t)i);
		size_t to = i + 1 < count ? le16(p + 4 + 2 * (size_t)i) : m->data.len;

		if (from >= to || to > m->data.len)
			break;
		ret_part[n++] = str_sub(m->data, from, to);
	}
	return n;
}

const char *cip_service(const struct cip *m, char tmp[24])
{
	const char *t = of_manager(m) ? OT_NAME(manager, m->service) : NULL;

	t = t ? t : OT_NAME(services, m->service);
	if (t)
		return t;
	snprintf(tmp, 24, "unknown 0x%02x", m->service);
	return tmp;
}

const char *cip_class(const struct cip_path *p, char tmp[24])
{
	const char *t;

	if (!p->has_class)
		return NULL;
	t = p->class <= UINT16_MAX ? OT_NAME(classes, p->class) : NULL;
	if (t)
		return t;
	snprintf(tmp, 24, "0x%02x", p->class);
	return tmp;
}

const char *cip_status(uint8_t status, char tmp[24])
{
	const char *t = OT_NAME(statuses, status);

	if (t)
		return t;
	snprintf(tmp, 24, "unknown 0x%02x", status);
	return tmp;
}

const char *cip_vendor(uint16_t id)
{
	return OT_NAME(vendors, id);
}

const char *cip_device_type(uint16_t id)
{
	return OT_NAME(device_types, id);
}

/*
 * Of PLC-5 and SLC (publication 1770-6.5.16): command 0x0f and a function, behind the requester
 * id, command, status and transaction.
 */
static const char *pccc_access(struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t at = data.len ? p[0] : SIZE_MAX;

	if (at > data.len || data.len - at < 5 || p[at] != 0x0f)
		return "other";
	switch (p[at + 4]) {
	case 0x01:
	case 0x68:
	case 0xa1:
	case 0xa2:
		return "read";
	case 0x00:
	case 0x26:
	case 0x67:
	case 0xa9:
	case 0xaa:
	case 0xab:
		return "write";
	case 0x3a:
	case 0x80:
		return "control";
	case 0x50:
	case 0x52:
	case 0x57:
	case 0x88:
	case 0x8f:
		return "program";
	case 0x53:
	case 0x55:
		return "upload";
	default:
		return "other";
	}
}

/* Whether it makes up the program of a controller, rather than its values. */
static bool of_program(const struct cip_path *p)
{
	static const uint16_t parts[] = {FILE_OBJECT, PROGRAM_NAME, PROGRAM,  MAP,
					 ROUTINE,     SYMBOL,	    TEMPLATE, TASK,
					 CONTROLLER,  STORAGE};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (p->has_class && p->class == parts[i])
			return true;
	return false;
}

/* Services from 0x4b on mean what the class makes of them. */
static const char *access_own(const struct cip *m)
{
	const struct cip_path *p = &m->path;
	uint32_t class = p->has_class ? p->class : 0;

	if (class == STORAGE)
		return m->service == READ_TAG ? "upload" : "program";
	if (class == PROGRAM || class == ROUTINE)
		return m->service == LOGIC_READ	   ? "upload"
		       : m->service == LOGIC_WRITE ? "program"
						   : "other";
	if (class == PCCC_CLASS)
		return m->service == PCCC ? pccc_access(m->data) : "other";
	if (m->service == READ_TAG || m->service == READ_FRAGMENT ||
	    m->service == GET_INSTANCES)
		return "read";
	if ((p->symbol.len || class == SYMBOL) &&
	    (m->service == WRITE_TAG || m->service == MODIFY_TAG ||
	     m->service == WRITE_FRAGMENT))
		return "write";
	return "other";
}

const char *cip_access(const struct cip *m)
{
	const struct cip_path *p = &m->path;

	if (of_manager(m))
		return m->service == GET_ALL || m->service == GET_ONE ? "read" : "session";
	switch (m->service) {
	case GET_ALL:
	case GET_ONE:
	case GET_LIST:
	case 0x11:
	case 0x18:
		return p->has_class && p->class == IDENTITY ? "identify" : "read";
	case RESET:
	case START:
	case STOP:
	case RESTORE:
	case SAVE:
		return "control";
	case CREATE:
	case DELETE:
		return of_program(p) ? "program" : "other";
	case SET_ALL:
	case SET_LIST:
	case SET_ONE:
	case 0x0d:
	case 0x19:
	case 0x1a:
	case 0x1b:
		if (p->has_class && p->class == CLOCK)
			return "control";
		return of_program(p) ? "program" : "write";
	default:
		return m->service >= PCCC ? access_own(m) : "other";
	}
}
