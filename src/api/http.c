/* SPDX-License-Identifier: Apache-2.0 */
#include "api/auth.h"
#include "api/impl.h"
#include "api/mask.h"
#include "base/hash.h"
#include "proc/keeper.h"
#include "sense/socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX   (1024 * MIB)
#define CONNECTIONS 512
#define IDLE_S	    60
#define HSTS	    "max-age=31536000"
#define PRIORITIES  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct call {
	struct buf body;
	bool seen, too_long;
};

void http_common(const struct api *a, struct MHD_Response *r)
{
	static const char *const h[][2] = {
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Frame-Options", "DENY"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Content-Security-Policy",
		 "default-src 'self'; script-src 'self'; style-src 'self'; worker-src 'self'; "
		 "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri "
		 "'none'; "
		 "form-action 'self'; frame-ancestors 'none'"},
	};

	for (size_t i = 0; i < ARRAY_LEN(h); i++)
		MHD_add_response_header(r, h[i][0], h[i][1]);
	if (a->secure)
		MHD_add_response_header(r, "Strict-Transport-Security", HSTS);
}

/* "thymus.example" of "https://thymus.example/"; empty when no url is known. */
static struct str url_host(const struct api *a)
{
	struct str url = str_of(a->conf.url), rest;
	size_t at = str_find(url, STR("://"));

	return at == SIZE_MAX ? str_n(NULL, 0)
			      : str_cut(str_sub(url, at + 3, url.len), '/', &rest);
}

/*
 * The name under which we were called must be ours. Otherwise a page of a stranger whose name
 * was made to mean 127.0.0.1 (DNS rebinding) could read what stands here.
 */
static bool host_is_ours(const struct api *a, struct MHD_Connection *c)
{
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	struct str h = str_of(host), name, rest;

	if (!a->loopback)
		return true;
	if (h.len && str_ieq(h, url_host(a)))
		return true;
	if (h.len && h.p[0] == '[')
		name = str_sub(h, 0, str_chr(h, ']', 0) + 1);
	else
		name = str_cut(h, ':', &rest);
	return str_eqz(name, "127.0.0.1") || str_ieqz(name, "localhost") ||
	       str_eqz(name, "[::1]");
}

static enum req_format format_of(struct req *q)
{
	struct str f = req_query(q, "format"), accept = req_header(q, "Accept");

	if (str_eqz(f, "csv") || (!f.len && str_find(accept, STR("text/csv")) != SIZE_MAX))
		return FORMAT_CSV;
	if (str_eqz(f, "ndjson") ||
	    (!f.len && str_find(accept, STR("application/x-ndjson")) != SIZE_MAX))
		return FORMAT_NDJSON;
	return FORMAT_JSON;
}

static void add_z(struct MHD_Response *r, const char *name, struct arena *mem, struct str v)
{
	char *z = v.len ? arena_strz(mem, v) : NULL;

	if (z)
		MHD_add_response_header(r, name, z);
}

/* A list as a file, of which this is the first part. */
static bool goes_on(struct req *q)
{
	return q->status == 200 && q->format != FORMAT_JSON && q->next.len &&
	       !req_query(q, "limit").len;
}

static enum MHD_Result answer(struct req *q)
{
	struct str out, match = req_header(q, "If-None-Match");
	struct MHD_Response *r = NULL;
	enum MHD_Result ret;

