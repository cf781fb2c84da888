/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet sensor wrote: lines of at most REC_MAX bytes, each of them JSON. */
#ifndef FUZZ_RECORDS_H
#define FUZZ_RECORDS_H
#include "base/json.h"
#include "fuzz.h"
#include "packet/rec.h"

static void check_records(struct rec *out)
{
	struct str rest = str_n(out->p, out->len), line;
	struct json j;

	json_init(&j);
	while (rest.len) {
		char *copy;

		line = str_cut(rest, '\n', &rest);
		EXPECT(line.len && line.len <= REC_MAX);
		copy = fuzz_copy((const uint8_t *)line.p, line.len);
		EXPECT(json_scan(&j, str_n(copy, line.len), NULL) == 0);
		free(copy);
	}
	json_free(&j);
	out->len = 0;
}

#endif
