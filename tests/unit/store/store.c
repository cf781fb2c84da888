/* SPDX-License-Identifier: Apache-2.0 */
/* The store: segments that lose at most a torn tail, findings and entities in SQLite. */
#include "world.h"

TEST(events_by_what_they_are)
{
	struct world w;
	struct store_query q;
	struct seen s;

	world_make(&w, false);
	for (int i = 0; i < 100; i++)
		add(&w, i % 2 ? w.dns : w.conn, i == 41 ? "{\"q\":\"Evil.Example\"}" : "{}");
	sync_store(&w);

	q = query();
	s = ask(&w, q);
	CHECK_INT(s.n, 100);
	CHECK_INT(s.first, 1);
	q.id = STR("e42");
	s = ask(&w, q);
	CHECK_INT(s.n, 1);
	CHECK_INT(s.first, 42);
	CHECK(strcmp(s.raw, "{\"q\":\"Evil.Example\"}") == 0);
	CHECK(strcmp(s.entity, "device:pc2") == 0);
	CHECK(strcmp(s.type, "zeek.dns") == 0);
	q.id = STR("e420");
	CHECK_INT(ask(&w, q).n, 0);

	q = query();
	q.entity = STR("pc1");
	CHECK_INT(ask(&w, q).n, 10);
	q.entity = STR("device:PC1");
	CHECK_INT(ask(&w, q).n, 10);
	q.entity = STR("account:pc1");
	CHECK_INT(ask(&w, q).n, 0);
	q.entity = STR("pc11");
	CHECK_INT(ask(&w, q).n, 0);

	q = query();
	q.from = T0 + 10 * NS_PER_S + 5;
	q.to = T0 + 20 * NS_PER_S + 5;
	s = ask(&w, q);
	CHECK_INT(s.n, 10);
	CHECK_INT(s.first, 10);
	CHECK_INT(s.last, 19);

	q = query();
	q.type = STR("zeek.dns");
	CHECK_INT(ask(&w, q).n, 50);
	q.text = STR("evil.example");
	CHECK_INT(ask(&w, q).n, 1);
	q = query();
	q.limit = 7;
	CHECK_INT(ask(&w, q).n, 7);
	world_free(&w);
}

/* Records that do not compress away, so that there are several blocks. */
static void add_bulk(struct world *w, size_t n)
{
	char raw[12288];

	for (size_t i = 0; i < n; i++) {
		uint64_t x = hash_mix(w->seq + 1);

		for (size_t k = 0; k + 1 < sizeof(raw); k++) {
			x = hash_mix(x + k);
			raw[k] = (char)('!' + x % 90);
		}
		raw[sizeof(raw) - 1] = 0;
		add(w, w->conn, raw);
	}
}

TEST(many_blocks_and_postings)
{
	struct world w;
	struct store_query q = query();
	struct store_stats st;

	world_make(&w, false);
	add_bulk(&w, 200);
	sync_store(&w);
	store_stats(w.st, &st);
	CHECK_INT(st.events, 200);
	CHECK(st.blocks > 2);
	CHECK_INT(ask(&w, q).n, 200);
	q.id = STR("e150");
	CHECK_INT(ask(&w, q).first, 150);
	q = query();
	q.from = T0 + 190 * NS_PER_S;
	CHECK_INT(ask(&w, q).n, 11);
	world_free(&w);
}

struct placed {
	uint64_t place[401];
	uint64_t sum[401]; /* of the raw bytes */
	size_t n;
};

static int see_place(const struct store_event *e, void *arg)
{
	struct placed *p = arg;

	p->place[e->seq] = e->place;
	p->sum[e->seq] = hash_str(e->raw, 0);
	p->n++;
	return 0;
}

/* Blocks of several frames: one event alone has the place and the bytes that it has among all.
 */
TEST(an_event_out_of_the_middle_of_a_block)
{
	struct world w;
	struct store_query q = query();
	struct placed all = {.n = 0}, one;
	struct diag d;
	char id[24];

	world_make(&w, false);
	add_bulk(&w, 400);
	sync_store(&w);
	CHECK_INT(store_events(w.st, &q, see_place, &all, &d), 0);
	CHECK_INT(all.n, 400);
	for (uint64_t i = 1; i <= 400; i += 3) {
		one = (struct placed){.n = 0};
		snprintf(id, sizeof(id), "e%" PRIu64, i);
		q.id = str_of(id);
		CHECK_INT(store_events(w.st, &q, see_place, &one, &d), 0);
		CHECK_INT(one.n, 1);
		CHECK(one.place[i] == all.place[i] && one.sum[i] == all.sum[i]);
	}
	q = query();
	q.entity = STR("pc7");
	CHECK_INT(ask(&w, q).n, 40);
	q.after_place = all.place[200];
	CHECK_INT(ask(&w, q).n, 20);
	CHECK_INT(ask(&w, q).first, 207);
	world_free(&w);
}

