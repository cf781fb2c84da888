/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/checkpoint.h"
#include "base/buf.h"
#include "base/hash.h"
#include "event/entity_state.h"
#include "tests/unit/tap.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A small organisation with one quantity of every kind. */
static const char *const files[][2] = {
	{"rarity", "name: rare\nkind: rarity\nentity: device\nvalue: dst_endpoint.hostname\n"
		   "tactic: discovery\ntext: \"{entity} called {seen}; usual {usual}\"\n"},
	{"rhythm", "name: beat\nkind: rhythm\nentity: device\nvalue: dst_endpoint.hostname\n"
		   "tactic: command_and_control\ntext: \"{entity} calls {seen}\"\n"},
	{"burst", "name: wide\nkind: burst\nentity: device\nvalue: dst_endpoint.hostname\n"
		  "window: 10m\ntext: \"{entity} {seen}; usual {usual}\"\n"},
	{"volume", "name: much\nkind: volume\nentity: device\nnumber: traffic.bytes_out\n"
		   "window: 1h\ntext: \"{entity} {seen}; usual {usual}\"\n"},
	{"edge", "name: pair\nkind: edge\nentity: device\nvalue: dst_endpoint.hostname\n"
		 "text: \"{entity} {seen}\"\n"},
	{"chain", "name: chain\nkind: chain\nentity: home\ntext: \"{entity} {seen}\"\n"},
};

struct world {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	attr_t bytes;
	char dir[64];
};

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.yaml", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void open_world(struct world *w, const char *dir, size_t memory)
{
	struct learn_conf conf = {.dir = dir, .memory_bytes = memory};
	struct diag d = {{0}};

	memset(w, 0, sizeof(*w));
	CHECK_INT(schema_new(&w->s), 0);
	w->t = schema_type_add(w->s, STR("t"), STR("t.conn"), CLASS_NETWORK_ACTIVITY);
	w->t->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->t->nents = 1;
	w->bytes = schema_attr(w->s, STR("traffic.bytes_out"));
	CHECK_INT(schema_provide(w->s, w->t, ATTR_SRC_IP), 0);
	CHECK_INT(schema_provide(w->s, w->t, ATTR_DST_HOST), 0);
	CHECK_INT(schema_provide(w->s, w->t, w->bytes), 0);
	CHECK_INT(schema_want(w->s, w->t, ATTR_SRC_IP), 0);
	CHECK_INT(entities_new(&(struct entities_conf){0}, w->s, &w->en), 0);
	CHECK_INT(learn_open(&conf, w->s, w->en, &w->l, &d), 0);
	if (d.msg[0])
		printf("# %s\n", d.msg);
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(learn_start(w->l), 0);
	CHECK_INT(batch_init(&w->b, 8), 0);
}

static void close_world(struct world *w)
{
	batch_free(&w->b);
	learn_free(w->l);
	entities_free(w->en);
	schema_free(w->s);
}

