/* SPDX-License-Identifier: Apache-2.0 */
#include "main/config.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum opt_kind { OPT_TEXT, OPT_LIST, OPT_INT, OPT_NUMBER, OPT_MAP, OPT_OUTPUTS };

struct option_row {
	const char *name;
	enum opt_kind kind;
	const char *unit;
	double min, max, def;
	const char *text;
	size_t offset;
};

#define AT(member) offsetof(struct config, member)

static const struct option_row rows[] = {
	{"share_dir", OPT_TEXT, "path", 0, 0, 0,
	 "Folder that holds sources/, learned/ and models/. Found beside the program by "
	 "default.",
	 AT(share_dir)},
	{"store_dir", OPT_TEXT, "path", 0, 0, 0,
	 "Folder of the store: events, alerts, incidents, entities. Default ./thymus-store.",
	 AT(store_dir)},
	{"models", OPT_LIST, "paths", 0, 0, 0, "Folders or files of Sigma rules of your own.",
	 AT(models)},
	{"placeholders", OPT_MAP, "names", 0, 0, 0,
	 "What %name% stands for in Sigma rules with `expand`: a text or list of texts each. A "
	 "name that is not here is looked for as lists/name.",
	 AT(placeholders)},
	{"networks", OPT_LIST, "CIDR", 0, 0, 0,
	 "Address blocks of the organisation beside the private ones.", AT(networks)},
	{"domains", OPT_LIST, "names", 0, 0, 0,
	 "Mail and directory domains of the organisation; more are learned from the logs.",
	 AT(domains)},
	{"alerts_per_day", OPT_NUMBER, "a day", 0.01, 10000, 3,
	 "Budget of the threat queue. What does not fit becomes a note.", AT(alerts_per_day)},
	{"compliance_per_day", OPT_NUMBER, "a day", 0.01, 10000, 20,
	 "Budget of the compliance queue.", AT(compliance_per_day)},
	{"threads", OPT_INT, "threads", 0, 64, 1,
	 "Threads that read and decode beside the one that learns. Results do not depend on "
	 "it.",
	 AT(threads)},
	{"learn_memory", OPT_INT, "MiB", 16, 32 << 10, 512, "Ceiling of all learned state.",
	 AT(learn_memory_mib)},
	{"hold_memory", OPT_INT, "MiB", 1, 1 << 20, 256,
	 "Ceiling of records that wait for their turn in memory; more go to a temporary file.",
	 AT(hold_memory_mib)},
	{"entities_max", OPT_INT, "entities", 1000, 1 << 28, 2000000,
	 "Devices, accounts, workloads and so on kept; idle ones go first.", AT(entities_max)},
	{"oui_dir", OPT_TEXT, "path", 0, 0, 0,
	 "Folder with IEEE's lists of who makes network cards (oui.csv, mam.csv, oui36.csv). "
	 "Default: Debian's package ieee-data, if it is installed.",
	 AT(oui_dir)},
	{"inputs", OPT_LIST, "paths", 0, 0, 0, "Files and folders that thymus run follows.",
	 AT(inputs)},
	{"syslog_udp", OPT_LIST, "ADDRESS:PORT", 0, 0, 0,
	 "Where thymus run takes syslog over UDP. Anybody who reaches it can send.",
	 AT(syslog_udp)},
	{"syslog_tcp", OPT_LIST, "ADDRESS:PORT", 0, 0, 0, "The same over TCP.", AT(syslog_tcp)},
	{"syslog_tls", OPT_LIST, "ADDRESS:PORT", 0, 0, 0,
	 "The same over TLS, with the certificate of page and API (tls_certificate, or "
	 "STORE/tls.pem).",
	 AT(syslog_tls)},
	{"syslog_tls_clients", OPT_TEXT, "path", 0, 0, 0,
	 "Authorities (PEM): who sends syslog over TLS has to show a certificate that one of "
	 "them "
	 "signed. Empty: anybody may send.",
	 AT(syslog_tls_clients)},
	{"decoys", OPT_LIST, "ADDRESS:PORT[/SERVICE]", 0, 0, 0,
	 "Where thymus run listens and only tells who comes: ports that nobody has a reason to "
	 "touch.",
	 AT(decoys)},
	{"spool_max", OPT_INT, "MiB", 1, 1 << 24, 4096,
	 "When so much is not read yet, nothing more is taken from the network.",
	 AT(spool_mib)},
	{"lateness", OPT_NUMBER, "seconds", 0, 3600, 2,
	 "How long a live record waits for earlier ones of other files.", AT(lateness_s)},
	{"flush_interval", OPT_NUMBER, "seconds", 0.1, 60, 1,
	 "After so long what came in is on disk, for readers of the store too.", AT(flush_s)},
	{"checkpoint_interval", OPT_NUMBER, "seconds", 1, 86400, 300,
	 "How often what was learned is kept. After a crash the records since are read again.",
	 AT(checkpoint_s)},
	{"capture", OPT_LIST, "names", 0, 0, 0,
	 "Network interfaces whose packets thymus run reads (a mirror port, a tap). Needs "
	 "CAP_NET_RAW. Read at start only, as all options of capturing.",
	 AT(capture)},
	{"capture_filter", OPT_TEXT, "", 0, 0, 0,
	 "Which packets, as tcpdump has it: \"not host 10.0.0.9\". Everything by default.",
	 AT(capture_filter)},
	{"capture_promiscuous", OPT_INT, "0 or 1", 0, 1, 1,
	 "Whether packets that are meant for others are read.", AT(capture_promiscuous)},
	{"capture_threads", OPT_INT, "threads", 1, 64, 1,
	 "For each interface; connections are shared out among them.", AT(capture_threads)},
	{"capture_ring", OPT_INT, "MiB", 2, 4096, 32,
	 "Memory that the kernel fills with packets, for each thread.", AT(capture_ring_mib)},
	{"capture_interval", OPT_NUMBER, "seconds", 1, 86400, 60,
	 "How often an event tells what an interface gave and lost.", AT(capture_interval_s)},
	{"capture_keep", OPT_INT, "MiB", 0, 1 << 24, 1024,
	 "Packets of the last minutes on disk, for each thread, so that an alert can save "
	 "those around it; 0: none.",
	 AT(capture_keep_mib)},
	{"capture_keep_minutes", OPT_INT, "minutes", 1, 100000, 30, "And not older than this.",
	 AT(capture_keep_minutes)},
	{"evidence_max", OPT_INT, "MiB", 1, 1 << 24, 4096,
	 "Packets and checkpoints that were saved for alerts; beyond it the oldest go.",
	 AT(evidence_mib)},
	{"carve_max", OPT_INT, "MiB", 0, 1 << 16, 32,
	 "Files that are kept of the packets around an alert whose model says `carve: true`; "
	 "they "
	 "lie beside the packets, by SHA-256. 0: none.",
	 AT(carve_mib)},
	{"disk_reserve", OPT_INT, "MiB", 0, 1 << 24, 512,
	 "With less room left in the store's file system nothing more is read until there is.",
	 AT(disk_reserve_mib)},
	{"retain_events", OPT_NUMBER, "days", 0, 36500, 0,
	 "Records older than so long before the latest one are dropped; 0: never.",
	 AT(retain_events_days)},
	{"retain_events_size", OPT_INT, "MiB", 0, 1 << 30, 0,
	 "When records take more than so much on disk the oldest are dropped; 0: never.",
	 AT(retain_events_mib)},
	{"retain_findings", OPT_NUMBER, "days", 0, 36500, 0,
	 "Alerts, notes and incidents last updated more than so before the latest record are "
	 "dropped; 0: never.",
	 AT(retain_findings_days)},
	{"outputs", OPT_OUTPUTS, "maps", 0, 0, 0,
	 "Where thymus run sends alerts and incidents: webhooks, syslog, files, email "
	 "(docs/OUTPUTS.md).",
	 AT(outputs)},
	{"tls_certificate", OPT_TEXT, "path", 0, 0, 0,
	 "PEM file of the certificate (and chain) that page and API show. Default: an own one, "
	 "made in the store. TLS is spoken on every address that is not of this machine only.",
	 AT(tls_cert)},
	{"tls_key", OPT_TEXT, "path", 0, 0, 0, "PEM file of the key of tls_certificate.",
	 AT(tls_key)},
	{"url", OPT_TEXT, "URL", 0, 0, 0,
	 "How browsers call the page, when that is not the address it listens on: behind a "
	 "proxy.",
	 AT(url)},
	{"sandbox", OPT_TEXT, "auto, required, off", 0, 0, 0,
	 "Whether run and serve give up all that they do not need (docs/THREATS.md). auto: as "
	 "far "
	 "as the kernel can; required: or not start. Folders that a reload names anew are then "
	 "out "
	 "of reach until the next start.",
	 AT(sandbox)},
	{"user", OPT_TEXT, "name", 0, 0, 0,
	 "Started as root, run and serve become this user before they open anything.",
	 AT(user)},
	{"rephrase_url", OPT_TEXT, "URL", 0, 0, 0,
	 "OpenAI-compatible chat endpoint that may put stories into other words, when "
	 "incidents "
	 "show --rephrase asks. Nothing else calls it; names are not sent (docs/THREATS.md).",
	 AT(rephrase_url)},
	{"rephrase_model", OPT_TEXT, "name", 0, 0, 0, "The model to name there.",
	 AT(rephrase_model)},
	{"rephrase_token_file", OPT_TEXT, "path", 0, 0, 0,
	 "File with a bearer token for it in its first line.", AT(rephrase_token_file)},
	{"rephrase_ca", OPT_TEXT, "path", 0, 0, 0,
	 "PEM file of who may sign its certificate. Default: the system's.", AT(rephrase_ca)},
	{"oidc_issuer", OPT_TEXT, "URL", 0, 0, 0,
	 "OpenID provider by which people may sign in; it knows the client's redirect address "
	 "as "
	 "URL/api/v1/oidc/callback.",
	 AT(oidc_issuer)},
	{"oidc_client", OPT_TEXT, "id", 0, 0, 0, "Our client id there.", AT(oidc_client)},
	{"oidc_secret_file", OPT_TEXT, "path", 0, 0, 0,
	 "File with the client's secret in its first line; none for a public client.",
	 AT(oidc_secret_file)},
	{"oidc_ca", OPT_TEXT, "path", 0, 0, 0,
	 "PEM file of who may sign the provider's certificate. Default: the system's.",
	 AT(oidc_ca)},
	{"oidc_scope", OPT_TEXT, "words", 0, 0, 0,
	 "What is asked for beside openid. Default: profile.", AT(oidc_scope)},
	{"oidc_name_claim", OPT_TEXT, "claim", 0, 0, 0,
	 "Claim of the ID token that is the user's name. Default: preferred_username.",
	 AT(oidc_name_claim)},
	{"oidc_role_claim", OPT_TEXT, "claim", 0, 0, 0,
	 "Claim, a text or a list, that the role is told from. Default: groups.",
	 AT(oidc_role_claim)},
	{"oidc_roles", OPT_LIST, "VALUE=ROLE", 0, 0, 0,
	 "Which role a value of that claim gives; the first that fits. Who has none is not let "
	 "in.",
	 AT(oidc_roles)},
	{"session_hours", OPT_NUMBER, "hours", 0.1, 168, 12,
	 "After so long without use a session ends; after a week always.", AT(session_h)},
};

