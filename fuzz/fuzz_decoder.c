/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/decoder with all of sources/: a file of any bytes is refused or becomes events. The
 * first byte picks the file's name, since some logs are told by it; the rest is the file.
 */
#include "fuzz.h"
#include "parse/source.h"
#include <errno.h>

static struct schema *schema;
static struct sources *sources;
static struct batch batch;

/* Everything a source maps is wanted, so that every expression runs. */
static void start(void)
{
	struct diag d = {{0}};

	EXPECT(schema_new(&schema) == 0);
	if (sources_load(SOURCES_DIR, schema, &sources, &d) < 0) {
		fprintf(stderr, "%s\n", d.msg);
		abort();
	}
	for (size_t i = 0; i < schema_types(schema); i++)
		for (size_t a = 0; a < schema_attrs(schema); a++)
			if (schema_provides(schema, schema_type(schema, i), (attr_t)a))
				EXPECT(schema_want(schema, schema_type(schema, i), (attr_t)a) ==
				       0);
	EXPECT(schema_freeze(schema) == 0);
	EXPECT(sources_compile(sources, schema) == 0);
	EXPECT(batch_init(&batch, BATCH_EVENTS_MAX) == 0);
}

static void decode(struct decoder *dec, struct str rec)
{
	int64_t known = 0, least = INT64_MAX;
	bool any = decoder_known(dec, rec, &known);
	int n;

	n = decoder_decode(dec, rec, &batch);
	if (n == -ENOSPC) {
		batch_reset(&batch);
		n = decoder_decode(dec, rec, &batch);
	}
	EXPECT(n >= 0 || n == -ENOSPC || n == -ENOMEM);
	EXPECT(n <= (int)batch.n);
	for (size_t i = batch.n - (size_t)MAX(n, 0); i < batch.n; i++) {
		const struct event *e = &batch.events[i];

		EXPECT(e->type && e->id.len > 0 && e->raw.len > 0 && e->nents == 0);
		least = MIN(least, e->known);
	}
	/* The order of files rests on it. Broken records may have a time, and are refused. */
	EXPECT(n <= 0 || (any && known == least));
}

static void read_file(struct decoder *dec, struct str file)
{
	struct str rec;
	size_t pos = 0, rounds = 0;

	for (;;) {
		enum frame_result r = decoder_frame(dec, file, &pos, true, &rec);

		EXPECT(r != FRAME_MORE && pos <= file.len && rounds++ < 4 * file.len + 64);
		if (r == FRAME_END)
			return;
		if (r == FRAME_RECORD)
			decode(dec, rec);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"conn.log", "dns.log", "ssl.log",	"a.json",
					    "a.csv",	"a.log",   "audit.log", "mail.eml"};
	struct decoder *dec;
	struct diag d = {{0}};
	char *p;

	if (!schema)
		start();
	if (size == 0)
		return 0;
	p = fuzz_copy(data + 1, size - 1);
	if (decoder_open(sources, names[data[0] % ARRAY_LEN(names)],
			 str_n(p, MIN(size - 1, (size_t)65536)), &dec, &d) < 0) {
		EXPECT(d.msg[0]);
	} else {
		read_file(dec, str_n(p, size - 1));
		decoder_free(dec);
	}
	batch_reset(&batch);
	free(p);
	return 0;
}
