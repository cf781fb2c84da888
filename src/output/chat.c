/* SPDX-License-Identifier: Apache-2.0 */
#include "output/chat.h"
#include "base/secret.h"
#include <curl/curl.h>
#include <errno.h>

#define CONNECT_S  5L
#define WHOLE_S	   60L
#define ANSWER_MAX (256 * KIB)

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, str_n(p, size * n));
	return buf_err(b) == 0 && b->len <= ANSWER_MAX ? size * n : 0;
}

/* Names and passwords of others must not cross a network in the clear. */
static bool may_call(struct str url)
{
	static const char *const here[] = {"http://127.0.0.1:", "http://127.0.0.1/",
					   "http://localhost:", "http://localhost/",
					   "http://[::1]:",	"http://[::1]/"};

	if (str_starts(url, STR("https://")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(here); i++)
		if (str_starts(url, str_of(here[i])))
			return true;
	return false;
}

static int set_up(CURL *h, const struct chat_conf *c, struct arena *mem, struct diag *d)
{
	struct str token;
	char *z;
	int r;

	curl_easy_setopt(h, CURLOPT_URL, c->url);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(h, CURLOPT_TIMEOUT, WHOLE_S);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_FAILONERROR, 1L);
	if (c->ca)
		curl_easy_setopt(h, CURLOPT_CAINFO, c->ca);
	if (!c->token_file)
		return 0;
	r = secret_read(c->token_file, mem, &token, d);
	z = r == 0 ? arena_strz(mem, token) : NULL;
	if (r == 0 && !z)
		return diag_set(d, -ENOMEM, "out of memory");
	if (z) {
		curl_easy_setopt(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(h, CURLOPT_XOAUTH2_BEARER, z);
	}
	return r;
}

int chat_ask(const struct chat_conf *c, struct str body, struct buf *out, struct diag *d)
{
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *head = NULL;
	struct arena mem;
	CURL *h;
	CURLcode e;
	int r;

	if (!may_call(str_of(c->url)))
		return diag_set(d, -EINVAL, "%s: https is wanted, or this machine", c->url);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	h = curl_easy_init();
	if (!h)
		return diag_set(d, -ENOMEM, "out of memory");
	arena_init(&mem, MIB);
	r = set_up(h, c, &mem, d);
	if (r == 0) {
		head = curl_slist_append(NULL, "Content-Type: application/json");
		curl_easy_setopt(h, CURLOPT_HTTPHEADER, head);
		curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, body.p);
		curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(h, CURLOPT_WRITEDATA, out);
		e = curl_easy_perform(h);
		if (e != CURLE_OK)
			r = diag_set(d, -EIO, "%s: %s", c->url,
				     error[0] ? error : curl_easy_strerror(e));
	}
	curl_slist_free_all(head);
	curl_easy_cleanup(h);
	arena_free(&mem);
	return r;
}
