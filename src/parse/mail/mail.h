/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/mail/mail: what the files of this folder collect about one message. All text lives in
 * the arena of the batch, is valid UTF-8 and free of control bytes. All lists are bounded.
 */
#ifndef PARSE_MAIL_MAIL_H
#define PARSE_MAIL_MAIL_H
#include "base/arena.h"
#include "event/val.h"

#define MAIL_DEPTH_MAX	 32	     /* levels of MIME looked into */
#define MAIL_PARTS_MAX	 500	     /* parts looked at */
#define MAIL_TEXT_MAX	 (256 * KIB) /* body text considered, all parts together */
#define MAIL_URLS_MAX	 200
#define MAIL_ADDRS_MAX	 500
#define MAIL_FILES_MAX	 100
#define MAIL_IMAGES_MAX	 8		    /* pictures searched for QR codes */
#define MAIL_PIXELS_MAX	 (16 * 1024 * 1024) /* of all pictures of a message together */
#define MAIL_IMAGE_BYTES (8 * MIB)

/* A list of texts without repetition, in order of first sight. */
struct mail_list {
	struct val *v;
	uint64_t *hash;
	uint32_t n, cap, max;
};

struct mail {
	struct arena *mem;
	bool oom; /* sticky */

	/* head.c */
	struct str from, from_name, sender, reply_to, subject, message_id, date, received_time;
	struct str return_path, received_ip, helo, spf, dkim, dmarc, x_originating_ip, auth_as;
	struct str mailer, in_reply_to, list_id;
	struct mail_list to, received_by;
	uint32_t references;
	bool list_unsubscribe, list_post, is_reply;
	bool handed_inside; /* received_ip is of the house of the server it spoke to */

	/* part.c */
	struct mail_list content_types, files, file_types, file_hashes;
	bool has_html, encrypted;
	size_t text_len; /* bytes of plain text, or of the text that HTML shows */

	/* link.c, html.c, qr.c */
	struct mail_list urls, url_hosts, qr_urls;
	bool url_mismatch;

	/* words.c: bits by enum mail_word */
	uint32_t words;

	/* what is left of the bounds above */
	size_t parts, text_left, images_left, pixels_left;
};

/* Copies s cut to max, with broken UTF-8 replaced and control bytes made spaces. */
struct str mail_text(struct mail *m, struct str s, size_t max);
/* Adds a copy of s unless empty, there already, or the list is full; true when it was added. */
bool mail_list_add(struct mail *m, struct mail_list *l, struct str s, size_t max);

/* part.c: readies gmime; before anything below, any number of times, by any thread. */
void mail_init(void);
/* head.c: fills the fields of the header block of msg (without a From_ line). */
void mail_head(struct mail *m, struct str msg);
/* part.c: parses msg as MIME and looks into its parts. */
void mail_parts(struct mail *m, struct str msg);
/* html.c: links, forms and visible text of an HTML text. attached: also links in scripts. */
void mail_html(struct mail *m, struct str html, bool attached);
/* link.c: one link; false when it is not one to the web. */
bool mail_link(struct mail *m, struct str url);
/* link.c: all links in plain text. */
void mail_link_text(struct mail *m, struct str text);
/* link.c: host of "http://u@HOST:1/x" as it stands, without port; empty when there is none. */
struct str mail_link_host(struct str url);
/* qr.c: QR codes in a PNG or JPEG picture; others are ignored. */
void mail_qr(struct mail *m, struct str image);
/* words.c: adds the classes of inducement found in text to m->words; what it quotes is left
 * out. */
void mail_words(struct mail *m, struct str text);
/* words.c: name of class i, or NULL after the last. */
const char *mail_word_name(unsigned i);

#endif
