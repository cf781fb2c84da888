/* SPDX-License-Identifier: Apache-2.0 */
/* What a model answers: any bytes, and any bytes as the words of a well-formed answer. */
#include "fuzz.h"
#include "incident/rephrase.h"
#include <stdlib.h>

static bool known(struct str word, void *arg)
{
	(void)arg;
	return str_ieqz(word, "anna");
}

static const char line[] =
	"{\"kind\":\"incident\",\"id\":\"i1\",\"entities\":[\"anna\",\"pc7\"],\"story\":[{\"part\":"
	"\"opening\",\"text\":\"2026-05-10T09:26:28Z: pc7 called 192.0.2.1:80 13 times.\",\"event_"
	"ids\":[\"e1\"]},{\"part\":\"answer\",\"text\":\"Nobody but anna came from "
	"192.0.2.1\",\"event_ids\":[\"e2\",\"e3\"]}]}";

static void take(struct str answer)
{
	struct rephrase_conf c = {.model = "m", .known = known};
	struct rephrase_result x;
	struct rephrase *r = NULL;
	struct buf out;

	buf_init(&out, 8 * MIB);
	if (rephrase_new(str_of(line), &c, &r) < 0 || rephrase_take(r, answer, &out, &x) < 0 ||
	    x.taken + x.left != 2)
		abort();
	buf_free(&out);
	rephrase_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct buf b;

	take(bytes);
	buf_init(&b, 8 * MIB);
	buf_addz(&b, "{\"choices\":[{\"message\":{\"content\":");
	buf_json(&b, bytes);
	buf_addz(&b, "}}]}");
	take(buf_str(&b));
	buf_free(&b);
	return 0;
}
