/* SPDX-License-Identifier: Apache-2.0 */
/* output webhook (HTTP POST) and email (SMTP), both by libcurl. */
#include "base/secret.h"
#include "base/timeutil.h"
#include "output/impl.h"
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_S  5L
#define WHOLE_S	   30L
#define ANSWER_MAX (64 * KIB)

struct web {
	const struct output_conf *conf;
	CURL *curl;
	struct curl_slist *to; /* email */
	struct arena mem;
	char error[CURL_ERROR_SIZE];
	struct buf text; /* a mail as it is sent */
	size_t sent, answer;
	const atomic_bool *stop;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void global(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_answer(char *p, size_t size, size_t n, void *arg)
{
	struct web *w = arg;

	(void)p;
	w->answer += size * n;
	return w->answer > ANSWER_MAX ? 0 : size * n;
}

static int progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t e)
{
	struct web *w = arg;

	(void)a, (void)b, (void)c, (void)e;
	return w->stop && atomic_load(w->stop);
}

static void web_close(void *state)
{
	struct web *w = state;

	curl_easy_cleanup(w->curl);
	curl_slist_free_all(w->to);
	arena_free(&w->mem);
	buf_free(&w->text);
	free(w);
}

static int set_common(struct web *w, struct diag *d)
{
	const struct output_conf *c = w->conf;
	struct str secret;
	char *z;
	int r;

	curl_easy_setopt(w->curl, CURLOPT_URL, c->url);
	curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(w->curl, CURLOPT_TIMEOUT, WHOLE_S);
	curl_easy_setopt(w->curl, CURLOPT_ERRORBUFFER, w->error);
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, w);
	curl_easy_setopt(w->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(w->curl, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(w->curl, CURLOPT_XFERINFODATA, w);
	/* Nothing of the environment decides where findings go. */
	curl_easy_setopt(w->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(w->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(w->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->ca)
		curl_easy_setopt(w->curl, CURLOPT_CAINFO, c->ca);
	if (!c->user)
		return 0;
	r = secret_read(c->password_file, &w->mem, &secret, d);
	z = r == 0 ? arena_strz(&w->mem, secret) : NULL;
	if (z) {
		curl_easy_setopt(w->curl, CURLOPT_USERNAME, c->user);
		curl_easy_setopt(w->curl, CURLOPT_PASSWORD, z);
	}
	return r;
}

static int web_new(const struct output_conf *c, struct web **ret_w, struct diag *d)
{
	struct web *w = calloc(1, sizeof(*w));
	int r;

	pthread_once(&once, global);
	if (!w)
		return diag_set(d, -ENOMEM, "out of memory");
	w->conf = c;
	arena_init(&w->mem, MIB);
	buf_init(&w->text, 64 * MIB);
	w->curl = curl_easy_init();
	r = w->curl ? set_common(w, d) : diag_set(d, -ENOMEM, "out of memory");
	if (r < 0) {
		web_close(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

static int webhook_open(const struct output_conf *c, void **ret_state, struct diag *d)
{
	struct web *w = NULL;
	struct str secret;
	char *z;
	int r = web_new(c, &w, d);

	if (r == 0 && c->token_file) {
		r = secret_read(c->token_file, &w->mem, &secret, d);
		z = r == 0 ? arena_strz(&w->mem, secret) : NULL;
		if (z) {
			curl_easy_setopt(w->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
			curl_easy_setopt(w->curl, CURLOPT_XOAUTH2_BEARER, z);
		}
	}
	if (r < 0) {
		if (w)
			web_close(w);
		return r;
	}
	curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	*ret_state = w;
	return 0;
}

/* What a receiver says of the request itself will not change; all else may. */
static bool for_good(long status)
{
	return status >= 400 && status < 500 && status != 401 && status != 403 &&
	       status != 404 && status != 408 && status != 425 && status != 429;
}

static int webhook_send(void *state, const struct message *m, const atomic_bool *stop,
			struct diag *d)
{
	struct web *w = state;
	struct curl_slist *h = NULL;
	char line[256];
	long status = 0;
	CURLcode c;

	snprintf(line, sizeof(line), "Content-Type: %s", m->type);
	h = curl_slist_append(h, line);
	/* By this the receiver knows what it has got twice. */
	snprintf(line, sizeof(line), "Idempotency-Key: %.*s", STR_ARG(m->id));
	h = curl_slist_append(h, line);
	h = curl_slist_append(h, "Expect:");
	w->stop = stop;
	w->answer = 0;
	w->error[0] = 0;
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, h);
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)m->body.len);
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, m->body.p);
	c = curl_easy_perform(w->curl);
	curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(h);
	/* An answer that is too long to be read to its end was an answer. */
	if (c != CURLE_OK && !(c == CURLE_WRITE_ERROR && status / 100 == 2))
		return diag_set(d, -EAGAIN, "%s",
				w->error[0] ? w->error : curl_easy_strerror(c));
	if (status >= 200 && status < 300)
		return 0;
	return diag_set(d, for_good(status) ? -EPERM : -EAGAIN, "HTTP status %ld", status);
}

static const char *const web_schemes[] = {"https://", "http://", NULL};

const struct output_ops output_webhook = {
	.name = "webhook",
	.format = "json",
	.wants_url = true,
	.schemes = web_schemes,
	.open = webhook_open,
	.send = webhook_send,
	.close = web_close,
};

static int email_open(const struct output_conf *c, void **ret_state, struct diag *d)
{
	struct web *w = NULL;
	int r = web_new(c, &w, d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->nto; i++)
		w->to = curl_slist_append(w->to, c->to[i]);
	curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(w->curl, CURLOPT_MAIL_FROM, c->from);
	curl_easy_setopt(w->curl, CURLOPT_MAIL_RCPT, w->to);
	curl_easy_setopt(w->curl, CURLOPT_USE_SSL,
			 (long)(c->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	*ret_state = w;
	return 0;
}

static size_t give(char *to, size_t size, size_t n, void *arg)
{
	struct web *w = arg;
	size_t left = MIN(w->text.len - w->sent, size * n);

	memcpy(to, w->text.p + w->sent, left);
	w->sent += left;
	return left;
}

/* Base64 in lines of 76. */
static void base64(struct buf *b, struct str s)
{
	char line[80];

	for (size_t i = 0; i < s.len; i += 57) {
		size_t n = MIN(s.len - i, (size_t)57);

		sodium_bin2base64(line, sizeof(line), (const unsigned char *)s.p + i, n,
				  sodium_base64_VARIANT_ORIGINAL);
		buf_fmt(b, "%s\r\n", line);
	}
}

/*
 * RFC 5322 with the title as encoded words (RFC 2047), 45 bytes each and never cut within a
 * character, so that nothing of a log can begin another header.
 */
static void subject(struct buf *b, const struct message *m)
{
	char word[80];
	struct str t = str_sub(m->title, 0, 200);

	buf_fmt(b, "Subject: [thymus] %.*s:", STR_ARG(m->severity));
	for (size_t i = 0, n; i < t.len; i += n) {
		n = MIN(t.len - i, (size_t)45);
		while (n > 1 && i + n < t.len && ((unsigned char)t.p[i + n] & 0xc0) == 0x80)
			n--;
		sodium_bin2base64(word, sizeof(word), (const unsigned char *)t.p + i, n,
				  sodium_base64_VARIANT_ORIGINAL);
		buf_fmt(b, "\r\n =?UTF-8?B?%s?=", word);
	}
	buf_addz(b, "\r\n");
}

static void write_mail(struct web *w, const struct message *m)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char t[TIME_TEXT];
	int64_t s = m->time / NS_PER_S, month = 1;
	struct buf *b = &w->text;

	time_rfc3339(s * NS_PER_S, t); /* 2026-03-11T09:20:00Z */
	if (!str_i64(str_n(t + 5, 2), &month) || month < 1 || month > 12)
		month = 1;
	buf_clear(b);
	buf_fmt(b, "From: <%s>\r\n", w->conf->from);
	for (size_t i = 0; i < w->conf->nto; i++)
		buf_fmt(b, "%s<%s>", i ? ",\r\n " : "To: ", w->conf->to[i]);
	buf_fmt(b, "\r\nDate: %s, %.2s %s %.4s %.8s +0000\r\n", days[s / S_PER_D % 7], t + 8,
		months[month - 1], t, t + 11);
	buf_fmt(b, "Message-ID: <%.*s.%lld@thymus>\r\n", STR_ARG(m->id), (long long)s);
	subject(b, m);
	buf_addz(b, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
	buf_fmt(b, "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n", m->type);
	base64(b, m->body);
}

static int email_send(void *state, const struct message *m, const atomic_bool *stop,
		      struct diag *d)
{
	struct web *w = state;
	long status = 0;
	CURLcode c;

	write_mail(w, m);
	if (buf_err(&w->text))
		return diag_set(d, buf_err(&w->text), "the mail is too long");
	w->stop = stop;
	w->sent = w->answer = 0;
	w->error[0] = 0;
	curl_easy_setopt(w->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(w->curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(w->curl, CURLOPT_READDATA, w);
	c = curl_easy_perform(w->curl);
	curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	if (c == CURLE_OK)
		return 0;
	return diag_set(d, status >= 550 && status < 560 ? -EPERM : -EAGAIN, "%s (SMTP %ld)",
			w->error[0] ? w->error : curl_easy_strerror(c), status);
}

static const char *const mail_schemes[] = {"smtps://", "smtp://", NULL};

const struct output_ops output_email = {
	.name = "email",
	.format = "text",
	.wants_url = true,
	.wants_mail = true,
	.schemes = mail_schemes,
	.open = email_open,
	.send = email_send,
	.close = web_close,
};