struct span {
	size_t n;
	uint64_t first, last; /* the lowest and highest number */
};

static int see_span(const struct store_event *e, void *arg)
{
	struct span *s = arg;

	s->first = s->n++ ? MIN(s->first, e->seq) : e->seq;
	s->last = MAX(s->last, e->seq);
	return 0;
}

/* The latest, also of the block where the limit falls. */
TEST(the_latest_of_many)
{
	struct world w;
	struct store_query q = query();
	struct diag d = {{0}};

	world_make(&w, false);
	add_bulk(&w, 400);
	sync_store(&w);
	q.newest = true;
	for (size_t n = 1; n < 400; n += 6) {
		struct span s = {0};

		q.limit = n;
		CHECK_INT(store_events(w.st, &q, see_span, &s, &d), 0);
		CHECK_INT(s.n, n);
		CHECK(s.first == 401 - n && s.last == 400);
	}
	q.entity = STR("pc7");
	q.to = T0 + 391 * NS_PER_S;
	for (size_t n = 1; n < 39; n++) {
		struct span s = {0};

		q.limit = n;
		CHECK_INT(store_events(w.st, &q, see_span, &s, &d), 0);
		CHECK_INT(s.n, n);
		CHECK(s.first == 397 - 10 * n && s.last == 387);
	}
	world_free(&w);
}

struct rows {
	struct store_event e[401];
	size_t n;
};

static int see_row(const struct store_event *e, void *arg)
{
	struct rows *p = arg;

	CHECK(e->raw.p == NULL && e->id.p == NULL && e->nentities == 1);
	CHECK_STR(e->type, "zeek.conn");
	p->e[p->n++] = *e;
	return 0;
}

/* Rows first, the bytes of those that are wanted later, in any order. */
TEST(rows_alone_and_bytes_on_demand)
{
	struct world w;
	struct store_query q = query();
	struct placed all = {.n = 0};
	struct rows rows = {.n = 0};
	struct store_retain x;
	struct diag d = {{0}};
	uint64_t blocks, found;

	world_make(&w, false);
	add_bulk(&w, 400);
	sync_store(&w);
	CHECK_INT(store_events(w.st, &q, see_place, &all, &d), 0);
	q.rows_only = true;
	CHECK_INT(store_events(w.st, &q, see_row, &rows, &d), 0);
	CHECK_INT(rows.n, 400);
	for (size_t i = 0; i < 400; i++) {
		struct store_event *e = &rows.e[i * 7 % 400];
		char id[24];

		CHECK_INT(store_event_bytes(w.st, e, &d), 0);
		snprintf(id, sizeof(id), "e%" PRIu64, e->seq);
		CHECK_STR(e->id, id);
		CHECK(hash_str(e->raw, 0) == all.sum[e->seq]);
	}
	/* Gone meanwhile. */
	x = (struct store_retain){.events_before = T0 + 200 * NS_PER_S,
				  .findings_before = INT64_MIN,
				  .events_bytes = UINT64_MAX,
				  .keep = UINT64_MAX};
	CHECK_INT(store_retain(w.st, &x, &blocks, &found, &d), 0);
	CHECK(blocks > 0);
	CHECK_INT(ask(&w, query()).last, 400);
	CHECK_INT(store_event_bytes(w.st, &rows.e[0], &d), E_NOTFOUND);
	CHECK_INT(store_event_bytes(w.st, &rows.e[399], &d), 0);
	world_free(&w);
}