/* Everything that the i-th event makes of itself, as text. */
static void event(struct world *w, uint64_t i, struct buf *out)
{
	uint64_t h = hash_mix(i + 1), dev = h % 40;
	int64_t at = 1000 * NS_PER_D + (int64_t)i * (3 * NS_PER_S);
	const struct learn_result *r;
	char ip[24], host[32];
	struct event *e;
	size_t n;

	/* Devices have their hosts, most of the time; one beats; one is broad now and then. */
	snprintf(ip, sizeof(ip), "10.0.0.%u", (unsigned)dev);
	snprintf(host, sizeof(host), "h%u.example",
		 (unsigned)(h >> 40 & 15 ? dev * 7 + (h >> 8) % 9 : (h >> 8) % 50000));
	if (i % 20 == 0) {
		snprintf(ip, sizeof(ip), "10.0.1.1");
		snprintf(host, sizeof(host), "beat.example");
	}
	batch_reset(&w->b);
	e = batch_add(&w->b, w->t);
	e->time = e->known = at;
	event_set(e, ATTR_SRC_IP, val_s(str_of(ip)));
	event_set(e, ATTR_DST_HOST, val_s(str_of(host)));
	event_set(e, w->bytes, val_i((int64_t)(h % 100000)));
	e->ents[0] =
		(struct entref){entity_put(w->en, ENT_DEVICE, str_of(ip), at), ROLE_DEVICE};
	e->nents = 1;
	CHECK_INT(learn_event(w->l, e, &w->b.mem), 0);
	n = learn_results(w->l, &r);
	for (size_t k = 0; k < n; k++)
		buf_fmt(out, "%llu %.*s %.17g %.17g %.17g %u/%u %d %.*s\n",
			(unsigned long long)i, STR_ARG(r[k].quantity), r[k].raw, r[k].surprise,
			r[k].days, r[k].peers_same, r[k].peers, r[k].learning,
			STR_ARG(r[k].text));
	if (n && i % 50 == 0)
		buf_fmt(out, "fired %.17g, %d\n",
			learn_report(w->l, e->ents[0].id, STR("model:a/b"), 9, STR("impact"),
				     at),
			learn_budget(w->l, r[0].surprise, false, at));
}

static int save(const struct world *w, const char *path)
{
	struct blocks_out *o;
	struct diag d;

	if (blocks_create(path, &o, &d) < 0)
		return -1;
	entities_save(w->en, o);
	learn_save(w->l, o);
	return blocks_commit(o, &d);
}

static int load(struct world *w, const char *path, struct learn_restored *n)
{
	struct blocks_in *r = NULL;
	struct diag d = {{0}};
	int err = blocks_open(path, &r, &d);

	if (err == 0)
		err = entities_load(w->en, r);
	if (err == 0)
		err = learn_load(w->l, r, n, &d);
	if (err < 0)
		printf("# refused: %s\n", d.msg);
	blocks_close(r);
	return err;
}

