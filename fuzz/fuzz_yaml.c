/* SPDX-License-Identifier: Apache-2.0 */
/* base/yaml: any bytes give a tree or one line that says what is wrong. */
#include "base/yaml.h"
#include "fuzz.h"

/*
 * libfyaml 0.7.12 never frees the chunks it counts a quoted text of many pieces with
 * (fy_atom_format_text leaves its iterator open): 4 KiB for each such text of a file. Its
 * frames cannot be told apart here, so all of the library is passed over; that documents and
 * parsers are freed is seen by the unit tests under the same sanitizer.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so\n";
}

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
