/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cloud account. Shares and rates of the trouble are those of the published description of
 * the benchmark in docs/evaluation.md; none was fitted to a detector.
 */
#include "bench/learn/stream.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>

#define DAYS	  60
#define ATTACKS	  40 /* first day with attacks */
#define PEOPLE	  200
#define ROLES	  300
#define JOBS	  8
#define TEMPLATES 30
#define JOB_OPS	  18
#define ROLE_OPS  10
#define BEGIN	  (INT64_C(20006) * NS_PER_D) /* a Thursday */
#define HOMES	  30			      /* residential networks of the country */
#define MINUTES	  (60 * NS_PER_S)

enum job { JOB_ADMIN, JOB_HELPDESK, JOB_DEVELOPER, JOB_DATA, JOB_SUPPORT, JOB_FINANCE };

static const char *const read_ops[] = {
	"DescribeInstances",
	"ListBuckets",
	"DescribeSecurityGroups",
	"ListUsers",
	"ListRoles",
	"DescribeVpcs",
	"DescribeSubnets",
	"GetAccountSummary",
	"ListFunctions20150331",
	"DescribeVolumes",
	"DescribeLogGroups",
	"DescribeAlarms",
	"ListTables",
	"DescribeTable",
	"GetMetricData",
	"ListTopics",
	"ListQueues",
	"DescribeTrails",
	"LookupEvents",
	"DescribeSnapshots",
	"DescribeImages",
	"DescribeRegions",
	"ListAccessKeys",
	"ListAttachedUserPolicies",
	"ListUserPolicies",
	"GetBucketPolicy",
	"GetBucketAcl",
	"DescribeDBInstances",
	"ListClusters",
	"DescribeClusters",
	"ListSecrets",
	"ListKeys",
	"DescribeParameters",
	"GetCostAndUsage",
	"DescribeStacks",
	"ListStackResources",
	"DescribeKeyPairs",
	"DescribeOrganization",
	"ListAccounts",
	"GetSendQuota",
	"ListIdentities",
	"ListServiceQuotas",
	"GetAccountAuthorizationDetails",
	"ListGroups",
	"ListPolicies",
	"GetUser",
	"GetRole",
	"GetPolicyVersion",
	"DescribeNetworkInterfaces",
	"DescribeLoadBalancers",
	"DescribeTargetHealth",
	"ListHostedZones",
	"DescribeCertificate",
	"DescribeRepositories",
	"ListImages",
	"DescribeServices",
	"DescribeTasks",
	"GetTemplate",
	"ListObjects",
	"HeadBucket",
	"GetCallerIdentity",
};
static const char *const work_ops[] = {
	"StartInstances",
	"StopInstances",
	"PutMetricData",
	"PutLogEvents",
	"CreateLogStream",
	"SendMessage",
	"ReceiveMessage",
	"DeleteMessage",
	"Publish",
	"GetObject",
	"PutObject",
	"DeleteObject",
	"PutItem",
	"GetItem",
	"UpdateItem",
	"Query",
	"Scan",
	"Invoke20150331",
	"UpdateFunctionCode20150331v2",
	"StartBuild",
	"BatchGetBuilds",
	"PutImage",
	"InitiateLayerUpload",
	"UpdateService",
	"RegisterTaskDefinition",
	"Decrypt",
	"GenerateDataKey",
	"GetSecretValue",
	"GetParameter",
	"PutParameter",
	"StartQueryExecution",
	"GetQueryResults",
	"CreateSnapshot",
	"CopySnapshot",
	"ModifyInstanceAttribute",
	"CreateTags",
	"StartExecution",
	"AssumeRole",
	"ChangeResourceRecordSets",
	"CreateInvalidation",
	"PutRule",
	"CreateStack",
	"UpdateStack",
	"RunTask",
	"SendEmail",
	"PutRecords",
	"GetRecords",
	"CreateJob",
	"StartJobRun",
	"UpdateStage",
};
static const char *const credential_ops[] = {
	"UpdateLoginProfile",  "CreateLoginProfile", "CreateAccessKey",
	"DeactivateMFADevice", "ResyncMFADevice",    "UpdateAccessKey",
};
static const char *const iam_ops[] = {
	"AttachUserPolicy",
	"AttachRolePolicy",
	"PutRolePolicy",
	"CreateRole",
	"CreatePolicy",
	"CreatePolicyVersion",
	"UpdateAssumeRolePolicy",
	"AddUserToGroup",
	"CreateUser",
	"PassRole",
};
static const char *const compute_ops[] = {
	"RunInstances",	       "CreateFunction20150331",	"CreateKeyPair",
	"CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "RequestSpotInstances",
};
static const char *const storage_ops[] = {
	"PutBucketPolicy", "DeleteBucketPublicAccessBlock", "PutBucketAcl",
	"CreateBucket",	   "PutBucketReplication",
};
static const char *const browsers[] = {
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Chrome/126.0",
	"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Firefox/127.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605.1",
};
static const char *const tools[] = {
	"aws-cli/2.15.30 Python/3.11.8",
	"Boto3/1.34.42 Botocore/1.34.42",
	"aws-sdk-go/1.51.6 (go1.22)",
	"aws-sdk-java/2.25.11 Linux/5.10",
	"APN/1.0 HashiCorp/1.0 Terraform/1.7.5",
	"aws-sdk-nodejs/2.1583.0 linux/v18",
};
static const char *const foreign_tools[] = {"python-requests/2.31.0", "curl/8.5.0",
					    "S3 Browser/11.4.5", "rclone/v1.65.2"};
