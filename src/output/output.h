/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: findings to other programs. Each output has a thread of its own that follows the
 * store's feed from the place it had reached (DIR/output-NAME.at), so that nothing is lost
 * while a receiver is away or we are not running, and one that is slow holds nobody up: a
 * finding is sent at least once, an incident again when its severity or status is another. An
 * output that is behind by more than behind_max entries of the feed skips the oldest and counts
 * them; what the receiver refuses for good (HTTP 4xx, SMTP 5xx) is counted and left. Memory is
 * bounded by one finding.
 */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H
#include "base/buf.h"
#include "base/err.h"
#include "base/yaml.h"

#define OUTPUTS_MAX	 32
#define OUTPUT_LIST_MAX	 16
#define OUTPUT_ERROR_MAX 256

struct output_ops;

/* One output as configured; texts live as long as the configuration. */
struct output_conf {
	const char *name; /* a-z, 0-9, '-' */
	const struct output_ops *ops;
	struct str format;	/* json, ocsf, stix, cef, leef, text */
	bool alerts, incidents; /* what is sent */
	int severity_min;	/* 0 informational .. 4 critical */
	struct str queue;	/* threat, compliance, or empty: both */
	const char *url; /* https://..., udp://HOST:PORT, tcp://, tls://, smtp://, smtps:// */
	const char *file;
	const char *ca;		/* PEM file of who may sign the receiver's certificate */
	const char *token_file; /* webhook: sent as a bearer token */
	const char *user, *password_file;
	const char *from;
	const char *to[OUTPUT_LIST_MAX];
	size_t nto;
	bool plain; /* email: without TLS */
	int64_t behind_max;
};

struct outputs_conf {
	struct output_conf v[OUTPUTS_MAX];
	size_t n;
};

/* Reads a list of maps; texts are views into y. 0, or E_SYNTAX with d. */
MUST int outputs_read(const struct yaml *y, const struct yaml_node *list,
		      struct outputs_conf *ret_c, struct diag *d);

struct output_stats {
	const char *name, *kind;
	uint64_t sent, refused, skipped, failures; /* failures: tries that came to nothing */
	uint64_t behind;			   /* entries of the feed not looked at yet */
	bool waiting;				   /* the last try failed */
	char error[OUTPUT_ERROR_MAX];		   /* what the last failure said */
};

struct outputs;
/* Starts one thread each. conf, dir and version are borrowed until outputs_stop. */
MUST int outputs_start(const struct outputs_conf *conf, const char *dir, const char *version,
		       struct outputs **ret_o, struct diag *d);
/* Ends after the finding at work; places are kept. NULL is fine. Always returns NULL. */
struct outputs *outputs_stop(struct outputs *o);
size_t outputs_count(const struct outputs *o);
void outputs_stats(struct outputs *o, size_t i, struct output_stats *ret_s);

#endif
