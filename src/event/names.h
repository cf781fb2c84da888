/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/names: what names say by themselves, without any state. Used by event/ only.
 */
#ifndef EVENT_NAMES_H
#define EVENT_NAMES_H
#include "base/str.h"

/* Longer names are cut and end in a hash, so that they stay distinct. */
#define NAME_MAX_LEN 512

struct name_buf {
	char p[NAME_MAX_LEN + 32];
	size_t len;
};

static inline struct str name_str(const struct name_buf *b)
{
	return str_n(b->p, b->len);
}

/* Lower case, trimmed, without control bytes. */
void name_lower(struct str s, struct name_buf *out);
/* "a@b" into out, both cut to fit. */
void name_join(struct str a, char sep, struct str b, struct name_buf *out);

/* root, admin, ubuntu ...: says nothing about who it is without its host. Lower case. */
bool name_generic_account(struct str s);
/* localhost, android ...: host names that many devices carry. Lower case. */
bool name_generic_host(struct str s);
/* By its form the account of a program: svc-x, x$, AKIA..., a GUID. Lower case. */
bool name_service_account(struct str s);
/* gmail.com and other providers of mail to anybody. Lower case. */
bool name_public_mail(struct str domain);
/* Ends in a label that is never public: .local, .lan, .internal ... Lower case. */
bool name_private_domain(struct str s);
/* "i-" and 8 to 17 hex digits. */
bool name_instance(struct str s);
/* Six hex pairs with ':' or '-'. */
bool name_mac(struct str s);

/* "/usr/bin/node" -> "node"; also with backslashes. A view. */
struct str name_base(struct str path);
/* Host of a link, without user, port and brackets; empty when there is none. A view. */
struct str name_url_host(struct str url);
/* Domain of "Name <a@b.org>" or "a@b.org"; empty when there is none. A view. */
struct str name_mail_domain(struct str addr);
/* "Chrome on Windows", "aws-cli", "curl": static text or a view into ua. */
struct str name_ua_family(struct str ua);

#endif