static const char *const regions[] = {"eu-central-1", "eu-west-1", "us-east-1", "eu-north-1",
				      "ap-southeast-2"};

struct person {
	enum job job;
	uint16_t ops[JOB_OPS];
	uint16_t home, browser, cli;
	int32_t from_day, swap_day;
	double hours; /* start of the working day */
	bool uses_cli, new_region;
	int32_t away_until;
	uint16_t away;
};

struct role {
	uint16_t ops[ROLE_OPS];
	uint16_t net[2], ua;
	uint32_t nops, template;
	int32_t repurposed; /* day, or beyond the end */
};

struct cloud {
	struct stream *s;
	uint64_t seed;
	double rate;
	uint16_t office, swapped, homes[HOMES], region[ARRAY_LEN(regions)], denied, login;
	uint16_t new_ops[JOBS][3]; /* a service that a job takes up */
	int32_t new_day[JOBS];
	struct person p[PEOPLE];
	struct role r[ROLES];
};

static uint16_t op_of(struct cloud *c, const char *name)
{
	return stream_value(c->s, CLOUD_OP, name);
}

#define ANY(c, r, list) op_of((c), (list)[rng_below((r), ARRAY_LEN(list))])

static uint16_t net_of(struct cloud *c, unsigned a, unsigned b)
{
	char text[16];

	snprintf(text, sizeof(text), "%u.%u", a, b);
	return stream_value(c->s, CLOUD_NET, text);
}

static struct rec *call(struct cloud *c, struct rng *r, uint32_t who, int64_t t, uint16_t op,
			uint16_t net, uint16_t ua, uint16_t region)
{
	struct rec *e = stream_add(c->s, who, t);

	if (!e)
		return NULL;
	e->f[CLOUD_OP] = op;
	e->f[CLOUD_NET] = net;
	e->f[CLOUD_UA] = ua;
	e->f[CLOUD_REGION] = region;
	e->host = (uint8_t)(1 + rng_below(r, 4));
	return e;
}

/* ---- who there is ---- */

