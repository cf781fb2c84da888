/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/bacnet.h"
#include <stdio.h>

static const struct ot_name confirmed[] = {
	{0, "acknowledge_alarm"},
	{1, "confirmed_cov_notification"},
	{2, "confirmed_event_notification"},
	{3, "get_alarm_summary"},
	{4, "get_enrollment_summary"},
	{5, "subscribe_cov"},
	{6, "atomic_read_file"},
	{7, "atomic_write_file"},
	{8, "add_list_element"},
	{9, "remove_list_element"},
	{10, "create_object"},
	{11, "delete_object"},
	{12, "read_property"},
	{13, "read_property_conditional"},
	{14, "read_property_multiple"},
	{15, "write_property"},
	{16, "write_property_multiple"},
	{17, "device_communication_control"},
	{18, "confirmed_private_transfer"},
	{19, "confirmed_text_message"},
	{20, "reinitialize_device"},
	{21, "vt_open"},
	{22, "vt_close"},
	{23, "vt_data"},
	{24, "authenticate"},
	{25, "request_key"},
	{26, "read_range"},
	{27, "life_safety_operation"},
	{28, "subscribe_cov_property"},
	{29, "get_event_information"},
};

static const char *const unconfirmed[] = {
	"i_am",
	"i_have",
	"unconfirmed_cov_notification",
	"unconfirmed_event_notification",
	"unconfirmed_private_transfer",
	"unconfirmed_text_message",
	"time_synchronization",
	"who_has",
	"who_is",
	"utc_time_synchronization",
};

static const char *const objects[] = {"analog-input",
				      "analog-output",
				      "analog-value",
				      "binary-input",
				      "binary-output",
				      "binary-value",
				      "calendar",
				      "command",
				      "device",
				      "event-enrollment",
				      "file",
				      "group",
				      "loop",
				      "multi-state-input",
				      "multi-state-output",
				      "notification-class",
				      "program",
				      "schedule",
				      "averaging",
				      "multi-state-value",
				      "trend-log",
				      "life-safety-point",
				      "life-safety-zone",
				      "accumulator",
				      "pulse-converter",
				      "event-log",
				      "global-group",
				      "trend-log-multiple",
				      "load-control",
				      "structured-view",
				      "access-door",
				      "timer",
				      "access-credential",
				      "access-point",
				      "access-rights",
				      "access-user",
				      "access-zone",
				      "credential-data-input"};

static const struct ot_name properties[] = {
	{4, "active-text"},
	{8, "all"},
	{12, "application-software-version"},
	{28, "description"},
	{36, "event-state"},
	{44, "firmware-revision"},
	{45, "high-limit"},
	{58, "location"},
	{59, "low-limit"},
	{70, "model-name"},
	{75, "object-identifier"},
	{76, "object-list"},
	{77, "object-name"},
	{79, "object-type"},
	{81, "out-of-service"},
	{85, "present-value"},
	{87, "priority-array"},
	{103, "reliability"},
	{104, "relinquish-default"},
	{111, "status-flags"},
	{112, "system-status"},
	{117, "units"},
	{120, "vendor-identifier"},
	{121, "vendor-name"},
	{123, "weekly-schedule"},
};

static const struct ot_name errors[] = {
	{0, "other"},
	{2, "configuration-in-progress"},
	{3, "device-busy"},
	{5, "file-access-denied"},
	{9, "invalid-data-type"},
	{26, "password-failure"},
	{27, "read-access-denied"},
	{29, "service-request-denied"},
	{31, "unknown-object"},
	{32, "unknown-property"},
	{36, "unsupported-object-type"},
	{37, "value-out-of-range"},
	{40, "write-access-denied"},
	{42, "invalid-array-index"},
	{45, "optional-functionality-not-supported"},
	{47, "datatype-not-supported"},
	{50, "property-is-not-an-array"},
	{83, "communication-disabled"},
};

static const struct ot_name rejects[] = {
	{0, "other"},
	{1, "buffer-overflow"},
	{2, "inconsistent-parameters"},
	{3, "invalid-parameter-data-type"},
	{4, "invalid-tag"},
	{5, "missing-required-parameter"},
	{6, "parameter-out-of-range"},
	{7, "too-many-arguments"},
	{8, "undefined-enumeration"},
	{9, "unrecognized-service"},
};

static const struct ot_name aborts[] = {
	{0, "other"},
	{1, "buffer-overflow"},
	{2, "invalid-apdu-in-this-state"},
	{3, "preempted-by-higher-priority-task"},
	{4, "segmentation-not-supported"},
};

