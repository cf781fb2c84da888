/* SPDX-License-Identifier: Apache-2.0 */
/* event/looks: two names, divided by a line end; distances are symmetric and nothing overflows.
 */
#include "event/looks.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = fuzz_copy(data, size);
	struct str rest = {NULL, 0}, one = str_cut(str_n(p, size), '\n', &rest);
	struct looks a, b;

	looks_of(one, &a);
	looks_of(rest, &b);
	EXPECT(a.len <= sizeof(a.text) && b.len <= sizeof(b.text));
	EXPECT(looks_apart(str_n(a.text, a.len), str_n(b.text, b.len)) ==
	       looks_apart(str_n(b.text, b.len), str_n(a.text, a.len)));
	EXPECT(looks_apart(one, one) == 0);
	free(p);
	return 0;
}