static void make_person(struct cloud *c, uint32_t i)
{
	struct rng r = rng_of(c->seed, 1000 + i), job;
	struct person *p = &c->p[i];

	p->job = (enum job)(i % JOBS);
	job = rng_of(c->seed, 500 + (uint64_t)p->job);
	for (int k = 0; k < JOB_OPS; k++)
		p->ops[k] = k % 3 ? ANY(c, &job, read_ops) : ANY(c, &job, work_ops);
	/* Everybody does most of the job's work, in an order of preference of his own. */
	for (uint32_t k = JOB_OPS - 1; k > 0; k--) {
		uint32_t x = rng_below(&r, 4), at = k >= x ? k - x : 0;
		uint16_t was = p->ops[k];

		p->ops[k] = p->ops[at];
		p->ops[at] = was;
	}
	p->home = c->homes[rng_below(&r, HOMES)];
	p->browser = stream_value(c->s, CLOUD_UA, browsers[rng_zipf(&r, ARRAY_LEN(browsers))]);
	p->uses_cli = rng_chance(&r, p->job <= JOB_DATA ? 0.6 : 0.05);
	p->cli = stream_value(c->s, CLOUD_UA, tools[rng_chance(&r, 0.8) ? 0 : 1]);
	p->hours = 7.5 + 2.5 * rng_unit(&r);
	p->from_day = rng_chance(&r, 0.1) ? (int32_t)(5 + rng_below(&r, DAYS - 10)) : 0;
	p->swap_day = rng_chance(&r, 0.3) ? 30 : DAYS;
	p->new_region = rng_chance(&r, 0.2);
	snprintf(c->s->names[i], VALUE_MAX, "person%03u", i);
	c->s->human[i] = true;
}

static void make_template(struct cloud *c, struct role *x, uint32_t template)
{
	struct rng r = rng_of(c->seed, 600 + template);

	x->template = template;
	x->nops = 3 + rng_below(&r, ROLE_OPS - 3);
	for (uint32_t k = 0; k < x->nops; k++)
		x->ops[k] = rng_chance(&r, 0.3) ? ANY(c, &r, read_ops) : ANY(c, &r, work_ops);
	x->ua = stream_value(c->s, CLOUD_UA, tools[1 + rng_below(&r, ARRAY_LEN(tools) - 1)]);
}

static void make_role(struct cloud *c, uint32_t i)
{
	struct rng r = rng_of(c->seed, 2000 + i);
	struct role *x = &c->r[i];

	make_template(c, x, i % TEMPLATES);
	for (int k = 0; k < 2; k++)
		x->net[k] = net_of(c, 54, 70 + rng_below(&r, 4));
	x->repurposed = rng_chance(&r, 0.03) ? (int32_t)(10 + rng_below(&r, DAYS - 15)) : DAYS;
	snprintf(c->s->names[PEOPLE + i], VALUE_MAX, "svc-%02u-%03u", i % TEMPLATES, i);
}

static void make_world(struct cloud *c)
{
	struct rng r = rng_of(c->seed, 1);

	c->office = net_of(c, 145, 12);
	c->swapped = net_of(c, 193, 27);
	for (unsigned i = 0; i < HOMES; i++)
		c->homes[i] = net_of(c, 77 + i % 5, 160 + i);
	for (size_t i = 0; i < ARRAY_LEN(regions); i++)
		c->region[i] = stream_value(c->s, CLOUD_REGION, regions[i]);
	c->denied = stream_value(c->s, CLOUD_ERROR, "AccessDenied");
	c->login = op_of(c, "ConsoleLogin");
	for (int j = 0; j < JOBS; j++) {
		c->new_day[j] = (int32_t)(8 + rng_below(&r, DAYS - 12));
		for (int k = 0; k < 3; k++) {
			char name[VALUE_MAX];

			snprintf(name, sizeof(name), "%sService%d",
				 k == 0	  ? "List"
				 : k == 1 ? "Create"
					  : "Describe",
				 j);
			c->new_ops[j][k] = op_of(c, name);
		}
	}
	for (uint32_t i = 0; i < PEOPLE; i++)
		make_person(c, i);
	for (uint32_t i = 0; i < ROLES; i++)
		make_role(c, i);
}

