/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail: mbox files (">From " is taken back) and single RFC 5322 messages. Raw fields:
 *   from from_name sender reply_to    address in lower case, name decoded
 *   to                                list: To, Cc, Bcc and Delivered-To, each once
 *   subject mailer list_id            text, decoded, without <>
 *   message_id in_reply_to            as sent, with <>, as other logs cite them
 *   date                              as in Date
 *   received_time                     date of the topmost Received, else as date
 *   return_path                       of Return-Path, else of the From_ line
 *   received_ip helo                  first public address from the top of Received, its name
 *   received_by                       list: servers that took it, last one first
 *   auth.spf auth.dkim auth.dmarc     of the topmost Authentication-Results (SPF else of
 *                                     Received-SPF): pass, fail, none ...
 *   x_originating_ip                  public addresses only
 *   auth_as                           X-MS-Exchange-Organization-AuthAs
 *   references_count text_len         numbers
 *   route                             registrable domain of helo, else network of received_ip:
 *                                     whose servers brought it here
 *   is_reply has_html list_unsubscribe list_post       bools
 *   url_mismatch attachment_encrypted                  bools
 *   content_types                     list, of all parts
 *   urls url_hosts qr_urls            lists: of text, HTML, HTML attachments and QR codes
 *   attachments attachment_types attachment_hashes       lists: names, types by content and
 *                                     by name, SHA-256
 *   words                             list of: urgent payment credential invoice gift-card
 *                                     open look pretext windfall
 * url_mismatch: a link shows one host and leads to another that is not below it. Empty fields
 * are left out. Bounds are in parse/mail/mail.h; what goes over them is not looked at.
 */
#include <errno.h>

#include "base/err.h"
#include "event/entity.h"
#include "event/ip.h"
#include "parse/codec.h"
#include "parse/mail/mail.h"
#include "parse/mail/quick.h"

#define MAIL_RECORD_MAX (32 * MIB)
#define FIELDS_MAX	48

struct mail_state {
	size_t seen; /* bytes after *pos already searched for the next From_ line */
	bool started;
	bool mbox;
	bool skipping; /* within a message that is too long */
};

static int mail_sniff(struct str head)
{
	static const char *const known[] = {
		"from",		"to",		"subject",	 "date",
		"received",	"message-id",	"mime-version",	 "return-path",
		"delivered-to", "content-type", "dkim-signature"};
	struct str rest, name, value, line = str_cut(head, '\n', &rest);
	size_t pos = 0, n = 0, fields = 0;
	bool mbox = mail_from_line(line);

	if (mbox)
		head = rest;
	else if (str_chr(line, ':', 0) == SIZE_MAX)
		return 0;
	while (fields < 40 && mail_head_next(head, &pos, &name, &value)) {
		fields++;
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			n += str_ieqz(name, known[i]);
	}
	if (mbox)
		return n ? 95 : 50;
	return n < 2 ? 0 : n < 4 ? 60 : 85;
}

/* Offset in buf of the next From_ line after `from`, or SIZE_MAX; *ret_seen: certain so far. */
static size_t next_from(struct str buf, size_t from, bool eof, size_t *ret_seen)
{
	for (;;) {
		size_t at = str_find(str_sub(buf, from, buf.len), STR("\nFrom ")), nl;

		if (at == SIZE_MAX) {
			*ret_seen = buf.len - MIN(buf.len - from, 5);
			return SIZE_MAX;
		}
		at += from + 1;
		nl = str_chr(buf, '\n', at);
		if (nl == SIZE_MAX && !eof && buf.len - at < 512) {
			*ret_seen = at - 1;
			return SIZE_MAX;
		}
		if (mail_from_line(str_sub(buf, at, MIN(nl, buf.len))))
			return at;
		from = at;
	}
}

static enum frame_result too_long(struct mail_state *st, size_t *pos, size_t to,
				  const char **ret_why)
{
	*pos = to;
	st->seen = 0;
	*ret_why = "message too long";
	return FRAME_SKIP;
}

static enum frame_result mail_frame(void *state, struct str buf, size_t *pos, bool eof,
				    struct str *ret_rec, const char **ret_why)
{
	struct mail_state *st = state;
	size_t left = buf.len - *pos, end, seen = 0;
	bool skipping = st->skipping;

