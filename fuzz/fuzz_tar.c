/* SPDX-License-Identifier: Apache-2.0 */
/* sense/tar: any bytes end, and give no more data than there are. */
#include "base/macros.h"
#include "fuzz.h"
#include "sense/tar.h"

struct bytes {
	const uint8_t *p;
	size_t n, at;
};

static int64_t give(void *arg, char *buf, size_t n)
{
	struct bytes *b = arg;

	n = MIN(n, b->n - b->at);
	if (n)
		memcpy(buf, b->p + b->at, n);
	b->at += n;
	return (int64_t)n;
}

/* Fuzzers do not find sums: each block that could be a header is signed. */
static void sign_all(uint8_t *p, size_t n)
{
	for (size_t at = 0; at + TAR_BLOCK <= n; at += TAR_BLOCK) {
		uint8_t *h = p + at;
		unsigned sum = 0;
		char text[8];

		if (h[257] != 'u')
			continue;
		memcpy(h + 257, "ustar", 5);
		memset(h + 148, ' ', 8);
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += h[i];
		snprintf(text, sizeof(text), "%06o", sum);
		memcpy(h + 148, text, 7);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *p = malloc(size + 1);
	struct bytes b = {p, size, 0};
	struct tar_entry e;
	struct tar t;
	uint64_t got = 0;
	int r;

	EXPECT(p);
	if (size)
		memcpy(p, data, size);
	sign_all(p, size);
	tar_begin(&t, give, &b);
	while ((r = tar_next(&t, &e)) > 0) {
		char buf[100];
		int64_t n = tar_read(&t, buf, sizeof(buf));

		EXPECT(e.name.len <= TAR_NAME_MAX);
		got += n > 0 ? (uint64_t)n : 0;
	}
	EXPECT(r <= 0 && got <= size);
	free(p);
	return 0;
}
