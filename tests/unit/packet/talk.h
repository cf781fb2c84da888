/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real conversations, as tools/make-seed cut them out of captures for fuzz/corpus, given to a
 * sensor packet by packet, on a port of the test's choice.
 */
#ifndef TESTS_UNIT_PACKET_TALK_H
#define TESTS_UNIT_PACKET_TALK_H
#include "frames.h"
#include <stdio.h>

struct talk {
	struct sensor *s;
	uint32_t seq[2];
	int64_t ms;
	unsigned port;
	bool udp;
};

/* conf: of the sensor, or NULL. */
static inline struct talk talk_begin_in(const struct sensor_conf *conf, unsigned port,
					bool is_udp)
{
	struct talk t = {.seq = {101, 501}, .port = port, .udp = is_udp};
	struct wire w = {.n = 0};

	CHECK(sensor_new(conf, &t.s) == 0);
	if (is_udp)
		return t;
	eth(&w, 0x0800);
	tcp(&w, 1, 2, 40000, port, 2, 100, 0, "");
	give(t.s, t.ms++, &w);
	w.n = 0;
	eth(&w, 0x0800);
	tcp(&w, 2, 1, port, 40000, 18, 500, 101, "");
	give(t.s, t.ms++, &w);
	return t;
}

static inline struct talk talk_begin(unsigned port, bool is_udp)
{
	return talk_begin_in(NULL, port, is_udp);
}

/* One payload, in pieces of at most `piece` bytes. */
static inline void talk_say(struct talk *t, bool resp, const uint8_t *p, size_t n, size_t piece)
{
	while (n) {
		size_t k = MIN(MIN(n, piece), (size_t)1400);
		struct wire w = {.n = 0};

		eth(&w, 0x0800);
		if (t->udp) {
			udp(&w, resp ? 2 : 1, resp ? 1 : 2, resp ? t->port : 40000,
			    resp ? 40000 : t->port, p, (unsigned)k);
		} else {
			tcp(&w, resp ? 2 : 1, resp ? 1 : 2, resp ? t->port : 40000,
			    resp ? 40000 : t->port, 24, t->seq[resp], t->seq[!resp], "");
			w.p[17] = (uint8_t)(k + 40);
			w.p[16] = (uint8_t)((k + 40) >> 8);
			wbytes(&w, p, k);
			t->seq[resp] += (uint32_t)k;
		}
		give(t->s, t->ms++, &w);
		p += k;
		n -= k;
	}
}

/* A file of fuzz/corpus into buf; its length. */
static inline size_t talk_load(const char *path, uint8_t *buf, size_t max)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(buf, 1, max, f) : 0;

	if (f)
		fclose(f);
	CHECK(n > 0);
	return n;
}

/* All that such a file has both say. */
static inline void talk_play(struct talk *t, const uint8_t *p, size_t n, size_t piece)
{
	for (size_t at = 0; at + 3 <= n;) {
		size_t len = MIN((size_t)p[at + 1] << 8 | p[at + 2], n - at - 3);

		talk_say(t, p[at] & 1, p + at + 3, len, piece);
		at += 3 + len;
	}
}

/* Plays fuzz/corpus/NAME and returns the records. */
static inline char *talk_file(const char *name, unsigned port, bool is_udp, size_t piece)
{
	static uint8_t buf[1 << 17];
	struct talk t = talk_begin(port, is_udp);
	char path[512], *text;

	snprintf(path, sizeof(path), "%s/%s", CORPUS_DIR, name);
	talk_play(&t, buf, talk_load(path, buf, sizeof(buf)), piece);
	text = records(t.s, true);
	sensor_free(t.s);
	return text;
}

#endif
