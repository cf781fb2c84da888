/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a message. gmime splits and decodes; what it is given is bounded before (number
 * of Content-Type fields, hence of levels), what is taken from it is bounded after.
 */
#include <gmime/gmime.h>
#include <iconv.h>
#include <pthread.h>
/* glib has its own; base/macros.h comes next */
#undef MIN
#undef MAX

#include "parse/mail/mail.h"
#include "parse/mail/quick.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_gmime(void)
{
	g_mime_init();
}

#define COLONS_MAX 20

/* The field name that a line may start with, in any case; bytes that are no letter end it. */
static bool is_field(const char *line, size_t len, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = strlen(names[i]);

		if (len > k && str_ieq(str_n(line, k), str_of(names[i])))
			return true;
	}
	return false;
}

/* Where the field that starts at `at` ends, with the lines folded into it. */
static size_t field_end(const GByteArray *b, size_t at)
{
	for (;;) {
		const guint8 *nl = memchr(b->data + at, '\n', b->len - at);

		if (!nl)
			return b->len;
		at = (size_t)(nl - b->data) + 1;
		if (at >= b->len || (b->data[at] != ' ' && b->data[at] != '\t'))
			return at;
	}
}

/*
 * Makes the text harmless for gmime, which recurses per level of MIME and per ':' of an address
 * group: cuts it before the field that would make one part too many, and takes colons out of
 * address fields that have more than any list of groups needs.
 */
static void tame(GByteArray *b)
{
	static const char *const type[] = {"content-type"};
	static const char *const address[] = {"from",	"to",	    "cc",     "bcc",
					      "sender", "reply-to", "resent-"};
	size_t types = 0, next;

	for (size_t at = 0; at < b->len; at = next) {
		const char *line = (const char *)b->data + at;
		size_t colons = 0;

		if (is_field(line, b->len - at, type, 1) && ++types > MAIL_PARTS_MAX) {
			g_byte_array_set_size(b, (guint)at);
			return;
		}
		next = field_end(b, at);
		if (!is_field(line, b->len - at, address, ARRAY_LEN(address)))
			continue;
		for (size_t i = at; i < next; i++)
			if (b->data[i] == ':' && ++colons > COLONS_MAX)
				b->data[i] = ' ';
	}
}

/* The fields that MIME needs, and the body. What head.c read is not parsed again. */
static GByteArray *for_gmime(struct str msg)
{
	GByteArray *b = g_byte_array_sized_new((guint)msg.len + 1);
	struct str name, value, rest;
	size_t pos = 0;

	while (mail_head_next(msg, &pos, &name, &value)) {
		if (value.len == 0 || !str_ieq(str_sub(name, 0, 8), STR("content-")))
			continue;
		g_byte_array_append(b, (const guint8 *)name.p,
				    (guint)(value.p + value.len - name.p));
		g_byte_array_append(b, (const guint8 *)"\n", 1);
	}
	rest = str_sub(msg, pos, msg.len);
	if (pos >= MAIL_HEAD_MAX) { /* the rest of a giant head is passed over */
		size_t gap = str_find(rest, STR("\n\n")), crlf = str_find(rest, STR("\n\r\n"));

		rest = str_sub(rest, MIN(gap, crlf), rest.len);
	}
	g_byte_array_append(b, (const guint8 *)"\n", rest.len == 0 || rest.p[0] != '\n');
	g_byte_array_append(b, (const guint8 *)rest.p, (guint)rest.len);
	tame(b);
	return b;
}

/* A part's content with its transfer encoding taken off; the caller unrefs. May be NULL. */
static GByteArray *content(GMimePart *part)
{
	GMimeDataWrapper *w = g_mime_part_get_content(part);
	GMimeStream *mem;
	GByteArray *bytes;

	if (!w)
		return NULL;
	bytes = g_byte_array_new();
	mem = g_mime_stream_mem_new_with_byte_array(bytes);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(mem), FALSE);
	g_mime_data_wrapper_write_to_stream(w, mem);
	g_object_unref(mem);
	return bytes;
}

static bool charset_ok(const char *cs)
{
	size_t n = cs ? strlen(cs) : 0;

	if (n == 0 || n > 32)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!g_ascii_isalnum(cs[i]) && !strchr("-_.:", cs[i]))
			return false; /* '/' would be an option of iconv's */
	return true;
}

