/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oidc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/secret.h"
#include "store/users.h"
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define PENDING	    256 /* log-ins under way; the oldest goes */
#define LASTS	    (600 * NS_PER_S)
#define SKEW_S	    60
#define TOKEN_AGE_S 600
#define ANSWER_MAX  (256 * KIB)
#define RANDOM	    32
#define TEXT_MAX    64 /* base64url of RANDOM bytes, with NUL */

struct pending {
	char state[TEXT_MAX], nonce[TEXT_MAX], verifier[TEXT_MAX];
	int64_t made; /* 0 = free */
};

struct oidc {
	const struct oidc_conf *conf;
	pthread_mutex_t lock;
	struct pending v[PENDING];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void global(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool begins(const char *z, const char *with)
{
	return str_starts(str_of(z), str_of(with));
}

/* TLS, or a provider on this machine. */
static bool trusted(const char *url)
{
	static const char *const here[] = {
		"http://localhost:", "http://127.0.0.1:", "http://[::1]:"};

	for (size_t i = 0; i < ARRAY_LEN(here); i++)
		if (begins(url, here[i]))
			return true;
	return begins(url, "https://");
}

int oidc_new(const struct oidc_conf *conf, struct oidc **ret_o, struct diag *d)
{
	struct oidc *o;

	*ret_o = NULL;
	if (!conf->issuer)
		return 0;
	if (!conf->client || !conf->nroles)
		return diag_set(d, -EINVAL, "oidc_issuer wants oidc_client and oidc_roles");
	if (!trusted(conf->issuer))
		return diag_set(d, -EINVAL, "oidc_issuer begins with https://");
	for (size_t i = 0; i < conf->nroles; i++) {
		struct str all = str_of(conf->roles[i]);
		size_t at = all.len;

		while (at && all.p[at - 1] != '=')
			at--;
		if (at < 2 || users_role(str_sub(all, at, all.len)) == ROLE_ANYONE ||
		    users_role(str_sub(all, at, all.len)) == ROLE_SENSOR)
			return diag_set(d, -EINVAL, "oidc_roles: '%s' is no VALUE=ROLE",
					conf->roles[i]);
	}
	o = calloc(1, sizeof(*o));
	if (!o || sodium_init() < 0) {
		free(o);
		return diag_set(d, -ENOMEM, "out of memory");
	}
	pthread_once(&once, global);
	o->conf = conf;
	pthread_mutex_init(&o->lock, NULL);
	*ret_o = o;
	return 0;
}

struct oidc *oidc_free(struct oidc *o)
{
	if (o) {
		pthread_mutex_destroy(&o->lock);
		sodium_memzero(o->v, sizeof(o->v));
		free(o);
	}
	return NULL;
}

struct str oidc_host(const struct oidc *o)
{
	struct str url = str_of(o->conf->issuer), rest;
	size_t at = str_find(url, STR("://"));

	return str_cut(str_sub(url, at + 3, url.len), '/', &rest);
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, str_n(p, size * n));
	return buf_err(b) ? 0 : size * n;
}

/* GET, or POST of a form; the answer's JSON is taken apart in *j. */
static int fetch(struct oidc *o, const char *url, const char *form, struct arena *mem,
		 struct json *j, struct diag *d)
{
	CURL *c = curl_easy_init();
	char error[CURL_ERROR_SIZE] = "";
	struct str secret = {NULL, 0};
	struct buf out;
	long status = 0;
	CURLcode e;
	int r = 0;

	json_init(j);
	if (!c)
		return diag_set(d, -ENOMEM, "out of memory");
	buf_init(&out, ANSWER_MAX);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &out);
	if (o->conf->ca)
		curl_easy_setopt(c, CURLOPT_CAINFO, o->conf->ca);
	if (form)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, form);
	if (form && o->conf->secret_file) {
		r = secret_read(o->conf->secret_file, mem, &secret, d);
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, o->conf->client);
		curl_easy_setopt(c, CURLOPT_PASSWORD,
				 secret.len ? arena_strz(mem, secret) : "");
	}
	e = r == 0 ? curl_easy_perform(c) : CURLE_OK;
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(c);
	if (e != CURLE_OK)
		r = diag_set(d, -EIO, "%s: %s", url, error[0] ? error : curl_easy_strerror(e));
	else if (r == 0 && status != 200)
		r = diag_set(d, -EACCES, "%s: HTTP status %ld", url, status);
	if (r == 0 &&
	    (json_scan_copy(j, buf_str(&out), mem) < 0 || j->tok[0].kind != JSON_OBJECT))
		r = diag_set(d, E_FORMAT, "%s: no JSON object", url);
	buf_free(&out);
	return r;
}

static struct str member(const struct json *j, const char *key, struct arena *mem)
{
	uint32_t t = json_get(j, 0, str_of(key));