	if (!st->started && left < 512 && !eof)
		return FRAME_MORE;
	if (left == 0)
		return eof ? FRAME_END : FRAME_MORE;
	if (!st->started) {
		st->started = true;
		st->mbox = str_starts(str_sub(buf, *pos, buf.len), STR("From "));
	}
	if (st->mbox)
		end = next_from(buf, *pos + MIN(st->seen, left), eof, &seen);
	else
		end = SIZE_MAX;
	if (end == SIZE_MAX && !eof) {
		if (left < MAIL_RECORD_MAX) {
			st->seen = st->mbox ? seen - *pos : 0;
			return FRAME_MORE;
		}
		st->skipping = true;
		return too_long(st, pos, st->mbox && seen > *pos ? seen : buf.len, ret_why);
	}
	end = MIN(end, buf.len);
	st->skipping = false;
	if (skipping || end - *pos > MAIL_RECORD_MAX)
		return too_long(st, pos, end, ret_why);
	*ret_rec = str_sub(buf, *pos, end);
	*pos = end;
	st->seen = 0;
	return FRAME_RECORD;
}

/* Takes one '>' off the lines that mbox quoted: ">From ", ">>From " ... */
static struct str unquote(struct str msg, struct arena *mem)
{
	size_t n = 0, from = 0;
	char *p;

	if (str_find(msg, STR(">From ")) == SIZE_MAX)
		return msg;
	p = arena_alloc(mem, msg.len);
	if (!p)
		return msg;
	while (from < msg.len) {
		size_t nl = str_chr(msg, '\n', from), to = nl == SIZE_MAX ? msg.len : nl + 1, i;

		for (i = from; i < to && msg.p[i] == '>'; i++)
			;
		if (i > from && str_starts(str_sub(msg, i, to), STR("From ")))
			from++;
		memcpy(p + n, msg.p + from, to - from);
		n += to - from;
		from = to;
	}
	return str_n(p, n);
}

static void put(struct fields *f, const char *name, struct val v)
{
	if (val_set(&v) && f->n < FIELDS_MAX)
		f->f[f->n++] = (struct field){str_of(name), v};
}

static void put_s(struct fields *f, const char *name, struct str s)
{
	put(f, name, val_s(s));
}

static void put_list(struct fields *f, const char *name, const struct mail_list *l)
{
	put(f, name, (struct val){.kind = VAL_LIST, .len = l->n, .list = l->v});
}

static void put_words(struct fields *f, const struct mail *m)
{
	struct val *v = arena_alloc(m->mem, 32 * sizeof(*v));
	uint32_t n = 0;

	for (unsigned i = 0; v && mail_word_name(i); i++)
		if (m->words & 1u << i)
			v[n++] = val_s(str_of(mail_word_name(i)));
	put(f, "words", (struct val){.kind = VAL_LIST, .len = n, .list = v});
}

/* By whose servers it came: names of single servers change, those of their owners do not. */
static struct str route(const struct mail *m)
{
	struct str domain = domain_registrable(m->helo);
	char *low;
	struct ip ip;

	if (str_chr(domain, '.', 0) != SIZE_MAX && !ip_parse(domain, &ip)) {
		low = arena_alloc(m->mem, domain.len);
		for (size_t i = 0; low && i < domain.len; i++)
			low[i] = lower_c(domain.p[i]);
		return str_n(low, low ? domain.len : 0);
	}
	if (!ip_parse(m->received_ip, &ip))
		return (struct str){NULL, 0};
	return ip_network(&ip, m->mem);
}

