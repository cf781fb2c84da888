/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that read the store: incidents, alerts, entities, events, explain. */
#include "base/timeutil.h"
#include "incident/inquiry.h"
#include "incident/render.h"
#include "main/cmd.h"
#include "main/explain.h"
#include "main/pipeline.h"
#include "parse/search.h"
#include "store/store.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct query {
	struct store_query q;
	const char *store;
	bool json;
	struct str format; /* of a story */
	const char *config;
	struct str filter;     /* of events: an expression (event/where.h) */
	struct search *search; /* it, while it is looked for */
	size_t most, shown;
};

enum {
	OPT_STORE = 256,
	OPT_JSON,
	OPT_ENTITY,
	OPT_FROM,
	OPT_TO,
	OPT_LIMIT,
	OPT_QUEUE,
	OPT_TEXT,
	OPT_TYPE,
	OPT_MODEL,
	OPT_NOTES,
	OPT_FORMAT,
	OPT_CONFIG,
	OPT_FILTER
};

static const struct option longs[] = {
	{"store", required_argument, NULL, OPT_STORE},
	{"json", no_argument, NULL, OPT_JSON},
	{"entity", required_argument, NULL, OPT_ENTITY},
	{"from", required_argument, NULL, OPT_FROM},
	{"to", required_argument, NULL, OPT_TO},
	{"limit", required_argument, NULL, OPT_LIMIT},
	{"queue", required_argument, NULL, OPT_QUEUE},
	{"text", required_argument, NULL, OPT_TEXT},
	{"type", required_argument, NULL, OPT_TYPE},
	{"model", required_argument, NULL, OPT_MODEL},
	{"notes", no_argument, NULL, OPT_NOTES},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"filter", required_argument, NULL, OPT_FILTER},
	{NULL, 0, NULL, 0},
};

#define QUERY_OPTIONS                                                               \
	"  --store DIR      the store (default thymus-store)\n"                     \
	"  --json           one JSON object a line\n"                               \
	"  --entity NAME    only what concerns this device, account, address ...\n" \
	"  --from, --to T   event time, RFC 3339\n"                                 \
	"  --text WORD      title, or raw bytes of an event, holds this\n"          \
	"  --limit N        at most N (default 100)\n"

static int take_option(struct query *x, int opt, const struct command *c)
{
	struct str v = str_of(optarg);
	int64_t n;

	switch (opt) {
	case OPT_STORE:
		x->store = optarg;
		return 0;
	case OPT_JSON:
		x->json = true;
		return 0;
	case OPT_ENTITY:
		x->q.entity = v;
		return 0;
	case OPT_QUEUE:
		x->q.queue = v;
		return 0;
	case OPT_TEXT:
		x->q.text = v;
		return 0;
	case OPT_TYPE:
		x->q.type = v;
		return 0;
	case OPT_MODEL:
		x->q.model = v;
		return 0;
	case OPT_NOTES:
		x->q.kind = STR("note");
		return 0;
	case OPT_CONFIG:
		x->config = optarg;
		return 0;
	case OPT_FILTER:
		x->filter = v;
		return 0;
	case OPT_FORMAT:
		x->format = v;
		return render_known(v) ? 0 : usage_error(c, "--format is one of " RENDER_FORMS);
	case OPT_FROM:
		return time_parse(v, &x->q.from) ? 0 : usage_error(c, "--from wants RFC 3339");
	case OPT_TO:
		return time_parse(v, &x->q.to) ? 0 : usage_error(c, "--to wants RFC 3339");
	case OPT_LIMIT:
		if (!str_i64(v, &n) || n < 1)
			return usage_error(c, "--limit wants a number from 1 on");
		x->q.limit = (size_t)n;
		return 0;
	default:
		return usage_error(c, "thymus %s: see the options below", c->name);
	}
}

/* Options into x; *ret_word is the first other argument (or "show ID": then ID). */
static int take_options(struct query *x, int argc, char **argv, const struct command *c,
			struct str *ret_word)
{
	int opt;

	*x = (struct query){.store = "thymus-store", .format = STR("text")};
	x->q.from = x->q.to = TIME_NONE;
	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		int status = take_option(x, opt, c);

		if (status)
			return status;
	}
	argv--;
	if (optind <= argc && str_eqz(str_of(argv[optind]), "show"))
		optind++;
	*ret_word = str_of(optind <= argc ? argv[optind] : NULL);
	return 0;
}

