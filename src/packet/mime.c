/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/mime.h"

struct magic {
	uint16_t at;
	uint16_t len;
	const char *bytes;
	const char *mime;
};

#define M(at, lit, mime)                           \
	{                                          \
		at, sizeof(lit) - 1, (lit), (mime) \
	}

static const struct magic magics[] = {
	M(0, "MZ", "application/x-dosexec"),
	M(0,
	  "\x7f"
	  "ELF",
	  "application/x-executable"),
	M(0, "\xcf\xfa\xed\xfe", "application/x-mach-o-executable"),
	M(0, "\xce\xfa\xed\xfe", "application/x-mach-o-executable"),
	M(0, "\xca\xfe\xba\xbe", "application/x-java-applet"),
	M(0, "%PDF-", "application/pdf"),
	M(30, "mimetypeapplication/vnd.oasis", "application/vnd.oasis.opendocument"),
	M(0, "PK\x03\x04", "application/zip"),
	M(0, "PK\x05\x06", "application/zip"),
	M(0, "\x1f\x8b", "application/x-gzip"),
	M(0, "BZh", "application/x-bzip2"),
	M(0,
	  "\xfd"
	  "7zXZ",
	  "application/x-xz"),
	M(0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
	M(0, "Rar!\x1a\x07", "application/x-rar"),
	M(0, "MSCF", "application/vnd.ms-cab-compressed"),
	M(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
	M(0, "{\\rtf", "text/rtf"),
	M(0, "ITSF", "application/x-chm"),
	M(0, "L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
	M(0, "FWS", "application/x-shockwave-flash"),
	M(0, "CWS", "application/x-shockwave-flash"),
	M(0, "\x89PNG\r\n\x1a\n", "image/png"),
	M(0, "GIF8", "image/gif"),
	M(0, "\xff\xd8\xff", "image/jpeg"),
	M(8, "WEBP", "image/webp"),
	M(0, "BM", "image/x-ms-bmp"),
	M(0, "\0\0\x01\0", "image/x-icon"),
	M(4, "ftyp", "video/mp4"),
	M(0, "\x1a\x45\xdf\xa3", "video/webm"),
	M(0, "FLV\x01", "video/x-flv"),
	M(0, "OggS", "application/ogg"),
	M(0, "ID3", "audio/mpeg"),
	M(0, "RIFF", "audio/x-wav"),
	M(0, "wOFF", "application/font-woff"),
	M(0, "wOF2", "application/font-woff2"),
	M(257, "ustar", "application/x-tar"),
	M(0, "Cr24", "application/x-chrome-extension"),
	M(0, "dex\n", "application/vnd.android.dex"),
	M(0, "#!", "text/x-shellscript"),
	M(0, "-----BEGIN ", "text/plain"),
	M(0, "\x30\x82", "application/x-x509-ca-cert"),
};

static const struct magic words[] = {
	M(0, "<!doctype html", "text/html"), M(0, "<html", "text/html"),
	M(0, "<head", "text/html"),	     M(0, "<body", "text/html"),
	M(0, "<script", "text/html"),	     M(0, "<title", "text/html"),
	M(0, "<svg", "image/svg+xml"),	     M(0, "<?xml", "application/xml"),
	M(0, "<?php", "text/x-php"),
};

static bool is_text(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f') || c == 0x7f)
			return false;
	}
	return s.len > 0;
}

const char *mime_of(struct str head)
{
	struct str t;

	head = str_sub(head, 0, MIME_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		const struct magic *m = &magics[i];

		if ((size_t)m->at + m->len <= head.len &&
		    memcmp(head.p + m->at, m->bytes, m->len) == 0)
			return m->mime;
	}
	if (str_starts(head, STR("\xef\xbb\xbf")))
		head = str_sub(head, 3, head.len);
	t = str_trim(head);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(str_sub(t, 0, words[i].len), str_n(words[i].bytes, words[i].len)))
			return words[i].mime;
	if (!is_text(head))
		return NULL;
	return t.len && (t.p[0] == '{' || t.p[0] == '[') ? "text/json" : "text/plain";
}