/* 300 blocks are two groups of the index; what was appended since the last call counts. */
TEST(an_index_over_many_blocks)
{
	struct world w;
	struct store_query q = query();
	const struct str pc3 = STR("device:pc3"), no = STR("device:pc77"), pc4 = STR("PC4");
	struct store_names has[2] = {{&pc3, 1}, {&pc3, 1}};

	world_make(&w, false);
	for (int i = 0; i < 3000; i++) {
		add(&w, w.conn, "{}");
		if (i % 10 == 9)
			sync_store(&w);
	}
	q.id = STR("e2555");
	CHECK_INT(ask(&w, q).first, 2555);
	q = query();
	q.has = has;
	q.nhas = 2;
	CHECK_INT(ask(&w, q).n, 300);
	has[1] = (struct store_names){&no, 1};
	CHECK_INT(ask(&w, q).n, 0);
	has[1] = (struct store_names){&pc4, 1};
	CHECK_INT(ask(&w, q).n, 0);
	q.nhas = 1;
	for (int i = 0; i < 10; i++)
		add(&w, w.conn, "{}");
	sync_store(&w);
	CHECK_INT(ask(&w, q).n, 301);
	world_free(&w);
}

struct kept {
	char attrs[256], learned[256];
};

static int see_extra(const struct store_event *e, void *arg)
{
	struct kept *k = arg;
	struct store_learned l;
	struct str name, text;
	bool number;

	for (size_t at = 0; store_attr(e, &at, &name, &text, &number);)
		snprintf(k->attrs + strlen(k->attrs), 64, "%.*s=%.*s%s ", STR_ARG(name),
			 STR_ARG(text), number ? "#" : "");
	for (size_t at = 0; store_learned(e, &at, &l);)
		snprintf(k->learned, sizeof(k->learned), "%.*s of %.*s: %.1f, %.*s",
			 STR_ARG(l.quantity), STR_ARG(l.entity), l.surprise, STR_ARG(l.seen));
	return 0;
}

TEST(what_was_learned_is_kept_and_attributes_of_lines)
{
	struct world w;
	struct store_learned l = {.quantity = STR("dst_domain"),
				  .entity = STR("pc1"),
				  .seen = STR("x.test"),
				  .surprise = 5.5};
	struct store_extra x = {.learned = &l, .nlearned = 1};
	struct kept k = {{0}, {0}};
	struct store_query q = query();
	struct event *e;
	struct diag d;

	world_make(&w, false);
	x.schema = w.schema;
	e = batch_add(&w.batch, w.conn);
	e->seq = 1;
	e->id = STR("e1");
	e->raw = STR("1.5\tCx\t10.0.0.1");
	CHECK_INT(store_event_with(w.st, e, w.en, &x), 0);
	sync_store(&w);
	CHECK_INT(store_events(w.st, &q, see_extra, &k, &d), 0);
	CHECK(strcmp(k.learned, "dst_domain of pc1: 5.5, x.test") == 0);
	CHECK(strcmp(k.attrs, "") == 0); /* a type nobody wants anything of */
	world_free(&w);
}

TEST(appends_after_reopening)
{
	struct world w;
	struct store_query q = query();
	struct store_stats st;

	world_make(&w, false);
	for (int i = 0; i < 30; i++)
		add(&w, w.conn, "{}");
	world_store(&w, false, false); /* closing writes what is buffered */
	CHECK_INT(ask(&w, q).n, 30);
	for (int i = 0; i < 20; i++)
		add(&w, w.conn, "{}");
	sync_store(&w);
	CHECK_INT(ask(&w, q).n, 50);
	store_stats(w.st, &st);
	CHECK_INT(st.events, 50);
	world_store(&w, true, false);
	CHECK_INT(ask(&w, q).n, 0);
	world_free(&w);
}

static char *slurp(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rbe");
	char *p;
	long n;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (n = ftell(f)) < 0)
		abort();
	rewind(f);
	p = malloc((size_t)n + 1);
	if (!p || fread(p, 1, (size_t)n, f) != (size_t)n)
		abort();
	fclose(f);
	*ret_n = (size_t)n;
	return p;
}

static void spew(const char *path, const char *p, size_t n)
{
	FILE *f = fopen(path, "wbe");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		abort();
}

/* Two blocks: 20 events, then 30. Returns the file; *ret_mid is where the second begins. */
static char *two_blocks(struct world *w, size_t *ret_n, size_t *ret_mid)
{
	char *p;

	world_make(w, false);
	for (int i = 0; i < 20; i++)
		add(w, w->conn, "{\"part\":\"first\"}");
	sync_store(w);
	p = slurp(w->seg, ret_mid);
	free(p);
	for (int i = 0; i < 30; i++)
		add(w, w->dns, "{\"part\":\"second\"}");
	sync_store(w);
	return slurp(w->seg, ret_n);
}

