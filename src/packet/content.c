/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/content.h"

enum packing content_packing(struct str coding)
{
	if (!coding.len || str_ieqz(coding, "identity"))
		return CONTENT_PLAIN;
	return unpack_knows(coding) ? CONTENT_PACKED : CONTENT_NONE;
}

void content_begin(struct conn *c, struct content *b, char ret_id[FILE_ID])
{
	if (b->packing == CONTENT_NONE)
		return;
	if (b->packing == CONTENT_PACKED) {
		b->unpack = unpack_new(c);
		if (!b->unpack)
			return;
	}
	b->file = file_tap_new(c);
	if (b->file)
		memcpy(ret_id, b->file->id, FILE_ID);
}

struct unpacked {
	struct conn *c;
	struct file_tap *file;
};

static void unpacked(void *arg, struct str s)
{
	struct unpacked *u = arg;

	file_tap_bytes(u->c, u->file, u->file->next, s);
}

void content_bytes(struct conn *c, struct content *b, uint64_t at, struct str s)
{
	struct unpacked to = {c, b->file};

	if (!b->file)
		return;
	if (!b->unpack) {
		file_tap_bytes(c, b->file, at, s);
		return;
	}
	/* Behind a hole nothing can be unpacked. */
	if (!b->file->broken && !unpack_bytes(b->unpack, s, unpacked, &to))
		b->file->broken = true;
}

void content_lost(struct content *b, uint64_t n)
{
	if (b->file)
		file_tap_lost(b->file, n);
}

const char *content_end(struct conn *c, struct content *b, bool is_orig, struct str name)
{
	const char *mime = b->file ? file_tap_mime(b->file) : NULL;

	if (b->file && b->unpack && !unpack_done(b->unpack))
		b->file->broken = true;
	unpack_free(c, b->unpack);
	file_tap_end(c, b->file, "HTTP", is_orig, name);
	*b = (struct content){0};
	return mime;
}
