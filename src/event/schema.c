/* SPDX-License-Identifier: Apache-2.0 */
#include "event/schema.h"
#include "base/hash.h"
#include "base/map.h"
#include <errno.h>
#include <stdlib.h>

#define ATTRS_MAX 65000
#define TYPES_MAX 4096

struct schema {
	struct symtab names; /* lower case -> attr_t */
	struct str *shown;   /* [names.len] as first given */
	size_t nshown;
	struct rectype **types;
	size_t ntypes;
	struct map provided; /* (type, attribute) */
	struct map wanted;   /* (type or ANY_TYPE, attribute) */
	struct arena mem;
	bool frozen;
};

#define ANY_TYPE 0xffffu

static uint64_t key_of(unsigned type, attr_t a)
{
	return (uint64_t)type << 16 | a;
}

static const struct {
	enum ocsf_class c;
	const char *name;
} classes[] = {
	{CLASS_BASE, "base"},
	{CLASS_FILE_ACTIVITY, "file_activity"},
	{CLASS_MODULE_ACTIVITY, "module_activity"},
	{CLASS_PROCESS_ACTIVITY, "process_activity"},
	{CLASS_SECURITY_FINDING, "security_finding"},
	{CLASS_DETECTION_FINDING, "detection_finding"},
	{CLASS_ACCOUNT_CHANGE, "account_change"},
	{CLASS_AUTHENTICATION, "authentication"},
	{CLASS_ENTITY_MANAGEMENT, "entity_management"},
	{CLASS_USER_ACCESS, "user_access"},
	{CLASS_NETWORK_ACTIVITY, "network_activity"},
	{CLASS_HTTP_ACTIVITY, "http_activity"},
	{CLASS_DNS_ACTIVITY, "dns_activity"},
	{CLASS_DHCP_ACTIVITY, "dhcp_activity"},
	{CLASS_RDP_ACTIVITY, "rdp_activity"},
	{CLASS_SMB_ACTIVITY, "smb_activity"},
	{CLASS_SSH_ACTIVITY, "ssh_activity"},
	{CLASS_FTP_ACTIVITY, "ftp_activity"},
	{CLASS_EMAIL_ACTIVITY, "email_activity"},
	{CLASS_NETWORK_FILE, "network_file_activity"},
	{CLASS_TLS_ACTIVITY, "tls_activity"},
	{CLASS_OT_ACTIVITY, "ot_activity"},
	{CLASS_INVENTORY, "inventory_info"},
	{CLASS_API_ACTIVITY, "api_activity"},
	{CLASS_WEB_RESOURCES, "web_resources_activity"},
};

const char *ocsf_class_name(enum ocsf_class c)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].c == c)
			return classes[i].name;
	return NULL;
}

int ocsf_class_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (str_eqz(name, classes[i].name))
			return (int)classes[i].c;
	return -1;
}

static const char *const kind_names[ENT_KIND_COUNT] = {
	"device", "account", "role", "workload", "image", "endpoint", "resource"};
static const char *const role_names[ROLE_COUNT] = {"actor",  "device", "peer",
						   "target", "image",  "parent"};

static int name_index(const char *const *names, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eqz(name, names[i]))
			return i;
	return -1;
}

const char *ent_kind_name(enum ent_kind k)
{
	return kind_names[k];
}

int ent_kind_of(struct str name)
{
	return name_index(kind_names, ENT_KIND_COUNT, name);
}

const char *ent_role_name(enum ent_role r)
{
	return role_names[r];
}

int ent_role_of(struct str name)
{
	return name_index(role_names, ROLE_COUNT, name);
}

int schema_new(struct schema **ret_s)
{
	static const char *const core[] = {
#define X(c, name, text) name,
#include "event/fields.def"
#undef X
	};
	struct schema *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	symtab_init(&s->names);
	arena_init(&s->mem, 0);
	for (size_t i = 0; i < ARRAY_LEN(core); i++)
		if (schema_attr(s, str_of(core[i])) != (attr_t)i ||
		    schema_want(s, NULL, (attr_t)i) < 0) {
			schema_free(s);
			return -ENOMEM;
		}
	*ret_s = s;
	return 0;
}

struct schema *schema_free(struct schema *s)
{
	if (!s)
		return NULL;
	symtab_free(&s->names);
	map_free(&s->provided);
	map_free(&s->wanted);
	free(s->shown);
	free(s->types);
	arena_free(&s->mem);
	free(s);
	return NULL;
}

static bool lower_name(struct str name, char out[256])
{
	if (name.len == 0 || name.len >= 256)
		return false;
	for (size_t i = 0; i < name.len; i++)
		out[i] = lower_c(name.p[i]);
	return true;
}

attr_t schema_find(const struct schema *s, struct str name)
{
	char low[256];
	uint32_t id =
		lower_name(name, low) ? symtab_get(&s->names, str_n(low, name.len)) : SYM_NONE;

	return id == SYM_NONE ? ATTR_NONE : (attr_t)id;
}