static void safe(struct str s)
{
	struct buf b;

	buf_init(&b, 4 * MIB);
	buf_safe(&b, s);
	fwrite(buf_str(&b).p, 1, buf_str(&b).len, stdout);
	buf_free(&b);
}

static const char *severity_text(int s)
{
	static const char *const names[] = {"info", "low", "medium", "high", "critical"};

	return s >= 0 && s < (int)ARRAY_LEN(names) ? names[s] : "?";
}

static int finding_row(const struct store_finding *f, void *arg)
{
	struct query *x = arg;
	char when[TIME_TEXT];

	x->shown++;
	if (x->json) {
		fwrite(f->json.p, 1, f->json.len, stdout);
		putchar('\n');
		return 0;
	}
	printf("%.*s  %-8s %3u  %-10.*s  %s  ", STR_ARG(f->id), severity_text(f->severity),
	       f->score, STR_ARG(f->queue), time_rfc3339(f->time / NS_PER_S * NS_PER_S, when));
	safe(f->title);
	putchar('\n');
	return 0;
}

/* The whole story of one, in the form asked for. */
static int story_row(const struct store_finding *f, void *arg)
{
	struct query *x = arg;
	struct buf out;
	int r;

	x->shown++;
	buf_init(&out, 64 * MIB);
	r = render(x->json ? STR("json") : x->format, f->json, THYMUS_VERSION, &out);
	if (r == 0)
		fwrite(out.p, 1, out.len, stdout);
	buf_free(&out);
	return r;
}

static int entity_row(const struct store_entity *e, void *arg)
{
	struct query *x = arg;
	char a[TIME_TEXT], b[TIME_TEXT];
	struct buf out;

	x->shown++;
	time_rfc3339(e->first_seen / NS_PER_S * NS_PER_S, a);
	time_rfc3339(e->last_seen / NS_PER_S * NS_PER_S, b);
	buf_init(&out, 64 * KIB);
	if (!x->json) {
		printf("%-9.*s %-8.*s %10lld  %s  %s  ", STR_ARG(e->kind), STR_ARG(e->cls),
		       (long long)e->events, a, b);
		for (size_t i = 0; i < e->nnames; i++) {
			if (i)
				buf_addz(&out, ", ");
			buf_safe(&out, e->names[i]);
		}
		for (size_t i = 0; i < e->nfacts; i++) {
			buf_addz(&out, i ? "; " : "  [");
			buf_safe(&out, e->facts[i].key);
			buf_addz(&out, ": ");
			buf_safe(&out, e->facts[i].value);
		}
		if (e->nfacts)
			buf_addc(&out, ']');
	} else {
		buf_addz(&out, "{\"kind\":");
		buf_json(&out, e->kind);
		buf_addz(&out, ",\"name\":");
		buf_json(&out, e->name);
		buf_addz(&out, ",\"class\":");
		buf_json(&out, e->cls);
		buf_fmt(&out,
			",\"first_seen\":\"%s\",\"last_seen\":\"%s\",\"events\":%lld,\"names\":"
			"[",
			a, b, (long long)e->events);
		for (size_t i = 0; i < e->nnames; i++) {
			if (i)
				buf_addc(&out, ',');
			buf_json(&out, e->names[i]);
		}
		buf_addz(&out, "],\"facts\":{");
		for (size_t i = 0; i < e->nfacts; i++) {
			if (i)
				buf_addc(&out, ',');
			buf_json(&out, e->facts[i].key);
			buf_addc(&out, ':');
			buf_json(&out, e->facts[i].value);
		}
		buf_addz(&out, "}}");
	}
	printf("%s\n", buf_str(&out).p);
	buf_free(&out);
	return 0;
}

static int event_row(const struct store_event *e, void *arg)
{
	struct query *x = arg;
	char when[TIME_TEXT];

	x->shown++;
	if (x->json) {
		struct buf b;

		buf_init(&b, 64 * MIB);
		buf_fmt(&b,
			"{\"seq\":%llu,\"time\":\"%s\",\"type\":", (unsigned long long)e->seq,
			time_rfc3339(e->time, when));
		buf_json(&b, e->type);
		buf_addz(&b, ",\"id\":");
		buf_json(&b, e->id);
		buf_addz(&b, ",\"raw\":");
		buf_json(&b, e->raw);
		buf_addz(&b, "}");
		printf("%s\n", buf_str(&b).p);
		buf_free(&b);
		return 0;
	}
	printf("%s  %-22.*s ", time_rfc3339(e->known, when), STR_ARG(e->type));
	safe(e->id);
	printf("  ");
	safe(str_sub(e->raw, 0, 300));
	printf("\n");
	return 0;
}