/* Text in UTF-8; what does not convert becomes '?'. The text itself when its charset is
 * unknown. */
static struct str to_utf8(struct mail *m, struct str in, const char *cs)
{
	size_t cap, left;
	char *src = (char *)(uintptr_t)in.p, *dst, *out;
	iconv_t cd;

	if (!charset_ok(cs) || !g_ascii_strcasecmp(cs, "utf-8") ||
	    !g_ascii_strcasecmp(cs, "us-ascii"))
		return in;
	cd = iconv_open("UTF-8", cs);
	if (cd == (iconv_t)-1)
		return in;
	cap = left = in.len * 3 + 16;
	out = dst = arena_alloc(m->mem, cap);
	while (out && in.len && left > 4) {
		if (iconv(cd, &src, &in.len, &dst, &left) != (size_t)-1 || left <= 4)
			break;
		if (in.len == 0)
			break;
		*dst++ = '?';
		left--;
		src++;
		in.len--;
	}
	iconv_close(cd);
	m->oom |= !out;
	return out ? str_n(out, cap - left) : (struct str){NULL, 0};
}

/* What a file is by its first bytes, or NULL. */
static const char *magic(struct str s)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *type;
	} t[] = {
		{"%PDF", 4, "pdf"},
		{"MZ", 2, "exe"},
		{"\x7f"
		 "ELF",
		 4, "elf"},
		{"\xd0\xcf\x11\xe0", 4, "ole"},
		{"Rar!", 4, "rar"},
		{"7z\xbc\xaf", 4, "7z"},
		{"\x1f\x8b", 2, "gz"},
		{"\x89PNG", 4, "png"},
		{"\xff\xd8\xff", 3, "jpeg"},
		{"GIF8", 4, "gif"},
		{"{\\rtf", 5, "rtf"},
		{"L\0\0\0\x01\x14\x02", 7, "lnk"},
		{"\xe4\x52\x5c\x7b", 4, "onenote"},
		{"MSCF", 4, "cab"},
		{"BZh", 3, "bz2"},
		{"\xfd"
		 "7zXZ",
		 5, "xz"},
		{"BEGIN:VCALENDAR", 15, "ics"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (str_starts(s, str_n(t[i].bytes, t[i].n)))
			return t[i].type;
	if (!str_starts(s, STR("PK\x03\x04")))
		return NULL;
	/* The names of the first files stand near the start. */
	s = str_sub(s, 0, 4 * KIB);
	if (str_find(s, STR("word/")) != SIZE_MAX)
		return "docx";
	if (str_find(s, STR("xl/")) != SIZE_MAX)
		return "xlsx";
	if (str_find(s, STR("ppt/")) != SIZE_MAX)
		return "pptx";
	return "zip";
}

static bool looks_html(struct str s, const char *name)
{
	struct str n = str_of(name), head;

	if (n.len > 4 && (str_ieq(str_sub(n, n.len - 4, n.len), STR(".htm")) ||
			  str_ieq(str_sub(n, n.len - 5, n.len), STR(".html")) ||
			  str_ieq(str_sub(n, n.len - 4, n.len), STR(".svg"))))
		return true;
	head = str_sub(str_trim(str_sub(s, 0, 256)), 0, 5);
	return str_ieq(head, STR("<html")) || str_ieq(head, STR("<!doc"));
}

static void file_type(struct mail *m, const char *name, const char *by_magic)
{
	const char *dot = name ? strrchr(name, '.') : NULL;
	char ext[17];
	size_t n = 0;

	mail_list_add(m, &m->file_types, str_of(by_magic), 16);
	for (; dot && dot[1 + n] && n < 16; n++)
		ext[n] = lower_c(dot[1 + n]);
	if (n && !(by_magic && !strcmp(by_magic, "jpeg") && n == 3 && !memcmp(ext, "jpg", 3)))
		mail_list_add(m, &m->file_types, str_n(ext, n), 16);
}

static void attachment(struct mail *m, struct str data, const char *name)
{
	const char *type = magic(data);
	bool html = looks_html(data, name);
	char *sum;

	mail_list_add(m, &m->files, name && *name ? str_of(name) : STR("(unnamed)"), 255);
	if (!type && html)
		type = "html";
	file_type(m, name, type);
	if (m->file_hashes.n < m->file_hashes.max) {
		sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data.p,
						  data.len);
		mail_list_add(m, &m->file_hashes, str_of(sum), 64);
		g_free(sum);
	}
	/* bit 0 of the flags of a zip's first file */
	if (data.len > 8 && str_starts(data, STR("PK\x03\x04")) && (data.p[6] & 1))
		m->encrypted = true;
	if (html && m->text_left) {
		struct str h = str_sub(data, 0, MIN(data.len, m->text_left));

		m->text_left -= h.len;
		mail_html(m, h, true);
	}
}

