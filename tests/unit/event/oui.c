/* SPDX-License-Identifier: Apache-2.0 */
/* Makers of network cards out of IEEE's lists, and what an entity then says of its card. */
#include "event/oui.h"
#include "event/entity.h"
#include "tap.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/oui-XXXXXX";

static void file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static struct oui *lists(void)
{
	struct diag d = {{0}};
	struct oui *o = NULL;

	CHECK(mkdtemp(dir) != NULL);
	CHECK(oui_load(dir, &o, &d) < 0 && d.msg[0]);
	file("oui.csv", "Registry,Assignment,Organization Name,Organization Address\r\n"
			"MA-L,00144F,Oracle Corporation ,x\r\nMA-L,F4BD9E,\"Cisco Systems, "
			"Inc\",\"a, b\"\r\n"
			"MA-L,70B3D5,IEEE Registration "
			"Authority,x\r\nMA-L,00,short,x\r\nMA-L,zzzzzz,bad,x\r\n"
			"MA-L\r\n\r\n,,,\r\n\"\r\n");
	file("oui36.csv", "MA-S,70B3D5F2F,TELEPLATFORMS,x\r\n");
	CHECK_INT(oui_load(dir, &o, &d), 0); /* mam.csv may be left out */
	return o;
}

TEST(makers)
{
	struct oui *o = lists();
	struct schema *s = NULL;
	struct entities_conf conf = {.makers = o};
	struct entities *en = NULL;
	struct entity_fact facts[ENTITY_FACTS_MAX];
	uint32_t id;

	CHECK_STR(oui_maker(o, STR("00:14:4f:23:98:cf")), "Oracle Corporation");
	CHECK_STR(oui_maker(o, STR("F4-BD-9E-00-00-00")), "Cisco Systems, Inc");
	CHECK_STR(oui_maker(o, STR("70:b3:d5:f2:f0:00")), "TELEPLATFORMS");
	CHECK_STR(oui_maker(o, STR("70:b3:d5:f2:e0:00")), "IEEE Registration Authority");
	CHECK_INT(oui_maker(o, STR("02:14:4f:23:98:cf")).len, 0); /* made up */
	CHECK_INT(oui_maker(o, STR("00:14:4f:23:98:cg")).len, 0);
	CHECK_INT(oui_maker(o, STR("00:14:4f")).len, 0);
	CHECK_INT(oui_maker(NULL, STR("00:14:4f:23:98:cf")).len, 0);
	CHECK_INT(schema_new(&s), 0);
	CHECK_INT(entities_new(&conf, s, &en), 0);
	id = entity_put(en, ENT_DEVICE, STR("00:14:4f:23:98:cf"), 1);
	CHECK_INT(entity_facts(en, id, facts, ENTITY_FACTS_MAX), 1);
	CHECK_STR(facts[0].key, "network card");
	CHECK_STR(facts[0].value, "Oracle Corporation");
	id = entity_put(en, ENT_DEVICE, STR("pc7"), 1);
	CHECK_INT(entity_facts(en, id, facts, ENTITY_FACTS_MAX), 0);
	entities_free(en);
	schema_free(s);
	oui_free(o);
}
TAP_MAIN
