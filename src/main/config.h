/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/config: every option in one table (config.c): name, type, unit, default and text. A
 * configuration file is a YAML map of them; the command line overrides single ones.
 */
#ifndef MAIN_CONFIG_H
#define MAIN_CONFIG_H
#include "base/buf.h"
#include "base/yaml.h"
#include "output/output.h"

#define CONFIG_LIST_MAX 256

struct config_list {
	const char *v[CONFIG_LIST_MAX];
	size_t n;
};

struct config {
	struct arena mem;
	struct yaml *file; /* as loaded last; placeholders stand in it */
	const struct yaml_node *placeholders;
	struct str share_dir; /* holds sources/, learned/, models/ and lists/ */
	struct str store_dir;
	struct str suppress_dir;   /* of the store that is written; no option */
	struct config_list models; /* folders of the user's own rules, beside models/ */
	struct config_list networks, domains;
	double alerts_per_day, compliance_per_day;
	int64_t threads, learn_memory_mib, hold_memory_mib, entities_max;
	struct str oui_dir;
	/* Of the daemon: */
	struct config_list inputs, syslog_udp, syslog_tcp, syslog_tls, decoys;
	struct str syslog_tls_clients;
	double lateness_s, flush_s, checkpoint_s;
	int64_t disk_reserve_mib, spool_mib;
	struct config_list capture; /* interfaces */
	struct str capture_filter;
	double capture_interval_s;
	int64_t capture_threads, capture_ring_mib, capture_promiscuous;
	int64_t capture_keep_mib, capture_keep_minutes, evidence_mib, carve_mib;
	double retain_events_days, retain_findings_days;
	int64_t retain_events_mib;
	struct outputs_conf outputs; /* texts stand in `file` */
	/* Of page and API: */
	struct str tls_cert, tls_key, url;
	double session_h;
	struct str sandbox, user;
	struct str rephrase_url, rephrase_model, rephrase_token_file, rephrase_ca;
	struct str oidc_issuer, oidc_client, oidc_secret_file, oidc_ca, oidc_scope;
	struct str oidc_name_claim, oidc_role_claim;
	struct config_list oidc_roles;
};

/* Defaults. 0 or -ENOMEM. Free with config_free. */
MUST int config_init(struct config *c);
/* Reads a file over the defaults; unknown keys and wrong types are errors with a caret. */
MUST int config_load(struct config *c, const char *path, struct diag *d);
void config_free(struct config *c);
/* The reference of all options as text, one paragraph each. */
void config_reference(void);
/* Every option with its value and text, as a JSON array. */
void config_json(struct config *c, struct buf *b);
/* "SHARE/NAME", made in c->mem. */
const char *config_share(struct config *c, const char *name);

#endif