TEST(torn_tail_loses_only_the_last_block)
{
	struct world w;
	size_t n, mid, step;
	char *p = two_blocks(&w, &n, &mid);

	CHECK_INT(ask(&w, query()).n, 50);
	step = MAX((n - mid) / 200, (size_t)1);
	for (size_t cut = mid; cut < n; cut += step) {
		w.st = store_close(w.st);
		spew(w.seg, p, cut);
		world_store(&w, false, false);
		CHECK_INT(ask(&w, query()).n, 20);
		/* What comes after stands right behind what is whole. */
		w.seq = 20;
		add(&w, w.conn, "{\"part\":\"third\"}");
		sync_store(&w);
		CHECK_INT(ask(&w, query()).last, 21);
	}
	free(p);
	world_free(&w);
}

TEST(torn_while_being_read)
{
	struct world w;
	size_t n, mid;
	char *p = two_blocks(&w, &n, &mid);

	for (size_t cut = mid; cut < n; cut += 3) {
		spew(w.seg, p, cut);
		CHECK_INT(ask(&w, query()).n, 20);
	}
	spew(w.seg, p, n);
	CHECK_INT(ask(&w, query()).n, 50);
	free(p);
	world_free(&w);
}

/* Another process, which has read nothing yet. */
static void reader(struct world *w)
{
	struct store_conf c = {.dir = w->dir, .read_only = true};
	struct diag d = {{0}};

	w->st = store_close(w->st);
	CHECK_INT(store_open(&c, &w->st, &d), 0);
}

TEST(a_flipped_byte_ends_reading)
{
	struct world w;
	struct store_query late = query();
	size_t n, mid;
	char *p = two_blocks(&w, &n, &mid);

	late.from = T0 + 21 * NS_PER_S;
	for (size_t at = mid; at < n; at++) {
		p[at] ^= 0x20;
		spew(w.seg, p, n);
		reader(&w);
		CHECK_INT(ask(&w, query()).n, 20);
		CHECK_INT(ask(&w, late).n, 0);
		p[at] ^= 0x20;
	}
	for (size_t at = SEG_FILE_HEAD; at < mid; at += 5) {
		p[at] ^= 0x01;
		spew(w.seg, p, n);
		reader(&w);
		CHECK_INT(ask(&w, query()).n, 0);
		p[at] ^= 0x01;
	}
	free(p);
	world_free(&w);
}

TEST(refuses_what_is_no_segment)
{
	struct world w;
	struct store_query q = query();
	struct seen s = {0};
	struct diag d = {{0}};
	struct store_conf c = {0};

	world_make(&w, false);
	w.st = store_close(w.st);
	spew(w.seg, "not a segment at all", 20);
	c.dir = w.dir;
	CHECK_INT(store_open(&c, &w.st, &d), E_FORMAT);
	CHECK(strstr(d.msg, SEG_FILE_NAME) != NULL);
	CHECK(w.st == NULL);
	spew(w.seg, SEG_FILE_BEFORE "and whatever it had", 27);
	CHECK_INT(store_open(&c, &w.st, &d), E_VERSION);
	CHECK(strstr(d.msg, "earlier version") != NULL);
	CHECK(w.st == NULL);
	/* A head torn in the middle holds nothing, and is written anew. */
	spew(w.seg, SEG_FILE_MAGIC, 3);
	world_store(&w, false, false);
	add(&w, w.conn, "{}");
	sync_store(&w);
	CHECK_INT(store_events(w.st, &q, see, &s, &d), 0);
	CHECK_INT(s.n, 1);
	world_free(&w);
}

TEST(background_gives_the_same_bytes)
{
	struct world a, b;
	size_t na, nb;
	char *pa, *pb;

	world_make(&a, false);
	world_make(&b, true);
	add_bulk(&a, 500);
	add_bulk(&b, 500);
	sync_store(&a);
	sync_store(&b);
	pa = slurp(a.seg, &na);
	pb = slurp(b.seg, &nb);
	CHECK(na > 4 * SEG_BLOCK_BYTES);
	CHECK(na == nb && memcmp(pa, pb, na) == 0);
	CHECK_INT(ask(&b, query()).n, 500);
	free(pa);
	free(pb);
	world_free(&a);
	world_free(&b);
}

