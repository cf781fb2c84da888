/* SPDX-License-Identifier: Apache-2.0 */
#include "main/confine.h"
#include "proc/keeper.h"
#include "proc/sandbox.h"
#include "sense/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char told[160] = "no sandbox";

const char *confine_told(void)
{
	return told;
}

static bool off(const struct config *c)
{
	return str_eqz(c->sandbox, "off");
}

/* The folder that a file stands in: a rule for a file would not hold for the next of its name.
 */
static const char *folder_of(struct config *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *z = slash ? arena_strz(&c->mem,
				     str_n(path, slash == path ? 1 : (size_t)(slash - path)))
			: NULL;

	return z ? z : ".";
}

static void read_file(struct config *c, struct sandbox *s, const char *path)
{
	char full[4096];

	if (!path)
		return;
	sandbox_read(s, folder_of(c, path));
	/* Certificates and rotated logs are often links into another folder. */
	if (realpath(path, full))
		sandbox_read(s, folder_of(c, arena_strz(&c->mem, str_of(full))));
}

static void read_input(struct config *c, struct sandbox *s, const char *path)
{
	struct stat sb;

	if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode))
		sandbox_read(s, path);
	else
		read_file(c, s, path);
}

/* The port at the end of "ADDRESS:PORT" or "scheme://HOST:PORT/path", "ADDRESS:PORT/what"; def
 * when there is none.
 */
static unsigned port_of(const char *where, unsigned def)
{
	struct str s = str_of(where), rest;
	size_t at = str_find(s, STR("://"));
	int64_t n;

	if (at != SIZE_MAX)
		s = str_sub(s, at + 3, s.len);
	s = str_cut(s, '/', &rest);
	at = s.len;
	while (at && s.p[at - 1] != ':' && s.p[at - 1] != ']')
		at--;
	return at && s.p[at - 1] == ':' && str_i64(str_sub(s, at, s.len), &n) && n >= 0 &&
			       n <= 65535
		       ? (unsigned)n
		       : def;
}

static unsigned default_port(const char *url)
{
	static const struct {
		const char *scheme;
		unsigned port;
	} known[] = {
		{"https:", 443}, {"http:", 80}, {"smtps:", 465}, {"smtp:", 25}, {"tls:", 6514}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_starts(str_of(url), str_of(known[i].scheme)))
			return known[i].port;
	return 514;
}

static void outputs(struct config *c, struct sandbox *s)
{
	for (size_t i = 0; i < c->outputs.n; i++) {
		const struct output_conf *o = &c->outputs.v[i];

		read_file(c, s, o->ca);
		read_file(c, s, o->token_file);
		read_file(c, s, o->password_file);
		if (o->file)
			sandbox_write(s, folder_of(c, o->file));
		if (!o->url)
			continue;
		sandbox_connect(s, port_of(o->url, default_port(o->url)));
		sandbox_connect(s, 53); /* names that do not fit into a datagram */
	}
}

static int oidc(struct config *c, struct sandbox *s)
{
	const char *issuer;

	if (!c->oidc_issuer.len)
		return 0;
	issuer = arena_strz(&c->mem, c->oidc_issuer);
	sandbox_connect(s, port_of(issuer, default_port(issuer)));
	sandbox_connect(s, 53);
	if (c->oidc_secret_file.len)
		read_file(c, s, arena_strz(&c->mem, c->oidc_secret_file));
	if (c->oidc_ca.len)
		read_file(c, s, arena_strz(&c->mem, c->oidc_ca));
	return 0;
}

/* Temporary files stand in the store: nothing else need be written to. */
static void temporary(const char *store)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s/tmp", store);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return;
	setenv("TMPDIR", dir, 1);
	setenv("SQLITE_TMPDIR", dir, 1);
}

