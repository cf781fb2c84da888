/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices say they are, and what they do in a plant: kept with the entity, written to the
 * store with it. Vendor, model and so on come from records of class inventory_info; which
 * protocols a device answers and with which it asks others, from what is said in the plant.
 */
#include "event/entity_priv.h"
#include "event/oui.h"
#include <errno.h>
#include <stdlib.h>

#define TEXT_MAX 96

static const struct {
	attr_t attr; /* ATTR_NONE: kept by facts_apply itself */
	const char *key;
} facts[FACT_COUNT] = {
	[FACT_VENDOR] = {ATTR_DEVICE_VENDOR, "vendor"},
	[FACT_MODEL] = {ATTR_DEVICE_MODEL, "model"},
	[FACT_TYPE] = {ATTR_DEVICE_TYPE, "type"},
	[FACT_FIRMWARE] = {ATTR_DEVICE_FIRMWARE, "firmware"},
	[FACT_SERIAL] = {ATTR_DEVICE_SERIAL, "serial"},
	[FACT_LABEL] = {ATTR_DEVICE_LABEL, "name"},
	[FACT_ANSWERS] = {ATTR_NONE, "answers"},
	[FACT_ASKS] = {ATTR_NONE, "asks"},
};

void facts_free(struct ent *t)
{
	if (!t->facts)
		return;
	for (size_t i = 0; i < FACT_COUNT; i++)
		free(t->facts->text[i]);
	free(t->facts);
	t->facts = NULL;
}

/* What is not printable is a dot: texts come from the wire. */
int fact_put(struct ent *t, enum fact f, struct str s)
{
	char *p;

	s = str_sub(str_trim(s), 0, TEXT_MAX);
	if (!s.len)
		return 0;
	if (!t->facts) {
		t->facts = calloc(1, sizeof(*t->facts));
		if (!t->facts)
			return -ENOMEM;
	}
	p = t->facts->text[f];
	if (p && str_eqz(s, p))
		return 0;
	p = malloc(s.len + 1);
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < s.len; i++)
		p[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '.';
	p[s.len] = 0;
	free(t->facts->text[f]);
	t->facts->text[f] = p;
	return 0;
}

static bool holds(const char *list, struct str word)
{
	struct str rest = str_of(list), one;

	while (rest.len) {
		one = str_cut(rest, ' ', &rest);
		if (str_eq(one, word))
			return true;
	}
	return false;
}

/* One protocol more in a list of them; what no longer fits is left out. */
static int protocol_add(struct ent *t, enum fact f, struct str protocol)
{
	char text[TEXT_MAX + 1];
	const char *old = t->facts && t->facts->text[f] ? t->facts->text[f] : "";
	size_t n = strlen(old);

	if (!protocol.len || protocol.len + n + 1 > TEXT_MAX || holds(old, protocol))
		return 0;
	memcpy(text, old, n);
	if (n)
		text[n++] = ' ';
	memcpy(text + n, protocol.p, protocol.len);
	return fact_put(t, f, str_n(text, n + protocol.len));
}

static int inventory(struct entities *en, const struct event *e)
{
	struct ent *t = ent_of(en, event_ent(e, ROLE_DEVICE));
	int r = 0;

	if (!t || t->pub.kind != ENT_DEVICE)
		return 0;
	for (size_t i = 0; i < FACT_COUNT && r == 0; i++)
		if (facts[i].attr != ATTR_NONE)
			r = fact_put(t, (enum fact)i, event_str(e, facts[i].attr));
	return r;
}

int facts_apply(struct entities *en, const struct event *e)
{
	struct ent *from, *to;
	struct str protocol, access;
	int r = 0;

	if (e->type->cls == CLASS_INVENTORY)
		return inventory(en, e);
	if (e->type->cls != CLASS_OT_ACTIVITY)
		return 0;
	protocol = event_str(e, ATTR_OT_PROTOCOL);
	access = event_str(e, ATTR_OT_ACCESS);
	if (str_eqz(access, "session")) /* either side may open and close */
		return 0;
	from = ent_of(en, event_ent(e, ROLE_DEVICE));
	to = ent_of(en, event_ent(e, ROLE_PEER));
	if (from && from->pub.kind == ENT_DEVICE)
		r = protocol_add(from, str_eqz(access, "notify") ? FACT_ANSWERS : FACT_ASKS,
				 protocol);
	/* Who only receives reports, or does not answer, is no controller for that. */
	if (r == 0 && to && to->pub.kind == ENT_DEVICE && !str_eqz(access, "notify") &&
	    !val_set(event_get(e, ATTR_OT_ANSWERED)))
		r = protocol_add(to, FACT_ANSWERS, protocol);
	return r;
}

/* Levels of a plant (IEC 62264): who is asked controls, who asks supervises. */
static const char *level_of(const struct facts *f)
{
	if (f->text[FACT_ANSWERS] && f->text[FACT_ASKS])
		return "1, control, asks others too";
	return f->text[FACT_ANSWERS] ? "1, control"
	       : f->text[FACT_ASKS]  ? "2, supervision"
				     : NULL;
}

/* Who made the card of its latest hardware address. */
static struct str card_of(const struct entities *en, const struct ent *t)
{
	for (const struct alias *a = en->makers ? t->alias : NULL; a; a = a->next) {
		struct str name = str_n(a->text, a->len);

		if (name_mac(name))
			return oui_maker(en->makers, name);
	}
	return str_n(NULL, 0);
}

size_t entity_facts(const struct entities *en, uint32_t id, struct entity_fact *ret, size_t max)
{
	const struct ent *t = ent_of(en, id);
	const char *level;
	struct str card;
	size_t n = 0;

	if (!t)
		return 0;
	for (size_t i = 0; t->facts && i < FACT_COUNT && n < max; i++)
		if (t->facts->text[i])
			ret[n++] = (struct entity_fact){str_of(facts[i].key),
							str_of(t->facts->text[i])};
	level = t->facts ? level_of(t->facts) : NULL;
	if (level && n < max)
		ret[n++] = (struct entity_fact){STR("level"), str_of(level)};
	card = t->pub.kind == ENT_DEVICE ? card_of(en, t) : str_n(NULL, 0);
	if (card.len && n < max)
		ret[n++] = (struct entity_fact){STR("network card"), card};
	return n;
}
