/* SPDX-License-Identifier: Apache-2.0 */
/* event/where: any expression is read or refused, and what is read compiles or says why not. */
#include "event/filter.h"
#include "event/where.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = fuzz_copy(data, size);
	struct arena mem;
	struct where w;
	struct schema *s;
	struct filter *f = NULL;
	struct diag d = {{0}};
	int r;

	arena_init(&mem, 64 * MIB);
	r = where_read(str_n(p, size), &mem, &w, &d);
	if (r < 0) {
		EXPECT(r == E_SYNTAX && d.msg[0]);
	} else if (w.detection && schema_new(&s) == 0) {
		if (filter_compile(s, &w.source, w.detection, &f, &d) < 0)
			EXPECT(d.msg[0]);
		filter_free(f);
		schema_free(s);
	}
	arena_free(&mem);
	free(p);
	return 0;
}
