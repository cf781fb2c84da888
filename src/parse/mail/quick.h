/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/mail/quick: the header block of a message, read in place without a MIME parser.
 * Everything here is linear in the bytes looked at and safe on any bytes.
 */
#ifndef PARSE_MAIL_QUICK_H
#define PARSE_MAIL_QUICK_H
#include "base/str.h"

#define MAIL_HEAD_MAX (256 * KIB) /* header bytes looked at */

/* "From addr Tue May  5 22:22:23 2026": whether a line (without its end) opens a mail in mbox.
 */
bool mail_from_line(struct str line);
/* The message without the From_ line of mbox, if rec starts with one. */
struct str mail_strip_from(struct str rec);
/*
 * Next header field of msg (which starts at its first header). *pos starts at 0. Value is raw:
 * folded over lines, ends trimmed. Lines that are no field are passed over. false at the empty
 * line that ends the block, at the end of msg, or after MAIL_HEAD_MAX bytes.
 */
bool mail_head_next(struct str msg, size_t *pos, struct str *ret_name, struct str *ret_value);
/* The date text of a Received field: what follows its last ';'. */
struct str mail_received_date(struct str value);
/* Reads a mail date that may be folded. */
bool mail_date(struct str raw, int64_t *ret_ns);
/* When a record arrived: date of its topmost Received, else of Date. false when neither reads.
 */
bool mail_quick_time(struct str rec, int64_t *ret_known);

#endif
