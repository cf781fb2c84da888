/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/xmlevent: one <Event> of Windows (or of Sysmon for Linux, which writes the same form)
 * as flat fields: the elements and attributes of System under the names that public rules use
 * (EventID, Channel, Computer, Provider_Name, TimeCreated, EventRecordID ...), and what
 * EventData and UserData hold under its own name. <Data> without a name is param1, param2 ...
 */
#ifndef PARSE_XMLEVENT_H
#define PARSE_XMLEVENT_H
#include "parse/codec.h"

#define XMLEVENT_FIELDS_MAX 256

/* Whether s begins with an <Event> (not with <Events>). */
bool xmlevent_starts(struct str s);
/*
 * Appends the fields of the event that s begins with to f[*n .. cap); more are left out. Values
 * are views into s, or in mem where they held entities. 0, -ENOMEM, or -1 with *ret_why.
 */
MUST int xmlevent_fields(struct str s, struct arena *mem, struct field *f, size_t cap,
			 size_t *n, const char **ret_why);

#endif