/* ASHRAE's vendor numbers, those met most. */
static const struct ot_name vendors[] = {
	{0, "ASHRAE"},
	{2, "The Trane Company"},
	{5, "Johnson Controls"},
	{7, "Siemens Building Technologies"},
	{8, "Delta Controls"},
	{10, "Schneider Electric"},
	{16, "Carrier"},
	{17, "Honeywell"},
	{18, "Alerton"},
	{24, "Automated Logic"},
	{35, "Reliable Controls"},
	{36, "Tridium"},
	{260, "BACnet Stack at SourceForge"},
};

bool bacnet_tag(struct str *s, struct bacnet_tag *t)
{
	const uint8_t *p = (const uint8_t *)s->p;
	size_t at = 1, len;

	*t = (struct bacnet_tag){0};
	if (!s->len)
		return false;
	t->no = p[0] >> 4;
	t->context = p[0] & 8;
	len = p[0] & 7;
	if (t->no == 15) {
		if (s->len < 2)
			return false;
		t->no = p[at++];
	}
	if (t->context && len >= 6) {
		t->opening = len == 6;
		t->closing = len == 7;
		len = 0;
	} else if (len == 5) {
		if (at >= s->len)
			return false;
		len = p[at++];
		if (len >= 254) {
			if (len == 255 || at + 2 > s->len)
				return false;
			len = be16(p + at);
			at += 2;
		}
	} else if (!t->context && t->no == 1) { /* a truth value is its own length */
		t->value = (uint32_t)len;
		len = 0;
	}
	if (len > s->len - at)
		return false;
	t->data = str_sub(*s, at, at + len);
	for (size_t i = 0; i < len && len <= 4; i++)
		t->value = t->value << 8 | p[at + i];
	*s = str_sub(*s, at + len, s->len);
	return true;
}

bool bacnet_apdu(struct str d, struct str *ret_apdu)
{
	const uint8_t *p = (const uint8_t *)d.p;
	size_t at;

	if (d.len < 6 || p[0] != 0x81)
		return false;
	at = p[1] == 4 ? 10 : p[1] == 9 || p[1] == 10 || p[1] == 11 ? 4 : SIZE_MAX;
	return at != SIZE_MAX && bacnet_npdu(d, at, ret_apdu);
}

bool bacnet_npdu(struct str d, size_t at, struct str *ret_apdu)
{
	const uint8_t *p = (const uint8_t *)d.p;
	uint8_t control;

	if (d.len < at + 2 || p[at] != 1)
		return false;
	control = p[at + 1];
	at += 2;
	for (unsigned i = 0; i < 2; i++) { /* where to, where from */
		if (!(control & (i ? 0x08 : 0x20)))
			continue;
		if (d.len < at + 3)
			return false;
		at += 3U + p[at + 2];
	}
	at += control & 0x20 ? 1 : 0;
	if (at > d.len || control & 0x80)
		return false;
	*ret_apdu = str_sub(d, at, d.len);
	return true;
}

const char *bacnet_bvlc(uint8_t f)
{
	return f == 4	 ? "Forwarded_NPDU"
	       : f == 9	 ? "Distribute_Broadcast_to_Network"
	       : f == 10 ? "Original_Unicast_NPDU"
	       : f == 11 ? "Original_Broadcast_NPDU"
			 : NULL;
}

static const char *or_number(const char *t, const char *what, unsigned no, char tmp[24])
{
	if (t)
		return t;
	snprintf(tmp, 24, "%s-%u", what, no);
	return tmp;
}

const char *bacnet_service(bool is_confirmed, uint8_t s, char tmp[24])
{
	const char *t = is_confirmed		     ? OT_NAME(confirmed, s)
			: s < ARRAY_LEN(unconfirmed) ? unconfirmed[s]
						     : NULL;

	return or_number(t, "service", s, tmp);
}

const char *bacnet_object(uint16_t type, char tmp[24])
{
	return or_number(type < ARRAY_LEN(objects) ? objects[type] : NULL, "object", type, tmp);
}

const char *bacnet_property(uint32_t p, char tmp[24])
{
	return or_number(p <= UINT16_MAX ? OT_NAME(properties, p) : NULL, "property", p, tmp);
}

const char *bacnet_error(uint32_t code, char tmp[24])
{
	return or_number(code <= UINT16_MAX ? OT_NAME(errors, code) : NULL, "error", code, tmp);
}

const char *bacnet_reason(bool reject, uint8_t code, char tmp[24])
{
	return or_number(reject ? OT_NAME(rejects, code) : OT_NAME(aborts, code), "reason",
			 code, tmp);
}

const char *bacnet_vendor(uint32_t id)
{
	return id <= UINT16_MAX ? OT_NAME(vendors, id) : NULL;
}
