/* SPDX-License-Identifier: Apache-2.0 */
/* Small records of a product as a file of their own: the type the last gets, its times, id,
 * attributes. */
#ifndef TEST_SAMPLE_H
#define TEST_SAMPLE_H
#include "event/event.h"
#include "parse/source.h"
#include "tap.h"

#define ATTRS_MAX 16

struct sample {
	const char *record; /* the file's bytes */
	const char *type, *id;
	int64_t time, known; /* seconds */
	struct {
		const char *attr, *text; /* text NULL: not set */
	} want[ATTRS_MAX];
};

/* A schema that wants every attribute of every sample, with the repository's sources. */
struct world {
	struct schema *schema;
	struct sources *src;
};

static void world_free(struct world *w)
{
	sources_free(w->src);
	schema_free(w->schema);
}

static bool world_init(struct world *w, const struct sample *s, size_t n)
{
	struct diag d = {0};

	*w = (struct world){0};
	if (schema_new(&w->schema) < 0)
		return false;
	if (sources_load(SOURCES_DIR, w->schema, &w->src, &d) < 0) {
		printf("# %s\n", d.msg);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < ATTRS_MAX && s[i].want[k].attr; k++) {
			attr_t a = schema_attr(w->schema, str_of(s[i].want[k].attr));

			if (schema_want(w->schema, NULL, a) < 0)
				return false;
		}
	}
	return schema_freeze(w->schema) == 0 && sources_compile(w->src, w->schema) == 0;
}

static void check_event(const struct world *w, const struct event *e, const struct sample *s)
{
	CHECK_STR(str_of(e->type->name), s->type);
	if (s->id)
		CHECK_STR(e->id, s->id);
	else
		CHECK(e->id.len == 17 && e->id.p[0] == 'x');
	CHECK_INT(e->time / 1000000000, s->time);
	CHECK_INT(e->known / 1000000000, s->known);
	for (size_t k = 0; k < ATTRS_MAX && s->want[k].attr; k++) {
		attr_t a = schema_find(w->schema, str_of(s->want[k].attr));
		const struct val *v = event_get(e, a);
		char tmp[40];

		if (!s->want[k].text)
			CHECK(!val_set(v));
		else if (v->kind == VAL_LIST)
			CHECK_STR(val_str(v), s->want[k].text);
		else
			CHECK_STR(val_text(v, tmp), s->want[k].text);
	}
}

/* Reads a sample as a file of its own and checks its last event. */
static void check_sample(const struct world *w, const struct sample *s)
{
	static char buf[16384]; /* codecs may look 64 bytes beyond the end */
	struct str all = str_n(buf, strlen(s->record)), rec;
	struct decoder *dec = NULL;
	struct diag d = {0};
	struct batch b = {0};
	size_t pos = 0;
	int n = 0;

	memset(buf, 0, sizeof(buf));
	CHECK(all.len + 64 < sizeof(buf));
	memcpy(buf, s->record, all.len);
	if (decoder_open(w->src, "sample", all, &dec, &d) < 0) {
		printf("# %s: %s\n", s->type, d.msg);
		CHECK(dec);
		return;
	}
	CHECK_INT(batch_init(&b, 64), 0);
	for (;;) {
		enum frame_result r = decoder_frame(dec, all, &pos, true, &rec);

		if (r == FRAME_END || r == FRAME_MORE)
			break;
		if (r == FRAME_RECORD) {
			int64_t known = 0, least = INT64_MAX;
			bool any = decoder_known(dec, rec, &known);
			int got = decoder_decode(dec, rec, &b);

			CHECK(got >= 0);
			n += got > 0 ? got : 0;
			for (size_t i = b.n - (size_t)MAX(got, 0); i < b.n; i++)
				least = MIN(least, b.events[i].known);
			if (got > 0)
				CHECK(any && known == least);
		}
	}
	CHECK(n > 0);
	if (b.n)
		check_event(w, &b.events[b.n - 1], s);
	batch_free(&b);
	decoder_free(dec);
}

static void check_samples(const struct sample *s, size_t n)
{
	struct world w;
	bool ok = world_init(&w, s, n);

	CHECK(ok);
	for (size_t i = 0; ok && i < n; i++)
		check_sample(&w, &s[i]);
	world_free(&w);
}

#endif