/* ---- a day of a person ---- */

static uint16_t person_net(struct cloud *c, struct rng *r, struct person *p, int32_t day)
{
	if (p->away_until > day)
		return p->away;
	if (rng_chance(r, 0.6))
		return c->office;
	return day >= p->swap_day ? c->swapped : p->home;
}

static uint16_t person_op(struct cloud *c, struct rng *r, const struct person *p, int32_t day)
{
	double u = rng_unit(r);

	if (u < 0.02)
		return ANY(c, r, work_ops);
	if (u < 0.10)
		return op_of(c, read_ops[rng_zipf(r, ARRAY_LEN(read_ops))]);
	if (u < 0.20 && day >= c->new_day[p->job])
		return c->new_ops[p->job][rng_below(r, 3)];
	return p->ops[rng_zipf(r, JOB_OPS)];
}

static uint16_t person_region(struct cloud *c, struct rng *r, const struct person *p,
			      int32_t day)
{
	if (p->new_region && day >= 35 && rng_chance(r, 0.2))
		return c->region[3];
	return c->region[rng_chance(r, 0.93) ? 0 : 1 + rng_below(r, 2)];
}

/* Lists what there is, as one does before an audit or after an alarm. */
static void person_round(struct cloud *c, struct rng *r, uint32_t i, int64_t t, uint16_t net)
{
	uint16_t ua = c->p[i].uses_cli ? c->p[i].cli : c->p[i].browser;

	for (int k = 0, n = 15 + (int)rng_below(r, 25); k < n; k++) {
		t += (int64_t)(rng_unit(r) * 10 * (double)NS_PER_S);
		call(c, r, i, t, ANY(c, r, read_ops), net, ua, c->region[0]);
	}
}

/* What administrators and the help desk do that looks like an attack. */
static void person_duty(struct cloud *c, struct rng *r, uint32_t i, int64_t t, uint16_t net)
{
	struct person *p = &c->p[i];
	uint16_t ua = p->uses_cli && rng_chance(r, 0.5) ? p->cli : p->browser;

	if (p->job <= JOB_DATA && rng_chance(r, 0.015))
		person_round(c, r, i, t, net);
	if (p->job == JOB_HELPDESK && rng_chance(r, 0.4)) {
		t += (int64_t)(rng_unit(r) * 60) * MINUTES;
		call(c, r, i, t, op_of(c, credential_ops[rng_zipf(r, 4)]), net, p->browser,
		     c->region[2]);
	}
	if (p->job != JOB_ADMIN || !rng_chance(r, 0.12))
		return;
	for (int k = 0, n = 4 + (int)rng_below(r, 10); k < n; k++) {
		double u = rng_unit(r);
		uint16_t op = u < 0.4	? ANY(c, r, iam_ops)
			      : u < 0.6 ? ANY(c, r, compute_ops)
			      : u < 0.8 ? ANY(c, r, storage_ops)
					: ANY(c, r, read_ops);

		t += (int64_t)(rng_unit(r) * 6 * (double)MINUTES);
		call(c, r, i, t, op, net, ua, c->region[u < 0.4 ? 2 : 0]);
	}
}

static void person_session(struct cloud *c, struct rng *r, uint32_t i, int32_t day, int64_t t)
{
	struct person *p = &c->p[i];
	uint16_t net = person_net(c, r, p, day);
	bool cli = p->uses_cli && rng_chance(r, 0.4);
	uint16_t ua = cli ? p->cli : p->browser;
	int n = 5 + (int)rng_below(r, 19);

	if (!cli)
		call(c, r, i, t, c->login, net, ua, c->region[0]);
	for (int k = 0; k < n; k++) {
		struct rec *e;

		t += (int64_t)(-log(1 - rng_unit(r)) * 2.5 * (double)MINUTES / c->rate);
		e = call(c, r, i, t, person_op(c, r, p, day), net, ua,
			 person_region(c, r, p, day));
		if (e && rng_chance(r, 0.015))
			e->f[CLOUD_ERROR] = c->denied;
	}
	person_duty(c, r, i, t, net);
}

