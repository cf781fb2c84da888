/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/learn/product.h"
#include "bench/learn/hour.h"
#include "detect/detect.h"
#include "parse/source.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LEN 1024

const char *const view_names[VIEWS] = {"thymus as shipped",  "thymus: chain",
				       "  chain, raw",	     "  slow chain",
				       "  no chain",	     "  no chain, raw",
				       "  hours as a whole", "  entity hour",
				       "  entity hour, raw"};

/* An attribute of the record types that are fed, by name: most have no constant. */
enum put {
	PUT_UID,
	PUT_USER,
	PUT_USER_TYPE,
	PUT_ISSUER,
	PUT_SESSION,
	PUT_ACCOUNT,
	PUT_OP,
	PUT_ACTIVITY,
	PUT_REGION,
	PUT_UA,
	PUT_STATUS,
	PUT_DETAIL,
	PUT_ARN,
	PUT_SRC,
	PUT_SRC_PORT,
	PUT_DST,
	PUT_DST_HOST,
	PUT_DST_PORT,
	PUT_PROTO,
	PUT_STATE,
	PUT_OUT,
	PUT_IN,
	PUTS,
};

static const char *const put_names[PUTS] = {
	"actor.user.uid",
	"actor.user.name",
	"actor.user.type",
	"actor.session.issuer",
	"actor.session.uid",
	"cloud.account.uid",
	"api.operation",
	"activity_name",
	"cloud.region",
	"http_request.user_agent",
	"status",
	"status_detail",
	"userIdentity.arn",
	"src_endpoint.ip",
	"src_endpoint.port",
	"dst_endpoint.ip",
	"dst_endpoint.hostname",
	"dst_endpoint.port",
	"connection_info.protocol_name",
	"connection_info.state",
	"traffic.bytes_out",
	"traffic.bytes_in",
};

struct product {
	const struct stream *s;
	struct schema *schema;
	struct sources *sources;
	struct entities *entities;
	struct learn *learn;
	struct detect *detect;
	struct hour *hour;
	struct batch batch;
	struct rectype *event, *signin;
	attr_t put[PUTS];
	char (*arn)[2 * VALUE_MAX]; /* of each entity */
	char dirs[3][PATH_LEN];
	uint64_t seq;
	const struct rec *rec; /* that is being read */
	bool alert, list;
};

static int open_parts(struct product *p, double alerts_per_day, struct diag *d)
{
	const char *models[] = {p->dirs[2]};
	struct learn_conf ln = {.dir = p->dirs[1], .alerts_per_day = alerts_per_day};
	struct detect_conf dt = {.dirs = models, .ndirs = 1};
	const char *type = p->s->lan ? "zeek.conn" : "aws.cloudtrail.event";
	int r;

	if ((r = schema_new(&p->schema)) < 0 ||
	    (r = sources_load(p->dirs[0], p->schema, &p->sources, d)) < 0 ||
	    (r = entities_provide(p->schema)) < 0)
		return r;
	p->event = schema_type_find(p->schema, str_of(type));
	p->signin = schema_type_find(p->schema, STR("aws.cloudtrail.signin"));
	if (!p->event || !p->signin)
		return diag_set(d, -ENOENT, "record type %s is not declared", type);
	if ((r = entities_new(&(struct entities_conf){0}, p->schema, &p->entities)) < 0 ||
	    (r = learn_open(&ln, p->schema, p->entities, &p->learn, d)) < 0 ||
	    (r = detect_open(&dt, p->schema, &p->detect, d)) < 0 ||
	    (r = schema_freeze(p->schema)) < 0 || (r = learn_start(p->learn)) < 0)
		return r;
	return detect_start(p->detect, p->schema, p->entities, p->learn);
}

/* Names in the form in which the cloud writes them. */
static int make_arns(struct product *p)
{
	const struct stream *s = p->s;

	p->arn = calloc(s->entities, sizeof(*p->arn));
	if (!p->arn)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->entities; i++)
		if (s->human[i])
			snprintf(p->arn[i], sizeof(*p->arn),
				 "arn:aws:iam::111122223333:user/%s", s->names[i]);
		else
			snprintf(p->arn[i], sizeof(*p->arn),
				 "arn:aws:sts::111122223333:assumed-role/%.40s/%.40s",
				 s->names[i], s->names[i]);
	return 0;
}

