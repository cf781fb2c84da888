/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/line: protocols that speak in lines of text: taking lines, keeping short texts, and
 * the record of a log-in that crossed the network in the clear.
 */
#ifndef PACKET_LINE_H
#define PACKET_LINE_H
#include "packet/proto.h"

/* A text that is kept; what is longer is cut. */
struct text {
	uint16_t n;
	char p[254];
};

static inline void text_set(struct text *t, struct str s)
{
	t->n = (uint16_t)MIN(s.len, sizeof(t->p));
	if (t->n)
		memcpy(t->p, s.p, t->n);
}

static inline void text_add(struct text *t, struct str s)
{
	size_t n = MIN(s.len, sizeof(t->p) - t->n);

	if (n)
		memcpy(t->p + t->n, s.p, n);
	t->n = (uint16_t)(t->n + n);
}

static inline struct str text_str(const struct text *t)
{
	return str_n(t->p, t->n);
}

/* Written when there is any. */
static inline void text_put(struct rec *r, const char *key, const struct text *t)
{
	if (t->n)
		rec_str(r, key, text_str(t));
}

/* The whole line at *at without its end, *at behind it; false: it is not all there. */
bool line_take(struct str data, size_t *at, struct str *ret_line);
/* The word at the head of a line, *rest what follows its spaces. */
struct str line_word(struct str line, struct str *rest);
/* Whether all of it is text of one or more lines. */
bool line_text(struct str s);
/*
 * The name in the credentials of PLAIN (RFC 4616: whom to act as, name, password), which stand
 * in base64; the password goes nowhere.
 */
void line_plain_user(struct str b64, struct text *ret_user);

enum login_end { LOGIN_UNKNOWN, LOGIN_FAILED, LOGIN_OK };

/*
 * "login": who signed in by name and password without encryption. Never the password. Zeek has
 * no such log. service is the protocol's name, method its way ("PLAIN").
 */
void login_put(struct conn *c, const char *service, const char *method, struct str user,
	       enum login_end end);

#endif
