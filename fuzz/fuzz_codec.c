/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/codec: one target per line of registry.def, built with -DCODEC="NAME". The first byte
 * says in which steps the file arrives; the rest is the file.
 */
#include "fuzz.h"
#include "parse/codec.h"

static const struct codec_ops *ops;

static void take_apart(void *state, struct str rec)
{
	struct fields f = {0};
	struct arena mem;
	const char *why = NULL;
	size_t sum = 0;

	if (ops->json)
		return;
	arena_init(&mem, 0);
	if (ops->fields(state, rec, &mem, &f, &why) < 0) {
		EXPECT(why && why[0]);
	} else {
		for (size_t i = 0; i < f.n; i++) {
			char tmp[40];
			struct str text = val_text(&f.f[i].val, tmp);

			for (size_t k = 0; k < f.f[i].name.len; k++)
				sum += (unsigned char)f.f[i].name.p[k];
			for (size_t k = 0; k < text.len; k++)
				sum += (unsigned char)text.p[k];
		}
	}
	arena_free(&mem);
	if (sum == 1) /* keeps the reads above */
		putchar('\n');
}

/* The file in growing pieces; every answer has to move on, or ask for more. */
static void read_file(void *state, struct str file, size_t step)
{
	struct str rec = {NULL, 0}, seen = str_n(file.p, MIN(step, file.len));
	size_t pos = 0, rounds = 0;
	const char *why = NULL;

	for (;;) {
		bool eof = seen.len == file.len;
		size_t before = pos;
		enum frame_result r = ops->frame(state, seen, &pos, eof, &rec, &why);

		EXPECT(pos >= before && pos <= seen.len);
		EXPECT(rounds++ < 4 * file.len + 64);
		if (r == FRAME_END) {
			EXPECT(eof);
			return;
		}
		if (r == FRAME_MORE) {
			EXPECT(!eof);
			seen.len = MIN(seen.len + step, file.len);
			continue;
		}
		if (r == FRAME_RECORD) {
			EXPECT(rec.len <= file.len);
			take_apart(state, rec);
		} else {
			EXPECT(why && why[0] && pos > before);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *state;
	char *p;
	int sure;

	if (!ops)
		ops = codec_find(STR(CODEC));
	EXPECT(ops);
	if (size == 0)
		return 0;
	p = fuzz_copy(data + 1, size - 1);
	state = calloc(1, ops->state_size + 1);
	EXPECT(state);
	sure = ops->sniff(str_n(p, MIN(size - 1, (size_t)65536)));
	EXPECT(sure >= 0 && sure <= 100);
	if (!ops->open || ops->open(state) == 0)
		read_file(state, str_n(p, size - 1), (size_t)data[0] + 1);
	if (ops->close)
		ops->close(state);
	free(state);
	free(p);
	return 0;
}
