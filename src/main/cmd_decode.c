/* SPDX-License-Identifier: Apache-2.0 */
/* What sources/ make of files: each record's attributes, without learning or detecting. */
#include "base/buf.h"
#include "base/timeutil.h"
#include "main/cmd.h"
#include "main/config.h"
#include "parse/stream.h"
#include <stdio.h>
#include <stdlib.h>

struct look {
	struct schema *schema;
	struct sources *src;
	struct buf out;
};

/* Every attribute that the sources map is wanted; what is derived or learned is not there. */
static int look_open(struct look *k, struct config *c, struct diag *d)
{
	int r = schema_new(&k->schema);

	if (r == 0)
		r = sources_load(config_share(c, "sources"), k->schema, &k->src, d);
	for (size_t i = 0; r == 0 && i < schema_types(k->schema); i++) {
		const struct rectype *t = schema_type(k->schema, i);

		for (size_t a = 1; r == 0 && a < schema_attrs(k->schema); a++)
			if (schema_provides(k->schema, t, (attr_t)a))
				r = schema_want(k->schema, t, (attr_t)a);
	}
	if (r == 0)
		r = schema_freeze(k->schema);
	return r == 0 ? sources_compile(k->src, k->schema) : r;
}

static void put_val(struct buf *b, const struct val *v)
{
	char tmp[40];

	if (v->kind == VAL_LIST) {
		buf_addc(b, '[');
		for (uint32_t i = 0; i < v->len; i++) {
			if (i)
				buf_addc(b, ',');
			put_val(b, &v->list[i]);
		}
		buf_addc(b, ']');
	} else if (v->kind == VAL_STR) {
		buf_json(b, val_str(v));
	} else {
		buf_add(b, v->kind <= VAL_NULL ? STR("null") : val_text(v, tmp));
	}
}

static void put_event(struct look *k, const char *path, const struct event *e)
{
	struct buf *b = &k->out;
	char time[TIME_TEXT], known[TIME_TEXT];

	buf_clear(b);
	buf_addz(b, "{\"file\":");
	buf_json(b, str_of(path));
	buf_fmt(b, ",\"type\":\"%s\",\"class\":\"%s\",\"time\":\"%s\",\"known\":\"%s\",\"id\":",
		e->type->name, ocsf_class_name(e->type->cls), time_rfc3339(e->time, time),
		time_rfc3339(e->known, known));
	buf_json(b, e->id);
	for (uint16_t i = 0; i < e->type->nslots; i++) {
		if (!val_set(&e->row[i]))
			continue;
		buf_addc(b, ',');
		buf_json(b, schema_name(k->schema, e->type->attr_of[i]));
		buf_addc(b, ':');
		put_val(b, &e->row[i]);
	}
	buf_addz(b, "}\n");
	if (buf_err(b) == 0)
		fwrite(b->p, 1, b->len, stdout);
}

/* Refused files and records, on stderr. */
static void refused(struct stream *st)
{
	const struct stream_file *files;
	const struct refusal *ref;
	size_t n = stream_files(st, &files);

	for (size_t i = 0; i < n; i++)
		if (files[i].why[0])
			fprintf(stderr, "%s: refused: %s\n", files[i].path, files[i].why);
	n = stream_refusals(st, &ref);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s: %llu records refused: %s: %s\n", ref[i].source,
			(unsigned long long)ref[i].n, ref[i].why, ref[i].first);
}

static int decode_path(struct look *k, const char *path, struct diag *d)
{
	struct stream_conf conf = {.paths = &path, .npaths = 1};
	struct stream *st;
	struct event *ev;
	struct arena *mem;
	int n, r = stream_open(&conf, k->src, &st, d);

	if (r < 0)
		return r;
	while ((n = stream_next(st, &ev, 256, &mem, d)) > 0)
		for (int i = 0; i < n; i++)
			put_event(k, path, &ev[i]);
	refused(st);
	stream_free(st);
	return n;
}

static int run(int argc, char **argv)
{
	struct look k = {0};
	struct config c;
	struct diag d = {{0}};
	int r;

	if (argc < 1 || argv[0][0] == '-')
		return usage_error(&cmd_decode, "thymus decode: which files?");
	if (config_init(&c) < 0)
		return 1;
	buf_init(&k.out, 16 * MIB);
	r = look_open(&k, &c, &d);
	for (int i = 0; i < argc && r == 0; i++)
		r = decode_path(&k, argv[i], &d);
	if (r < 0)
		fprintf(stderr, "thymus decode: %s\n", d.msg[0] ? d.msg : err_text(r));
	buf_free(&k.out);
	sources_free(k.src);
	schema_free(k.schema);
	config_free(&c);
	return r < 0;
}

const struct command cmd_decode = {
	.name = "decode",
	.run = run,
	.usage = "thymus decode PATH...    prints what each record becomes: one JSON object a "
		 "line,\n"
		 "with its record type, times, id and attributes; nothing is learned or "
		 "stored\n\n"
		 "example: thymus decode /var/log/auth.log | head -3\n",
	.summary = "show the attributes that records become",
};
