/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/codec.h"
#include "parse/mail/quick.h"
#include <stdlib.h>

extern const struct codec_ops codec_mail;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *state = calloc(1, codec_mail.state_size);
	char *copy = calloc(1, size + 64); /* frame may read 64 bytes on */
	struct arena mem;
	size_t pos = 0;

	if (!state || !copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	arena_init(&mem, 64 * MIB);
	codec_mail.sniff(str_n(copy, size));
	for (;;) {
		struct str rec;
		struct fields f;
		const char *why;
		int64_t t;
		enum frame_result r =
			codec_mail.frame(state, str_n(copy, size), &pos, true, &rec, &why);

		if (r == FRAME_END)
			break;
		if (r == FRAME_MORE)
			abort(); /* never at the end */
		if (r != FRAME_RECORD)
			continue;
		codec_mail.fields(state, rec, &mem, &f, &why);
		mail_quick_time(rec, &t);
		arena_reset(&mem);
	}
	arena_free(&mem);
	free(copy);
	free(state);
	return 0;
}
