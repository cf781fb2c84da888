/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/envelope.h"

/* What shippers say of a line: when and where they read it. */
static const char *const theirs[] = {
	"@timestamp",  "_p",	   "agent",  "container_id", "container_name",
	"date",	       "docker",   "ecs",    "file",	     "fields",
	"host",	       "hostname", "input",  "kubernetes",   "log",
	"logtag",      "message",  "offset", "path",	     "source",
	"source_type", "stream",   "tag",    "time",	     "timestamp",
};

static bool is_theirs(struct str key)
{
	for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
		if (str_eqz(key, theirs[i]))
			return true;
	return false;
}

static bool is_object(struct str text, struct arena *mem)
{
	struct json in;
	bool is;

	json_init(&in);
	is = json_scan_copy(&in, text, mem) == 0 && in.ntok && in.tok[0].kind == JSON_OBJECT;
	json_free(&in);
	return is;
}

struct str envelope_within(const struct json *j, uint32_t t, struct arena *mem)
{
	static const char *const names[] = {"log", "message"};
	const struct str none = {NULL, 0};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint32_t v = json_get(j, t, str_of(names[i]));
		struct str text;

		if (!v || j->tok[v].kind != JSON_STRING || !json_raw(j, v).len ||
		    json_raw(j, v).p[0] != '{')
			continue;
		JSON_EACH_MEMBER(j, t, key)
		{
			if (!is_theirs(json_raw(j, key)))
				return none;
		}
		text = str_trim(json_text(j, v, mem));
		return is_object(text, mem) ? text : none;
	}
	return none;
}
