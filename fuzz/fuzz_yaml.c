/* SPDX-License-Identifier: Apache-2.0 */
/* base/yaml: any bytes give a tree or one line that says what is wrong. */
#include "base/yaml.h"
#include "fuzz.h"

static void walk(const struct yaml *y, const struct yaml_node *n)
{
	struct diag d = {{0}};
	size_t children = 0;

	YAML_EACH(c, n)
	{
		children++;
		walk(y, c);
	}
	EXPECT(children == n->nchildren);
	EXPECT(yaml_fail(y, n, &d, "here") == E_SYNTAX && d.msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = fuzz_copy(data, size);
	struct yaml *y = NULL;
	struct diag d = {{0}};

	if (yaml_parse("fuzz.yaml", str_n(p, size), &y, &d) < 0) {
		EXPECT(d.msg[0]);
	} else {
		for (const struct yaml_doc *doc = y->docs; doc; doc = doc->next)
			if (doc->root)
				walk(y, doc->root);
	}
	yaml_free(y);
	free(p);
	return 0;
}