	if (goes_on(q) && !(r = file_response(q))) {
		q->retry_s = 5;
		req_problem(q, 503, "Too many files at a time", "try again in %u s",
			    q->retry_s);
	}
	if (q->status >= 400)
		q->format = FORMAT_JSON;
	out = buf_str(&q->out);
	if (!r && q->status == 200 && str_eqz(str_of(q->method), "GET") && !q->cookie.len)
		q->etag = req_etag(q, out);
	if (q->etag.len && str_eq(match, q->etag)) {
		q->status = 304;
		out.len = 0;
	}
	if (!r)
		r = MHD_create_response_from_buffer(out.len,
						    (void *)(uintptr_t)(out.p ? out.p : ""),
						    MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	http_common(q->api, r);
	MHD_add_response_header(r, "Content-Type", q->type);
	MHD_add_response_header(r, "Cache-Control", "no-cache");
	add_z(r, "ETag", &q->mem, q->etag);
	add_z(r, "Set-Cookie", &q->mem, q->cookie);
	add_z(r, "Location", &q->mem, q->location);
	if (q->retry_s)
		add_z(r, "Retry-After", &q->mem, arena_fmt(&q->mem, "%u", q->retry_s));
	if (q->format != FORMAT_JSON)
		MHD_add_response_header(r, "Content-Disposition",
					q->format == FORMAT_CSV
						? "attachment; filename=\"thymus.csv\""
						: "attachment; filename=\"thymus.ndjson\"");
	ret = MHD_queue_response(q->conn, q->status, r);
	MHD_destroy_response(r);
	return ret;
}

/* Runs the route; what a JSON answer tells of persons goes when who asks may not see it. */
static int run(struct req *q)
{
	int r = auth_identify(q);
	struct str clean = {NULL, 0};

	if (r == 0)
		r = route_run(q);
	if (r < 0 || q->status != 200 || !q->who.rights || !req_masked(q) || q->own)
		return r;
	if (!str_eqz(str_of(q->type), "application/json"))
		return q->clean ? r
				: req_problem(q, 403, "Not in this form",
					      "your role sees persons masked, which this form "
					      "is not");
	r = mask_json(q, buf_str(&q->out), &clean);
	buf_clear(&q->out);
	buf_add(&q->out, clean);
	return r;
}

void req_begin(struct req *q, struct api *a, struct MHD_Connection *c, const char *method,
	       struct str path)
{
	*q = (struct req){.api = a,
			  .conf = &a->conf,
			  .conn = c,
			  .method = method,
			  .path = path,
			  .status = 200,
			  .type = "application/json"};
	arena_init(&q->mem, ARENA_MAX);
	buf_init(&q->out, REQ_OUT_MAX);
	q->format = format_of(q);
}

void req_run(struct req *q)
{
	struct diag d = {{0}};
	int r;

	if (!host_is_ours(q->api, q->conn))
		r = req_problem(q, 421, "Wrong host",
				"this server answers only under its own name");
	else
		r = run(q);
	if (r == 0)
		r = buf_err(&q->out);
	if (r < 0)
		req_failed(q, r, &d);
}

void req_end(struct req *q)
{
	store_close(q->st);
	buf_free(&q->out);
	arena_free(&q->mem);
}

static enum MHD_Result api_call(struct api *a, struct MHD_Connection *c, const char *method,
				const char *path, const struct call *x)
{
	struct req q;
	enum MHD_Result ret;

	req_begin(&q, a, c, method, str_of(path));
	q.body = buf_str(&x->body);
	if (x->too_long)
		req_problem(&q, 413, "Too long", "a request has at most %lu bytes",
			    (unsigned long)REQ_BODY_MAX);
	else
		req_run(&q);
	ret = answer(&q);
	req_end(&q);
	return ret;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **con)
{
	struct api *a = cls;
	struct call *x = *con;
	enum MHD_Result ret;
	bool get = strcmp(method, "GET") == 0, head = strcmp(method, "HEAD") == 0;

	(void)version;
	if (!x) {
		*con = x = calloc(1, sizeof(*x));
		if (x)
			buf_init(&x->body, REQ_BODY_MAX);
		return x ? MHD_YES : MHD_NO;
	}
	if (*size) {
		buf_add(&x->body, str_n(data, *size));
		x->too_long |= buf_err(&x->body) != 0;
		*size = 0;
		return MHD_YES;
	}
	if (strncmp(url, "/api/v1/", 8) != 0)
		return static_answer(a, c, get || head ? url : "", head);
	if (get && strcmp(url, "/api/v1/stream") == 0 && host_is_ours(a, c) &&
	    auth_may(a, c, ROLE_VIEWER) && stream_answer(a, c, &ret))
		return ret;
	return api_call(a, c, method, url + 7, x);
}

static void done(void *cls, struct MHD_Connection *c, void **con,
		 enum MHD_RequestTerminationCode code)
{
	struct call *x = *con;

	(void)cls;
	(void)c;
	(void)code;
	if (x)
		buf_free(&x->body);
	free(x);
	*con = NULL;
}

/* Our own decoder sees the path as it came: a '/' inside a name stays one. */
static size_t keep_escapes(void *cls, struct MHD_Connection *c, char *s)
{
	struct str all = str_of(s);

	(void)cls;
	(void)c;
	return strncmp(s, "/api/v1/", 8) == 0 ? all.len : MHD_http_unescape(s);
}

static int parse_listen(struct api *a, struct sockaddr_storage *ss, struct diag *d)
{
	struct str l = str_of(a->conf.listen), host, port;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;
	size_t at = l.len;
	int64_t n;

	while (at && l.p[at - 1] != ':')
		at--;
	host = str_sub(l, 0, at ? at - 1 : 0);
	port = str_sub(l, at, l.len);
	if (host.len > 1 && host.p[0] == '[')
		host = str_sub(host, 1, host.len - 1);
	if (!host.len || host.len >= sizeof(a->host) || !str_i64(port, &n) || n < 0 ||
	    n > 65535)
		return diag_set(d, -EINVAL, "'%s' is no ADDRESS:PORT", a->conf.listen);
	memcpy(a->host, host.p, host.len);
	*ss = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, a->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)n);
		a->loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
	} else if (inet_pton(AF_INET6, a->host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)n);
		a->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	} else {
		return diag_set(d, -EINVAL, "'%s' is no address", a->host);
	}
	return 0;
}