static void person_day(struct cloud *c, uint32_t i, int32_t day)
{
	struct rng r = rng_of(c->seed, 10000 + (uint64_t)i * 100 + (uint64_t)day);
	struct person *p = &c->p[i];
	bool weekend = (day + 3) % 7 >= 5;
	int sessions;

	if (day < p->from_day || !rng_chance(&r, weekend ? 0.06 : 0.85))
		return;
	if (p->away_until <= day && rng_chance(&r, 0.015)) {
		p->away_until = day + 2 + (int32_t)rng_below(&r, 4);
		p->away = net_of(c, 90 + rng_below(&r, 12), rng_below(&r, 20));
	}
	sessions = (int)((double)(1 + rng_below(&r, 3)) * c->rate + rng_unit(&r) * 0.999);
	for (int k = 0; k < MAX(sessions, 1); k++) {
		double at = p->hours + rng_unit(&r) * 8.5 + (rng_chance(&r, 0.04) ? 5 : 0);

		person_session(c, &r, i, day,
			       BEGIN + day * NS_PER_D + (int64_t)(at * (double)NS_PER_H));
	}
}

/* ---- a day of a role ---- */

static void role_burst(struct cloud *c, struct rng *r, uint32_t i, int64_t t, int n,
		       bool deploy)
{
	struct role *x = &c->r[i];

	for (int k = 0; k < n; k++) {
		double u = rng_unit(r);
		uint16_t op = !deploy	? op_of(c, read_ops[k % (int)ARRAY_LEN(read_ops)])
			      : u < 0.3 ? ANY(c, r, iam_ops)
			      : u < 0.5 ? ANY(c, r, compute_ops)
			      : u < 0.6 ? ANY(c, r, storage_ops)
			      : u < 0.8 ? ANY(c, r, work_ops)
					: ANY(c, r, read_ops);

		t += (int64_t)(rng_unit(r) * 4 * (double)NS_PER_S);
		call(c, r, PEOPLE + i, t, op, x->net[0], x->ua, c->region[0]);
	}
}

/* Templates 0 and 1 scan every night, 2 to 4 deploy twice a week, the others run on. */
static void role_day(struct cloud *c, uint32_t i, int32_t day)
{
	struct rng r = rng_of(c->seed, 100000 + (uint64_t)i * 100 + (uint64_t)day);
	struct role *x = &c->r[i];
	int64_t t = BEGIN + day * NS_PER_D;
	uint32_t rhythm = x->template % 3;
	int n;

	if (day == x->repurposed)
		make_template(c, x, (x->template + 7) % TEMPLATES);
	if (x->template <2 && i < 2 * TEMPLATES)
		role_burst(c, &r, i, t + 2 * NS_PER_H + i * MINUTES, 250, false);
	if (x->template >= 2 && x->template <5 && rng_chance(&r, 0.3))
		role_burst(c, &r, i, t + (int64_t)((9 + 8 * rng_unit(&r)) * (double)NS_PER_H),
			   20 + (int)rng_below(&r, 60), true);
	n = (int)((rhythm == 0 ? 24 : rhythm == 1 ? 12 : 48) * c->rate);
	for (int k = 0; k < n; k++) {
		double jitter = rhythm == 1 ? 600 * rng_unit(&r) : 86400.0 / n * rng_unit(&r);
		int64_t at = t + (int64_t)(jitter * (double)NS_PER_S);
		struct rec *e;

		at += rhythm == 1 ? (int64_t)(i % 24) * NS_PER_H : k * (NS_PER_D / n);
		e = call(c, &r, PEOPLE + i, at, x->ops[rng_zipf(&r, x->nops)],
			 x->net[rng_chance(&r, 0.8) ? 0 : 1], x->ua, c->region[0]);
		if (e && rng_chance(&r, 0.003))
			e->f[CLOUD_ERROR] = c->denied;
	}
}

