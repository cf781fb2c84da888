/* SPDX-License-Identifier: Apache-2.0 */
/* What surprised without being an alert becomes part of the incident on its entity. */
#include "world.h"

static const struct model theft = {.name = {"network/upload", 14},
				   .title = {"Large upload", 12},
				   .level = SEV_MEDIUM,
				   .phase = {"exfiltration", 12}};

/* One thing that learning found odd about the part's entity at time t. */
static void signal_at(struct world *w, int64_t t, struct part who, const char *quantity,
		      double surprise, const char *id)
{
	struct event *e = event_fill(w, w->conn, t, &who, 1);
	struct learn_result r = {.quantity = str_of(quantity),
				 .entity = e->ents[0].id,
				 .surprise = surprise,
				 .text = STR("it called a place nobody knows"),
				 .seen = STR("a place"),
				 .tactic = STR("command_and_control")};

	e->id = str_of(id);
	CHECK_INT(incidents_signals(w->in, NULL, &r, 1, e), 0);
}

static struct part device(const char *name)
{
	return (struct part){ENT_DEVICE, name, ROLE_DEVICE};
}

/* The steps of the only incident that are signals. */
static size_t signals_in(const struct world *w, char *ids, size_t max)
{
	json_t *f = world_final(w), *v;
	const json_t *steps = json_object_get(json_array_get(f, 0), "steps");
	size_t k, n = 0;

	ids[0] = 0;
	json_array_foreach(steps, k, v)
	{
		const char *kind = json_string_value(json_object_get(v, "kind"));
		const json_t *id = json_array_get(json_object_get(v, "event_ids"), 0);

		if (!kind || strcmp(kind, "signal") != 0)
			continue;
		n++;
		snprintf(ids + strlen(ids), max - strlen(ids), "%s ", json_string_value(id));
	}
	json_decref(f);
	return n;
}

TEST(earlier_signals_join)
{
	struct world w;
	char ids[256];

	world_open(&w, NULL);
	signal_at(&w, T0, device("pc1"), "dst_domain", 6, "early");
	signal_at(&w, T0 + NS_PER_H, device("pc1"), "dst_port", 5, "later");
	signal_at(&w, T0 + NS_PER_H, device("pc2"), "dst_port", 7, "another");
	signal_at(&w, T0 + NS_PER_H, device("pc1"), "ua", 4, "weak");
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, DEV("pc1"), EXT("bad.test"));
	CHECK_INT(signals_in(&w, ids, sizeof(ids)), 2);
	CHECK_STR(str_of(ids), "early later ");
	world_close(&w);
}

TEST(later_signals_join)
{
	struct world w;
	char ids[256];

	world_open(&w, NULL);
	ALERT(&w, &theft, T0, DEV("pc1"), EXT("bad.test"));
	signal_at(&w, T0 + NS_PER_H, device("pc1"), "dst_domain", 6, "after");
	signal_at(&w, T0 + NS_PER_H, device("pc2"), "dst_domain", 6, "another");
	CHECK_INT(incidents_flush(w.in, T0 + 48 * NS_PER_H, world_line, &w), 0);
	CHECK_INT(signals_in(&w, ids, sizeof(ids)), 1);
	CHECK_STR(str_of(ids), "after ");
	world_close(&w);
}

TEST(old_signals_stay_away)
{
	struct world w;
	char ids[256];

	world_open(&w, NULL);
	signal_at(&w, T0, device("pc1"), "dst_domain", 9, "yesterday");
	ALERT(&w, &theft, T0 + 20 * NS_PER_H, DEV("pc1"), EXT("bad.test"));
	CHECK_INT(signals_in(&w, ids, sizeof(ids)), 0);
	world_close(&w);
}

TEST(one_quantity_an_hour)
{
	struct world w;
	char ids[256];

	world_open(&w, NULL);
	for (int i = 0; i < 50; i++) {
		char id[16];

		snprintf(id, sizeof(id), "e%d", i);
		signal_at(&w, T0 + i * (NS_PER_H / 60), device("pc1"), "dst_domain", 5 + i % 3,
			  id);
	}
	ALERT(&w, &theft, T0 + NS_PER_H, DEV("pc1"), EXT("bad.test"));
	CHECK_INT(signals_in(&w, ids, sizeof(ids)), 1);
	CHECK_STR(str_of(ids), "e2 ");
	world_close(&w);
}

/* Many entities share the memory: the oldest are forgotten, nothing else happens. */
TEST(bounded)
{
	struct incidents_conf conf = {.memory_bytes = MIB};
	struct world w;
	char ids[4096];

	world_open(&w, &conf);
	for (int i = 0; i < 20000; i++) {
		char name[24], id[24];

		snprintf(name, sizeof(name), "pc%d", i);
		snprintf(id, sizeof(id), "e%d", i);
		signal_at(&w, T0 + i, device(name), "dst_domain", 6, id);
	}
	ALERT(&w, &theft, T0 + NS_PER_H, DEV("pc19999"), EXT("bad.test"));
	CHECK_INT(signals_in(&w, ids, sizeof(ids)), 1);
	CHECK_STR(str_of(ids), "e19999 ");
	world_close(&w);
}

TAP_MAIN