static void body_text(struct mail *m, struct str data, GMimeContentType *ct)
{
	struct str t = str_sub(data, 0, MIN(data.len, m->text_left));

	m->text_left -= t.len;
	t = to_utf8(m, t, g_mime_content_type_get_parameter(ct, "charset"));
	if (g_mime_content_type_is_type(ct, "text", "html")) {
		mail_html(m, t, false);
		return;
	}
	m->text_len = MAX(m->text_len, t.len);
	mail_words(m, t);
	mail_link_text(m, t);
}

static void leaf(struct mail *m, GMimePart *part, GMimeContentType *ct)
{
	const char *name = g_mime_part_get_filename(part);
	const char *disp = g_mime_object_get_disposition(GMIME_OBJECT(part));
	bool text = g_mime_content_type_is_type(ct, "text", "*");
	bool image = g_mime_content_type_is_type(ct, "image", "*");
	bool attached = (name && *name) || (disp && !g_ascii_strcasecmp(disp, "attachment"));
	GByteArray *bytes = content(part);
	struct str data;

	if (!bytes)
		return;
	data = str_n((const char *)bytes->data, bytes->len);
	if (data.len == 0)
		data.p = "";
	if (text && !attached)
		body_text(m, data, ct);
	/* A picture shown within the text is no attachment, though it may hold a code. */
	else if (attached || !image || !g_mime_object_get_content_id(GMIME_OBJECT(part)))
		attachment(m, data, name);
	if (!text)
		mail_qr(m, data);
	g_byte_array_unref(bytes);
}

/* Recursion ends at MAIL_DEPTH_MAX. */
static void look_into(struct mail *m, GMimeObject *o, unsigned depth)
{
	GMimeContentType *ct = o ? g_mime_object_get_content_type(o) : NULL;
	char *type;

	if (!ct || depth > MAIL_DEPTH_MAX || m->parts == MAIL_PARTS_MAX || m->oom)
		return;
	m->parts++;
	type = g_mime_content_type_get_mime_type(ct);
	for (char *c = type; c && *c; c++)
		*c = lower_c(*c);
	mail_list_add(m, &m->content_types, str_of(type), 128);
	g_free(type);
	if (GMIME_IS_MULTIPART(o)) {
		int n = g_mime_multipart_get_count(GMIME_MULTIPART(o));

		for (int i = 0; i < n; i++)
			look_into(m, g_mime_multipart_get_part(GMIME_MULTIPART(o), i),
				  depth + 1);
	} else if (GMIME_IS_MESSAGE_PART(o)) {
		GMimeMessage *in = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));

		mail_list_add(m, &m->file_types, STR("eml"), 16);
		if (in)
			look_into(m, g_mime_message_get_mime_part(in), depth + 1);
	} else if (GMIME_IS_PART(o)) {
		leaf(m, GMIME_PART(o), ct);
	}
}

void mail_init(void)
{
	pthread_once(&once, init_gmime);
}

void mail_parts(struct mail *m, struct str msg)
{
	GMimeStream *mem;
	GMimeParser *parser;
	GMimeMessage *message;

	mem = g_mime_stream_mem_new_with_byte_array(for_gmime(msg)); /* owns it */
	parser = g_mime_parser_new_with_stream(mem);
	message = g_mime_parser_construct_message(parser, NULL);
	if (message) {
		look_into(m, g_mime_message_get_mime_part(message), 0);
		g_object_unref(message);
	}
	g_object_unref(parser);
	g_object_unref(mem);
}