static int fill(struct config *c, const struct confine *x, struct sandbox *s, struct diag *d)
{
	int fd;

	sandbox_usual(s);
	sandbox_read(s, config_share(c, "."));
	sandbox_read(s, x->ui);
	read_file(c, s, x->config_file);
	for (size_t i = 0; i < c->models.n; i++)
		read_input(c, s, c->models.v[i]);
	for (size_t i = 0; i < x->ninputs; i++)
		read_input(c, s, x->inputs[i]);
	read_file(c, s, c->tls_cert.len ? arena_strz(&c->mem, c->tls_cert) : NULL);
	read_file(c, s, c->tls_key.len ? arena_strz(&c->mem, c->tls_key) : NULL);
	if (c->syslog_tls_clients.len)
		read_file(c, s, arena_strz(&c->mem, c->syslog_tls_clients));
	sandbox_write(s, x->store);
	if (x->findings_file) {
		fd = open(x->findings_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (fd < 0)
			return diag_set(d, -errno, "%s: %s", x->findings_file, strerror(errno));
		close(fd);
		sandbox_write(s, x->findings_file);
	}
	if (keeper_there()) { /* who listens for us */
		outputs(c, s);
		return oidc(c, s);
	}
	if (x->listen)
		sandbox_bind(s, port_of(x->listen, 0));
	for (size_t i = 0; i < c->syslog_tcp.n; i++)
		sandbox_bind(s, port_of(c->syslog_tcp.v[i], 514));
	for (size_t i = 0; i < c->syslog_tls.n; i++)
		sandbox_bind(s, port_of(c->syslog_tls.v[i], 6514));
	for (size_t i = 0; i < c->decoys.n; i++)
		sandbox_bind(s, port_of(c->decoys.v[i], 0));
	outputs(c, s);
	return oidc(c, s);
}

static int name_address(struct keeper *k, const char *where, int type)
{
	struct str s = str_of(where), rest;
	struct sockaddr_storage ss;
	socklen_t len;
	char z[128];

	s = str_cut(s, '/', &rest); /* of decoys: what they play */
	snprintf(z, sizeof(z), "%.*s", STR_ARG(s));
	/* What is no address is complained of by who listens there. */
	return socket_address(z, &ss, &len) < 0
		       ? 0
		       : keeper_address(k, (struct sockaddr *)&ss, len, type);
}

/* A second process for what needs privileges, where there are any and they are needed. */
static int start_keeper(const struct config *c, const struct confine *x, struct diag *d)
{
	struct keeper *k = keeper_new();
	int r = k ? 0 : -ENOMEM;

	if (r == 0 && x->listen)
		r = name_address(k, x->listen, SOCK_STREAM | KEEPER_V6ONLY);
	for (size_t i = 0; r == 0 && i < c->syslog_udp.n && x->takes; i++)
		r = name_address(k, c->syslog_udp.v[i], SOCK_DGRAM);
	for (size_t i = 0; r == 0 && i < c->syslog_tcp.n && x->takes; i++)
		r = name_address(k, c->syslog_tcp.v[i], SOCK_STREAM);
	for (size_t i = 0; r == 0 && i < c->syslog_tls.n && x->takes; i++)
		r = name_address(k, c->syslog_tls.v[i], SOCK_STREAM);
	for (size_t i = 0; r == 0 && i < c->decoys.n && x->takes; i++)
		r = name_address(k, c->decoys.v[i], SOCK_STREAM);
	if (r == 0 && c->capture.n && x->takes)
		r = keeper_packets(k);
	if (r == 0 && keeper_needed(k))
		return keeper_start(k, d); /* k is what is asked by, to the end */
	keeper_free(k);
	return r < 0 ? diag_set(d, r, "too many addresses") : 0;
}

int confine_files(struct config *c, const struct confine *x, struct diag *d)
{
	struct sandbox *s;
	int r = 0;

	if (c->user.len && geteuid() == 0)
		r = sandbox_user(arena_strz(&c->mem, c->user), d);
	if (r < 0 || off(c))
		return r;
	r = start_keeper(c, x, d);
	if (r < 0)
		return r;
	if (mkdir(x->store, 0700) < 0 && errno != EEXIST)
		return diag_set(d, -errno, "%s: %s", x->store, strerror(errno));
	temporary(x->store);
	s = calloc(1, sizeof(*s));
	if (!s)
		return diag_set(d, -ENOMEM, "out of memory");
	r = fill(c, x, s, d);
	if (r == 0)
		r = sandbox_files(s, d);
	if (r == 0 && !s->landlock && str_eqz(c->sandbox, "required"))
		r = diag_set(d, -ENOSYS, "this kernel has no Landlock, and it is required");
	if (r == 0 && s->landlock)
		snprintf(told, sizeof(told), "sandbox:%s Landlock %d%s",
			 keeper_there() ? " privileges with the keeper," : "", s->landlock,
			 s->ports ? ", files and TCP ports" : ", files");
	else if (r == 0)
		snprintf(told, sizeof(told), "sandbox: this kernel has no Landlock");
	free(s);
	return r;
}

int confine_calls(const struct config *c, struct diag *d)
{
	size_t n = strlen(told);
	int r;

	if (off(c))
		return 0;
	r = sandbox_calls(d);
	if (r == -ENOSYS && !str_eqz(c->sandbox, "required"))
		r = 0;
	else if (r == 0)
		snprintf(told + n, sizeof(told) - n, ", seccomp");
	return r;
}