	return t && j->tok[t].kind == JSON_STRING ? json_text(j, t, mem) : str_n(NULL, 0);
}

/* The endpoint of this name, from the provider's own description. */
static int endpoint(struct oidc *o, const char *key, struct arena *mem, const char **ret_url,
		    struct diag *d)
{
	struct str issuer = str_of(o->conf->issuer), url;
	struct json j;
	const char *at;
	int r;

	while (issuer.len && issuer.p[issuer.len - 1] == '/')
		issuer.len--;
	at = arena_fmt(mem, "%.*s/.well-known/openid-configuration", STR_ARG(issuer)).p;
	r = at ? fetch(o, at, NULL, mem, &j, d) : -ENOMEM;
	if (r < 0)
		return r;
	url = member(&j, key, mem);
	if (!str_eqz(member(&j, "issuer", mem), o->conf->issuer))
		r = diag_set(d, -EACCES, "%s: the issuer calls itself otherwise", at);
	else if (!url.len || !trusted(*ret_url = arena_strz(mem, url)))
		r = diag_set(d, -EACCES, "%s: no %s by https", at, key);
	json_free(&j);
	return r;
}

static void random_text(char out[TEXT_MAX])
{
	unsigned char raw[RANDOM];

	randombytes_buf(raw, sizeof(raw));
	sodium_bin2base64(out, TEXT_MAX, raw, sizeof(raw),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Percent-encoded for a query or a form. */
static void add(struct buf *b, const char *key, struct str v)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.~";

	buf_fmt(b, "%s%s=", b->len ? "&" : "", key);
	for (size_t i = 0; i < v.len; i++)
		if (v.p[i] && strchr(plain, v.p[i]))
			buf_addc(b, v.p[i]);
		else
			buf_fmt(b, "%%%02X", (unsigned char)v.p[i]);
}

static struct pending begin(struct oidc *o, int64_t now)
{
	struct pending *p = o->v, copy;

	pthread_mutex_lock(&o->lock);
	for (size_t i = 1; i < PENDING; i++)
		if (o->v[i].made < p->made)
			p = &o->v[i];
	random_text(p->state);
	random_text(p->nonce);
	random_text(p->verifier);
	p->made = now;
	copy = *p;
	pthread_mutex_unlock(&o->lock);
	return copy;
}

/* Takes the log-in of this state out: it is good once. */
static bool finish(struct oidc *o, struct str state, int64_t now, struct pending *ret_p)
{
	bool found = false;

	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < PENDING && !found; i++) {
		struct pending *p = &o->v[i];

		if (!p->made || !str_eqz(state, p->state))
			continue;
		found = now - p->made < LASTS;
		*ret_p = *p;
		sodium_memzero(p, sizeof(*p));
		break;
	}
	pthread_mutex_unlock(&o->lock);
	return found;
}

int oidc_begin(struct oidc *o, struct str back, int64_t now, struct arena *mem,
	       struct str *ret_url, struct str *ret_state, struct diag *d)
{
	const char *url = NULL;
	char challenge[TEXT_MAX];
	unsigned char hash[crypto_hash_sha256_BYTES];
	struct pending p;
	struct buf q;
	int r = endpoint(o, "authorization_endpoint", mem, &url, d);

