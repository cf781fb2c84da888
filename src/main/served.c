/* SPDX-License-Identifier: Apache-2.0 */
#include "main/served.h"
#include <stdio.h>
#include <unistd.h>

static void list_json(struct buf *b, const char *key, const struct str *v, size_t n)
{
	buf_fmt(b, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(b, ',');
		buf_json(b, v[i]);
	}
	buf_addc(b, ']');
}

static void model_json(struct buf *b, const struct model *m)
{
	struct str rest, family = str_cut(m->name, '/', &rest);

	buf_addz(b, "{\"name\":");
	buf_json(b, m->name);
	buf_addz(b, ",\"title\":");
	buf_json(b, m->title);
	buf_addz(b, ",\"family\":");
	buf_json(b, rest.p ? family : STR("own"));
	buf_fmt(b, ",\"level\":\"%s\",\"state\":\"%s\"", severity_name(m->level),
		m->cannot_fire ? "cannot fire" : "loaded");
	if (m->cannot_fire) {
		buf_addz(b, ",\"why\":");
		buf_json(b, str_of(m->cannot_fire));
	}
	list_json(b, "attack", m->attack, m->nattack);
	if (m->phase.len) {
		buf_addz(b, ",\"phase\":");
		buf_json(b, m->phase);
	}
	if (m->response.len) {
		buf_addz(b, ",\"response\":");
		buf_json(b, m->response);
	}
	buf_addc(b, '}');
}

void served_models(struct buf *b, const struct pipeline *p)
{
	const struct model *const *m;
	size_t n = detect_models(p->detect, &m);

	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(b, ',');
		model_json(b, m[i]);
	}
	buf_addc(b, ']');
}

const char *served_ui(struct config *c)
{
	const char *ui = config_share(c, "ui/dist");

	return ui && access(ui, R_OK) == 0 ? ui : NULL;
}

static const char *text(struct config *c, struct str s)
{
	return s.len ? arena_strz(&c->mem, s) : NULL;
}

void served_conf(struct config *c, struct api_conf *ret_api)
{
	ret_api->questions_dir = config_share(c, "questions");
	ret_api->lists_dir = config_share(c, "lists");
	ret_api->idle = (int64_t)(c->session_h * 3600e9);
	ret_api->tls_cert = text(c, c->tls_cert);
	ret_api->tls_key = text(c, c->tls_key);
	ret_api->url = text(c, c->url);
	ret_api->oidc = (struct oidc_conf){.issuer = text(c, c->oidc_issuer),
					   .client = text(c, c->oidc_client),
					   .secret_file = text(c, c->oidc_secret_file),
					   .ca = text(c, c->oidc_ca),
					   .scope = text(c, c->oidc_scope),
					   .name_claim = text(c, c->oidc_name_claim),
					   .role_claim = text(c, c->oidc_role_claim)};
	for (size_t i = 0; i < MIN(c->oidc_roles.n, (size_t)OIDC_ROLES_MAX); i++)
		ret_api->oidc.roles[ret_api->oidc.nroles++] = c->oidc_roles.v[i];
}

void served_tell(const struct api *a, const char *listen, void (*tell)(const char *line))
{
	char line[512], at[300];
	const char *scheme = api_tls(a) ? "https" : "http";

	snprintf(at, sizeof(at), "%s://%.*s%u/", scheme,
		 (int)(strrchr(listen, ':') - listen + 1), listen, api_port(a));
	tell(at);
	if (api_print(a)) {
		snprintf(line, sizeof(line), "its certificate is its own; SHA-256 %s",
			 api_print(a));
		tell(line);
	}
	if (!api_setup(a))
		return;
	snprintf(line, sizeof(line),
		 "nobody can sign in yet; make the first user here (once, within a day): "
		 "%ssetup#%s",
		 at, api_setup(a));
	tell(line);
}