static void put_all(struct fields *f, const struct mail *m)
{
	put_s(f, "from", m->from);
	put_s(f, "from_name", m->from_name);
	put_s(f, "sender", m->sender);
	put_s(f, "reply_to", m->reply_to);
	put_list(f, "to", &m->to);
	put_s(f, "subject", m->subject);
	put_s(f, "message_id", m->message_id);
	put_s(f, "date", m->date);
	put_s(f, "received_time", m->received_time);
	put_s(f, "return_path", m->return_path);
	put_s(f, "received_ip", m->received_ip);
	put_list(f, "received_by", &m->received_by);
	put_s(f, "helo", m->helo);
	put_s(f, "route", route(m));
	put_s(f, "auth.spf", m->spf);
	put_s(f, "auth.dkim", m->dkim);
	put_s(f, "auth.dmarc", m->dmarc);
	put_s(f, "x_originating_ip", m->x_originating_ip);
	put_s(f, "auth_as", m->auth_as);
	put_s(f, "mailer", m->mailer);
	put_s(f, "in_reply_to", m->in_reply_to);
	put(f, "references_count", val_i(m->references));
	put_list(f, "content_types", &m->content_types);
	put(f, "has_html", val_b(m->has_html));
	put(f, "text_len", val_i((int64_t)m->text_len));
	put_list(f, "urls", &m->urls);
	put_list(f, "url_hosts", &m->url_hosts);
	put(f, "url_mismatch", val_b(m->url_mismatch));
	put_list(f, "qr_urls", &m->qr_urls);
	put_list(f, "attachments", &m->files);
	put_list(f, "attachment_types", &m->file_types);
	put_list(f, "attachment_hashes", &m->file_hashes);
	put(f, "attachment_encrypted", val_b(m->encrypted));
	put_words(f, m);
	put_s(f, "list_id", m->list_id);
	put(f, "list_unsubscribe", val_b(m->list_unsubscribe));
	put(f, "list_post", val_b(m->list_post));
	put(f, "is_reply", val_b(m->is_reply));
}

static void mail_begin(struct mail *m, struct arena *mem)
{
	mail_init();
	*m = (struct mail){.mem = mem, .text_left = MAIL_TEXT_MAX};
	m->images_left = MAIL_IMAGES_MAX;
	m->pixels_left = MAIL_PIXELS_MAX;
	m->to.max = MAIL_ADDRS_MAX;
	m->received_by.max = 50;
	m->content_types.max = 50;
	m->files.max = m->file_types.max = m->file_hashes.max = MAIL_FILES_MAX;
	m->urls.max = m->url_hosts.max = m->qr_urls.max = MAIL_URLS_MAX;
}

/* The envelope sender that mbox keeps on the From_ line. */
static void envelope(struct mail *m, struct str rec)
{
	struct str rest, line = str_cut(rec, '\n', &rest);

	if (m->return_path.len || !str_starts(line, STR("From ")))
		return;
	line = str_cut(str_trim(str_sub(line, 5, line.len)), ' ', &rest);
	if (str_chr(line, '@', 0) != SIZE_MAX)
		m->return_path = mail_text(m, line, 320);
}

static int mail_fields(void *state UNUSED, struct str rec, struct arena *mem,
		       struct fields *ret_f, const char **ret_why)
{
	struct str msg = mail_strip_from(rec);
	struct fields f = {arena_alloc(mem, FIELDS_MAX * sizeof(struct field)), 0};
	struct mail m;
	int64_t t;

	if (!f.f)
		goto oom;
	if (msg.p != rec.p)
		msg = unquote(msg, mem);
	mail_begin(&m, mem);
	mail_head(&m, msg);
	envelope(&m, rec);
	if (!m.from.len && !m.to.n && !m.date.len && !m.received_by.n && !m.oom) {
		*ret_why = "no header of a message";
		return E_FORMAT;
	}
	if (!mail_date(m.received_time, &t))
		m.received_time = m.date;
	mail_words(&m, m.subject);
	mail_parts(&m, msg);
	if (m.oom)
		goto oom;
	put_all(&f, &m);
	*ret_f = f;
	return 0;
oom:
	*ret_why = "out of memory";
	return -ENOMEM;
}

static bool mail_known(void *state UNUSED, struct str rec, int64_t *ret)
{
	return mail_quick_time(rec, ret);
}

const struct codec_ops codec_mail = {
	.name = "mail",
	.summary = "mbox files and single messages (RFC 5322, MIME)",
	.record_max = MAIL_RECORD_MAX,
	.state_size = sizeof(struct mail_state),
	.sniff = mail_sniff,
	.frame = mail_frame,
	.waits = true,
	.fields = mail_fields,
	.known = mail_known,
};
