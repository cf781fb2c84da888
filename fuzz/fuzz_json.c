/* SPDX-License-Identifier: Apache-2.0 */
/* base/json: any bytes are scanned; of what is JSON every token can be read. */
#include "base/json.h"
#include "fuzz.h"

static void read_tokens(const struct json *j, struct arena *mem)
{
	EXPECT(j->ntok > 0 && j->tok[0].next == j->ntok);
	for (uint32_t t = 0; t < j->ntok; t++) {
		const struct json_tok *k = &j->tok[t];

		EXPECT(k->off <= j->text.len && k->len <= j->text.len - k->off);
		EXPECT(k->next > t && k->next <= j->ntok);
		if (k->kind == JSON_STRING)
			EXPECT(json_text(j, t, mem).len <= k->len);
		if (k->kind != JSON_OBJECT)
			continue;
		JSON_EACH_MEMBER(j, t, m)
		{
			EXPECT(j->tok[m].kind == JSON_STRING && m + 1 < k->next);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = fuzz_copy(data, size);
	struct json j;
	struct arena mem;
	size_t off = 0;

	json_init(&j);
	arena_init(&mem, 0);
	if (json_scan(&j, str_n(p, size), &off) == 0)
		read_tokens(&j, &mem);
	else
		EXPECT(off <= size);
	arena_free(&mem);
	json_free(&j);
	free(p);
	return 0;
}