	if (r < 0)
		return r;
	p = begin(o, now);
	crypto_hash_sha256(hash, (const unsigned char *)p.verifier, strlen(p.verifier));
	sodium_bin2base64(challenge, sizeof(challenge), hash, sizeof(hash),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_init(&q, 16 * KIB);
	add(&q, "response_type", STR("code"));
	add(&q, "client_id", str_of(o->conf->client));
	add(&q, "redirect_uri", back);
	add(&q, "scope",
	    arena_fmt(mem, "openid%s%s", o->conf->scope ? " " : "",
		      o->conf->scope ? o->conf->scope : ""));
	add(&q, "state", str_of(p.state));
	add(&q, "nonce", str_of(p.nonce));
	add(&q, "code_challenge", str_of(challenge));
	add(&q, "code_challenge_method", STR("S256"));
	*ret_url = arena_fmt(mem, "%s%s%.*s", url, strchr(url, '?') ? "&" : "?",
			     STR_ARG(buf_str(&q)));
	*ret_state = arena_str(mem, str_of(p.state));
	r = buf_err(&q) ? buf_err(&q) : ret_url->p && ret_state->p ? 0 : -ENOMEM;
	buf_free(&q);
	return r;
}

/* The claims of a JWT: the middle of its three parts. */
static int claims_of(struct str token, struct arena *mem, struct json *j)
{
	struct str rest, part;
	unsigned char *p;
	size_t n;

	json_init(j);
	str_cut(token, '.', &rest);
	part = str_cut(rest, '.', &rest);
	p = arena_alloc(mem, part.len + 1);
	if (!part.len || !p ||
	    sodium_base642bin(p, part.len, part.p, part.len, NULL, &n, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return E_FORMAT;
	return json_scan_copy(j, str_n((const char *)p, n), mem);
}

static int64_t number(const struct json *j, const char *key)
{
	uint32_t t = json_get(j, 0, str_of(key));
	double v;

	return t && str_f64(json_raw(j, t), &v) && v > 0 && v < 1e12 ? (int64_t)v : 0;
}

/* Is the text, or one of the list, v? */
static bool holds(const struct json *j, const char *key, struct str v, struct arena *mem)
{
	uint32_t t = json_get(j, 0, str_of(key));

	if (t && j->tok[t].kind == JSON_STRING)
		return str_eq(json_text(j, t, mem), v);
	if (t && j->tok[t].kind == JSON_ARRAY)
		JSON_EACH_ITEM(j, t, item)
	if (j->tok[item].kind == JSON_STRING && str_eq(json_text(j, item, mem), v))
		return true;
	return false;
}

static int check_claims(struct oidc *o, const struct json *j, const struct pending *p,
			int64_t now, struct arena *mem, struct diag *d)
{
	struct str azp = member(j, "azp", mem);
	int64_t s = now / NS_PER_S, made = number(j, "iat");

	if (!str_eqz(member(j, "iss", mem), o->conf->issuer))
		return diag_set(d, -EACCES, "the token is of another issuer");
	if (!holds(j, "aud", str_of(o->conf->client), mem) ||
	    (azp.len && !str_eqz(azp, o->conf->client)))
		return diag_set(d, -EACCES, "the token is for another client");
	if (!str_eqz(member(j, "nonce", mem), p->nonce))
		return diag_set(d, -EACCES, "the token is of another log-in");
	if (number(j, "exp") + SKEW_S <= s || made > s + SKEW_S || made + TOKEN_AGE_S < s)
		return diag_set(d, -EACCES, "the token is not of this time");
	return 0;
}

/* Names as users.db has them: lower case, and no other characters than it takes. */
static struct str name_of(struct str claim, struct arena *mem)
{
	char *p = arena_alloc(mem, claim.len + 1);

	for (size_t i = 0; p && i < claim.len; i++)
		p[i] = lower_c(claim.p[i]);
	return str_n(p, p ? claim.len : 0);
}

static int person_of(struct oidc *o, const struct json *j, struct arena *mem,
		     struct oidc_person *ret_p, struct diag *d)
{
	ret_p->name = name_of(member(j, o->conf->name_claim, mem), mem);
	if (!ret_p->name.len)
		return diag_set(d, -EACCES, "the token has no %s", o->conf->name_claim);
	for (size_t i = 0; i < o->conf->nroles; i++) {
		struct str all = str_of(o->conf->roles[i]);
		size_t at = all.len;

		while (all.p[at - 1] != '=')
			at--;
		if (!holds(j, o->conf->role_claim, str_sub(all, 0, at - 1), mem))
			continue;
		ret_p->role = str_sub(all, at, all.len);
		return 0;
	}
	return diag_set(d, -EACCES, "%.*s has none of the roles", STR_ARG(ret_p->name));
}

int oidc_end(struct oidc *o, struct str state, struct str code, struct str back, int64_t now,
	     struct arena *mem, struct oidc_person *ret_p, struct diag *d)
{
	const char *url = NULL;
	struct pending p;
	struct json answer, claims;
	struct buf form;
	int r;

	if (!finish(o, state, now, &p))
		return diag_set(d, -EACCES, "no log-in of this state is under way");
	r = endpoint(o, "token_endpoint", mem, &url, d);
	if (r < 0)
		return r;
	buf_init(&form, 64 * KIB);
	add(&form, "grant_type", STR("authorization_code"));
	add(&form, "code", code);
	add(&form, "redirect_uri", back);
	add(&form, "client_id", str_of(o->conf->client));
	add(&form, "code_verifier", str_of(p.verifier));
	r = buf_err(&form) ? buf_err(&form) : fetch(o, url, form.p, mem, &answer, d);
	buf_free(&form);
	if (r < 0)
		return r;
	if (claims_of(member(&answer, "id_token", mem), mem, &claims) < 0 ||
	    claims.tok[0].kind != JSON_OBJECT)
		r = diag_set(d, -EACCES, "%s: no ID token", url);
	if (r == 0)
		r = check_claims(o, &claims, &p, now, mem, d);
	if (r == 0)
		r = person_of(o, &claims, mem, ret_p, d);
	json_free(&claims);
	json_free(&answer);
	sodium_memzero(&p, sizeof(p));
	return r;
}
