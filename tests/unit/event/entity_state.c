/* SPDX-License-Identifier: Apache-2.0 */
#include "event/entity_state.h"
#include "event/entity_priv.h"
#include "tap.h"
#include <unistd.h>

static struct entities *fresh(struct schema *s, size_t max)
{
	struct entities_conf conf = {.max = max};
	struct entities *en = NULL;

	CHECK_INT(entities_new(&conf, s, &en), 0);
	return en;
}

static void save(const struct entities *en, const char *path)
{
	struct blocks_out *w = NULL;
	struct diag d;

	CHECK_INT(blocks_create(path, &w, &d), 0);
	entities_save(en, w);
	CHECK_INT(blocks_commit(w, &d), 0);
}

static int load(struct entities *en, const char *path)
{
	struct blocks_in *r = NULL;
	struct diag d;
	int err = blocks_open(path, &r, &d);

	if (err == 0)
		err = entities_load(en, r);
	blocks_close(r);
	return err;
}

static bool same_bytes(const char *a, const char *b)
{
	FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
	bool same = f && g;
	int c, n = 0;

	while (same && (c = fgetc(f)) != EOF && ++n)
		same = c == fgetc(g);
	same = same && n > 100 && fgetc(g) == EOF;
	if (f)
		fclose(f);
	if (g)
		fclose(g);
	return same;
}

TEST(what_is_loaded_is_what_was_saved)
{
	char dir[] = "/tmp/entities-XXXXXX", a[64], b[64], name[32];
	struct schema *s = NULL;
	struct entities *en, *two, *few;
	const struct entity *t;
	struct str names[8];
	struct entity_fact facts[ENTITY_FACTS_MAX];
	uint32_t id, plc;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	CHECK_INT(schema_new(&s), 0);
	en = fresh(s, 0);
	/* More than a page of ids and a block of rows. */
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		(void)entity_put(en, i % 3 ? ENT_DEVICE : ENT_ENDPOINT, str_of(name), i);
	}
	plc = entity_put(en, ENT_DEVICE, STR("192.0.2.77"), 76);
	CHECK_INT(fact_put(ent_of(en, plc), FACT_VENDOR, STR("Siemens")), 0);
	CHECK_INT(fact_put(ent_of(en, plc), FACT_ANSWERS, STR("s7comm")), 0);
	id = entity_put(en, ENT_ACCOUNT, STR("Alice@Example.org"), 77);
	save(en, a);
	two = fresh(s, 0);
	(void)entity_put(two, ENT_ACCOUNT, STR("somebody.else"), 1);
	CHECK_INT(load(two, a), 0);
	CHECK_INT(entities_count(two), entities_count(en));
	CHECK_INT(entity_find(two, ENT_ACCOUNT, STR("alice@example.org")), id);
	CHECK_INT(entity_find(two, ENT_ACCOUNT, STR("somebody.else")), ENT_NONE);
	t = entity_get(two, id);
	CHECK(t && t->hash == entity_get(en, id)->hash && t->first_seen == 77);
	CHECK_INT(entity_names(two, id, names, 8), entity_names(en, id, names, 8));
	CHECK_INT(entity_facts(two, plc, facts, ENTITY_FACTS_MAX), 3);
	CHECK_STR(facts[0].key, "vendor");
	CHECK_STR(facts[0].value, "Siemens");
	CHECK_STR(facts[2].key, "level");
	CHECK_STR(facts[2].value, "1, control");
	CHECK_INT(entity_facts(two, id, facts, ENTITY_FACTS_MAX), 0);
	save(two, b);
	CHECK(same_bytes(a, b));
	/* Both go on alike: the next one has the same id. */
	CHECK_INT(entity_put(two, ENT_DEVICE, STR("192.0.2.1"), 99),
		  entity_put(en, ENT_DEVICE, STR("192.0.2.1"), 99));
	few = fresh(s, 100);
	CHECK_INT(load(few, a), 0);
	CHECK_INT(entities_count(few), 100);
	CHECK_INT(entity_find(few, ENT_ACCOUNT, STR("alice@example.org")), id);
	entities_free(few);
	entities_free(two);
	entities_free(en);
	schema_free(s);
	unlink(a);
	unlink(b);
	rmdir(dir);
}

TEST(another_file_leaves_what_was_known)
{
	char path[] = "/tmp/entities-XXXXXX";
	struct blocks_out *w = NULL;
	struct schema *s = NULL;
	struct entities *en;
	struct diag d;
	int fd = mkstemp(path);

	CHECK_INT(schema_new(&s), 0);
	en = fresh(s, 0);
	(void)entity_put(en, ENT_ACCOUNT, STR("alice"), 1);
	CHECK_INT(blocks_create(path, &w, &d), 0);
	blocks_put(w, BLOCK_TAG('e', 'n', 't', 's'), "too short", 9, NULL, 0);
	CHECK_INT(blocks_commit(w, &d), 0);
	CHECK_INT(load(en, path), E_VERSION);
	CHECK(entity_find(en, ENT_ACCOUNT, STR("alice")) != ENT_NONE);
	entities_free(en);
	schema_free(s);
	close(fd);
	unlink(path);
}

TAP_MAIN