static void *field(struct config *c, const struct option_row *o)
{
	return (char *)c + o->offset;
}

/* Installed: PREFIX/bin beside PREFIX/share/thymus; built: build/ inside the repository. */
static const char *find_share(struct config *c)
{
	static const char *const beside[] = {"../share/thymus", "..", "."};
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t len = n > 0 ? (size_t)n : 0;

	while (len && exe[len - 1] != '/')
		len--;
	for (size_t i = 0; len && i < ARRAY_LEN(beside); i++) {
		struct str dir = arena_fmt(&c->mem, "%.*s%s", (int)len, exe, beside[i]);
		struct str probe = arena_fmt(&c->mem, "%.*s/sources", STR_ARG(dir));

		if (dir.p && probe.p && access(probe.p, R_OK) == 0)
			return dir.p;
	}
	return "/usr/share/thymus";
}

int config_init(struct config *c)
{
	const char *env = getenv("THYMUS_SHARE");

	*c = (struct config){0};
	arena_init(&c->mem, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].kind == OPT_INT)
			*(int64_t *)field(c, &rows[i]) = (int64_t)rows[i].def;
		if (rows[i].kind == OPT_NUMBER)
			*(double *)field(c, &rows[i]) = rows[i].def;
	}
	c->store_dir = STR("thymus-store");
	c->sandbox = STR("auto");
	c->oidc_scope = STR("profile");
	c->oidc_name_claim = STR("preferred_username");
	c->oidc_role_claim = STR("groups");
	c->share_dir = str_of(env ? env : find_share(c));
	return c->share_dir.p ? 0 : -ENOMEM;
}

