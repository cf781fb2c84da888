/* SPDX-License-Identifier: Apache-2.0 */
/* sense/evtx: a chunk whose checksums fit holds any bytes; what comes out is bounded. */
#include "base/macros.h"
#include "fuzz.h"
#include "sense/evtx.h"
#include <zlib.h>

static void put_le(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *c = malloc(EVTX_CHUNK);
	struct buf out;
	uint32_t end;

	EXPECT(c);
	memset(c, 0, EVTX_CHUNK);
	memcpy(c, "ElfChnk", 8);
	size = MIN(size, EVTX_CHUNK - 512);
	if (size)
		memcpy(c + 512, data, size);
	end = (uint32_t)(512 + size);
	put_le(c + 48, end);
	put_le(c + 52, (uint32_t)crc32(0, c + 512, end - 512));
	put_le(c + 124, (uint32_t)crc32(crc32(0, c, 120), c + 128, 512 - 128));
	buf_init(&out, EVTX_CHUNK_XML);
	evtx_chunk(str_n((char *)c, EVTX_CHUNK), &out);
	EXPECT(out.len <= EVTX_CHUNK_XML);
	buf_free(&out);
	free(c);
	return 0;
}