static int with_store(struct query *x, const struct command *c,
		      int (*ask)(struct store *st, struct query *x, struct diag *d))
{
	struct store_conf conf = {.dir = x->store, .read_only = true};
	struct store *st = NULL;
	struct diag d = {{0}};
	int r = store_open(&conf, &st, &d);

	if (r == 0)
		r = ask(st, x, &d);
	store_close(st);
	if (r < 0)
		fprintf(stderr, "thymus %s: %s\n", c->name, d.msg[0] ? d.msg : err_text(r));
	else if (x->shown == 0)
		fprintf(stderr, "nothing found\n");
	return r < 0;
}

static int ask_findings(struct store *st, struct query *x, struct diag *d)
{
	return store_findings(st, &x->q, x->q.id.len ? story_row : finding_row, x, d);
}

static int ask_entities(struct store *st, struct query *x, struct diag *d)
{
	return store_entities(st, &x->q, entity_row, x, d);
}

static int matching_row(const struct store_event *e, void *arg)
{
	struct query *x = arg;

	if (!search_match(x->search, e))
		return 0;
	event_row(e, x);
	return x->shown == x->most;
}

static int ask_matching(struct store *st, struct query *x, struct config *c, struct diag *d)
{
	struct inquiry_conf ic;
	struct reread_conf rc;
	int r;

	pipeline_inquiry(c, st, x->store, &ic);
	rc = (struct reread_conf){.sources = ic.sources, .entities = ic.entities};
	r = search_open(&rc, x->filter, &x->search, d);
	if (r < 0)
		return r;
	search_narrow(x->search, &x->q);
	for (size_t i = 0; search_raw_field(x->search, i).len; i++)
		fprintf(stderr, "no source maps %.*s: looked for in the records themselves\n",
			STR_ARG(search_raw_field(x->search, i)));
	x->most = x->q.limit ? x->q.limit : 100;
	x->q.limit = SIZE_MAX;
	r = store_events(st, &x->q, matching_row, x, d);
	x->search = search_free(x->search);
	return r;
}

static int ask_events(struct store *st, struct query *x, struct diag *d)
{
	struct config *c;
	int r;

	if (!x->filter.len)
		return store_events(st, &x->q, event_row, x, d);
	c = calloc(1, sizeof(*c));
	r = c ? config_init(c) : -ENOMEM;
	if (r == 0 && x->config)
		r = config_load(c, x->config, d);
	if (r == 0)
		r = ask_matching(st, x, c, d);
	if (c)
		config_free(c);
	free(c);
	return r;
}

/* What learning found odd in it, as it was told at that moment. */
static int learned_row(const struct store_event *e, void *arg)
{
	struct store_learned l;
	size_t n = 0;

	(void)arg;
	for (size_t at = 0; store_learned(e, &at, &l); n++) {
		if (n == 0)
			printf("\nwhat was odd about it\n");
		printf("  %5.1f nats  ", l.surprise);
		safe(l.quantity);
		printf(" of ");
		safe(l.entity);
		printf(": ");
		safe(l.text);
		if (l.days >= 0.5)
			printf(" (%.0f days of history)", l.days);
		putchar('\n');
	}
	if (n == 0)
		printf("\nno quantity found it odder than 99 %% of its class's past\n");
	return 1;
}

/* The record, what was odd about it, then every finding and note that cites it. */
struct models_too {
	struct config conf;
	struct diag *d;
	int err;
};

static int models_row(const struct store_event *e, void *arg)
{
	struct models_too *m = arg;

	m->err = explain_models(&m->conf, e, m->d);
	return 1;
}

/* Which models looked at the first record of this id, and why they did not fire. */
static int ask_models(struct store *st, struct query *x, struct diag *d)
{
	struct models_too *m = calloc(1, sizeof(*m));
	int r = m ? config_init(&m->conf) : -ENOMEM;

	if (r == 0 && x->config)
		r = config_load(&m->conf, x->config, d);
	if (r == 0) {
		m->d = d;
		r = store_events(st, &x->q, models_row, m, d);
		r = r < 0 ? r : m->err;
	}
	if (m)
		config_free(&m->conf);
	free(m);
	return r;
}

