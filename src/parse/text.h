/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/text: fields that a text holds: templates, key=value, CEF, LEEF, comma-separated. What
 * `texts:` in sources/ asks for; knows nothing of registers.
 */
#ifndef PARSE_TEXT_H
#define PARSE_TEXT_H
#include "parse/codec.h"

#define TEXT_FIELDS_MAX 192 /* of one record; more are left out */

/* Room for fields; names and values are views into the text, or in mem. */
struct gather {
	struct field *f;
	size_t n, cap;
	struct arena *mem;
};

/* Adds a field unless its value is empty or there is no room. */
void text_put(struct gather *g, struct str name, struct str v);
/*
 * A template: what stands outside braces must be there, beginning with the first byte.
 * A blank at the end of such text stands for any number of blanks. {name} takes what stands
 * before the text that follows in the template, at its first place (where that begins with a
 * quote, one without a backslash before it); {name*} at its last, for names an attacker
 * chooses; {name:ip} only an address, {name:num} only digits, {name:word} only what has no
 * blank; {} skips. At the end of the template a name takes the rest; a template that ends in
 * text does not look at the rest. "-" stands for nothing. Whether it fits; what it names is put
 * only then.
 */
bool text_form(struct gather *g, struct str s, struct str form);
/* Whether the template can be used: braces in order, something between two names. */
bool text_form_ok(struct str form);
/* key=value and key="value \" more", blanks between; words without = are passed over. */
bool text_kv(struct gather *g, struct str s);
/*
 * ArcSight CEF from where "CEF:" stands: deviceVendor, deviceProduct, deviceVersion,
 * deviceEventClassId, cefName, cefSeverity and the extension's own keys. LEEF likewise, without
 * the last two. false, and nothing put, when there is none.
 */
bool text_cef(struct gather *g, struct str s);
bool text_leef(struct gather *g, struct str s);
/* Parts between commas, quoted or not, as NAME.0, NAME.1 ... */
bool text_csv(struct gather *g, struct str s, struct str name);

#endif