static void make_dir(char dir[64])
{
	snprintf(dir, 64, "/tmp/checkpoint-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		write_file(dir, files[i][0], files[i][1]);
}

static void remove_dir(const char *dir)
{
	char path[160];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s.yaml", dir, files[i][0]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/state", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/state.1", dir);
	unlink(path);
	CHECK_INT(rmdir(dir), 0);
}

static void one_run_against_two(size_t memory, uint64_t n)
{
	struct world one, first, second;
	struct learn_stats a, b;
	struct learn_restored kept;
	struct buf whole, split;
	char dir[64], path[80];

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	buf_init(&whole, 256 * MIB);
	buf_init(&split, 256 * MIB);
	open_world(&one, dir, memory);
	for (uint64_t i = 0; i < n; i++)
		event(&one, i, &whole);
	open_world(&first, dir, memory);
	for (uint64_t i = 0; i < n / 2; i++)
		event(&first, i, &split);
	CHECK_INT(save(&first, path), 0);
	close_world(&first);
	open_world(&second, dir, memory);
	CHECK_INT(load(&second, path, &kept), 0);
	CHECK_INT(kept.kept, ARRAY_LEN(files));
	CHECK_INT(kept.dropped, 0);
	for (uint64_t i = n / 2; i < n; i++)
		event(&second, i, &split);
	CHECK(whole.len > 10000 && buf_err(&whole) == 0);
	CHECK_INT(whole.len, split.len);
	CHECK(whole.len == split.len && memcmp(whole.p, split.p, whole.len) == 0);
	learn_stats(one.l, &a);
	learn_stats(second.l, &b);
	printf("# %zu bytes of results; %zu states, %zu evictions\n", whole.len, a.states,
	       a.evictions);
	CHECK_INT(a.states, b.states);
	CHECK_INT(a.evictions, b.evictions);
	CHECK(!memory || a.evictions > 100);
	close_world(&one);
	close_world(&second);
	buf_free(&whole);
	buf_free(&split);
	remove_dir(dir);
}

TEST(a_run_cut_in_two_says_the_same)
{
	one_run_against_two(0, 60000);
}

TEST(also_when_memory_is_short)
{
	one_run_against_two(MIB, 60000);
}

/* Every byte counts: cut anywhere or flipped anywhere, the file is refused, l as before. */
TEST(a_damaged_file_is_refused)
{
	struct world w;
	struct buf out;
	char dir[64], path[80];
	struct learn_stats before, after;
	int refused = 0, tried = 0;
	struct stat st;
	int fd;

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	buf_init(&out, 64 * MIB);
	open_world(&w, dir, MIB);
	for (uint64_t i = 0; i < 3000; i++)
		event(&w, i, &out);
	CHECK_INT(save(&w, path), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	learn_stats(w.l, &before);
	fd = open(path, O_RDWR);
	for (off_t at = 0; at < st.st_size; at += 1 + st.st_size / 97, tried++) {
		struct blocks_in *r = NULL;
		char c, bad;

		CHECK_INT(pread(fd, &c, 1, at), 1);
		bad = (char)(c ^ 1 << at % 8);
		CHECK_INT(pwrite(fd, &bad, 1, at), 1);
		refused += blocks_open(path, &r, NULL) < 0;
		blocks_close(r);
		CHECK_INT(pwrite(fd, &c, 1, at), 1);
	}
	CHECK_INT(refused, tried);
	CHECK_INT(load(&w, path, NULL), 0);
	learn_stats(w.l, &after);
	CHECK_INT(before.states, after.states);
	CHECK_INT(before.bytes, after.bytes);
	CHECK_INT(ftruncate(fd, st.st_size - 1), 0);
	CHECK_INT(load(&w, path, NULL), E_TRUNC);
	CHECK_INT(ftruncate(fd, st.st_size / 2), 0);
	CHECK_INT(load(&w, path, NULL), E_TRUNC);
	CHECK_INT(ftruncate(fd, 3), 0);
	CHECK_INT(load(&w, path, NULL), E_FORMAT);
	CHECK_INT(ftruncate(fd, 0), 0);
	CHECK_INT(load(&w, path, NULL), E_FORMAT);
	close(fd);
	learn_stats(w.l, &after);
	CHECK_INT(before.states, after.states);
	close_world(&w);
	buf_free(&out);
	remove_dir(dir);
}

TEST(a_file_of_something_else_is_refused)
{
	struct world w;
	struct blocks_out *o;
	char dir[64], path[80];
	struct diag d;

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	open_world(&w, dir, 0);
	CHECK_INT(blocks_create(path, &o, &d), 0);
	blocks_put(o, BLOCK_TAG('x', 'x', 'x', 'x'), "abc", 3, NULL, 0);
	CHECK_INT(blocks_commit(o, &d), 0);
	CHECK_INT(load(&w, path, NULL), E_FORMAT);
	CHECK_INT(blocks_create(path, &o, &d), 0);
	entities_save(w.en, o);
	blocks_put(o, BLOCK_TAG('l', 'r', 'n', ' '), "abc", 3, NULL, 0);
	CHECK_INT(blocks_commit(o, &d), 0);
	CHECK_INT(load(&w, path, NULL), E_VERSION);
	CHECK(access(path, F_OK) == 0);
	close_world(&w);
	remove_dir(dir);
}

TEST(the_file_before_is_kept)
{
	struct world w;
	char dir[64], path[80], before[84];
	struct learn_restored n;
	struct buf out;

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	snprintf(before, sizeof(before), "%s.1", path);
	buf_init(&out, 64 * MIB);
	open_world(&w, dir, 0);
	event(&w, 1, &out);
	CHECK_INT(save(&w, path), 0);
	CHECK(access(before, F_OK) != 0);
	for (uint64_t i = 2; i < 500; i++)
		event(&w, i, &out);
	CHECK_INT(save(&w, path), 0);
	CHECK_INT(load(&w, before, &n), 0);
	CHECK(n.states < 30);
	CHECK_INT(load(&w, path, &n), 0);
	CHECK(n.states > 100);
	close_world(&w);
	buf_free(&out);
	remove_dir(dir);
}

/* What is said of an event by one quantity. */
static size_t lines_with(const struct buf *b, const char *word)
{
	size_t n = 0;

	for (struct str rest = buf_str(b), line; rest.len;) {
		line = str_cut(rest, '\n', &rest);
		n += str_find(line, str_of(word)) != SIZE_MAX;
	}
	return n;
}

TEST(a_changed_quantity_starts_afresh_and_the_others_go_on)
{
	struct world w, same;
	struct learn_restored n;
	struct buf out, again, fresh;
	char dir[64], path[80];

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	buf_init(&out, 64 * MIB);
	buf_init(&again, 64 * MIB);
	buf_init(&fresh, 64 * MIB);
	open_world(&w, dir, 0);
	for (uint64_t i = 0; i < 20000; i++)
		event(&w, i, &out);
	CHECK_INT(save(&w, path), 0);
	/* Words may change; a value may not; a new file shifts the order. */
	write_file(dir, "rarity",
		   "name: rare\nkind: rarity\nentity: device\nvalue: "
		   "dst_endpoint.hostname\ntactic: discovery\ntext: \"other\"\n");
	write_file(dir, "edge",
		   "name: pair\nkind: edge\nentity: device\nvalue: "
		   "dst_endpoint.hostname\npeers: org\n");
	write_file(dir, "a",
		   "name: added\nkind: rarity\nentity: device\nvalue: "
		   "dst_endpoint.hostname\n");
	open_world(&same, dir, 0);
	CHECK_INT(load(&same, path, &n), 0);
	CHECK_INT(n.kept, 5);
	CHECK_INT(n.dropped, 1);
	buf_clear(&out);
	for (uint64_t i = 20000; i < 20200; i++) {
		event(&w, i, &out);
		event(&same, i, &again);
	}
	printf("# rare %zu and %zu, pair %zu and %zu, added %zu\n", lines_with(&out, " rare "),
	       lines_with(&again, " rare "), lines_with(&out, " pair "),
	       lines_with(&again, " pair "), lines_with(&again, " added "));
	CHECK_INT(lines_with(&out, " rare "), lines_with(&again, " rare "));
	CHECK_INT(lines_with(&out, " wide "), lines_with(&again, " wide "));
	CHECK(lines_with(&again, " pair ") > lines_with(&out, " pair "));
	CHECK(lines_with(&again, " added ") > 50);
	close_world(&w);
	close_world(&same);
	buf_free(&out);
	buf_free(&again);
	buf_free(&fresh);
	remove_dir(dir);
}

/* Less memory than it was saved under: what fits stays. */
TEST(a_smaller_budget_takes_what_fits)
{
	struct world w, small;
	struct learn_restored n;
	struct learn_stats st;
	struct buf out;
	char dir[64], path[80];

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/state", dir);
	buf_init(&out, 256 * MIB);
	open_world(&w, dir, 64 * MIB);
	for (uint64_t i = 0; i < 30000; i++)
		event(&w, i, &out);
	CHECK_INT(save(&w, path), 0);
	open_world(&small, dir, MIB);
	CHECK_INT(load(&small, path, &n), 0);
	learn_stats(small.l, &st);
	printf("# %zu states in %zu bytes, %zu went\n", st.states, st.bytes, st.evictions);
	CHECK(st.evictions > 0 && st.states > 1000);
	for (uint64_t i = 30000; i < 31000; i++)
		event(&small, i, &out);
	close_world(&w);
	close_world(&small);
	buf_free(&out);
	remove_dir(dir);
}

TAP_MAIN