int product_open(const struct stream *s, const char *share, double alerts_per_day, bool list,
		 struct product **ret_p, struct diag *d)
{
	static const char *const folders[] = {"sources", "learned", "models"};
	struct product *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (!p)
		return diag_set(d, -ENOMEM, "out of memory");
	p->s = s;
	p->list = list;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		snprintf(p->dirs[i], PATH_LEN, "%s/%s", share, folders[i]);
	d->msg[0] = 0;
	p->hour = hour_new(s);
	if (!p->hour || (r = open_parts(p, alerts_per_day, d)) < 0 || (r = make_arns(p)) < 0 ||
	    (r = batch_init(&p->batch, 8)) < 0) {
		if (!d->msg[0])
			diag_set(d, r, "cannot start: %s", err_text(r));
		product_free(p);
		return r;
	}
	for (int i = 0; i < PUTS; i++)
		p->put[i] = schema_find(p->schema, str_of(put_names[i]));
	*ret_p = p;
	return 0;
}

struct product *product_free(struct product *p)
{
	if (!p)
		return NULL;
	batch_free(&p->batch);
	hour_free(p->hour);
	detect_free(p->detect);
	learn_free(p->learn);
	entities_free(p->entities);
	sources_free(p->sources);
	schema_free(p->schema);
	free(p->arn);
	free(p);
	return NULL;
}

static void put(struct product *p, struct event *e, enum put what, struct str text)
{
	if (text.len)
		event_set(e, p->put[what], val_s(text));
}

static struct str value(const struct product *p, const struct rec *r, int field)
{
	return r->f[field] ? str_of(p->s->values[field][r->f[field]]) : STR("");
}

static void fill_cloud(struct product *p, struct event *e, const struct rec *r)
{
	const struct stream *s = p->s;
	struct str name = str_of(s->names[r->actor]), arn = str_of(p->arn[r->actor]);
	struct str net = value(p, r, CLOUD_NET), error = value(p, r, CLOUD_ERROR);

	put(p, e, PUT_UID, arn);
	put(p, e, PUT_ARN, arn);
	put(p, e, PUT_USER, name);
	put(p, e, PUT_USER_TYPE, s->human[r->actor] ? STR("IAMUser") : STR("AssumedRole"));
	if (!s->human[r->actor])
		put(p, e, PUT_ISSUER,
		    arena_fmt(&p->batch.mem, "arn:aws:iam::111122223333:role/%.*s",
			      STR_ARG(name)));
	put(p, e, PUT_SESSION, name);
	put(p, e, PUT_ACCOUNT, STR("111122223333"));
	put(p, e, PUT_OP, value(p, r, CLOUD_OP));
	put(p, e, PUT_ACTIVITY, value(p, r, CLOUD_OP));
	put(p, e, PUT_REGION, value(p, r, CLOUD_REGION));
	put(p, e, PUT_UA, value(p, r, CLOUD_UA));
	put(p, e, PUT_STATUS, error.len ? STR("failure") : STR("success"));
	put(p, e, PUT_DETAIL, error);
	put(p, e, PUT_SRC,
	    arena_fmt(&p->batch.mem, "%.*s.%u.%u", STR_ARG(net), r->actor % 250 + 1, r->host));
}

/* Sites stand at an address of their own. */
static void fill_lan(struct product *p, struct event *e, const struct rec *r)
{
	struct str dst = value(p, r, LAN_DST), state = value(p, r, LAN_STATE);
	uint16_t id = r->f[LAN_DST];

	put(p, e, PUT_SRC, str_of(p->s->names[r->actor]));
	if (!str_starts(dst, STR("10."))) {
		put(p, e, PUT_DST_HOST, dst);
		dst = arena_fmt(&p->batch.mem, "198.%u.%u.%u", 51 + id / 62500, id / 250 % 250,
				id % 250 + 1);
	}
	put(p, e, PUT_DST, dst);
	event_set(e, p->put[PUT_SRC_PORT], val_i(40000 + r->n % 20000));
	event_set(e, p->put[PUT_DST_PORT], val_i(strtol(value(p, r, LAN_PORT).p, NULL, 10)));
	put(p, e, PUT_PROTO, STR("tcp"));
	put(p, e, PUT_STATE, state);
	put(p, e, PUT_STATUS, str_eqz(state, "SF") ? STR("success") : STR("failure"));
	event_set(e, p->put[PUT_OUT], val_i((int64_t)r->bytes_out));
	event_set(e, p->put[PUT_IN], val_i((int64_t)r->bytes_in));
}

