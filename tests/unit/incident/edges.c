/* SPDX-License-Identifier: Apache-2.0 */
#include "incident/edges.h"
#include "world.h"

static struct edges *table(size_t bytes)
{
	struct edges *g = NULL;

	if (edges_new(bytes, &g) < 0)
		abort();
	return g;
}

static uint64_t key_of(struct world *w, const char *device)
{
	return edges_key(entity_get(w->en, entity_find(w->en, ENT_DEVICE, str_of(device))));
}

static void feed(struct world *w, struct edges *g, int64_t t, struct part a, struct part b)
{
	struct part p[2] = {a, b};

	CHECK_INT(edges_event(g, w->en, event_fill(w, w->conn, t, p, 2)), 0);
}

TEST(contact_is_known_from_both_ends)
{
	struct world w;
	struct edges *g = table(MIB);
	struct edge e[16];
	uint64_t pc, d = edges_domain(STR("d.test"));

	world_open(&w, NULL);
	feed(&w, g, T0, (struct part)DEV("pc1"), (struct part)EXT("d.test"));
	pc = key_of(&w, "pc1");
	CHECK_INT(edges_near(g, pc, T0, e, 16), 1);
	CHECK(e[0].to == d && e[0].kind == EDGE_CONTACT);
	CHECK_INT(edges_near(g, d, T0, e, 16), 1);
	CHECK(e[0].to == pc);
	CHECK_INT(edges_near(g, d, T0 + 1, e, 16), 0);
	world_close(&w);
	edges_free(g);
}

TEST(degree_counts_distinct_and_forgets)
{
	struct world w;
	struct edges *g = table(MIB);
	uint64_t d = edges_domain(STR("d.test"));
	char name[16];

	world_open(&w, NULL);
	for (int i = 0; i < 50; i++)
		feed(&w, g, T0 + i, (struct part)DEV("pc1"), (struct part)EXT("d.test"));
	CHECK_INT(edges_degree(g, d), 1);
	CHECK(edges_rare(g, d));
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "pc%d", i);
		feed(&w, g, T0 + i, (struct part)DEV(name), (struct part)EXT("d.test"));
	}
	CHECK(edges_degree(g, d) > 12 && edges_hub(g, d) && !edges_rare(g, d));
	feed(&w, g, T0 + 15 * NS_PER_D, (struct part)DEV("pc1"), (struct part)EXT("x.test"));
	feed(&w, g, T0 + 30 * NS_PER_D, (struct part)DEV("pc1"), (struct part)EXT("x.test"));
	CHECK_INT(edges_degree(g, d), 0);
	world_close(&w);
	edges_free(g);
}

TEST(table_stays_bounded_and_keeps_the_newest)
{
	struct world w;
	struct edges *g = table(16 * KIB);
	struct edge e[16];
	char name[24];

	world_open(&w, NULL);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		feed(&w, g, T0 + i, (struct part)DEV("pc1"), (struct part)EXT(name));
	}
	CHECK(edges_bytes(g) <= 16 * KIB);
	CHECK(edges_near(g, key_of(&w, "pc1"), T0, e, 16) > 0);
	CHECK(e[0].to == edges_domain(STR("d19999.test")));
	world_close(&w);
	edges_free(g);
}

TAP_MAIN