static int load_list(struct config *c, const struct yaml *y, const struct yaml_node *n,
		     struct config_list *l, struct diag *d)
{
	if (n->kind != YAML_SEQ)
		return yaml_fail(y, n, d, "'%.*s' must be a list", STR_ARG(n->key));
	YAML_EACH(item, n)
	{
		char *z;

		if (item->kind != YAML_SCALAR || item->null)
			return yaml_fail(y, item, d, "an item must be text");
		if (l->n == CONFIG_LIST_MAX)
			return yaml_fail(y, item, d, "more than %d items", CONFIG_LIST_MAX);
		z = arena_strz(&c->mem, item->text);
		if (!z)
			return -ENOMEM;
		l->v[l->n++] = z;
	}
	return 0;
}

/* Names with a text, or a list of texts, each. */
static int map_check(const struct yaml *y, const struct yaml_node *n, struct diag *d)
{
	if (n->kind != YAML_MAP)
		return yaml_fail(y, n, d, "'%.*s' must be a map", STR_ARG(n->key));
	YAML_EACH(v, n)
	{
		if (v->kind == YAML_MAP)
			return yaml_fail(y, v, d, "a text or a list of texts is expected here");
		YAML_EACH(item, v)
		if (item->kind != YAML_SCALAR)
			return yaml_fail(y, item, d, "an item must be text");
	}
	return 0;
}