TEST(read_only_writes_nothing)
{
	struct world w;
	struct store_conf c = {.read_only = true};
	struct event e = {0};
	struct diag d = {{0}};

	world_make(&w, false);
	add(&w, w.conn, "{}");
	sync_store(&w);
	w.st = store_close(w.st);
	c.dir = w.dir;
	CHECK_INT(store_open(&c, &w.st, &d), 0);
	CHECK_INT(ask(&w, query()).n, 1);
	CHECK_INT(store_event(w.st, &e, w.en), -EROFS);
	w.st = store_close(w.st);
	c.dir = "/nonexistent/thymus";
	CHECK(store_open(&c, &w.st, &d) < 0);
	CHECK(w.st == NULL);
	world_free(&w);
}

static void put(struct world *w, const char *id, int severity, unsigned score,
		const char *status)
{
	const struct str ents[] = {STR("pc1"), STR("anna@corp.example")};
	const struct str evs[] = {str_of(id), STR("shared")};
	struct store_finding f = {.kind = STR("incident"),
				  .id = str_of(id),
				  .title = STR("Beacon to a rare place"),
				  .model = STR("beacon_rare"),
				  .queue = STR("threat"),
				  .status = str_of(status),
				  .time = T0 + (int64_t)score,
				  .severity = severity,
				  .score = score,
				  .json = str_of(id),
				  .entities = ents,
				  .nentities = 2,
				  .event_ids = evs,
				  .nevents = 2};
	struct diag d = {{0}};

	CHECK_INT(store_finding_put(w->st, &f, &d), 0);
}

/* The ids of the findings that came, each followed by a blank. */
struct ids {
	char text[256];
	size_t n, stop_at;
};

static int see_finding(const struct store_finding *f, void *arg)
{
	struct ids *s = arg;
	size_t at = strlen(s->text);

	snprintf(s->text + at, sizeof(s->text) - at, "%.*s ", STR_ARG(f->id));
	return ++s->n == s->stop_at;
}

static struct ids findings(struct world *w, struct store_query q, size_t stop_at)
{
	struct ids s = {.stop_at = stop_at};
	struct diag d = {{0}};

	CHECK_INT(store_findings(w->st, &q, see_finding, &s, &d), 0);
	return s;
}

#define CHECK_IDS(q, want) CHECK_STR(str_of(findings(&w, q, 0).text), want)

TEST(findings)
{
	struct world w;
	struct store_query q = query();

	world_make(&w, false);
	put(&w, "a", 2, 30, "open");
	put(&w, "b", 4, 10, "open");
	put(&w, "c", 2, 50, "open");
	put(&w, "d", 4, 99, "merged");
	CHECK_IDS(q, "b c a ");
	q.order = STR("time");
	CHECK_IDS(q, "b a c ");
	q = query();
	q.severity_min = 3;
	CHECK_IDS(q, "b ");
	q = query();
	q.limit = 2;
	CHECK_IDS(q, "b c ");
	CHECK_STR(str_of(findings(&w, query(), 1).text), "b ");

	q = query();
	q.event = STR("a");
	CHECK_IDS(q, "a ");
	q.event = STR("shared");
	CHECK_IDS(q, "b c a ");
	q = query();
	q.entity = STR("PC1");
	CHECK_IDS(q, "b c a ");
	q.entity = STR("pc2");
	CHECK_IDS(q, "");
	q = query();
	q.queue = STR("compliance");
	CHECK_IDS(q, "");
	q.queue = STR("threat");
	q.text = STR("RARE");
	q.kind = STR("incident");
	q.model = STR("beacon_rare");
	CHECK_IDS(q, "b c a ");
	q.id = STR("c");
	CHECK_IDS(q, "c ");
	q = query();
	q.from = T0 + 30;
	q.to = T0 + 50;
	CHECK_IDS(q, "a ");
	world_free(&w);
}