/* ---- attacks ---- */

struct intrusion {
	struct cloud *c;
	struct rng r;
	uint16_t id, net, ua, cli;
	uint32_t victim;
	double pace; /* times the loud one's */
	int recon;   /* calls of step 4 */
};

static void act(struct intrusion *x, int step, int64_t t, uint16_t op)
{
	struct rec *e = call(x->c, &x->r, x->victim, t, op, x->net, step < 2 ? x->ua : x->cli,
			     x->c->region[step == 3 || step == 5 ? 2 : 0]);

	if (!e)
		return;
	e->attack = x->id;
	e->step = (uint8_t)step;
	e->host = 66;
	if (step == 4 && rng_chance(&x->r, 0.15))
		e->f[CLOUD_ERROR] = x->c->denied;
}

/* The seven steps; returns the minutes that this one takes. */
static double take_step(struct intrusion *x, int step, int64_t t)
{
	struct cloud *c = x->c;
	struct rng *r = &x->r;
	int n = step == 4 ? x->recon : step == 7 ? 15 : 1 + (int)rng_below(r, 2);
	double minutes = 0;

	for (int k = 0; k < n; k++) {
		uint16_t op = step == 1
				      ? (c->s->human[x->victim] ? c->login
								: op_of(c, "GetCallerIdentity"))
			      : step == 2 ? op_of(c, k ? "GetUser" : "GetCallerIdentity")
			      : step == 3 ? op_of(c, credential_ops[rng_below(r, 4)])
			      : step == 4 ? ANY(c, r, read_ops)
			      : step == 5 ? ANY(c, r, iam_ops)
			      : step == 6 ? ANY(c, r, compute_ops)
			      : k < 2	  ? ANY(c, r, storage_ops)
					  : op_of(c, "GetObject");

		act(x, step, t + (int64_t)(minutes * (double)MINUTES), op);
		minutes += (step == 4 || step == 7 ? 0.3 : 2) * (0.5 + rng_unit(r)) * x->pace;
	}
	return minutes + 3 * x->pace;
}

static void rehearse(struct intrusion *x, int64_t t)
{
	for (int d = 0; d < 12; d++) {
		double at = (double)t + d * (double)NS_PER_D;

		for (int k = 0, n = 2 + (int)rng_below(&x->r, 2); k < n; k++) {
			uint16_t op = rng_chance(&x->r, 0.3)   ? ANY(x->c, &x->r, iam_ops)
				      : rng_chance(&x->r, 0.3) ? ANY(x->c, &x->r, compute_ops)
				      : rng_chance(&x->r, 0.3)
					      ? ANY(x->c, &x->r, credential_ops)
					      : ANY(x->c, &x->r, read_ops);

			act(x, 0, (int64_t)at, op);
			at += 20 * rng_unit(&x->r) * (double)MINUTES;
		}
	}
}

static void disguise(struct intrusion *x, enum attack_kind kind)
{
	struct cloud *c = x->c;
	bool human = c->s->human[x->victim];
	const struct person *p = human ? &c->p[x->victim] : NULL;
	const struct role *q = human ? NULL : &c->r[x->victim - PEOPLE];

	x->pace = kind == ATTACK_QUIET ? 6 : 1;
	x->recon = kind == ATTACK_LOUD ? 40 : 12;
	x->ua = human ? p->browser : q->ua;
	x->cli = human ? p->cli : q->ua;
	if (kind == ATTACK_LOUD) {
		x->net = net_of(c, 185 + rng_below(&x->r, 5), 100 + rng_below(&x->r, 100));
		x->cli =
			stream_value(c->s, CLOUD_UA,
				     foreign_tools[rng_below(&x->r, ARRAY_LEN(foreign_tools))]);
	} else if (kind == ATTACK_REHEARSED) {
		x->net = human ? c->office : q->net[0];
		x->cli = x->ua;
	} else {
		x->net = c->homes[rng_below(&x->r, HOMES)];
	}
}

