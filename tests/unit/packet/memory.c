/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every conversation of fuzz/corpus with every protocol's memory ending somewhere on the way:
 * what is refused is refused, and all that was taken is given back.
 */
#include "packet/proto.h"
#include "talk.h"
#include <dirent.h>

static uint8_t conversation[1 << 18];

static void play(size_t n, unsigned port, bool is_udp, size_t room)
{
	struct sensor_conf conf = {.app_bytes = room};
	struct talk t = talk_begin_in(&conf, port, is_udp);
	struct sensor_stats st;

	talk_play(&t, conversation, n, 1400);
	CHECK(strstr(records(t.s, true), "\"_path\":\"conn\"") != NULL || is_udp);
	sensor_stats(t.s, &st);
	CHECK_INT(st.app_now, 0);
	sensor_free(t.s);
}

TEST(little_memory)
{
	static const size_t rooms[] = {200,   700,   1500,  3000,   6000,
				       12000, 25000, 60000, 200000, 0};
	unsigned played = 0;

	for (unsigned i = 0; protos[i]; i++) {
		char dir[512], path[1024];
		const struct dirent *e;
		DIR *d;

		/* The folder has the name of the file, which the service's may differ from. */
		snprintf(dir, sizeof(dir), "%s/proto_%s", CORPUS_DIR, protos[i]->name);
		for (char *c = strrchr(dir, '/'); *c; c++)
			*c = *c == '-' ? '_' : *c;
		d = opendir(dir);
		while (d && (e = readdir(d)) != NULL) {
			size_t n;

			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			n = talk_load(path, conversation, sizeof(conversation));
			for (size_t k = 0; k < ARRAY_LEN(rooms); k++) {
				if (protos[i]->transports & PROTO_TCP)
					play(n, protos[i]->ports[0], false, rooms[k]);
				if (protos[i]->transports & PROTO_UDP)
					play(n, protos[i]->ports[0], true, rooms[k]);
				played++;
			}
		}
		if (d)
			closedir(d);
	}
	CHECK(played > 300);
}
TAP_MAIN