TEST(findings_are_replaced)
{
	struct world w;
	struct store_query q = query();
	const struct str other = STR("srv9");
	struct store_finding f = {.kind = STR("incident"),
				  .id = STR("a"),
				  .title = STR("'; DROP TABLE finding; --"),
				  .queue = STR("compliance"),
				  .entities = &other,
				  .nentities = 1};
	struct diag d = {{0}};

	world_make(&w, false);
	put(&w, "a", 2, 30, "open");
	put(&w, "b", 2, 20, "open");
	CHECK_INT(store_finding_put(w.st, &f, &d), 0);
	q.entity = STR("pc1"); /* the old links are gone */
	CHECK_IDS(q, "b ");
	q.entity = STR("srv9");
	CHECK_IDS(q, "a ");
	q = query();
	q.event = STR("a");
	CHECK_IDS(q, "");
	q = query();
	q.text = STR("drop table");
	CHECK_IDS(q, "a ");
	world_store(&w, false, false); /* closing commits */
	CHECK_IDS(query(), "b a ");
	world_store(&w, true, false);
	CHECK_IDS(query(), "");
	world_free(&w);
}

struct got_entity {
	size_t n;
	int64_t first, last;
	char name[64], cls[16];
};

static int see_entity(const struct store_entity *e, void *arg)
{
	struct got_entity *g = arg;

	g->n++;
	g->first = e->first_seen;
	g->last = e->last_seen;
	snprintf(g->name, sizeof(g->name), "%.*s:%.*s", STR_ARG(e->kind), STR_ARG(e->name));
	snprintf(g->cls, sizeof(g->cls), "%.*s", STR_ARG(e->cls));
	return 0;
}

static struct got_entity entities(struct world *w, struct store_query q)
{
	struct got_entity g = {0};
	struct diag d = {{0}};

	CHECK_INT(store_entities(w->st, &q, see_entity, &g, &d), 0);
	return g;
}

TEST(entities)
{
	struct world w;
	struct store_query q = query();
	struct got_entity g;
	struct diag d = {{0}};

	world_make(&w, false);
	CHECK(entity_put(w.en, ENT_DEVICE, STR("PC1"), T0) != ENT_NONE);
	CHECK(entity_put(w.en, ENT_DEVICE, STR("pc12"), T0 + 1) != ENT_NONE);
	CHECK(entity_put(w.en, ENT_ACCOUNT, STR("anna@corp.example"), T0 + 2) != ENT_NONE);
	CHECK_INT(store_entities_put(w.st, w.en, &d), 0);
	CHECK_INT(store_entities_put(w.st, w.en, &d), 0); /* again is no more */
	CHECK_INT(entities(&w, q).n, 3);
	q.text = STR("PC");
	CHECK_INT(entities(&w, q).n, 2);
	q = query();
	q.kind = STR("account");
	g = entities(&w, q);
	CHECK_INT(g.n, 1);
	CHECK_STR(str_of(g.name), "account:anna@corp.example");
	CHECK_INT(g.first, T0 + 2);
	q = query();
	q.entity = STR("Pc1");
	g = entities(&w, q);
	CHECK_INT(g.n, 1);
	CHECK_STR(str_of(g.name), "device:pc1");
	CHECK(g.cls[0] != 0);
	world_free(&w);
}

TEST(meta)
{
	struct world w;
	struct arena mem;
	struct diag d = {{0}};

	world_make(&w, false);
	arena_init(&mem, 0);
	CHECK_STR(store_meta_get(w.st, "version", &mem), "");
	CHECK_INT(store_meta_put(w.st, "version", STR("1"), &d), 0);
	CHECK_INT(store_meta_put(w.st, "version", STR("2"), &d), 0);
	world_store(&w, false, false);
	CHECK_STR(store_meta_get(w.st, "version", &mem), "2");
	arena_free(&mem);
	world_free(&w);
}

static uint64_t on_disk(const struct world *w)
{
	struct stat sb;

	CHECK_INT(stat(w->seg, &sb), 0);
	return (uint64_t)sb.st_blocks * 512;
}

static uint64_t retain(struct world *w, struct store_retain x, uint64_t *ret_findings)
{
	uint64_t blocks = 0, found = 0;
	struct diag d = {{0}};

	CHECK_INT(store_retain(w->st, &x, &blocks, &found, &d), 0);
	if (ret_findings)
		*ret_findings = found;
	return blocks;
}

#define KEEP_ALL                                             \
	((struct store_retain){.events_before = INT64_MIN,   \
			       .findings_before = INT64_MIN, \
			       .events_bytes = UINT64_MAX,   \
			       .keep = UINT64_MAX})