/* Reads or makes the certificate, where one is needed. */
static int start_tls(struct api *a, struct diag *d)
{
	char host[256] = "";
	const char *names[] = {"localhost", "127.0.0.1", a->host, host};
	struct cert_conf conf = {.dir = a->conf.store,
				 .cert = a->conf.tls_cert,
				 .key = a->conf.tls_key,
				 .names = names,
				 .nnames = 3,
				 .now = req_now()};

	a->tls = a->conf.tls || a->conf.tls_cert || a->conf.tls_key || !a->loopback;
	a->secure = a->tls || str_starts(str_of(a->conf.url), STR("https://"));
	if (!a->tls)
		return 0;
	if (gethostname(host, sizeof(host) - 1) == 0 && host[0])
		conf.nnames++;
	return cert_open(&conf, &a->mem, &a->cert, d);
}

/* From the keeper, where there is one: it may listen where we may not. */
static int listen_by_keeper(struct api *a, const struct sockaddr_storage *ss,
			    struct MHD_OptionItem *ret_o, struct diag *d)
{
	socklen_t len = ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						  : sizeof(struct sockaddr_in);
	int fd, r;

	if (!keeper_there())
		return 0;
	r = keeper_listen((const struct sockaddr *)ss, len, SOCK_STREAM | KEEPER_V6ONLY, &fd);
	if (r < 0)
		return diag_set(d, r, "cannot listen on %s: %s", a->conf.listen, strerror(-r));
	*ret_o = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, fd, NULL};
	a->port = socket_port(fd);
	return 0;
}

static int start(struct api *a, struct diag *d)
{
	struct sockaddr_storage ss;
	const union MHD_DaemonInfo *info;
	unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem own = {MHD_OPTION_END, 0, NULL};
	struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL},
				       {MHD_OPTION_END, 0, NULL},
				       {MHD_OPTION_END, 0, NULL},
				       {MHD_OPTION_END, 0, NULL}};
	int r = parse_listen(a, &ss, d);

	if (r < 0)
		return r;
	if (a->conf.open && !a->loopback)
		return diag_set(d, -EACCES,
				"without signing in only an address of this machine is served");
	if ((r = start_tls(a, d)) < 0 || (r = auth_start(a, d)) < 0)
		return r;
	if (a->users && (r = oidc_new(&a->conf.oidc, &a->oidc, d)) < 0)
		return r;
	if (a->tls) {
		flags |= MHD_USE_TLS;
		tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, a->cert.key};
		tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, a->cert.cert};
		tls[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
						 (void *)(uintptr_t)PRIORITIES};
	}
	if (ss.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	if ((r = listen_by_keeper(a, &ss, &own, d)) < 0)
		return r;
	a->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, handle, a, MHD_OPTION_SOCK_ADDR, &ss,
		MHD_OPTION_THREAD_POOL_SIZE, a->conf.threads ? a->conf.threads : 4u,
		MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_ARRAY, tls,
		MHD_OPTION_ARRAY, (struct MHD_OptionItem[]){own, {MHD_OPTION_END, 0, NULL}},
		MHD_OPTION_END);
	if (!a->daemon && own.option == MHD_OPTION_LISTEN_SOCKET)
		close((int)own.value);
	if (!a->daemon)
		return diag_set(d, -errno, "cannot listen on %s: %s", a->conf.listen,
				strerror(errno));
	info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (!a->port)
		a->port = info ? info->port : 0;
	return stream_start(a);
}

int api_start(const struct api_conf *conf, struct api **ret_api, struct diag *d)
{
	struct api *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->conf = *conf;
	arena_init(&a->mem, 4 * MIB);
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->changing, NULL);
	a->index = store_index_new(conf->store);
	if (conf->inquiry.sources)
		a->evidence = evidence_pool_new(&conf->inquiry);
	r = a->index && (a->evidence || !conf->inquiry.sources) ? start(a, d) : -ENOMEM;
	if (r < 0) {
		api_stop(a);
		return r;
	}
	*ret_api = a;
	return 0;
}

unsigned api_port(const struct api *a)
{
	return a->port;
}

bool api_tls(const struct api *a)
{
	return a->tls;
}

const char *api_print(const struct api *a)
{
	return a->tls && a->cert.own ? a->cert.print : NULL;
}

struct api *api_stop(struct api *a)
{
	if (!a)
		return NULL;
	stream_stop(a);
	if (a->daemon)
		MHD_stop_daemon(a->daemon);
	auth_stop(a);
	oidc_free(a->oidc);
	evidence_pool_free(a->evidence);
	store_index_free(a->index);
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->changing);
	arena_free(&a->mem);
	free(a);
	return NULL;
}