static void print_alert(const struct product *p, const struct alert *a)
{
	const struct rec *r = p->rec;
	const char *kind = r->attack ? attack_names[p->s->attacks[r->attack - 1].kind] : "-";

	printf("    day %3.0f %-5s %-36.*s %-12s %.*s\n",
	       floor((double)(r->t - p->s->begin) / (double)NS_PER_D),
	       a->note ? "note" : "alert", STR_ARG(a->model->name), kind, STR_ARG(a->story));
}

static int on_alert(struct alert *a, const struct event *e, void *arg)
{
	struct product *p = arg;

	(void)e;
	if (p->list)
		print_alert(p, a);
	if (!a->note && !a->compliance)
		p->alert = true;
	alert_free(a);
	return 0;
}

static void read_results(struct product *p, const struct rec *rec, double ret_view[VIEWS])
{
	const struct learn_result *r;
	size_t n = learn_results(p->learn, &r);

	for (size_t i = 0; i < n; i++) {
		bool chain = str_starts(r[i].quantity, STR("chain"));

		if (str_eqz(r[i].quantity, "entity_hour")) {
			ret_view[VIEW_ENTITY_HOUR] = r[i].surprise;
			ret_view[VIEW_ENTITY_RAW] = r[i].raw;
			continue;
		}
		bool slow = chain && !str_eqz(r[i].quantity, "chain");
		enum view judged = slow ? VIEW_SLOW : chain ? VIEW_CHAIN : VIEW_SINGLE;
		enum view raw = chain ? VIEW_CHAIN_RAW : VIEW_RAW;

		ret_view[judged] = MAX(ret_view[judged], r[i].surprise);
		if (!slow)
			ret_view[raw] = MAX(ret_view[raw], r[i].raw);
	}
	ret_view[VIEW_HOUR] = hour_see(p->hour, rec, r, n);
}

int product_see(struct product *p, const struct rec *r, double ret_view[VIEWS])
{
	const char *login = "ConsoleLogin";
	bool signin = !p->s->lan && str_eqz(value(p, r, CLOUD_OP), login);
	struct event *e;
	int err;

	batch_reset(&p->batch);
	e = batch_add(&p->batch, signin ? p->signin : p->event);
	if (!e)
		return -ENOMEM;
	e->time = e->known = r->t;
	e->seq = ++p->seq;
	e->hash = p->seq;
	e->id = arena_fmt(&p->batch.mem, "r%u", r->n);
	if (p->s->lan)
		fill_lan(p, e, r);
	else
		fill_cloud(p, e, r);
	for (int i = 0; i < VIEWS; i++)
		ret_view[i] = 0;
	p->alert = false;
	p->rec = r;
	if ((err = entities_resolve(p->entities, e, &p->batch.mem)) < 0 ||
	    (err = learn_event(p->learn, e, &p->batch.mem)) < 0)
		return err;
	read_results(p, r, ret_view);
	err = detect_event(p->detect, e, on_alert, p);
	ret_view[VIEW_ALERT] = p->alert;
	return err;
}

static void count_class(const struct entity *t, void *arg)
{
	((unsigned *)arg)[t->cls]++;
}

void product_print_models(const struct product *p)
{
	unsigned cls[ENT_CLASS_COUNT] = {0};
	const struct model *const *m;
	size_t n = detect_models(p->detect, &m);

	entities_each(p->entities, count_class, cls);
	printf("    entities:");
	for (int i = 0; i < ENT_CLASS_COUNT; i++)
		printf(" %u", cls[i]);
	printf(" (unknown, human, service, client, server, OT, IoT, external)\n");
	for (size_t i = 0; i < n; i++)
		if (m[i]->matched)
			printf("    %-40.*s matched %8llu, alerts %5llu, notes %6llu\n",
			       STR_ARG(m[i]->name), (unsigned long long)m[i]->matched,
			       (unsigned long long)m[i]->alerted,
			       (unsigned long long)m[i]->noted);
}