attr_t schema_attr(struct schema *s, struct str name)
{
	attr_t a = schema_find(s, name);
	char low[256];
	struct str *shown;
	uint32_t id;

	if (a != ATTR_NONE || s->frozen || s->names.len >= ATTRS_MAX || !lower_name(name, low))
		return a;
	shown = realloc(s->shown, (s->nshown + 1) * sizeof(*shown));
	if (!shown)
		return ATTR_NONE;
	s->shown = shown;
	shown[s->nshown] = arena_str(&s->mem, name);
	id = shown[s->nshown].p ? symtab_put(&s->names, str_n(low, name.len)) : SYM_NONE;
	if (id == SYM_NONE)
		return ATTR_NONE;
	s->nshown++;
	return (attr_t)id;
}

struct str schema_name(const struct schema *s, attr_t a)
{
	return a < s->nshown ? s->shown[a] : (struct str){NULL, 0};
}

size_t schema_attrs(const struct schema *s)
{
	return s->nshown;
}

struct rectype *schema_type_add(struct schema *s, struct str source, struct str name,
				enum ocsf_class cls)
{
	struct rectype **types, *t;

	if (s->frozen || s->ntypes >= TYPES_MAX)
		return NULL;
	types = realloc(s->types, (s->ntypes + 1) * sizeof(struct rectype *));
	if (!types)
		return NULL;
	s->types = types;
	t = arena_zalloc(&s->mem, sizeof(*t));
	if (!t)
		return NULL;
	t->id = (uint16_t)s->ntypes;
	t->source = arena_strz(&s->mem, source);
	t->name = arena_strz(&s->mem, name);
	t->cls = cls;
	if (!t->source || !t->name)
		return NULL;
	types[s->ntypes++] = t;
	return t;
}

size_t schema_types(const struct schema *s)
{
	return s->ntypes;
}

struct rectype *schema_type(const struct schema *s, size_t id)
{
	return id < s->ntypes ? s->types[id] : NULL;
}

struct rectype *schema_type_find(const struct schema *s, struct str name)
{
	for (size_t i = 0; i < s->ntypes; i++)
		if (str_eqz(name, s->types[i]->name))
			return s->types[i];
	return NULL;
}

int schema_provide(struct schema *s, const struct rectype *t, attr_t a)
{
	if (s->frozen || a == ATTR_NONE)
		return -EINVAL;
	return map_put(&s->provided, key_of(t->id, a), NULL) ? 0 : -ENOMEM;
}

int schema_want(struct schema *s, const struct rectype *t, attr_t a)
{
	if (s->frozen || a == ATTR_NONE)
		return -EINVAL;
	return map_put(&s->wanted, key_of(t ? t->id : ANY_TYPE, a), NULL) ? 0 : -ENOMEM;
}

bool schema_provides(const struct schema *s, const struct rectype *t, attr_t a)
{
	return a != ATTR_NONE && map_get(&s->provided, key_of(t->id, a)) != NULL;
}

/* Whether a type can have what is wanted of it; when no source maps it, as a raw field. */
static bool can_have(const struct schema *s, const struct rectype *t, attr_t a, bool *ret_raw)
{
	*ret_raw = false;
	if (schema_provides(s, t, a))
		return true;
	*ret_raw = t->raw_fields && a >= ATTR_CORE_COUNT &&
		   !str_starts(schema_name(s, a), STR("learned."));
	return *ret_raw;
}

#define SLOT_WANTED ((uint16_t)0) /* until the slots are dealt out */

/* Marks what is wanted: few of all types and attributes are. */
static int mark_wanted(struct schema *s)
{
	size_t n = s->nshown;
	struct map_slot w;

	for (size_t i = 0; i < s->ntypes; i++) {
		struct rectype *t = s->types[i];

		t->slot_of = arena_alloc(&s->mem, n * sizeof(*t->slot_of));
		t->attr_of = arena_alloc(&s->mem, n * sizeof(*t->attr_of));
		t->is_raw = arena_alloc(&s->mem, n * sizeof(*t->is_raw));
		if (!t->slot_of || !t->attr_of || !t->is_raw)
			return -ENOMEM;
		memset(t->slot_of, 0xff, n * sizeof(*t->slot_of)); /* SLOT_NONE */
	}
	for (size_t i = 0; map_next(&s->wanted, &i, &w);) {
		size_t type = w.key >> 16, all = type == ANY_TYPE ? s->ntypes : type + 1;

		for (size_t k = type == ANY_TYPE ? 0 : type; k < all; k++)
			s->types[k]->slot_of[w.key & UINT16_MAX] = SLOT_WANTED;
	}
	return 0;
}

static void deal_slots(const struct schema *s, struct rectype *t)
{
	bool raw;

	for (size_t a = 0; a < s->nshown; a++) {
		if (t->slot_of[a] == SLOT_NONE)
			continue;
		t->slot_of[a] = SLOT_NONE;
		if (!can_have(s, t, (attr_t)a, &raw))
			continue;
		t->slot_of[a] = t->nslots;
		t->attr_of[t->nslots] = (attr_t)a;
		t->is_raw[t->nslots] = raw;
		t->nslots++;
	}
}

int schema_freeze(struct schema *s)
{
	int r;

	if (s->frozen)
		return 0;
	r = mark_wanted(s);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->ntypes; i++)
		deal_slots(s, s->types[i]);
	s->frozen = true;
	return 0;
}

bool schema_frozen(const struct schema *s)
{
	return s->frozen;
}