TEST(old_records_go_and_give_back_the_disk)
{
	struct world w;
	struct store_retain x = KEEP_ALL;
	struct store_query q = query();
	struct store_conf c;
	struct store *other = NULL;
	struct diag d = {{0}};
	struct seen all, left;
	uint64_t before, n, place = 0;

	world_make(&w, false);
	add_bulk(&w, 400);
	sync_store(&w);
	CHECK_INT(store_end(w.st, &place, &d), 0);
	add_bulk(&w, 100);
	sync_store(&w);
	all = ask(&w, q);
	CHECK_INT(all.n, 500);
	CHECK_INT(retain(&w, x, NULL), 0);
	/* Another reader has indexed the file as it was. */
	c = (struct store_conf){.dir = w.dir, .read_only = true};
	CHECK_INT(store_open(&c, &other, &d), 0);
	left = (struct seen){.rising = true};
	CHECK_INT(store_events(other, &q, see, &left, &d), 0);
	CHECK_INT(left.n, 500);
	before = on_disk(&w);
	x.events_before = T0 + 300 * NS_PER_S;
	n = retain(&w, x, NULL);
	CHECK(n > 2);
	left = ask(&w, q);
	/* Whole blocks go: none that holds a record that stays. */
	CHECK(left.first > 200 && left.first <= 300 && left.last == 500 && left.rising);
	CHECK_INT(left.n, 500 - left.first + 1);
	CHECK(on_disk(&w) < before - before / 3);
	CHECK_INT(retain(&w, x, NULL), 0);
	all = (struct seen){.rising = true};
	CHECK_INT(store_events(other, &q, see, &all, &d), 0);
	CHECK_INT(all.n, left.n);
	store_close(other);
	/* Places are what they were; the writer goes on, also after a start. */
	q.after_place = place;
	CHECK_INT(ask(&w, q).first, 401);
	world_store(&w, false, false);
	add_bulk(&w, 10);
	sync_store(&w);
	all = ask(&w, query());
	CHECK(all.n == left.n + 10 && all.first == left.first && all.last == 510);
	/* By size, and never what is to be kept. */
	x = KEEP_ALL;
	x.events_bytes = 0;
	x.keep = place;
	CHECK(retain(&w, x, NULL) > 0);
	CHECK_INT(ask(&w, query()).first, 401);
	x.keep = UINT64_MAX;
	CHECK(retain(&w, x, NULL) > 0);
	CHECK_INT(ask(&w, query()).n, 0);
	world_store(&w, false, false);
	add_bulk(&w, 5);
	sync_store(&w);
	CHECK_INT(ask(&w, query()).n, 5);
	world_free(&w);
}

TEST(a_crash_between_the_gap_and_the_hole)
{
	struct world w;
	struct store_retain x = KEEP_ALL;
	struct seen left;
	char *p;
	size_t n;

	world_make(&w, false);
	add_bulk(&w, 200);
	sync_store(&w);
	p = slurp(w.seg, &n);
	x.events_before = T0 + 100 * NS_PER_S;
	CHECK(retain(&w, x, NULL) > 0);
	left = ask(&w, query());
	w.st = store_close(w.st);
	/* As if only the head of the gap had reached the disk: what it covers is still there.
	 */
	{
		size_t m;
		char *q = slurp(w.seg, &m);

		CHECK_INT(m, n);
		memcpy(p, q, SEG_FILE_HEAD + sizeof(struct seg_head));
		spew(w.seg, p, n);
		free(q);
	}
	world_store(&w, false, false);
	CHECK_INT(ask(&w, query()).n, left.n);
	CHECK_INT(ask(&w, query()).first, left.first);
	free(p);
	world_free(&w);
}

TEST(old_findings_go)
{
	struct world w;
	struct store_retain x = KEEP_ALL;
	struct store_finding f = {.kind = STR("incident"),
				  .id = STR("long"),
				  .title = STR("t"),
				  .queue = STR("threat"),
				  .status = STR("open"),
				  .time = T0,
				  .json = STR("{\"updated\":\"2999-01-01T00:00:00Z\"}")};
	struct diag d = {{0}};
	uint64_t n;

	world_make(&w, false);
	put(&w, "a", 2, 10, "open");
	put(&w, "b", 2, 20, "open");
	put(&w, "c", 2, 30, "open");
	CHECK_INT(store_finding_put(w.st, &f, &d), 0);
	x.findings_before = T0 + 25;
	retain(&w, x, &n);
	CHECK_INT(n, 2);
	CHECK_IDS(query(), "c long ");
	world_free(&w);
}

TAP_MAIN