static int ask_explain(struct store *st, struct query *x, struct diag *d)
{
	struct store_query q = {.event = x->q.id, .from = TIME_NONE, .to = TIME_NONE};
	int r = store_events(st, &x->q, event_row, x, d);

	if (r < 0 || x->shown == 0)
		return r;
	x->shown = 0;
	r = store_events(st, &x->q, learned_row, x, d);
	if (r < 0)
		return r;
	printf("\ncited by\n");
	r = store_findings(st, &q, finding_row, x, d);
	if (r == 0 && x->shown == 0)
		printf("nothing: no model fired on this event\n");
	x->shown++;
	return r < 0 ? r : ask_models(st, x, d);
}

static int run_findings(int argc, char **argv, const struct command *c, const char *kind)
{
	struct query x;
	int status = take_options(&x, argc, argv, c, &x.q.id);

	if (status)
		return status;
	if (!x.q.kind.len)
		x.q.kind = str_of(kind);
	return with_store(&x, c, ask_findings);
}

static int run_incidents(int argc, char **argv)
{
	return run_findings(argc, argv, &cmd_incidents, "incident");
}

static int run_alerts(int argc, char **argv)
{
	return run_findings(argc, argv, &cmd_alerts, "alert");
}

static int run_entities(int argc, char **argv)
{
	struct query x;
	struct str word;
	int status = take_options(&x, argc, argv, &cmd_entities, &word);

	if (status)
		return status;
	if (word.len)
		x.q.entity = word;
	return with_store(&x, &cmd_entities, ask_entities);
}

static int run_events(int argc, char **argv)
{
	struct query x;
	int status = take_options(&x, argc, argv, &cmd_events, &x.q.id);

	return status ? status : with_store(&x, &cmd_events, ask_events);
}

static int run_explain(int argc, char **argv)
{
	struct query x;
	int status = take_options(&x, argc, argv, &cmd_explain, &x.q.id);

	if (status == 0 && !x.q.id.len)
		return usage_error(&cmd_explain, "thymus explain: which event?");
	return status ? status : with_store(&x, &cmd_explain, ask_explain);
}

const struct command cmd_incidents = {
	.name = "incidents",
	.run = run_incidents,
	.usage = "thymus incidents [OPTION]... [ID]\n"
		 "Lists incidents, most severe first; with an ID tells its "
		 "story.\n\n" QUERY_OPTIONS "  --queue Q        threat or compliance\n"
		 "  --format FORM    of a story: " RENDER_FORMS "\n\n"
		 "example: thymus incidents --queue threat\n"
		 "         thymus incidents show ID --format html >incident.html\n",
	.summary = "list incidents, or tell the story of one",
};

const struct command cmd_alerts = {
	.name = "alerts",
	.run = run_alerts,
	.usage = "thymus alerts [OPTION]... [ID]\n\n" QUERY_OPTIONS
		 "  --model NAME     only of this model\n"
		 "  --notes          what did not pass the alert budget\n"
		 "\nexample: thymus alerts --entity 10.0.0.5\n",
	.summary = "list alerts",
};

const struct command cmd_entities = {
	.name = "entities",
	.run = run_entities,
	.usage = "thymus entities [OPTION]... [NAME]\n\n" QUERY_OPTIONS
		 "\nexample: thymus entities --text srv\n",
	.summary = "list devices, accounts, workloads ... and their names",
};

const struct command cmd_events = {
	.name = "events",
	.run = run_events,
	.usage = "thymus events [OPTION]... [ID]\n\n" QUERY_OPTIONS
		 "  --type TYPE      only this record type, such as zeek.conn\n"
		 "  --filter EXPR    only what this says, such as\n"
		 "                   type = zeek.conn and dst_endpoint.port in (22, 3389) and "
		 "not "
		 "src_endpoint.ip = 10.1.0.0/16\n"
		 "                   = != ~ (contains) < <= > >= starts ends matches exists, "
		 "docs/FIELDS.md\n"
		 "\nexample: thymus events --entity pc0357 --from 2026-05-11T08:00:00Z --limit "
		 "20\n",
	.summary = "search stored events",
};

const struct command cmd_explain = {
	.name = "explain",
	.run = run_explain,
	.usage = "thymus explain [--store DIR] [--config FILE] EVENT_ID\n"
		 "Shows the record, what learning found odd about it, every alert, note and "
		 "incident that\ncites it, and of each model that looked at it why it did not "
		 "fire.\n",
	.summary = "say what was made of one event",
};
