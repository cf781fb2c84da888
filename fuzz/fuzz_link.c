/* SPDX-License-Identifier: Apache-2.0 */
/* event/link: any bytes as a link; where it leads is within bounds and has marks of its own. */
#include "event/link.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = fuzz_copy(data, size);
	struct arena mem;
	struct str to;

	arena_init(&mem, MIB);
	to = link_target(str_n(p, size), &mem);
	EXPECT(to.len <= size + 3); /* URL Defense may have taken a slash, at each of three */
	EXPECT(link_marks(to) < 1u << LINK_MARKS);
	EXPECT(link_marks(str_n(p, size)) < 1u << LINK_MARKS);
	arena_free(&mem);
	free(p);
	return 0;
}