static int load_row(struct config *c, const struct option_row *o, const struct yaml *y,
		    const struct yaml_node *root, struct diag *d)
{
	const struct yaml_node *n = yaml_get(root, o->name);
	double v;
	int r;

	if (!n)
		return 0;
	if (o->kind == OPT_MAP) {
		*(const struct yaml_node **)field(c, o) = n;
		return map_check(y, n, d);
	}
	if (o->kind == OPT_LIST)
		return load_list(c, y, n, field(c, o), d);
	if (o->kind == OPT_OUTPUTS)
		return outputs_read(y, n, field(c, o), d);
	if (o->kind == OPT_TEXT) {
		struct str *s = field(c, o);

		if (n->kind != YAML_SCALAR || n->null)
			return yaml_fail(y, n, d, "'%s' must be text", o->name);
		*s = arena_str(&c->mem, n->text);
		if (s == &c->sandbox && !str_eqz(*s, "auto") && !str_eqz(*s, "off") &&
		    !str_eqz(*s, "required"))
			return yaml_fail(y, n, d, "sandbox is auto, required or off");
		return s->p ? 0 : -ENOMEM;
	}
	r = yaml_f64(y, root, o->name, o->def, &v, d);
	if (r < 0)
		return r;
	if (v < o->min || v > o->max)
		return yaml_fail(y, n, d, "'%s' must be between %g and %g %s", o->name, o->min,
				 o->max, o->unit);
	if (o->kind == OPT_INT)
		*(int64_t *)field(c, o) = (int64_t)v;
	else
		*(double *)field(c, o) = v;
	return 0;
}

int config_load(struct config *c, const char *path, struct diag *d)
{
	const char *known[ARRAY_LEN(rows) + 1] = {NULL};
	struct yaml *y = NULL;
	int r = yaml_load(path, &y, d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		known[i] = rows[i].name;
	if (y->docs && !y->docs->root->null) {
		const struct yaml_node *root = y->docs->root;

		if (root->kind != YAML_MAP)
			r = yaml_fail(y, root, d, "a configuration is a map of options");
		if (r == 0)
			r = yaml_only(y, root, known, d);
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(rows); i++)
			r = load_row(c, &rows[i], y, root, d);
	}
	yaml_free(c->file);
	c->file = y;
	return r;
}

void config_free(struct config *c)
{
	yaml_free(c->file);
	arena_free(&c->mem);
}

void config_reference(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct option_row *o = &rows[i];

		printf("%s (%s", o->name, o->unit);
		if (o->kind == OPT_INT || o->kind == OPT_NUMBER)
			printf(", %g to %g, default %g", o->min, o->max, o->def);
		printf(")\n    %s\n", o->text);
	}
}

/* Their names; /health tells how they are. */
static void outputs_json(struct buf *b, const struct outputs_conf *c)
{
	struct buf all;

	buf_init(&all, 1 * MIB);
	for (size_t i = 0; i < c->n; i++)
		buf_fmt(&all, "%s%s", i ? " " : "", c->v[i].name);
	buf_json(b, buf_str(&all));
	buf_free(&all);
}

static void value_json(struct buf *b, struct config *c, const struct option_row *o)
{
	const struct config_list *l = field(c, o);
	char number[40];

	if (o->kind == OPT_TEXT) {
		buf_json(b, *(struct str *)field(c, o));
	} else if (o->kind == OPT_OUTPUTS) {
		outputs_json(b, field(c, o));
	} else if (o->kind == OPT_MAP) {
		buf_addz(b, "\"\"");
	} else if (o->kind == OPT_LIST) {
		struct buf all;

		buf_init(&all, 1 * MIB);
		for (size_t i = 0; i < l->n; i++)
			buf_fmt(&all, "%s%s", i ? " " : "", l->v[i]);
		buf_json(b, buf_str(&all));
		buf_free(&all);
	} else {
		double v = o->kind == OPT_INT ? (double)*(int64_t *)field(c, o)
					      : *(double *)field(c, o);

		snprintf(number, sizeof(number), "%.15g", v);
		buf_json(b, str_of(number));
	}
}

void config_json(struct config *c, struct buf *b)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct option_row *o = &rows[i];

		buf_fmt(b, "%s{\"name\":\"%s\",\"unit\":\"%s\",\"value\":", i ? "," : "",
			o->name, o->unit);
		value_json(b, c, o);
		buf_addz(b, ",\"text\":");
		buf_json(b, str_of(o->text));
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

const char *config_share(struct config *c, const char *name)
{
	return arena_fmt(&c->mem, "%.*s/%s", STR_ARG(c->share_dir), name).p;
}