static void attack(struct cloud *c, struct rng *r, enum attack_kind kind, uint32_t victim,
		   int32_t day)
{
	int64_t t =
		BEGIN + day * NS_PER_D + (int64_t)((7 + 12 * rng_unit(r)) * (double)NS_PER_H);
	uint16_t id = stream_attack(c->s, kind, victim, t);
	struct intrusion x = {.c = c, .r = *r, .id = id, .victim = victim};

	if (!id)
		return;
	disguise(&x, kind);
	if (kind == ATTACK_REHEARSED) {
		rehearse(&x, t);
		t += 12 * NS_PER_D;
	}
	for (int step = 1; step <= 7; step++) {
		double minutes = take_step(&x, step, t);

		t += kind == ATTACK_SLOW ? NS_PER_D : (int64_t)(minutes * (double)MINUTES);
	}
	c->s->attacks[id - 1].end = t;
	*r = x.r;
}

/* Half of the victims people of any job; else administrators and the keys of programs. */
static uint32_t pick_victim(struct cloud *c, struct rng *r, bool *taken)
{
	uint32_t v = 0;

	for (int tries = 0; tries < 1000; tries++) {
		double u = rng_unit(r);

		v = u < 0.5   ? rng_below(r, PEOPLE)
		    : u < 0.7 ? rng_below(r, PEOPLE / JOBS) * JOBS + JOB_ADMIN
			      : PEOPLE + rng_below(r, ROLES);
		if (!taken[v] && !(v < PEOPLE && c->p[v].from_day > 20))
			break;
	}
	taken[v] = true;
	return v;
}

static void attacks(struct cloud *c, double per_day)
{
	static const struct {
		enum attack_kind kind;
		double share;
		int32_t days; /* it takes */
	} kinds[] = {{ATTACK_LOUD, 0.3, 1},
		     {ATTACK_QUIET, 0.3, 1},
		     {ATTACK_SLOW, 0.2, 7},
		     {ATTACK_REHEARSED, 0.2, 14}};
	bool taken[PEOPLE + ROLES] = {false};
	struct rng r = rng_of(c->seed, 2);

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		int n = (int)(per_day * (DAYS - ATTACKS) * kinds[k].share + 0.5);

		for (int i = 0; i < n; i++)
			attack(c, &r, kinds[k].kind, pick_victim(c, &r, taken),
			       ATTACKS + (int32_t)rng_below(&r, (uint32_t)(DAYS - ATTACKS + 1 -
									   kinds[k].days)));
	}
}

int stream_cloud(const struct stream_conf *conf, struct stream *ret_s)
{
	static struct cloud c;
	int r;

	*ret_s = (struct stream){.begin = BEGIN,
				 .attacks_from = BEGIN + ATTACKS * NS_PER_D,
				 .end = BEGIN + DAYS * NS_PER_D,
				 .nfields = 5};
	r = stream_entities(ret_s, PEOPLE + ROLES);
	if (r < 0)
		return r;
	c = (struct cloud){
		.s = ret_s, .seed = conf->seed, .rate = conf->rate > 0 ? conf->rate : 1};
	make_world(&c);
	for (int32_t day = 0; day < DAYS; day++) {
		for (uint32_t i = 0; i < PEOPLE; i++)
			person_day(&c, i, day);
		for (uint32_t i = 0; i < ROLES; i++)
			role_day(&c, i, day);
	}
	attacks(&c, conf->attacks > 0 ? conf->attacks : 1.5);
	stream_sort(ret_s);
	return ret_s->failed ? -ENOMEM : 0;
}
