/* SPDX-License-Identifier: Apache-2.0 */
/* What the map reads of operations, policies and its own file, on any bytes. */
#include "atlas/impl.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(struct str who, void *arg)
{
	unsigned *n = arg;

	return who.p && ++*n > 32 ? (abort(), 0) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n((const char *)data, size), rest, first = str_cut(s, '\n', &rest);
	struct tie_day days[DAYS_ROW];
	const char *type = NULL;
	unsigned n = 0;
	struct buf b;

	if (life_of(first, rest, &type) != 0 && !type)
		abort();
	if (trust_each(s, count, &n) < 0)
		abort();
	buf_init(&b, 4 * KIB);
	whats_merge(first, rest, WHATS_ROW, &b);
	buf_free(&b);
	if (size >= sizeof(days[0])) {
		struct tie_day d[8];
		size_t k = MIN(size / sizeof(d[0]), ARRAY_LEN(d));

		memcpy(d, data, k * sizeof(d[0]));
		if (days_merge(d, k / 2, d + k / 2, k - k / 2, days, 4) > 4)
			abort();
	}
	return 0;
}
